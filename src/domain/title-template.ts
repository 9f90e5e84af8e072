/** What the template of a record's title may name in braces. */
export const TITLE_PARTS = [
  'display_name',
  'instrument_pid',
  'user',
  'session_key',
  'date',
  'Weekday Mon. DD, YYYY',
] as const;

/** One of the parts. */
export type TitlePart = (typeof TITLE_PARTS)[number];

const PART = /\{([^{}]*)\}/g;

/** Whether a name stands for a part. */
function isTitlePart(name: string): name is TitlePart {
  return TITLE_PARTS.some((part) => part === name);
}

/** The first name in braces that is no part; null: the template is right. */
export function unknownTitlePart(template: string): string | null {
  for (const [, name = ''] of template.matchAll(PART)) {
    if (!isTitlePart(name)) return name;
  }
  return null;
}

/** The template with its parts replaced; what is in braces and no part stays. */
export function fillTitle(template: string, values: Readonly<Record<TitlePart, string>>): string {
  return template.replaceAll(PART, (whole, name: string) =>
    isTitlePart(name) ? values[name] : whole,
  );
}
