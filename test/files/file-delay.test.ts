import { expect, test } from '@jest/globals';
import { fileDelay } from '../../src/files/file-delay.js';

const END = 1_000_000;
const delay = (
  nowMs: number,
  absences: { fromMs: number; toMs: number | null }[] = [],
): ReturnType<typeof fileDelay> => fileDelay({ nowMs, endMs: END, fileDelayMs: 1000, absences });

test('the delay runs from END and is over exactly at its end', () => {
  expect(delay(END + 999)).toEqual({ kind: 'waiting', untilMs: END + 1000 });
  expect(delay(END + 1000)).toEqual({ kind: 'over' });
});

test('time in which the store was away is not counted, overlapping absences once', () => {
  const absences = [
    { fromMs: END + 300, toMs: END + 500 },
    { fromMs: END - 900, toMs: END + 100 },
    { fromMs: END + 400, toMs: END + 600 },
    { fromMs: END - 900, toMs: END - 100 },
  ];
  expect(delay(END + 1399, absences)).toEqual({ kind: 'waiting', untilMs: END + 1400 });
  expect(delay(END + 1400, absences)).toEqual({ kind: 'over' });
});

test('while the store is away the delay stands still', () => {
  const absences = [{ fromMs: END + 900, toMs: null }];
  expect(delay(END + 5000, absences)).toEqual({ kind: 'waiting', untilMs: END + 5100 });
});
