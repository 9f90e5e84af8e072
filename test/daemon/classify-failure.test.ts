import { expect, test } from '@jest/globals';
import {
  classifyFailure,
  isTriedLongEnough,
  waitBeforeRetry,
} from '../../src/daemon/classify-failure.js';
import { AppError } from '../../src/errors.js';

function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: refused`), { code });
}

test.each(['ENOSPC', 'EROFS', 'ESTALE', 'ENOMEM', 'EMFILE', 'ENFILE', 'EAGAIN'])(
  '%s is no fault of the session: put off, nothing counted',
  (code) => {
    expect(classifyFailure(systemError(code))).toBe('outside');
  },
);

test('wrong settings and rights are no fault of the session', () => {
  expect(classifyFailure(new AppError('DATABASE_RIGHTS_MISSING', 'No.'))).toBe('outside');
  expect(classifyFailure(new AppError('CONFIG_INVALID', 'No schema.'))).toBe('outside');
});

test('readers that hang in another store are no fault of the session, a slow or large file is', () => {
  const over = (limit: string): AppError =>
    new AppError('LIMIT_EXCEEDED', 'Too much.', { details: { limit } });
  expect(classifyFailure(over('abandoned'))).toBe('outside');
  expect(classifyFailure(over('time'))).toBe('transient');
  expect(classifyFailure(over('memory'))).toBe('transient');
});

test('what cannot be read in the store is tried again, anything else is an error of the session', () => {
  expect(classifyFailure(new AppError('FILE_UNREADABLE', 'No.'))).toBe('transient');
  expect(classifyFailure(new AppError('RECORD_INVALID', 'No.'))).toBe('session');
  expect(classifyFailure(systemError('ENOENT'))).toBe('session');
});

const MINUTE_MS = 60_000;
const failed = (tries: number, minutes: number) => ({
  before: { tries, firstFailedAtMs: tries === 0 ? null : 0 },
  nowMs: minutes * MINUTE_MS,
});

test.each([
  [0, 0, 5],
  [1, 5, 15],
  [2, 20, 40],
  [3, 60, 60],
  [4, 120, null],
  // Forced by a person in quick succession.
  [4, 3, 60],
  [9, 30, 60],
])('after %d tries in %d minutes the wait is %p minutes', (tries, minutes, wait) => {
  const { before, nowMs } = failed(tries, minutes);
  expect(waitBeforeRetry(before, nowMs)).toBe(wait === null ? null : wait * MINUTE_MS);
});

test.each([
  [2, 90, false],
  [3, 30, false],
  [3, 60, true],
  [7, 10, false],
])(
  'files that failed %d times in %d minutes are taken as they are: %p',
  (tries, minutes, taken) => {
    const { before, nowMs } = failed(tries, minutes);
    expect(isTriedLongEnough(before, nowMs)).toBe(taken);
  },
);
