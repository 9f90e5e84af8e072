import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runInProcess } from './run-in-process.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-error-document-'));
  writeFileSync(join(folder, 'wrong.yaml'), 'mode: lve\nspeed: fast\n');
  writeFileSync(join(folder, 'none.yaml'), 'database: {file: none.sqlite}\n');
});

afterAll(() => rmSync(folder, { recursive: true }));

/** Every field, text that is not empty. */
const ANY_TEXT: unknown = expect.stringMatching(/\S/);

describe('errors with --json', () => {
  test.each([
    [['--jsno', '--json'], 64, 'USAGE'],
    [['confg', '--json'], 64, 'USAGE'],
    [['config', '--json'], 64, 'USAGE'],
    [['activities', '--json'], 64, 'USAGE'],
    [['config', 'show', '--json', '--config', 'missing.yaml'], 78, 'CONFIG_NOT_FOUND'],
    [['sessions', 'list', '--json', '--config', 'none.yaml'], 69, 'DATABASE_UNAVAILABLE'],
    [['sessions', 'list', '--json', '--config', 'wrong.yaml'], 78, 'CONFIG_INVALID'],
    [['validate', '--json', 'missing.xml'], 65, 'FILE_UNREADABLE'],
    [['activities', '--json', '--mtimes', '/dev/null'], 65, 'INPUT_INVALID'],
  ])('%j: one document on standard output besides the text: %d', async (args, code, errorCode) => {
    const result = await runInProcess(folder, args);
    expect(result.code).toBe(code);
    expect(result.stderr).toMatch(/^error: /);
    expect(JSON.parse(result.stdout)).toStrictEqual({
      error: {
        code: errorCode,
        message: ANY_TEXT,
        remedy: ANY_TEXT,
        details: expect.any(Object) as unknown,
      },
    });
  });

  test('without --json, and with it behind --, standard output stays empty', async () => {
    for (const args of [
      ['validate', 'missing.xml'],
      ['validate', 'missing.xml', '--', '--json'],
    ]) {
      const { stdout, code } = await runInProcess(folder, args);
      expect(stdout).toBe('');
      expect(code).not.toBe(0);
    }
  });

  test('config check lists the faults instead, and nothing more', async () => {
    const { stdout, stderr, code } = await runInProcess(folder, [
      ...['config', 'check', '--json', '--config', 'wrong.yaml'],
    ]);
    const where = join(folder, 'wrong.yaml');
    expect(JSON.parse(stdout)).toStrictEqual({
      valid: false,
      faults: [
        { key: 'mode', where: `${where}:1`, problem: ANY_TEXT },
        { key: 'speed', where: `${where}:2`, problem: ANY_TEXT },
      ],
    });
    expect(stderr).toMatch(/^error: The configuration has 2 faults/);
    expect(code).toBe(78);
  });
});

describe('recordsmith activities --mtimes', () => {
  test.each([
    ['{', /times\.json is no JSON\./],
    ['{}', /times\.json is no list\./],
    ['[1, 2, "3"]', /Entry 3 of \S+times\.json is no number\./],
  ])('%s is told in words: 65', async (content, message) => {
    const times = join(folder, 'times.json');
    writeFileSync(times, content);
    const { stderr, code } = await runInProcess(folder, ['activities', '--mtimes', times]);
    expect(stderr).toMatch(message);
    expect(stderr).toContain('remedy: Give times in seconds');
    expect(stderr).not.toContain('"path"');
    expect(code).toBe(65);
  });
});

describe('recordsmith validate --schema', () => {
  test.each([
    ['wrong.yaml', /wrong\.yaml: Start tag expected/],
    ['missing.xsd', /missing\.xsd cannot be read/],
  ])(
    'a schema named on the command line that is none (%s) is bad data: 65',
    async (schema, said) => {
      const { stderr, code } = await runInProcess(folder, [
        'validate',
        '--schema',
        join(folder, schema),
        'x.xml',
      ]);
      expect(stderr).toMatch(said);
      expect(stderr).toContain('with --schema, or leave the option out');
      expect(code).toBe(65);
    },
  );
});
