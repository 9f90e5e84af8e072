/** The file that child processes run: whatever a pool needs done is among their jobs. */
export const CHILD_ENTRY = new URL('./child-process.js', import.meta.url);
