import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../src/clock.js';
import { CLEAN_UP_AGE_MS, cleanUp, orphanVersions } from '../../src/daemon/clean-up.js';
import { stagingPath } from '../../src/daemon/staging.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { createLog } from '../../src/log.js';
import { describeDatabases } from '../support/databases.js';
import { createLab } from '../support/lab.js';
import { addInstrument, claim, logSession, settle, testActivity } from '../support/session-rows.js';

const VERSION = 'versions/2026/a_00000000.00000000000000aa';
const ORPHAN = 'versions/2026/b_00000000.00000000000000bb';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-clean-up-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

/** Writes a file below the lab's folder; an old one unless said otherwise. */
function write(path: string, isOld = true): string {
  const absolute = join(folder, path);
  mkdirSync(dirname(absolute), { recursive: true });
  writeFileSync(absolute, path);
  if (isOld) utimesSync(absolute, 1000, 1000);
  return absolute;
}

function isThere(path: string): boolean {
  return existsSync(join(folder, path));
}

describeDatabases('cleanUp', (fixture) => {
  function environment() {
    const log = createLog(
      { level: 'error', format: 'json', file: null },
      { stream: new PassThrough().resume() },
    );
    const paths = { data: '', output: join(folder, 'output'), records: join(folder, 'records') };
    return { database: fixture.database, log, paths, clock: systemClock };
  }

  /** A settled session whose version files exist and are not public yet. */
  async function settled(identifier: string): Promise<{ readonly token: number }> {
    const { database } = fixture;
    await addInstrument(database, 'titan');
    await logSession(database, identifier, {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T10:00:00Z',
    });
    const claimed = await claim(database, identifier);
    await settle(database, identifier, claimed, {
      record: {
        path: `${VERSION}.xml`,
        publicPath: '2026/a.xml',
        sha256: 'a'.repeat(64),
        cause: 'first build',
        activities: [testActivity([])],
      },
    });
    write(`records/${VERSION}.xml`);
    write(`records/${VERSION}.json`);
    return claimed;
  }

  test('old version files that no record has and old unfinished files go; all others stay', async () => {
    await settled('first');
    write(`records/${ORPHAN}.xml`);
    write(`records/${ORPHAN}.json`);
    write('records/versions/2025/c_00000000.00000000000000cc.xml');
    write('records/2026/.unfinished-0123');
    const kept = [
      `records/${VERSION}.xml`,
      `records/${VERSION}.json`,
      'records/versions/2026/README.txt',
      'records/versions/loose.00000000000000dd.xml',
      'records/2026/notes_of_somebody.xml',
      'records/invalid/x_00000000.00000000000000ee.xml',
    ];
    for (const path of kept.slice(2)) write(path);
    const young = [`records/${ORPHAN.replace('bb', 'bc')}.xml`, 'records/.unfinished-4567'];
    for (const path of young) write(path, false);

    const options = { olderThanMs: CLEAN_UP_AGE_MS };
    expect(await cleanUp(environment(), options)).toStrictEqual({ unfinished: 1, orphans: 3 });
    for (const path of [...kept, ...young])
      expect([path, isThere(path)]).toStrictEqual([path, true]);
    expect(isThere(`records/${ORPHAN}.xml`)).toBe(false);
    expect(isThere('records/versions/2025')).toBe(false);
    expect(await cleanUp(environment(), options)).toStrictEqual({ unfinished: 0, orphans: 0 });
    expect(await cleanUp(environment(), { olderThanMs: -60_000 })).toStrictEqual({
      unfinished: 1,
      orphans: 1,
    });
  });

  test('a settled record that is not public is published, its staged sidecars are moved into place', async () => {
    const { token } = await settled('first');
    const output = join(folder, 'output');
    const staged = stagingPath(output, { sessionKey: sessionKeyOf('first'), token });
    write(`${staged.slice(folder.length)}/titan/a.msa.json`);
    await cleanUp(environment(), { olderThanMs: CLEAN_UP_AGE_MS });
    expect(isThere('records/2026/a.xml')).toBe(true);
    expect(isThere('records/2026/a.json')).toBe(true);
    expect(isThere('output/titan/a.msa.json')).toBe(true);
    expect(existsSync(staged)).toBe(false);
  });

  test('the files of a withdrawn record go, public ones at once and versions once they are old', async () => {
    await settled('first');
    await cleanUp(environment(), { olderThanMs: CLEAN_UP_AGE_MS });
    await fixture.database.createScope(() =>
      cancelSession('first', { who: 'ada', why: 'a mistake' }),
    );
    await cleanUp(environment(), { olderThanMs: CLEAN_UP_AGE_MS });
    expect(isThere('records/2026/a.xml')).toBe(false);
    expect(isThere(`records/${VERSION}.xml`)).toBe(false);
    expect(isThere(`records/${VERSION}.json`)).toBe(false);
  });

  test('more files than one page holds are all looked at; a clean-up that is to stop removes nothing more', async () => {
    await settled('first');
    const names = Array.from(
      { length: 450 },
      (_, index) => `versions/2026/d.${index.toString(16).padStart(16, '0')}.xml`,
    );
    for (const name of names) write(`records/${name}`);
    const found: string[] = [];
    for await (const path of orphanVersions(environment(), 2_000_000)) found.push(path);
    expect(found.sort()).toStrictEqual([...names].sort());
    const signal = AbortSignal.abort();
    expect(await cleanUp(environment(), { olderThanMs: CLEAN_UP_AGE_MS, signal })).toStrictEqual({
      unfinished: 0,
      orphans: 0,
    });
    expect(isThere(`records/${String(names[0])}`)).toBe(true);
  });

  test('folders that are not there yet hold nothing to clean', async () => {
    expect(await cleanUp(environment(), { olderThanMs: 0 })).toStrictEqual({
      unfinished: 0,
      orphans: 0,
    });
  });
});

test('the daemon cleans up when it starts', async () => {
  const lab = await createLab({ engine: 'sqlite' });
  try {
    const orphan = join(lab.records, `${ORPHAN}.xml`);
    mkdirSync(dirname(orphan), { recursive: true });
    writeFileSync(orphan, '');
    utimesSync(orphan, 1000, 1000);
    const daemon = lab.start(['run']);
    await daemon.saw('What earlier crashes left was removed.');
    expect(existsSync(orphan)).toBe(false);
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
  } finally {
    await lab.remove();
  }
}, 30_000);
