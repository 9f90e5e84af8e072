import { expect, test } from '@jest/globals';
import { classifyFailure } from '../../src/daemon/classify-failure.js';
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
