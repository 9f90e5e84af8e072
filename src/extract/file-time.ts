import { readTime } from '../domain/local-time.js';
import { zonedTime } from '../domain/zoned-time.js';
import { isAppError } from '../errors.js';

/** A wall-clock time as a file states it, without a zone. */
export interface LocalTimeParts {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** An instant with the text that the metadata show. */
export interface FileTime {
  readonly epochMs: number;
  /** ISO 8601 with the offset of the zone. */
  readonly iso: string;
  /** That the time does not exist, or exists twice, in the zone; null: it is plain. */
  readonly warning: string | null;
}

/**
 * Reads a wall-clock time in the instrument's zone (as readTime does); null when no calendar holds it (month 13,
 * 30 February) or the year is out of 1970 to 2199.
 */
export function fileTimeOf(parts: LocalTimeParts, timezone: string): FileTime | null {
  const two = (value: number): string => String(value).padStart(2, '0');
  return isoFileTime(
    `${parts.year}-${two(parts.month)}-${two(parts.day)}T${two(parts.hour)}:${two(parts.minute)}:${two(parts.second)}`,
    timezone,
  );
}

/**
 * Reads ISO 8601 text (as readTime does): with its own offset, or else in the instrument's zone; null when it is no
 * time or the year is out of 1970 to 2199.
 */
export function isoFileTime(text: string, timezone: string): FileTime | null {
  const year = Number(/^\s*(\d{4})-/.exec(text)?.[1]);
  if (!(year >= 1970 && year <= 2199)) return null;
  try {
    const { epochMs, warning } = readTime(text, { zone: timezone });
    const iso = zonedTime(epochMs, timezone).toISO({ suppressMilliseconds: true });
    return iso === null ? null : { epochMs, iso, warning };
  } catch (error) {
    if (isAppError(error) && error.code === 'TIME_INVALID') return null;
    throw error;
  }
}
