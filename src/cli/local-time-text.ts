import { DateTime } from 'luxon';
import { readTime } from '../domain/local-time.js';
import { zonedTime } from '../domain/zoned-time.js';

/** A time given on the command line. */
export interface GivenTime {
  /** Epoch milliseconds. */
  readonly epochMs: number;
  /** It does not exist, or exists twice, in its zone. */
  readonly warning: string | null;
}

/** The IANA zone of this machine. */
export function machineZone(): string {
  return DateTime.local().zoneName;
}

/**
 * Reads a time as typed: `now`, or ISO 8601 text, which without an offset is local time in the zone.
 * @throws AppError TIME_INVALID
 */
export function readGivenTime(text: string, zone: string, nowMs: number): GivenTime {
  if (text.trim().toLowerCase() === 'now') return { epochMs: nowMs, warning: null };
  const { epochMs, warning } = readTime(text, { zone });
  return { epochMs, warning };
}

/** An instant for people: local time in the zone with its offset; in UTC where the zone is unknown. */
export function localTimeText(epochMs: number, zone: string): string {
  const local = zonedTime(epochMs, zone);
  const shown = local.isValid ? local : zonedTime(epochMs, 'UTC');
  return shown.toISO({ suppressMilliseconds: true }) ?? '';
}
