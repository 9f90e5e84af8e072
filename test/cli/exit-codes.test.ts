import { describe, expect, test } from '@jest/globals';
import { describeError } from '../../src/cli/describe-error.js';
import { EXIT, exitCodeOf } from '../../src/cli/exit-codes.js';
import { AppError, ERROR_CODES, type ErrorCode } from '../../src/errors.js';

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

describe('exitCodeOf', () => {
  test.each(codes)('%s has an exit code', (code) => {
    expect(Object.values(EXIT).filter((exit) => exit !== EXIT.done)).toContain(
      exitCodeOf(new AppError(code, 'x')),
    );
  });

  test('what the contract names', () => {
    const exit = (code: ErrorCode) => exitCodeOf(new AppError(code, 'x'));
    expect(exit('USAGE')).toBe(64);
    expect(exit('SESSION_NOT_FOUND')).toBe(65);
    expect(exit('DATABASE_UNAVAILABLE')).toBe(69);
    expect(exit('STORE_UNAVAILABLE')).toBe(69);
    expect(exit('DATABASE_BUSY')).toBe(75);
    expect(exit('SCHEMA_NOT_MIGRATED')).toBe(78);
    expect(exit('DATABASE_ON_NETWORK_FILE_SYSTEM')).toBe(78);
  });

  test('anything that is no AppError is a bug', () => {
    for (const thrown of [new TypeError('x'), 'x', undefined, { code: 'ENOENT', message: 'x' }]) {
      expect(exitCodeOf(thrown)).toBe(70);
    }
  });

  test('missing rights and a full disk are told apart', () => {
    const of = (code: string) =>
      exitCodeOf(
        new AppError('FILE_NOT_WRITABLE', 'x', { cause: Object.assign(new Error('x'), { code }) }),
      );
    expect(of('EACCES')).toBe(77);
    expect(of('EROFS')).toBe(77);
    expect(of('ENOSPC')).toBe(75);
  });
});

describe('describeError', () => {
  test('message, every cause and the remedy, without control characters or passwords', () => {
    const cause = new Error('below\u001b[2J', { cause: new Error('postgres://u:hidden@h/d') });
    const text = describeError(
      new AppError('DATABASE_UNAVAILABLE', 'No database.\r', { cause, remedy: 'Start it.' }),
      'x',
    );
    expect(text).toBe(
      'error: No database.\\r\n  cause: below\\u001b[2J\n  cause: postgres://u:***@h/d\n  remedy: Start it.\n',
    );
  });

  test('what an error below says once more is left out', () => {
    const sql = 'insert into x values (?) - it is full';
    const below = new Error(sql, { cause: new Error(sql) });
    const error = new AppError('DATABASE_UNAVAILABLE', 'No database.', { cause: below });
    expect(describeError(error, 'x')).toBe(`error: No database.\n  cause: ${sql}\n`);
  });

  test('a bug comes with its stack and where to report it', () => {
    const text = describeError(new TypeError('x is not a function'), 'https://example.org/bugs');
    expect(text).toMatch(
      /error: x is not a function[^]*exit-codes\.test[^]*https:\/\/example\.org\/bugs/,
    );
  });
});
