import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { stringify } from 'yaml';
import { adjustmentsFor, facilityReadersOf } from '../../src/config/extract-policy.js';
import { loadConfig } from '../../src/config/load-config.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'extract-settings-'));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

function load(text: string) {
  const file = join(folder, 'recordsmith.yaml');
  writeFileSync(file, text);
  return loadConfig({ file, environment: {}, workingFolder: '/' }).config;
}

function faultOf(text: string): string {
  try {
    load(text);
  } catch (error) {
    return String(error);
  }
  return '';
}

function faultOfAdjustment(entry: object): string {
  return faultOf(stringify({ extract: { adjustments: [{ name: 'a', ...entry }] } }));
}

describe('extract.adjustments', () => {
  test('hold for their instruments; files of no instrument have those that name none', () => {
    const { extract } = load(`
extract:
  adjustments:
    - {name: one, match: {instrument: titan}, value: Stage X, unit: mm}
    - {name: two, match: {instrument: [titan, quanta], file: '*.tif'}, value: Operator, drop: true}
    - {name: all, match: {format: TIFF*}, value: Beam Current, set: 2, unreliable: true}
`);
    const names = (pid: string | null): string[] =>
      adjustmentsFor(extract, pid).map(({ name }) => name);
    expect(names('titan')).toStrictEqual(['one', 'two', 'all']);
    expect(names('quanta')).toStrictEqual(['two', 'all']);
    expect(names(null)).toStrictEqual(['all']);
    expect(adjustmentsFor(extract, null)).toStrictEqual([
      {
        name: 'all',
        formats: ['TIFF*'],
        files: [],
        value: 'Beam Current',
        action: { kind: 'set', to: { value: 2, unit: 'nA' } },
        unreliable: true,
      },
    ]);
  });

  test('a wrong name is told with its line and the nearest right one', () => {
    const fault = faultOf(
      'extract:\n  adjustments:\n    - name: a\n      value: Stge X\n      drop: true\n',
    );
    expect(fault).toContain(
      `recordsmith.yaml:4: extract.adjustments[0].value: expected a harmonised name (docs/metadata.md lists them), found "Stge X"; did you mean 'Stage X'?`,
    );
  });

  test.each([
    [{ value: 'Stage X' }, /adjustments\[0\]: expected one of unit, scale, rename/],
    [
      { value: 'Stage X', unit: 'kV' },
      /\.unit: expected a unit that converts to µm, the one of Stage X/,
    ],
    [{ value: 'Magnification', unit: 'nm' }, /\.unit: expected no unit: Magnification has none/],
    [{ value: 'Operator', scale: 2 }, /\.scale: expected no scale: Operator is no number/],
    [{ value: 'Stage X', scale: 0 }, /\.scale: expected a number that is not 0/],
    [
      { value: 'Stage X', rename: 'Operator' },
      /\.rename: expected a name of the same kind as Stage X/,
    ],
    [{ value: 'Stage X', rename: 'Dwell Time' }, /\.rename: expected a name whose unit \(µs\)/],
    [{ value: 'Stage X', set: 'far' }, /\.set: expected a number for Stage X \(µm\)/],
    [{ value: 'Stage X', set: 1, scale: 2 }, /\.set: expected no unit, scale or rename beside set/],
    [{ value: 'Stage X', drop: true, unreliable: true }, /\.drop: expected no other change/],
    [{ value: 'Stage X', multiply: 2 }, /multiply: unknown key/],
  ])('%j is refused', (entry, message) => {
    expect(faultOfAdjustment(entry)).toMatch(message);
  });

  test('each has a name of its own', () => {
    const fault = faultOf(
      'extract:\n  adjustments:\n    - {name: a, value: Stage X, drop: true}\n    - {name: a, value: Stage Y, drop: true}\n',
    );
    expect(fault).toMatch(/:4: extract\.adjustments\[1\]\.name: expected a name that no other/);
  });
});

describe('extract.readers and extract.commands', () => {
  test('paths start at the folder of the file, also words of commands that begin with a dot', () => {
    const { extract } = load(`
extract:
  readers: [readers, /opt/one.mjs]
  commands:
    - {name: owl, files: '*.owl', command: [python3, ./owl.py, '{file}'], timeout_s: 5}
`);
    expect(facilityReadersOf(extract)).toStrictEqual({
      modules: [join(folder, 'readers'), '/opt/one.mjs'],
      commands: [
        {
          name: 'owl',
          version: 1,
          files: ['*.owl'],
          command: ['python3', join(folder, 'owl.py'), '{file}'],
          timeLimitMs: 5000,
          companions: [],
        },
      ],
    });
    expect(facilityReadersOf(load('mode: live').extract)).toBeNull();
  });

  test.each([
    ["{name: owl, files: '*.o', command: [cat]}", /command: expected a word with \{file\}/],
    [
      "{name: owl, files: '*.o', command: ['{path}']}",
      /command: expected only \{file\}, .*not \{path\}/,
    ],
    ["{name: 'An Owl', files: '*.o', command: ['{file}']}", /name: expected a name of lower-case/],
    ["{name: owl, command: ['{file}']}", /files: expected .*but it is missing/],
    [
      "{name: owl, files: '*.o', command: ['{file}'], timeout_s: 61}",
      /timeout_s: expected at most build\.limits/,
    ],
    [
      "{name: owl, files: '*.o', command: ['{file}'], companions: [{main: '(', companions: [a]}]}",
      /companions\[0\]\.main: expected a regular expression/,
    ],
  ])('%s is refused', (entry, message) => {
    expect(faultOf(`extract:\n  commands:\n    - ${entry}\n`)).toMatch(message);
  });
});
