import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { exitCodeOf } from '../src/cli/exit-codes.js';
import { AppError, ERROR_CODES, type ErrorCode } from '../src/errors.js';

interface DocumentedError {
  readonly code: string;
  readonly meaning: string;
  readonly remedy: string;
  readonly exitCode: number;
}

const page = readFileSync(new URL('../docs/errors.md', import.meta.url), 'utf8');

/** The rows of the first table of the page. */
function documentedErrors(): DocumentedError[] {
  return [...page.matchAll(/^\| ([A-Z_]+) +\| (.+?) +\| (.+?) +\| (\d+) +\|$/gm)].map(
    ([, code = '', meaning = '', remedy = '', exitCode = '']) => ({
      code,
      meaning,
      remedy,
      exitCode: Number(exitCode),
    }),
  );
}

const codes = Object.keys(ERROR_CODES) as ErrorCode[];

describe('docs/errors.md', () => {
  test('has each error code once, and no other', () => {
    expect(
      documentedErrors()
        .map(({ code }) => code)
        .sort(),
    ).toStrictEqual([...codes].sort());
  });

  test.each(codes)('%s: meaning, remedy and the exit code that the program ends with', (code) => {
    const documented = documentedErrors().find((row) => row.code === code);
    expect(documented?.meaning).toMatch(/^.{10,}\.$/);
    expect(documented?.remedy.length).toBeGreaterThan(5);
    expect(documented?.exitCode).toBe(exitCodeOf(new AppError(code, 'Something.')));
  });

  test('a retired code is not in use again', () => {
    const retired = page.slice(page.indexOf('## Retired codes'));
    const names = retired.match(/\b[A-Z]+(?:_[A-Z]+)+\b/g) ?? [];
    expect(names.filter((name) => Object.hasOwn(ERROR_CODES, name))).toStrictEqual([]);
  });
});

describe('exitCodeOf', () => {
  test.each([
    ['EACCES', 77],
    ['ENOSPC', 75],
    ['EIO', 65],
  ])('a file that a reader process could not read for %s: %i', (systemCode, exitCode) => {
    const error = new AppError('FILE_UNREADABLE', 'Something.', { details: { systemCode } });
    expect(exitCodeOf(error)).toBe(exitCode);
  });
});
