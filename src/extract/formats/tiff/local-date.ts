import { fileTimeOf, type FileTime } from '../../file-time.js';

const CLOCK = /(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?(?: *([AP])M)?$/i;

/** `3/4/2021 11:22:33 PM` with the month first, in the instrument's zone; null when it is no such time. */
export function monthFirstTime(text: string, timezone: string): FileTime | null {
  const day = /^(\d{1,2})\/(\d{1,2})\/(\d{4}) +/.exec(text);
  return day === null
    ? null
    : timeOf(text, { month: Number(day[1]), day: Number(day[2]), year: Number(day[3]) }, timezone);
}

/** `25/12/2021 14:22:33` with the day first, in the instrument's zone; null when it is no such time. */
export function dayFirstTime(text: string, timezone: string): FileTime | null {
  const day = /^(\d{1,2})[./-](\d{1,2})[./-](\d{4}) +/.exec(text);
  return day === null
    ? null
    : timeOf(text, { day: Number(day[1]), month: Number(day[2]), year: Number(day[3]) }, timezone);
}

const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC'];

/** `25 Sep 2018 8:20:42`, in the instrument's zone; null when it is no such time. */
export function namedMonthTime(text: string, timezone: string): FileTime | null {
  const day = /^(\d{1,2})[ -]([A-Za-z]{3})[a-z]*[ -](\d{4}) +/.exec(text);
  if (day === null) return null;
  const month = MONTHS.indexOf((day[2] ?? '').toUpperCase()) + 1;
  return timeOf(text, { day: Number(day[1]), month, year: Number(day[3]) }, timezone);
}

function timeOf(
  text: string,
  date: { year: number; month: number; day: number },
  timezone: string,
): FileTime | null {
  const clock = CLOCK.exec(text.trimEnd());
  if (clock === null) return null;
  const hour = Number(clock[1]);
  const half = clock[4]?.toUpperCase();
  return fileTimeOf(
    {
      ...date,
      hour: half === undefined ? hour : (hour % 12) + (half === 'P' ? 12 : 0),
      minute: Number(clock[2]),
      second: Number(clock[3] ?? 0),
    },
    timezone,
  );
}
