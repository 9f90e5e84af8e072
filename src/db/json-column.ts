import type { z } from 'zod';
import { AppError } from '../errors.js';
import { cleanText } from './clean-text.js';

/** A JSON column with the shape of its values. */
export interface JsonColumn<Value> {
  /**
   * The text to bind, alike on both engines.
   * @throws AppError INPUT_INVALID when the value has another shape.
   */
  write(value: Value): string;
  /**
   * The value of a row.
   * @throws AppError DATABASE_CONSTRAINT when what is stored has another shape.
   */
  read(stored: string): Value;
}

/** Cleans text anywhere in a JSON value, keys too: jsonb refuses U+0000. Bigints become decimal text. */
function cleanJson(_key: string, value: unknown): unknown {
  if (typeof value === 'string') return cleanText(value);
  if (typeof value === 'bigint') return value.toString();
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const entries: [string, unknown][] = Object.entries(value);
  return entries.some(([key]) => cleanText(key) !== key)
    ? Object.fromEntries(entries.map(([key, entry]) => [cleanText(key), entry]))
    : value;
}

/**
 * The JSON text of a value of our own making, which needs no check but may hold any text. What has to be cleaned shows
 * in the text as an escape, so that values without it are written at full speed.
 */
export function cleanJsonText(value: unknown): string {
  const text = JSON.stringify(value);
  return /\\u0000|\\ud[89a-f]/.test(text) ? JSON.stringify(value, cleanJson) : text;
}

/** Serialises and checks a JSON column (jsonb in PostgreSQL, checked text in SQLite). */
export function jsonColumn<Value>(schema: z.ZodType<Value>): JsonColumn<Value> {
  return {
    write(value) {
      const checked = schema.safeParse(value);
      if (!checked.success) {
        throw new AppError('INPUT_INVALID', `Not a valid value: ${checked.error.message}`, {
          cause: checked.error,
        });
      }
      return JSON.stringify(value, cleanJson);
    },
    read(stored) {
      const checked = schema.safeParse(JSON.parse(stored));
      if (checked.success) return checked.data;
      throw new AppError(
        'DATABASE_CONSTRAINT',
        `A JSON value in the database has another shape than expected: ${checked.error.message}`,
        {
          cause: checked.error,
          remedy: 'It was changed by hand or by another program; correct it.',
        },
      );
    },
  };
}
