import type { DateTime } from 'luxon';
import type { PageTimes } from './page-texts.js';

/** One mark of a time axis. */
export interface TimeTick {
  readonly epochMs: number;
  readonly text: string;
}

type TickUnit = 'second' | 'minute' | 'hour' | 'day' | 'month' | 'year';

/** Steps that people read easily, in the order of their length, with about how many milliseconds they are. */
const STEPS: readonly (readonly [count: number, unit: TickUnit, milliseconds: number])[] = [
  ...[1, 2, 5, 10, 15, 30].map((count) => [count, 'second', count * 1000] as const),
  ...[1, 2, 5, 10, 15, 30].map((count) => [count, 'minute', count * 60_000] as const),
  ...[1, 2, 3, 6, 12].map((count) => [count, 'hour', count * 3_600_000] as const),
  ...[1, 2, 5, 10].map((count) => [count, 'day', count * 86_400_000] as const),
  ...[1, 2, 3, 6].map((count) => [count, 'month', count * 30 * 86_400_000] as const),
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].map(
    (count) => [count, 'year', count * 365 * 86_400_000] as const,
  ),
];

const FORMATS: Readonly<Record<TickUnit, string>> = {
  second: 'HH:mm:ss',
  minute: 'HH:mm',
  hour: 'HH:mm',
  day: 'd LLL',
  month: 'LLL yyyy',
  year: 'yyyy',
};

/** The first time of the grid at or before `time`: whole steps of the day, month or year in local time. */
function floorTo(time: DateTime, count: number, unit: TickUnit): DateTime {
  const start = time.startOf(unit);
  if (unit === 'day') return start;
  if (unit === 'month') return start.minus({ months: (start.month - 1) % count });
  const value = { second: start.second, minute: start.minute, hour: start.hour, year: start.year }[
    unit
  ];
  return start.minus({ [unit]: value % count });
}

/**
 * Marks of a time axis at round local times, at most about `most`. Marks of hours and less that begin a day carry the date.
 */
export function timeTicks(
  fromMs: number,
  toMs: number,
  most: number,
  times: PageTimes,
): TimeTick[] {
  const [count, unit] =
    STEPS.find(([, , milliseconds]) => (toMs - fromMs) / milliseconds <= most) ??
    ([1000, 'year'] as const);
  const ticks: TimeTick[] = [];
  let time = floorTo(times.local(fromMs), count, unit);
  // A clock that is put forward or back moves marks, never for more than one step.
  for (let left = 3 * most + 3; left > 0 && time.toMillis() <= toMs; left -= 1) {
    const epochMs = time.toMillis();
    if (epochMs >= fromMs) {
      const isDayStart =
        epochMs === time.startOf('day').toMillis() && ['minute', 'hour', 'second'].includes(unit);
      ticks.push({ epochMs, text: time.toFormat(isDayStart ? 'd LLL' : FORMATS[unit]) });
    }
    time = time.plus({ [unit]: count });
  }
  return ticks;
}
