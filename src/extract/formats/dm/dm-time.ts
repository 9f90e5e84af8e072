import { zonedTime } from '../../../domain/zoned-time.js';
import type { ExtractContext } from '../../extractor.js';
import { fileTimeOf, type FileTime, type LocalTimeParts } from '../../file-time.js';
import { entryAt, textAt, type DmGroup } from './dm-tree.js';

/** When the data were acquired, or why that cannot be told. */
export type DmAcquisitionTime =
  | { readonly kind: 'known'; readonly time: FileTime }
  /** The file does not say. */
  | { readonly kind: 'absent' }
  /** A sentence for people. */
  | { readonly kind: 'unclear'; readonly reason: string };

/** Windows FILETIME of 1970-01-01: 100 ns since 1601-01-01. */
const FILETIME_EPOCH_MS = 11_644_473_600_000;
/** A file's own modification time tells 3 April from 4 March when only one of the two is so close. */
const NEAR_MS = 36 * 3_600_000;

/** Places of date and time texts, in the order of trust: when the frame was taken, then when the acquisition began. */
const TEXT_PLACES = [
  [
    ['DataBar', 'Acquisition Date'],
    ['DataBar', 'Acquisition Time'],
  ],
  [
    ['EELS', 'Acquisition', 'Date'],
    ['EELS', 'Acquisition', 'Start time'],
  ],
  [
    ['EDS', 'Acquisition', 'Date'],
    ['EDS', 'Acquisition', 'Start time'],
  ],
  [
    ['CL', 'Acquisition', 'Date'],
    ['CL', 'Acquisition', 'Start time'],
  ],
  [
    ['SI', 'Acquisition', 'Date'],
    ['SI', 'Acquisition', 'Start time'],
  ],
] as const;

/**
 * The acquisition time of an image. The system's own time (a Windows FILETIME, UTC) is preferred; texts are in the
 * locale of the PC and are read in the instrument's zone. Whether 7/9/2014 is July or September is decided only by
 * what the file itself tells: a part above 12, points between the parts, equal parts, DigiScan's time stamp, the file's
 * modification time close to just one of them.
 */
export function dmAcquisitionTime(
  tags: DmGroup,
  mtimeMs: number,
  context: Pick<ExtractContext, 'timezone'>,
): DmAcquisitionTime {
  const system = systemTime(entryAt(tags, 'DataBar', 'Acquisition Time (OS)'), context.timezone);
  if (system !== null) return { kind: 'known', time: system };
  const stamp = digiScanTime(textAt(tags, 'DigiScan', 'TimeStamp'), context.timezone);
  let unclear: DmAcquisitionTime | null = null;
  for (const [date, time] of dateTexts(tags)) {
    const read = readDateAndTime(date, time, stamp?.epochMs ?? null, mtimeMs, context.timezone);
    if (read.kind === 'known') return read;
    unclear ??= read;
  }
  if (stamp !== null) return { kind: 'known', time: stamp };
  return unclear ?? { kind: 'absent' };
}

function* dateTexts(tags: DmGroup): Generator<readonly [date: string, time: string]> {
  for (const [datePath, timePath] of TEXT_PLACES) {
    const date = textAt(tags, ...datePath);
    const time = textAt(tags, ...timePath);
    if (date !== null && time !== null) yield [date, time];
  }
  const begin = /^(\S+)\s+(.+)$/.exec(textAt(tags, 'CL', 'Acquisition', 'Acquisition begin') ?? '');
  if (begin?.[1] !== undefined && begin[2] !== undefined) yield [begin[1], begin[2]];
}

function systemTime(value: unknown, timezone: string): FileTime | null {
  if (typeof value !== 'number' && typeof value !== 'bigint') return null;
  const epochMs = Math.round(Number(value) / 10_000) - FILETIME_EPOCH_MS;
  const read = zonedTime(Number.isFinite(epochMs) ? epochMs : 0, timezone);
  // Before DigitalMicrograph existed: a counter that was never set.
  if (!read.isValid || read.year < 1990 || read.year > 2199) return null;
  const iso = read.toISO();
  return { epochMs, iso, warning: null };
}

/** `Tue Dec 10 15:32:32 2019`, in the zone. */
function digiScanTime(text: string | null, timezone: string): FileTime | null {
  const match = /^[A-Z][a-z]{2} ([A-Z][a-z]{2}) +(\d{1,2}) (\d\d):(\d\d):(\d\d) (\d{4})/.exec(
    text ?? '',
  );
  if (match === null) return null;
  const month = 'JanFebMarAprMayJunJulAugSepOctNovDec'.indexOf(match[1] ?? '?');
  if (month < 0 || month % 3 !== 0) return null;
  const [day = 0, hour = 0, minute = 0, second = 0, year = 0] = match.slice(2).map(Number);
  return fileTimeOf({ year, month: month / 3 + 1, day, hour, minute, second }, timezone);
}

function readDateAndTime(
  dateText: string,
  timeText: string,
  stampMs: number | null,
  mtimeMs: number,
  timezone: string,
): DmAcquisitionTime {
  const text = `"${dateText} ${timeText}"`;
  const clock = clockOf(timeText);
  const dates = datesOf(dateText);
  const times = dates.flatMap((date) => {
    const time = clock === null ? null : fileTimeOf({ ...date, ...clock }, timezone);
    return time === null ? [] : [time];
  });
  const [first, second] = times;
  if (first === undefined) {
    return { kind: 'unclear', reason: `The acquisition time ${text} cannot be read.` };
  }
  if (second === undefined) return { kind: 'known', time: first };
  for (const referenceMs of [stampMs, mtimeMs]) {
    const near = times.filter(
      ({ epochMs }) => referenceMs !== null && Math.abs(epochMs - referenceMs) <= NEAR_MS,
    );
    if (near[0] !== undefined && near.length === 1) return { kind: 'known', time: near[0] };
  }
  return {
    kind: 'unclear',
    reason: `The acquisition time ${text} may be ${first.iso} or ${second.iso}: day and month cannot be told apart.`,
  };
}

/** `4:26:37 PM`, `08:55:59 p.m.`, `20:50:13`, `20.50.13`; also with narrow blanks before the half of the day. */
function clockOf(text: string): Pick<LocalTimeParts, 'hour' | 'minute' | 'second'> | null {
  const match = /^(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s*(?:([ap])\.?\s?m\.?)?$/iu.exec(
    text.trim(),
  );
  if (match === null) return null;
  const stated = Number(match[1]);
  const half = match[4]?.toLowerCase();
  if (half !== undefined && (stated < 1 || stated > 12)) return null;
  const hour = half === undefined ? stated : (stated % 12) + (half === 'p' ? 12 : 0);
  return { hour, minute: Number(match[2]), second: Number(match[3] ?? 0) };
}

/** The days that a date text can mean: none, one, or two when day and month cannot be told apart. */
function datesOf(text: string): Pick<LocalTimeParts, 'year' | 'month' | 'day'>[] {
  const yearFirst = /^(\d{4})[-/. ]+(\d{1,2})[-/. ]+(\d{1,2})\.?$/.exec(text);
  if (yearFirst !== null) {
    const [year = 0, month = 0, day = 0] = yearFirst.slice(1).map(Number);
    return [{ year, month, day }];
  }
  const yearLast = /^(\d{1,2})([-/. ]+)(\d{1,2})[-/. ]+(\d{4}|\d{2})$/.exec(text);
  if (yearLast === null) return [];
  const first = Number(yearLast[1]);
  const second = Number(yearLast[3]);
  const year = Number(yearLast[4]) + (yearLast[4]?.length === 2 ? 2000 : 0);
  const dayFirst = { year, month: second, day: first };
  const monthFirst = { year, month: first, day: second };
  // Every locale that writes points puts the day first.
  if (yearLast[2]?.includes('.') || first > 12) return [dayFirst];
  return second > 12 || first === second ? [monthFirst] : [monthFirst, dayFirst];
}
