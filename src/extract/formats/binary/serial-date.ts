import { zonedTime } from '../../../domain/zoned-time.js';
import { fileTimeOf, type FileTime } from '../../file-time.js';

/** Days from 1899-12-30, the zero of OLE automation dates (Excel, Delphi), to 1970-01-01. */
const DAYS_TO_EPOCH = 25_569;
const DAY_MS = 86_400_000;

/**
 * The instant of an OLE automation date: days since 1899-12-30 as the clock on the wall showed them, read in the
 * instrument's zone. Null when it was never set or makes no sense.
 */
export function serialDateTime(days: number, timezone: string): FileTime | null {
  if (!(days > DAYS_TO_EPOCH && days < 200_000)) return null;
  return wallTime(Math.round(((days - DAYS_TO_EPOCH) * DAY_MS) / 1000) * 1000, timezone);
}

/** The instant of a wall-clock time that was counted as if it were UTC (milliseconds), in the instrument's zone. */
export function wallTime(wallMs: number, timezone: string): FileTime | null {
  const { year, month, day, hour, minute, second } = zonedTime(wallMs, 'utc');
  return fileTimeOf({ year, month, day, hour, minute, second }, timezone);
}

/** An instant that a file states as seconds since 1970-01-01 UTC; null when it was never set. */
export function unixTime(seconds: number, timezone: string): FileTime | null {
  if (!(seconds > 0 && seconds < 7_258_118_400)) return null;
  const epochMs = Math.round(seconds * 1000);
  const iso = zonedTime(epochMs, timezone).toISO({ suppressMilliseconds: true });
  return iso === null ? null : { epochMs, iso, warning: null };
}
