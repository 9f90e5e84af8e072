import { IANAZone } from 'luxon';

/** Epoch microseconds: NEMO keeps microseconds, a JavaScript Date does not. */
export type Instant = bigint;

/** An instant as a test writes it: ISO text with its offset or Z, or epoch microseconds. */
export type Time = Instant | string;

const MICROSECONDS_PER_SECOND = 1_000_000n;
const DAY_MS = 86_400_000;

const ISO =
  /^(\d{4})-(\d{1,2})-(\d{1,2})(?:[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;
const UNITED_STATES =
  /^(\d{1,2})\/(\d{1,2})\/(\d{4})(?: (\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?)?$/;

/** What a text was read as. `unclear`: a wall clock time the zone has twice or not at all. */
export type ReadInstant = { readonly instant: Instant } | 'invalid' | 'unclear';

/** The zone of that IANA name; throws when there is none. */
export function zoneNamed(name: string): IANAZone {
  const zone = IANAZone.create(name);
  if (!zone.isValid) throw new Error(`There is no time zone '${name}'.`);
  return zone;
}

/** Epoch milliseconds, truncated. */
export function millisecondsOf(instant: Instant): number {
  return Number((instant - (((instant % 1000n) + 1000n) % 1000n)) / 1000n);
}

function microsecondOf(instant: Instant): number {
  const rest = instant % MICROSECONDS_PER_SECOND;
  return Number(rest < 0n ? rest + MICROSECONDS_PER_SECOND : rest);
}

function digits(value: number, width: number): string {
  return String(value).padStart(width, '0');
}

function wallClock(instant: Instant, zone: IANAZone): Date {
  const milliseconds = millisecondsOf(instant);
  return new Date(milliseconds + zone.offset(milliseconds) * 60_000);
}

/** As DRF writes a time: in the server's zone, microseconds only when there are some. */
export function isoInZone(instant: Instant, zone: IANAZone): string {
  const offset = zone.offset(millisecondsOf(instant));
  const microsecond = microsecondOf(instant);
  const fraction = microsecond === 0 ? '' : `.${digits(microsecond, 6)}`;
  const minutes = Math.abs(offset);
  const suffix =
    offset === 0
      ? 'Z'
      : `${offset < 0 ? '-' : '+'}${digits(Math.floor(minutes / 60), 2)}:${digits(minutes % 60, 2)}`;
  return `${wallClock(instant, zone).toISOString().slice(0, 19)}${fraction}${suffix}`;
}

/** As a site writes it that set DATETIME_FORMAT: no offset, so the hour of the change to winter time is there twice. */
export function strftimeInZone(instant: Instant, zone: IANAZone, format: string): string {
  const iso = wallClock(instant, zone).toISOString();
  const parts: Readonly<Record<string, string>> = {
    Y: iso.slice(0, 4),
    m: iso.slice(5, 7),
    d: iso.slice(8, 10),
    H: iso.slice(11, 13),
    M: iso.slice(14, 16),
    S: iso.slice(17, 19),
    f: digits(microsecondOf(instant), 6),
    '%': '%',
  };
  return format.replace(/%(.)/g, (_, code: string) => {
    const part = parts[code];
    if (part === undefined) throw new Error(`The fake NEMO does not write '%${code}'.`);
    return part;
  });
}

/** As Django's JSON encoder writes it, which the web hooks use: UTC, cut (not rounded) to milliseconds. */
export function isoCutToMilliseconds(instant: Instant): string {
  const iso = new Date(millisecondsOf(instant)).toISOString();
  return microsecondOf(instant) === 0 ? `${iso.slice(0, 19)}Z` : iso;
}

/** As Python's str() writes it in UTC, which django-signal-webhooks sends: a space and +00:00. */
export function pythonText(instant: Instant): string {
  const iso = isoInZone(instant, zoneNamed('UTC'));
  return iso.replace('T', ' ').replace('Z', '+00:00');
}

function microsecondsOfFraction(fraction: string | undefined): bigint {
  return BigInt((fraction ?? '').padEnd(6, '0'));
}

function utcMilliseconds(parts: readonly number[]): number | null {
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second));
  const same =
    date.getUTCMonth() === month - 1 &&
    date.getUTCDate() === day &&
    date.getUTCHours() === hour &&
    date.getUTCMinutes() === minute &&
    date.getUTCSeconds() === second;
  return same ? date.getTime() : null;
}

function offsetMinutes(text: string): number {
  if (text === 'Z') return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(3).replace(':', '') || '0');
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

function offsetsOf(wallMs: number, zone: IANAZone): readonly number[] {
  const around = new Set([zone.offset(wallMs - DAY_MS), zone.offset(wallMs + DAY_MS)]);
  return [...around].filter((offset) => zone.offset(wallMs - offset * 60_000) === offset);
}

/** Reads a filter or field value as Django's forms do: a time without offset is one of the server's zone. */
export function readInstant(text: string, zone: IANAZone): ReadInstant {
  const iso = ISO.exec(text);
  const american = UNITED_STATES.exec(text);
  const found =
    iso?.slice(1) ??
    (american === null
      ? null
      : [american[3], american[1], american[2], ...american.slice(4, 8)].slice(0, 7));
  if (found === null) return 'invalid';
  const wallMs = utcMilliseconds(found.slice(0, 6).map((part) => Number(part ?? '0')));
  if (wallMs === null) return 'invalid';
  const offsetText = found[7];
  const offsets = offsetText === undefined ? offsetsOf(wallMs, zone) : [offsetMinutes(offsetText)];
  const [offset] = offsets;
  if (offset === undefined || offsets.length > 1) return 'unclear';
  return { instant: BigInt(wallMs - offset * 60_000) * 1000n + microsecondsOfFraction(found[6]) };
}

/** The instant a test means; a text needs its offset, so that no test depends on a zone by accident. */
export function instantOf(time: Time): Instant {
  if (typeof time === 'bigint') return time;
  const read = /(?:Z|[+-]\d{2}:\d{2})$/.test(time)
    ? readInstant(time, zoneNamed('UTC'))
    : 'invalid';
  if (typeof read === 'string') throw new Error(`'${time}' is no time with an offset.`);
  return read.instant;
}
