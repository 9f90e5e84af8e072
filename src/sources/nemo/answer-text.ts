/**
 * Control characters but tab and line feed, and those that change the direction of what follows: a text with them could
 * show something else than it says.
 */
// eslint-disable-next-line no-control-regex
const UNWANTED = /[\u0000-\u0008\u000B-\u001F\u007F-\u009F\u202A-\u202E\u2066-\u2069\uFEFF]/g;

/** Leaves of one answer that are looked at, and levels: more is no answer that a form of NEMO gives. */
const MOST_TEXTS = 500;
const MOST_LEVELS = 6;

/** Cuts a text to so many UTF-16 units, not within a character. */
function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  const shortened = text.slice(0, longest - 1).replace(/[\uD800-\uDBFF]$/, '');
  return `${shortened.trimEnd()}…`;
}

/** Text on one line, cleaned and at most so long; null: nothing is left. */
export function lineOf(text: string, longest: number): string | null {
  // Cut first: cleaning a text of many megabytes would take long.
  const line = text
    .slice(0, longest * 4)
    .replaceAll(/\s+/g, ' ')
    .replaceAll(UNWANTED, '')
    .trim();
  return line === '' ? null : cut(line, longest);
}

/** Text of several lines, cleaned and at most so long; null: nothing is left. */
export function paragraphsOf(text: string, longest: number): string | null {
  const cleaned = text
    .slice(0, longest * 4)
    .replaceAll(/\r\n?/g, '\n')
    .replaceAll(UNWANTED, '')
    .trim();
  return cleaned === '' ? null : cut(cleaned, longest);
}

/**
 * The texts of an answer, whatever type of question it is of: a text, a number, a list of choices, or a group. Blank ones are
 * left out.
 */
export function textsOf(answer: unknown): string[] {
  const texts: string[] = [];
  const gather = (value: unknown, level: number): void => {
    if (texts.length >= MOST_TEXTS || level > MOST_LEVELS) return;
    if (typeof value === 'string') {
      if (value.trim() !== '') texts.push(value);
    } else if (typeof value === 'number' || typeof value === 'boolean') {
      texts.push(String(value));
    } else if (typeof value === 'object' && value !== null) {
      for (const entry of Object.values(value)) gather(entry, level + 1);
    }
  };
  gather(answer, 0);
  return texts;
}
