import { DateTime, FixedOffsetZone } from 'luxon';
import { AppError } from '../errors.js';
import { zonedTime, zoneNamed } from './zoned-time.js';

/** What a time text says. */
export interface ReadTime {
  /** Epoch milliseconds. */
  readonly epochMs: number;
  /** The text had no zone and was read in the given one. */
  readonly naive: boolean;
  /** What a person should know: the time does not exist, or exists twice, in the zone. */
  readonly warning: string | null;
}

/** How to read a time text. */
export interface ReadTimeOptions {
  /** IANA zone of texts without one. */
  readonly zone: string;
  /** The START when an END is read: of two possible readings, one before it is not taken. Epoch milliseconds. */
  readonly notBeforeMs?: number;
}

const TIME =
  /^\s*(\d{4})-(\d{2})-(\d{2})(?:[T\s]+(\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?)?\s*(Z|z|[+-]\d{2}(?::?\d{2})?)?\s*$/;

function invalid(text: string, why: string): AppError {
  return new AppError('TIME_INVALID', `The time '${text.slice(0, 60)}' ${why}.`, {
    remedy: 'Write it like 2026-03-01T14:30:00+01:00.',
  });
}

/** The offset in minutes; null: beyond what RFC 3339 (time-numoffset) allows, 23:59. */
function offsetMinutes(suffix: string): number | null {
  if (suffix === 'Z' || suffix === 'z') return 0;
  const digits = suffix.slice(1).replace(':', '');
  const hours = Number(digits.slice(0, 2));
  const minutes = Number(digits.slice(2, 4) || '0');
  if (hours > 23 || minutes > 59) return null;
  return (suffix.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/**
 * Reads ISO 8601 text as sources write it: `T` or a blank, with or without fraction (point or comma; cut to
 * milliseconds) and offset. Text without an offset is local time in the zone: of a time that exists twice (end of
 * daylight saving) the earlier reading is taken unless it lies before `notBeforeMs`; a time that does not exist (spring)
 * moves forward by the gap.
 * @throws AppError TIME_INVALID for other text or an unknown zone.
 */
export function readTime(text: string, options: ReadTimeOptions): ReadTime {
  const match = TIME.exec(text);
  if (match === null) throw invalid(text, 'is not a date and time');
  const [, year, month, day, hour = '00', minute = '00', second = '00', fraction = '', suffix] =
    match;
  const wallMs = DateTime.fromObject(
    {
      year: Number(year),
      month: Number(month),
      day: Number(day),
      hour: Number(hour),
      minute: Number(minute),
      second: Number(second),
      millisecond: Number(fraction.slice(0, 3).padEnd(3, '0')),
    },
    // Named, so that the locale of the machine is not looked up, which takes long and changes nothing here.
    { zone: FixedOffsetZone.utcInstance, locale: 'en-US' },
  );
  if (!wallMs.isValid || Number(hour) > 23) throw invalid(text, 'does not exist in the calendar');
  const wall = wallMs.toMillis();
  if (suffix !== undefined) {
    const offset = offsetMinutes(suffix);
    if (offset === null) throw invalid(text, 'has an offset that no zone has');
    return { epochMs: wall - offset * 60_000, naive: false, warning: null };
  }
  return { naive: true, ...readLocalTime(text, wall, options) };
}

/** Reads a wall-clock time (as if it were UTC, in epoch milliseconds) in the zone. */
function readLocalTime(
  text: string,
  wallMs: number,
  options: ReadTimeOptions,
): { epochMs: number; warning: string | null } {
  const zone = zoneNamed(options.zone);
  if (!zone.isValid) throw invalid(text, `is in the unknown time zone ${options.zone}`);
  const dayMs = 86_400_000;
  const offsets = new Set([zone.offset(wallMs - dayMs), zone.offset(wallMs + dayMs)]);
  const readings = [...offsets]
    .map((offset) => wallMs - offset * 60_000)
    .filter((epochMs) => wallMs - epochMs === zone.offset(epochMs) * 60_000)
    .sort((a, b) => a - b);
  const [earlier, later] = readings;
  if (earlier === undefined) {
    const epochMs = wallMs - zone.offset(wallMs - dayMs) * 60_000;
    return {
      epochMs,
      warning: `The time ${text.trim()} does not exist in ${options.zone} (start of daylight saving) and was moved forward to ${describe(epochMs, options.zone)}.`,
    };
  }
  if (later === undefined) return { epochMs: earlier, warning: null };
  const epochMs =
    options.notBeforeMs !== undefined && earlier < options.notBeforeMs ? later : earlier;
  return {
    epochMs,
    warning: `The time ${text.trim()} exists twice in ${options.zone} (end of daylight saving) and was read as ${describe(epochMs, options.zone)}.`,
  };
}

function describe(epochMs: number, zone: string): string {
  return zonedTime(epochMs, zone).toISO({ suppressMilliseconds: true }) ?? '';
}
