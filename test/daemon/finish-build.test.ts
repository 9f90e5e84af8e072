import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { systemClock } from '../../src/clock.js';
import { deferred, settled, type BuildEnding } from '../../src/daemon/build-ending.js';
import { finishBuild, type EndingAttempt } from '../../src/daemon/finish-build.js';
import { stagingPath } from '../../src/daemon/staging.js';
import type { Database } from '../../src/db/database.js';
import { AppError } from '../../src/errors.js';
import { createLog } from '../../src/log.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, claim, logSession } from '../support/session-rows.js';

const BUILT: BuildEnding = {
  kind: 'settle',
  outcome: 'COMPLETED',
  reason: null,
  version: {
    path: 'versions/2026/a.xml',
    publicPath: '2026/a.xml',
    sha256: 'a'.repeat(64),
    fingerprint: 'f',
    cause: 'first build',
    activities: [],
  },
  files: 3,
  activities: 2,
};

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-finish-'));
});

afterEach(() => rmSync(folder, { recursive: true }));

describeDatabases('the end of a build', (fixture) => {
  /** A claimed session whose build works with this database, and what was logged. */
  async function claimed(
    database: Database,
  ): Promise<{ attempt: EndingAttempt; log: PassThrough }> {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 's-1', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T10:00:00Z',
    });
    const { session, working, token } = await claim(fixture.database, 's-1');
    const lines = new PassThrough();
    const log = createLog({ level: 'warn', format: 'json', file: null }, { stream: lines });
    const paths = { data: '', output: join(folder, 'output'), records: join(folder, 'records') };
    const attempt: EndingAttempt = {
      environment: { database, log, paths, clock: systemClock, host: 'h', softwareVersion: '1' },
      session,
      working,
      token,
      sessionKey: session.key,
      log,
      startedAt: performance.now(),
    };
    return { attempt, log: lines };
  }

  /** The database, which goes away after one unit of work. */
  function awayAfterOne(): Database {
    const { database } = fixture;
    let isAway = false;
    return {
      ...database,
      createScope: async <T>(work: () => Promise<T>): Promise<T> => {
        if (isAway) throw new AppError('DATABASE_UNAVAILABLE', 'The database is away.');
        isAway = true;
        return database.createScope(work);
      },
    };
  }

  const status = () => fixture.database.knex('sessions').pluck<unknown[]>('status');

  test('a session that is settled is reported, also when the database goes away right after it', async () => {
    const { attempt, log } = await claimed(awayAfterOne());
    expect(await finishBuild(attempt, BUILT)).toMatchObject({
      kind: 'built',
      report: {
        outcome: 'COMPLETED',
        version: 1,
        recordPath: join(folder, 'records', '2026/a.xml'),
        files: 3,
      },
    });
    expect(await status()).toEqual(['COMPLETED']);
    expect(String(log.read())).toContain('its public files could not be written');
  });

  test.each([
    ['NO_FILES_FOUND', settled('NO_FILES_FOUND', 'no files')],
    ['DEFERRED', deferred('waiting', 60_000)],
  ] as const)(
    'an attempt that ended as %s is reported, also when the database goes away right after it',
    async (outcome, ending) => {
      const { attempt, log } = await claimed(awayAfterOne());
      expect(await finishBuild(attempt, ending)).toMatchObject({
        kind: 'built',
        report: { outcome, version: null, recordPath: null },
      });
      expect(String(log.read())).toContain('Sidecars of a build could not be put in order');
    },
  );

  test('a store that is away stops the clock of the file delay, whatever part of the build found it', async () => {
    const { attempt } = await claimed(fixture.database);
    await finishBuild(attempt, deferred('the store hangs', 60_000, { away: 'store' }));
    const since = await fixture.database.knex('sessions').pluck<unknown[]>('store_away_since');
    expect(since).toEqual([expect.anything()]);
  });

  test('a lost lease is passed over, also when nothing can be put in order afterwards', async () => {
    const { attempt, log } = await claimed(awayAfterOne());
    // A file where the folder of the staged attempts would be.
    mkdirSync(join(folder, 'output'));
    writeFileSync(join(folder, 'output', '.recordsmith'), '');
    const late = { ...attempt, token: attempt.token - 1 };
    expect(await finishBuild(late, BUILT)).toEqual({ kind: 'passed-over', reason: 'lease-lost' });
    expect(String(log.read())).toContain('could not be put in order');
  });

  test('what an attempt without a record staged is removed', async () => {
    const { attempt } = await claimed(fixture.database);
    const staged = stagingPath(join(folder, 'output'), attempt);
    mkdirSync(staged, { recursive: true });
    await finishBuild(attempt, settled('NO_FILES_FOUND', 'no files'));
    expect(existsSync(staged)).toBe(false);
  });

  test('a settlement that the database could not make throws', async () => {
    const database = awayAfterOne();
    await database.createScope(async () => undefined);
    const { attempt } = await claimed(database);
    await expect(finishBuild(attempt, BUILT)).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    expect(await status()).toEqual(['TO_BE_BUILT']);
  });
});
