import { createHash } from 'node:crypto';
import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../src/clock.js';
import { publishRecordVersion } from '../../src/daemon/publish-record-version.js';
import {
  repairPublicFiles,
  type RepairPublicFilesSummary,
} from '../../src/daemon/repair-public-files.js';
import { currentRecord } from '../../src/db/record-store.js';
import { createLog } from '../../src/log.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, logSession } from '../support/session-rows.js';

const signal = new AbortController().signal;

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-public-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

describeDatabases('public files that somebody removed or changed', (fixture) => {
  const lines = new PassThrough();
  const at = (path: string): string => join(folder, 'records', path);
  const publicFile = (name: string): string => at(`2026/${name}`);
  const versionFile = (name: string): string => at(`versions/2026/${name}`);

  function environment() {
    const log = createLog({ level: 'warn', format: 'json', file: null }, { stream: lines });
    const paths = { data: '', output: join(folder, 'output'), records: join(folder, 'records') };
    return { database: fixture.database, log, paths, clock: systemClock };
  }
  const repair = (most: number | null = null): Promise<RepairPublicFilesSummary> =>
    repairPublicFiles(environment(), { most, signal });
  const said = (): string => String(lines.read() ?? '');

  /** A record that is built, and published unless said otherwise. */
  async function record(name: string, isPublished = true): Promise<void> {
    await logSession(fixture.database, name, {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T10:00:00Z',
    });
    for (const extension of ['xml', 'json']) {
      const path = versionFile(`${name}.${extension}`);
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, `${name} as ${extension}`);
    }
    await build(fixture.database, name, {
      record: {
        path: `versions/2026/${name}.xml`,
        publicPath: `2026/${name}.xml`,
        sha256: createHash('sha256').update(`${name} as xml`).digest('hex'),
        cause: 'first build',
        activities: [],
      },
    });
    const current = await fixture.database.createScope(() => currentRecord(name));
    if (isPublished) await publishRecordVersion(environment(), current?.recordId ?? 0);
  }

  beforeEach(async () => {
    lines.read();
    await addInstrument(fixture.database, 'titan');
  });

  test.each([
    ['the XML is gone', () => rmSync(publicFile('a.xml'))],
    ['the JSON is gone', () => rmSync(publicFile('a.json'))],
    ['the whole folder is gone', () => rmSync(at('2026'), { recursive: true })],
    ['a byte was added', () => appendFileSync(publicFile('a.xml'), 'x')],
    [
      'it has other content of the same size',
      () => writeFileSync(publicFile('a.json'), 'b as json'),
    ],
    ['its version is gone', () => rmSync(versionFile('a.xml'))],
  ])('are made anew: %s', async (_, damage) => {
    await record('a');
    damage();
    expect(await repair()).toEqual({ checked: 1, mended: 1, lost: 0 });
    for (const kind of ['xml', 'json']) {
      expect(readFileSync(publicFile(`a.${kind}`), 'utf8')).toBe(`a as ${kind}`);
      expect(readFileSync(versionFile(`a.${kind}`), 'utf8')).toBe(`a as ${kind}`);
    }
    expect(said()).toContain('were made anew');
    expect(await repair()).toEqual({ checked: 1, mended: 0, lost: 0 });
    expect(said()).toBe('');
  });

  test('that are right are not read: their size and time say so', async () => {
    await record('a');
    const before = statSync(publicFile('a.xml'), { bigint: true });
    expect(statSync(publicFile('a.xml')).mtimeMs).toBeCloseTo(
      statSync(versionFile('a.xml')).mtimeMs,
      0,
    );
    chmodSync(publicFile('a.xml'), 0);
    expect(await repair()).toEqual({ checked: 1, mended: 0, lost: 0 });
    expect(statSync(publicFile('a.xml'), { bigint: true })).toMatchObject({
      ino: before.ino,
      mtimeNs: before.mtimeNs,
    });
  });

  test('whose time alone differs, as after a restored backup, get it again without a word', async () => {
    await record('a');
    writeFileSync(publicFile('a.xml'), 'a as xml');
    expect(await repair()).toEqual({ checked: 1, mended: 0, lost: 0 });
    expect(said()).toBe('');
    expect(statSync(publicFile('a.xml')).mtimeMs).toBeCloseTo(
      statSync(versionFile('a.xml')).mtimeMs,
      0,
    );
  });

  test('without anything to make them from are told once, and stop no other', async () => {
    for (const name of ['a', 'b', 'c']) await record(name);
    for (const path of [publicFile('a.xml'), versionFile('a.xml')]) rmSync(path);
    appendFileSync(publicFile('b.xml'), 'x');
    appendFileSync(versionFile('b.xml'), 'other');
    rmSync(publicFile('c.xml'));
    expect(await repair()).toEqual({ checked: 3, mended: 1, lost: 2 });
    expect(existsSync(publicFile('a.xml'))).toBe(false);
    expect(existsSync(publicFile('c.xml'))).toBe(true);
    expect(said().match(/cannot be made anew/g)).toHaveLength(1);
  });

  test('of records that are not published yet, or not current any more, are left alone', async () => {
    await record('a', false);
    await record('b');
    await fixture.database
      .knex('records')
      .where('public_path', '2026/b.xml')
      .update({ withdrawn_at: new Date().toISOString() });
    rmSync(publicFile('b.xml'));
    expect(await repair()).toEqual({ checked: 0, mended: 0, lost: 0 });
    expect(existsSync(publicFile('b.xml'))).toBe(false);
  });

  test('are looked at in part by one pass, and all by many', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e']) await record(name);
    expect(await repair(5)).toMatchObject({ checked: 5 });
    expect(await repair(9)).toMatchObject({ checked: 5 });
    rmSync(publicFile('c.xml'));
    let mended = 0;
    for (let pass = 0; pass < 500 && mended === 0; pass += 1) {
      const summary = await repair(2);
      expect(summary.checked).toBe(2);
      mended += summary.mended;
    }
    expect(mended).toBe(1);
  });
});
