import { AppError } from '../errors.js';

/**
 * Text as a database can hold it: U+0000 (which PostgreSQL refuses and SQLite cuts text at) is removed, a lone surrogate
 * (which has no UTF-8 form) becomes U+FFFD.
 */
export function cleanText(text: string): string {
  return text.replaceAll('\u0000', '').replaceAll(/\p{Surrogate}/gu, '\uFFFD');
}

/** cleanText for text that may be absent. */
export function cleanOptionalText(text: string | null | undefined): string | null {
  return text === null || text === undefined ? null : cleanText(text);
}

/**
 * Cleans a text and checks its length in characters (code points, as the database counts).
 * @throws AppError INPUT_INVALID when it is no text, empty or too long.
 */
export function boundedText(name: string, text: unknown, longest: number): string {
  if (typeof text !== 'string') {
    throw new AppError('INPUT_INVALID', `${name} is no text.`, {
      remedy: `Write 1 to ${longest} characters.`,
      details: { name },
    });
  }
  const cleaned = cleanText(text);
  const length = cleaned.length <= longest ? cleaned.length : Array.from(cleaned).length;
  if (length === 0 || length > longest) {
    throw new AppError(
      'INPUT_INVALID',
      length === 0
        ? `${name} is empty.`
        : `${name} has ${length} characters, more than the ${longest} allowed.`,
      { remedy: `Write 1 to ${longest} characters.`, details: { name, length } },
    );
  }
  return cleaned;
}

/** Cuts a text to a number of characters (code points), for texts that we make ourselves. */
export function shortened(text: string, longest: number): string {
  const cleaned = cleanText(text);
  if (cleaned.length <= longest) return cleaned;
  const characters = Array.from(cleaned);
  return characters.length <= longest ? cleaned : `${characters.slice(0, longest - 1).join('')}…`;
}
