import { expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { durationText, PageTimes } from '../../src/page/page-texts.js';
import { timeTicks } from '../../src/page/time-axis.js';

function ticks(zone: string, from: string, to: string): string[] {
  const at = (text: string): number => DateTime.fromISO(text, { zone }).toMillis();
  return timeTicks(at(from), at(to), 9, new PageTimes(zone)).map(({ text }) => text);
}

test('marks stand at round local times', () => {
  expect(ticks('Asia/Kolkata', '2026-11-20T09:07', '2026-11-20T12:31')).toStrictEqual([
    ...['09:30', '10:00', '10:30', '11:00', '11:30', '12:00', '12:30'],
  ]);
  expect(ticks('UTC', '2026-11-20T23:59:50', '2026-11-21T00:00:20')).toStrictEqual([
    ...['23:59:50', '23:59:55', '21 Nov', '00:00:05', '00:00:10', '00:00:15', '00:00:20'],
  ]);
  expect(ticks('UTC', '1991-10-01', '2026-11-21')).toStrictEqual([
    ...['1995', '2000', '2005', '2010', '2015', '2020', '2025'],
  ]);
});

test('a clock that is put forward or back moves no mark off its hour', () => {
  expect(ticks('Europe/Berlin', '2026-03-28T20:00', '2026-03-29T12:00')).toStrictEqual([
    ...['20:00', '22:00', '29 Mar', '03:00', '05:00', '07:00', '09:00', '11:00'],
  ]);
});

test('however long or short the time is, there are few marks', () => {
  for (let milliseconds = 1; milliseconds < 1e14; milliseconds *= 3) {
    const marks = timeTicks(0, milliseconds, 9, new PageTimes('UTC'));
    expect(marks.length).toBeLessThan(12);
  }
});

test('durations are told by what matters', () => {
  expect([0, 400, 45_000, 3_600_000, 8_000_000, 90_061_000].map(durationText)).toStrictEqual([
    ...['0 s', 'less than 1 s', '45 s', '1 h', '2 h 13 min', '1 d 1 h'],
  ]);
});
