import { DateTime } from 'luxon';
import { readTime } from '../../domain/local-time.js';
import { zoneNamed } from '../../domain/zoned-time.js';
import { AppError } from '../../errors.js';
import { LUXON_OPTIONS, luxonFormatOf, type LuxonFormat } from './datetime-format.js';

/** An instant as NEMO told it. */
export interface NemoTime {
  /** Epoch milliseconds; microseconds are cut, never rounded, so that all channels of NEMO give the same. */
  readonly epochMs: number;
  /** As it came. */
  readonly text: string;
  /**
   * How far the instant may be from `epochMs` for what the text does not say, in milliseconds: 0 for ISO 8601 with offset, a
   * day (more than any change of the clocks) for local time, a minute where the format may lack the seconds.
   */
  readonly uncertainMs: number;
  /** What a person should know: the local time does not exist, or exists twice. */
  readonly warning: string | null;
}

/** How a NEMO instance writes its times. */
export interface NemoTimeSettings {
  /** IANA zone of times without one: TIME_ZONE of the NEMO server. */
  readonly timezone: string;
  /** DATETIME_FORMAT of the NEMO server, where it has one, as strftime: `%m-%d-%Y %H:%M:%S`. */
  readonly datetimeFormat?: string;
}

/**
 * Reads the times of one NEMO instance; `notBeforeMs` (epoch milliseconds) is the start when an end is read, as in readTime.
 * @throws AppError TIME_INVALID
 */
export type NemoTimeReader = (text: string, notBeforeMs?: number) => NemoTime;

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
const ENDS_WITH_OFFSET = /(?:[Zz]|[+-]\d{2}:?\d{2})\s*$/;

/**
 * Makes the reader of times. ISO 8601 with an offset is always understood (webhooks have it whatever the REST interface is set
 * to); else the given format, and only where none is given ISO 8601 without offset.
 * @throws AppError CONFIG_INVALID for an unknown zone or a format that is no datetime format.
 */
export function nemoTimeReader(settings: NemoTimeSettings): NemoTimeReader {
  const { timezone, datetimeFormat } = settings;
  if (!zoneNamed(timezone).isValid) {
    throw new AppError('CONFIG_INVALID', `There is no time zone ${timezone.slice(0, 60)}.`, {
      remedy: "Name the TIME_ZONE of the NEMO server, such as 'America/New_York'.",
    });
  }
  if (datetimeFormat === undefined) return (text, notBeforeMs) => iso(text, timezone, notBeforeMs);
  const format = luxonFormatOf(datetimeFormat);
  return (text, notBeforeMs) =>
    formatted(text, format, timezone, notBeforeMs) ?? isoWithOffset(text, timezone, datetimeFormat);
}

function iso(text: string, zone: string, notBeforeMs: number | undefined): NemoTime {
  const read = readTime(text, { zone, ...(notBeforeMs === undefined ? {} : { notBeforeMs }) });
  const { epochMs, naive, warning } = read;
  return { epochMs, text, uncertainMs: naive ? DAY_MS : 0, warning };
}

/** Null: the text is not in the format. */
function formatted(
  text: string,
  { format, hasOffset }: LuxonFormat,
  zone: string,
  notBeforeMs: number | undefined,
): NemoTime | null {
  const wall = DateTime.fromFormat(text, format, {
    zone: 'utc',
    setZone: hasOffset,
    ...LUXON_OPTIONS,
  });
  if (!wall.isValid) return null;
  if (hasOffset) return { epochMs: wall.toMillis(), text, uncertainMs: MINUTE_MS, warning: null };
  const local = wall.toFormat("yyyy-MM-dd'T'HH:mm:ss.SSS");
  return { ...iso(local, zone, notBeforeMs), text };
}

/** Without an offset the text would not say which of its numbers is the month. */
function isoWithOffset(text: string, zone: string, datetimeFormat: string): NemoTime {
  if (ENDS_WITH_OFFSET.test(text)) return iso(text, zone, undefined);
  throw new AppError(
    'TIME_INVALID',
    `The time '${text.slice(0, 60)}' is neither in the format ${datetimeFormat} nor ISO 8601 with an offset.`,
    { remedy: "Set the datetime format to the site's REST_FRAMEWORK['DATETIME_FORMAT']." },
  );
}
