import { z } from 'zod';
import { AppError } from '../errors.js';

/** Text that has to be given. */
export const TEXT = z.string('expected text');
/** Text that may be left away or null. */
export const OPTIONAL_TEXT = TEXT.nullish();
/** A number of the database or a count. */
export const WHOLE_NUMBER = z.int('expected a whole number');

/** What an error of zod says of the value as a whole. */
function faultOf({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')}: ${message}`;
}

/**
 * Checks what a caller of the library hands over: one that is written in JavaScript has no compiler to do so.
 * @param what the value in words, such as `The event`.
 * @throws AppError INPUT_INVALID naming every key that is missing or wrong.
 */
export function requireInput(schema: z.ZodType, value: unknown, what: string): void {
  const checked = schema.safeParse(value);
  if (checked.success) return;
  const { issues } = checked.error;
  throw new AppError('INPUT_INVALID', `${what} is wrong: ${issues.map(faultOf).join('; ')}.`, {
    cause: checked.error,
    remedy: 'Give what docs/library.md and the types of the library name.',
    details: { keys: issues.map(({ path }) => path.join('.')) },
  });
}

/** requireInput for one text, such as the identifier of a session. @throws AppError INPUT_INVALID. */
export function requireText(value: unknown, what: string): void {
  requireInput(TEXT, value, what);
}
