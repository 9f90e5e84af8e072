/** What the preview of a stack of images can show: several of its frames, or one. */
export const STACK_PREVIEWS = ['montage', 'first', 'middle', 'last'] as const;

/** What the previews of stacks show. */
export type StackPreview = (typeof STACK_PREVIEWS)[number];
