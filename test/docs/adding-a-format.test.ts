import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCli } from '../cli/run-cli.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = readFileSync(join(root, 'docs/adding-a-format.md'), 'utf8');

/** The blocks of code in a language, in order. */
function blocks(language: string): string[] {
  return [...page.matchAll(/^```(\w+)\n([^]*?)^```$/gm)].flatMap(([, name, code]) =>
    name === language && code !== undefined ? [code] : [],
  );
}

function block(language: string, index = 0): string {
  const code = blocks(language)[index];
  if (code === undefined) throw new Error(`The page has no block ${language} ${index}.`);
  return code;
}

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'adding-a-format-'));
  writeFileSync(join(folder, 'sample.kes'), block('text'));
  writeFileSync(join(folder, 'kestrel.mjs'), block('js'));
  writeFileSync(join(folder, 'kestrel.py'), block('python'));
  writeFileSync(join(folder, 'module.yaml'), block('yaml', 0));
  writeFileSync(join(folder, 'program.yaml'), block('yaml', 1));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** What the page promises of its sample. */
const EXPECTED = {
  path: 'sample.kes',
  format: 'Kestrel',
  type: 'Image',
  metadata: {
    'Acceleration Voltage': { value: 20, unit: 'kV', warning: false },
    'Acquisition Time': { value: '2026-03-02T10:30:00+01:00', unit: null, warning: false },
    'Detector Name': { value: 'Secondary', unit: null, warning: false },
    'Pixel Width': { value: 4, unit: 'nm', warning: false },
  },
  warnings: [],
  shape: [2, 3],
  calibration: [
    { scale: 4, origin: 0, unit: 'nm' },
    { scale: 4, origin: 0, unit: 'nm' },
  ],
  dtype: 'uint8',
  acquired: '2026-03-02T10:30:00.000+01:00',
};

const EXTRACT = ['extract', '--json', '--timezone', 'Europe/Berlin', 'sample.kes'];

describe('the templates of docs/adding-a-format.md', () => {
  test('the module reads the sample, named by --reader and by the configuration, and draws a preview', async () => {
    const named = await runCli(folder, [...EXTRACT, '--reader', './kestrel.mjs']);
    expect(named.stderr).toBe('');
    expect(JSON.parse(named.stdout)).toStrictEqual([EXPECTED]);
    const configured = await runCli(folder, [
      ...[...EXTRACT, '--config', 'module.yaml', '--preview', 'sample.png'],
    ]);
    expect(configured.stderr).toBe('');
    expect(JSON.parse(configured.stdout)).toStrictEqual([EXPECTED]);
    expect(readFileSync(join(folder, 'sample.png')).toString('latin1', 1, 4)).toBe('PNG');
  });

  const hasPython = spawnSync('python3', ['--version']).status === 0;
  const testPython = hasPython ? test : test.skip;
  testPython(`the program reads the sample alike${hasPython ? '' : ' (no python3)'}`, async () => {
    const { stdout, stderr } = await runCli(folder, [...EXTRACT, '--config', 'program.yaml']);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toStrictEqual([EXPECTED]);
  });

  test('the module is right by the published types, and a wrong one is not', () => {
    const modules = join(folder, 'node_modules');
    mkdirSync(modules);
    symlinkSync(root, join(modules, 'recordsmith'), 'dir');
    const wrong = block('js').replace("type: 'Image'", "type: 'Picture'");
    writeFileSync(join(folder, 'wrong.mjs'), wrong);
    const check = (file: string): ReturnType<typeof spawnSync> =>
      spawnSync(
        process.execPath,
        [
          join(root, 'node_modules/typescript/bin/tsc'),
          ...['--noEmit', '--strict', '--allowJs', '--checkJs', '--skipLibCheck'],
          ...['--module', 'nodenext', '--target', 'es2023'],
          ...['--typeRoots', join(root, 'node_modules/@types'), '--types', 'node'],
          file,
        ],
        { cwd: folder, encoding: 'utf8' },
      );
    expect(check('kestrel.mjs')).toMatchObject({ stdout: '', status: 0 });
    expect(check('wrong.mjs').stdout).toContain('"Picture"');
  });
});
