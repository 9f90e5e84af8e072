import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { writeFeiTiff } from '../../src/demo/write-fei-tiff.js';
import { mrcBytes } from '../support/mrc-bytes.js';
import { decodedPng } from '../support/preview-picture.js';
import { runCli } from './run-cli.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-extract-'));
  const acquired = DateTime.fromISO('2026-03-01T14:30:00', { zone: 'utc' });
  if (!acquired.isValid) throw new Error('The time is wrong.');
  const picture = writeFeiTiff({
    width: 4,
    height: 2,
    pixels: Uint8Array.from({ length: 8 }, (_, pixel) => pixel * 30),
    acquired,
    sections: { Beam: { Beam: 'EBeam' }, EBeam: { HV: 5000 } },
  });
  writeFileSync(join(folder, 'picture.tif'), picture);
  writeFileSync(join(folder, 'notes.txt'), 'Seen \u001b[31mred\n');
  writeFileSync(join(folder, 'odd.xyz'), 'x');
});

afterAll(() => rmSync(folder, { recursive: true }));

/** A reader of the facility, as a module. */
function writeReader(name: string, extract: string): void {
  writeFileSync(
    join(folder, name),
    `export const reader = {
      id: 'ours', version: 1, extensions: ['.xyz'],
      sniff: (head) => head.extension === '.xyz',
      extract: (file) => { ${extract} },
    };`,
  );
}

const ONE_SIGNAL = `return {
  format: 'Ours', warnings: [], tags: { size: file.sizeBytes },
  signals: [{ title: null, type: 'Misc', role: 'Experimental', metadata: { Size: { value: file.sizeBytes, unit: 'B' } },
    shape: [], calibration: [], dtype: null, acquiredMs: 0, previewOf: null }],
};`;

describe('recordsmith extract', () => {
  test('--json prints an entry a signal, local times in the zone asked for; no configuration is needed', async () => {
    const { code, stdout, stderr } = await runCli(folder, [
      ...['extract', '--json', '--timezone', 'Europe/Berlin', 'picture.tif', 'notes.txt'],
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const entries = JSON.parse(stdout) as unknown[];
    expect(entries).toHaveLength(2);
    expect(entries[0]).toStrictEqual({
      path: 'picture.tif',
      format: expect.stringContaining('TIFF') as unknown,
      type: 'Image',
      metadata: expect.objectContaining({
        'Acceleration Voltage': { value: 5, unit: 'kV', warning: false },
      }) as unknown,
      warnings: [],
      shape: [2, 4],
      calibration: expect.any(Array) as unknown,
      dtype: 'uint8',
      acquired: '2026-03-01T14:30:00.000+01:00',
    });
    expect(entries[1]).toMatchObject({ path: 'notes.txt', type: 'Notes', acquired: null });
  });

  test('for people it is text without control characters of the file', async () => {
    writeFileSync(join(folder, 'a\u001b[31m.txt'), 'x');
    const { code, stdout } = await runCli(folder, ['extract', 'picture.tif', 'a\u001b[31m.txt']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/picture\.tif\n +format: [^]*Acceleration Voltage +5 +kV/);
    expect(stdout).not.toContain('\u001b');
  });

  test('--preview writes a PNG', async () => {
    const { code } = await runCli(folder, ['extract', 'picture.tif', '--preview', 'p.png']);
    expect(code).toBe(0);
    expect(readFileSync(join(folder, 'p.png')).toString('latin1', 1, 4)).toBe('PNG');
  });

  test('--preview makes no folder: one that is missing is refused before anything is read', async () => {
    const { code, stdout, stderr } = await runCli(folder, [
      ...['extract', 'picture.tif', '--preview', 'pitcures/p.png'],
    ]);
    expect(stderr).toMatch(/no folder \S+pitcures for the preview[^]*remedy: /);
    expect({ code, stdout }).toStrictEqual({ code: 65, stdout: '' });
    expect(existsSync(join(folder, 'pitcures'))).toBe(false);
  });

  test('a file that is missing or may not be read stops no other: 65, 77', async () => {
    const files = ['missing.tif', 'picture.tif', '.'];
    const { code, stdout, stderr } = await runCli(folder, ['extract', '--json', ...files]);
    expect(code).toBe(65);
    expect(JSON.parse(stdout)).toMatchObject([{ path: 'picture.tif' }]);
    // The same block as for every error, a file each.
    expect(stderr).toMatch(
      /^error: The file missing\.tif cannot be shown\.\n(?: {2}cause: .*\n)+ {2}remedy: .*\nerror: The file \. cannot be shown\.\n {2}cause: .*regular file/,
    );
    const none = await runCli(folder, ['extract', '--json', 'missing.tif']);
    expect(JSON.parse(none.stdout)).toStrictEqual([]);
    if (process.getuid?.() === 0) return;
    writeFileSync(join(folder, 'secret.tif'), 'x');
    chmodSync(join(folder, 'secret.tif'), 0);
    expect((await runCli(folder, ['extract', 'secret.tif', 'missing.tif'])).code).toBe(77);
  });

  test('--reader takes the id of a reader, which then reads any file and says so', async () => {
    const { code, stdout } = await runCli(folder, [
      ...['extract', '--json', '--reader', 'text', 'picture.tif', 'notes.txt'],
    ]);
    expect(code).toBe(0);
    const [picture, notes] = JSON.parse(stdout) as { warnings: string[] }[];
    expect(picture?.warnings.join(' ')).toMatch(/does not recognise|could not read/);
    expect(notes).toMatchObject({ type: 'Notes', warnings: [] });
  });

  test('--reader takes a module of the facility; --all-tags adds its tags', async () => {
    writeReader('ours.mjs', ONE_SIGNAL);
    const { code, stdout, stderr } = await runCli(folder, [
      ...['extract', '--json', '--all-tags', '--reader', './ours.mjs', 'odd.xyz', 'notes.txt'],
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject([
      {
        format: 'Ours',
        metadata: { Size: { value: 1, unit: 'B', warning: false } },
        acquired: expect.stringMatching(/^1970-01-01T|^1969-12-31T/) as unknown,
        tags: { size: 1 },
        warnings: [],
      },
      { warnings: ['The reader ours does not recognise this file; it was named for it.'] },
    ]);
  });

  test('a module that takes its process down costs that file only', async () => {
    writeReader('crash.mjs', `if (file.sizeBytes === 1) process.abort(); ${ONE_SIGNAL}`);
    const { code, stdout, stderr } = await runCli(folder, [
      ...['extract', '--json', '--reader', 'crash.mjs', 'odd.xyz', 'notes.txt'],
    ]);
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject([{ path: 'notes.txt' }]);
    expect(stderr).toContain('odd.xyz');
  });

  test.each([
    [['--reader', 'dn', 'odd.xyz'], /no reader dn[^]*dm, ser/],
    [['--reader', './none.mjs', 'odd.xyz'], /none\.mjs cannot be loaded/],
    [['--preview', 'p.png', 'odd.xyz', 'notes.txt'], /one file at a time/],
    [['--timezone', 'Mars/Olympus', 'odd.xyz'], /IANA time zone/],
    [[], /missing required argument/],
  ])('%j is wrong usage: 64', async (args, message) => {
    const { code, stdout, stderr } = await runCli(folder, ['extract', '--json', ...args]);
    expect(stderr).toMatch(message);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'USAGE' } });
    expect(code).toBe(64);
  });

  test('heeds a configuration that is there: its readers by name, its faults; none that may not be read', async () => {
    const lab = join(folder, 'configured');
    mkdirSync(join(lab, 'config'), { recursive: true });
    writeReader('configured/ours.mjs', ONE_SIGNAL);
    writeFileSync(join(lab, 'odd.xyz'), 'x');
    const file = join(lab, 'config/recordsmith.yaml');
    writeFileSync(file, 'extract: { readers: [../ours.mjs] }');
    const heeded = await runCli(lab, ['extract', '--json', 'odd.xyz']);
    expect(JSON.parse(heeded.stdout)).toMatchObject([{ format: 'Ours', warnings: [] }]);
    writeFileSync(join(lab, 'notes.txt'), 'words');
    const named = await runCli(lab, ['extract', '--json', '--reader', 'ours', 'notes.txt']);
    expect(JSON.parse(named.stdout)).toMatchObject([
      { format: 'Ours', warnings: [expect.stringContaining('does not recognise') as unknown] },
    ]);
    writeFileSync(file, 'extract: { readres: [] }');
    const faulty = await runCli(lab, ['extract', 'odd.xyz']);
    expect(faulty.stderr).toContain("did you mean 'extract.readers'?");
    expect(faulty.code).toBe(78);
    if (process.getuid?.() === 0) return;
    chmodSync(file, 0);
    const refused = await runCli(lab, ['extract', '--json', 'odd.xyz']);
    expect(JSON.parse(refused.stdout)).toMatchObject([{ format: 'unknown' }]);
    expect(refused.stderr).toContain('not heeded');
  });

  test('draws the frame of a stack that the configuration names, without one a montage', async () => {
    const lab = join(folder, 'stacks');
    mkdirSync(join(lab, 'config'), { recursive: true });
    const pixels = Buffer.from(Uint8Array.from({ length: 4 * 200 * 200 }, (_, at) => at % 250));
    writeFileSync(join(lab, 'movie.mrc'), mrcBytes({ size: [200, 200, 4], mode: 0, pixels }));
    const sizeOfPreview = async (): Promise<number[]> => {
      const { code } = await runCli(lab, ['extract', 'movie.mrc', '--preview', 'movie.png']);
      expect(code).toBe(0);
      const { width, height } = await decodedPng(readFileSync(join(lab, 'movie.png')));
      return [width, height];
    };
    expect(await sizeOfPreview()).toEqual([400, 400]);
    const file = join(lab, 'config/recordsmith.yaml');
    writeFileSync(file, 'build: { stack_previews: middle }');
    expect(await sizeOfPreview()).toEqual([200, 200]);
  });
});
