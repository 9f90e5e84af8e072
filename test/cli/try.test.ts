import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import sharp from 'sharp';
import { z } from 'zod';
import { writeFeiTiff } from '../../src/demo/write-fei-tiff.js';
import { parseRecordJson } from '../../src/record/record-document.js';
import { loadXmlValidator } from '../../src/record/validate-xml.js';
import { waitFor } from '../support/wait-for.js';
import { CLI, runCli } from './run-cli.js';
import { runInProcess } from './run-in-process.js';

let base: string;
let folder: string;
let here: string;

const START = Date.UTC(2026, 10, 20, 9, 0, 0);

function picture(side: number, acquiredMs: number): Buffer {
  const acquired = DateTime.fromMillis(acquiredMs, { zone: 'utc' });
  if (!acquired.isValid) throw new Error('The time is wrong.');
  return writeFeiTiff({
    width: side,
    height: side,
    pixels: Uint8Array.from({ length: side * side }, (_, pixel) => (pixel * 7919) % 256),
    acquired,
    sections: { Beam: { Beam: 'EBeam' }, EBeam: { HV: 5000 } },
  });
}

/** Writes a file into the folder, this many minutes after the beginning. */
function put(name: string, minutes: number, content: Buffer | string): void {
  const path = join(folder, name);
  writeFileSync(path, content);
  const seconds = START / 1000 + minutes * 60;
  utimesSync(path, seconds, seconds);
}

function putSession(): void {
  for (const minutes of [1, 2, 3])
    put(`grains_${minutes}.tif`, minutes, picture(64, START + minutes * 60_000));
  for (const minutes of [120, 121])
    put(`later_${minutes}.tif`, minutes, picture(64, START + minutes * 60_000));
  put('notes.txt', 4, 'Sample <b>A</b> & "B"\n');
  put('what.xyz', 5, 'no format');
}

beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'recordsmith-try-test-'));
  folder = join(base, 'Titan & Söhne');
  here = join(base, 'here');
  mkdirSync(folder);
  mkdirSync(here);
});

afterEach(() => rmSync(base, { recursive: true }));

const documentSchema = z.object({
  files: z.int(),
  datasets: z.int(),
  activities: z.int(),
  record: z.string(),
  record_json: z.string(),
  page: z.string(),
  start: z.iso.datetime(),
  end: z.iso.datetime(),
  instrument: z.string(),
  warnings: z.array(z.string()),
  looked_at: z.array(z.object({ location: z.string(), verdict: z.string(), rule: z.string() })),
});

async function tryJson(...args: string[]) {
  const { code, stdout, stderr } = await runInProcess(here, [
    ...['try', folder, '--json'],
    ...args,
  ]);
  if (code !== 0) throw new Error(stderr);
  return documentSchema.parse(JSON.parse(stdout));
}

function listing(of: string): string[] {
  return readdirSync(of)
    .map((name) => `${name} ${statSync(join(of, name)).mtimeMs}`)
    .sort();
}

describe('recordsmith try', () => {
  test('makes a valid record and one page of a folder, with nothing but the folder', async () => {
    putSession();
    const before = listing(folder);
    const { code, stdout, stderr } = await runCli(here, [
      'try',
      folder,
      '--timezone',
      'Europe/Berlin',
    ]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    const stem = '2026-11-20_Titan%20%26%20S%C3%B6hne';
    expect(readdirSync(here).sort()).toStrictEqual([`${stem}.html`, `${stem}.json`, `${stem}.xml`]);
    expect(stdout).toContain(`page    ${stem}.html`);
    expect(stdout).toContain('1 of 7 files left out: 1 no format');
    expect(listing(folder)).toStrictEqual(before);

    const validator = await loadXmlValidator();
    expect(await validator.validateFile(join(here, `${stem}.xml`))).toStrictEqual({ valid: true });
    const record = parseRecordJson(readFileSync(join(here, `${stem}.json`), 'utf8'));
    expect(record.activities.map(({ datasets }) => datasets.length)).toStrictEqual([4, 2]);
    expect(record.summary.reservationStart).toBe('2026-11-20T10:01:00.000+01:00');
    expect(record.summary.reservationEnd).toBe('2026-11-20T12:01:00.000+01:00');
    // The page holds the previews: the record names no file that is not there.
    expect(
      record.activities.flatMap(({ datasets }) => datasets.flatMap((one) => one.previews)),
    ).toStrictEqual([]);
  });

  test('the page needs nothing from elsewhere and shows every dataset with its picture', async () => {
    putSession();
    const { page } = await tryJson();
    const html = readFileSync(page, 'utf8');
    expect(html).not.toMatch(/(?:src|href|url|action)\s*[=(]\s*["']?(?:https?:|\/\/)/i);
    const pictures = [
      ...html.matchAll(/src="data:(image\/(?:png|webp));base64,([A-Za-z0-9+/=]+)"/g),
    ];
    expect(pictures).toHaveLength(6);
    for (const [, , bytes = ''] of pictures) {
      expect((await sharp(Buffer.from(bytes, 'base64')).metadata()).width).toBeGreaterThan(50);
    }
    for (const name of ['grains_1.tif', 'later_121.tif', 'notes.txt']) {
      expect(html).toContain(`alt="Preview of ${name}`);
    }
    expect(html).toContain('<tr class="out"><td>what.xyz</td><td>no format</td>');
    expect(html).toContain('<th scope="row">Acceleration Voltage</th><td>5 kV</td>');
  });

  test('a window takes its files only; the others near it are shown with the reason', async () => {
    putSession();
    const found = await tryJson('--from', '2026-11-20T09:01:30Z', '--to', '2026-11-20T09:20:00Z');
    expect(found.files).toBe(3);
    expect([found.start, found.end]).toStrictEqual([
      '2026-11-20T09:01:30.000Z',
      '2026-11-20T09:20:00.000Z',
    ]);
    expect(found.looked_at).toContainEqual(
      expect.objectContaining({ location: '/grains_1.tif', verdict: 'before start' }),
    );
  });

  test('files that are there are kept unless --force is given', async () => {
    putSession();
    const first = await tryJson();
    writeFileSync(first.page, 'mine');
    const second = await tryJson();
    expect(second.page).toBe(first.page.replace('.html', '_2.html'));
    expect(second.record).toBe(first.record.replace('.xml', '_2.xml'));
    expect(readFileSync(first.page, 'utf8')).toBe('mine');
    const third = await tryJson('--force');
    expect(third.page).toBe(first.page);
    expect(readFileSync(first.page, 'utf8')).not.toBe('mine');
    expect(readFileSync(second.record)).toStrictEqual(readFileSync(third.record));
  });

  test('--times acquired groups copied files by their own times', async () => {
    for (const minutes of [1, 2, 3, 4, 300, 301, 302, 303])
      put(`copy_${minutes}.tif`, 100_000, picture(16, START + minutes * 60_000));
    const copied = await runInProcess(here, ['try', folder]);
    expect(copied.stdout).toContain('--times acquired');
    const found = await tryJson(
      '--times',
      'acquired',
      '--timezone',
      'UTC',
      '--instrument',
      'Our SEM',
    );
    expect([found.activities, found.datasets, found.instrument]).toStrictEqual([2, 8, 'Our SEM']);
    expect(found.end).toBe('2026-11-20T14:03:00.000Z');
    expect(found.warnings).toStrictEqual([]);
  });

  test('--out makes its folder, --all takes unknown formats', async () => {
    put('what.xyz', 5, 'no format');
    const found = await tryJson('--all', '--out', 'a/b');
    expect(found.datasets).toBe(1);
    expect(readdirSync(join(here, 'a/b'))).toHaveLength(3);
  });

  test.each<[why: string, code: number, says: string, args: () => string[]]>([
    ['no folder', 65, 'There is no folder', () => ['nowhere']],
    ['a file', 65, 'is no folder', () => [join(folder, 'a.txt')]],
    ['an empty folder', 65, 'There is no file in', () => [join(folder, 'empty')]],
    ['only unknown formats', 65, 'Add --all', () => [join(folder, 'unknown')]],
    ['no file in the window', 65, 'lie far from the times', () => [folder, '--to', '2020-01-01']],
    [
      '--from after --to',
      64,
      '--from must be before',
      () => [folder, '--from', '2026-02-01', '--to', '2026-01-01'],
    ],
    ['no time', 65, 'yesterday', () => [folder, '--from', 'yesterday']],
    ['no zone', 64, 'Europe/Berlin', () => [folder, '--timezone', '+02:00']],
    [
      'results inside the folder',
      64,
      'Nothing is written into',
      () => [folder, '--out', join(folder, 'new')],
    ],
    ['a configuration', 64, '--config', () => [folder, '--config', 'x.yaml']],
  ])('%s ends with %d and leaves nothing', async (_why, code, says, args) => {
    put('a.txt', 1, 'text');
    for (const name of ['empty', 'unknown']) mkdirSync(join(folder, name));
    writeFileSync(join(folder, 'unknown', 'a.xyz'), 'x');
    const ended = await runInProcess(here, ['try', ...args()]);
    expect(ended.stderr).toContain(says);
    expect(ended.code).toBe(code);
    expect(readdirSync(here)).toStrictEqual([]);
    expect(existsSync(join(folder, 'new'))).toBe(false);
  });

  test('who interrupts it leaves nothing behind', async () => {
    const large = picture(700, START);
    for (let number = 0; number < 60; number += 1)
      put(`${'x'.repeat(number + 1)}.tif`, number, large);
    const temporary = join(base, 'tmp');
    mkdirSync(temporary);
    const child = spawn(process.execPath, [CLI, 'try', folder], {
      cwd: here,
      env: { PATH: process.env['PATH'], HOME: base, TMPDIR: temporary },
      stdio: 'ignore',
    });
    const exit = once(child, 'exit');
    await waitFor('a file is read', () =>
      readdirSync(temporary, { recursive: true }).some((name) => String(name).endsWith('.png')),
    );
    child.kill('SIGINT');
    expect(await exit).toStrictEqual([75, null]);
    expect(readdirSync(here)).toStrictEqual([]);
    expect(readdirSync(temporary)).toStrictEqual([]);
  });
});
