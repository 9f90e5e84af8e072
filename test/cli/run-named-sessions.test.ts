import { createHash } from 'node:crypto';
import { renameSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { claimSession } from '../../src/db/build-lease-store.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import { parseDatabaseUrl } from '../../src/db/database-settings.js';
import { pause, resume } from '../../src/db/pause-store.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type ReportedSession } from '../support/lab.js';
import { runInProcess } from './run-in-process.js';

jest.setTimeout(180_000);

const NAMES = ['open', 'done', 'empty', 'cancelled', 'paused', 'leased', 'faulty', 'future'];

describeEngines('Sessions that are named and cannot be built', (engine) => {
  let lab: Lab;

  const run = (...args: string[]) =>
    runInProcess(lab.folder, ['--run-once', ...args, '--config', lab.configFile]);
  const entries = async (...args: string[]): Promise<Map<string, ReportedSession>> => {
    const { code, stdout, stderr } = await run('--json', ...args);
    if (code !== 0) throw new Error(`exit ${String(code)}: ${stderr}`);
    const { sessions } = JSON.parse(stdout) as { sessions: ReportedSession[] };
    return new Map(sessions.map((session) => [session.session_identifier, session]));
  };
  const named = NAMES.flatMap((name) => ['--session', name]);

  /** Every file of the lab and of the database's folder, with what it holds. The lock table of SQLite's readers is none. */
  function fingerprint(): Record<string, string> {
    const address = parseDatabaseUrl(lab.databaseUrl);
    const folders = [lab.folder, ...(address.client === 'sqlite' ? [dirname(address.file)] : [])];
    const paths = folders.flatMap((folder) => lab.files(folder).map((name) => join(folder, name)));
    return Object.fromEntries(
      paths
        .filter((path) => !path.endsWith('-shm'))
        .map((path) => [path, createHash('sha256').update(lab.read(path)).digest('hex')]),
    );
  }

  beforeAll(async () => {
    lab = await createLab({
      engine,
      instruments: ['titan', 'helios'],
      settings: { log: { file: { path: 'recordsmith.log' } } },
    });
    const day = { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' };
    lab.spectrum('titan/a.msa', '2026-03-02T09:10:00Z');
    await lab.log('done', day);
    await lab.log('empty', { start: '2026-03-01T09:00:00Z', end: '2026-03-01T10:00:00Z' });
    await run();
    await lab.log('open', { start: '2026-03-03T09:00:00Z' });
    await lab.log('cancelled', { start: '2026-03-04T09:00:00Z', end: '2026-03-04T10:00:00Z' });
    await lab.log('paused', { ...day, instrument: 'helios' });
    await lab.log('leased', { start: '2026-03-05T09:00:00Z', end: '2026-03-05T10:00:00Z' });
    await lab.log('faulty', { start: '2026-03-06T09:00:00Z', end: '2026-03-06T08:00:00Z' });
    await lab.log('future', { start: '2026-03-06T09:00:00Z', end: '9000-01-01T08:00:00Z' });
    await lab.database.createScope(async () => {
      await cancelSession('cancelled', { who: 'eve', why: 'a test' });
      await claimSession({ identifier: 'leased', owner: 'mars:7', leaseSeconds: 3600 });
      const brake = { reason: 'repair', untilMs: null, author: 'eve' };
      await pause({ ...brake, scope: 'instrument', target: 'helios' });
    });
  });
  afterAll(() => lab.remove());

  const key = sessionKeyOf;
  const expected: readonly (readonly [string, string, string])[] = [
    ['open', 'WAITING_FOR_END', `it has no END yet: recordsmith log end --session ${key('open')}`],
    [
      'done',
      'COMPLETED',
      `version 1 of its record holds); build it again: recordsmith sessions retry`,
    ],
    ['empty', 'NO_FILES_FOUND', `build it again: recordsmith sessions retry ${key('empty')}`],
    [
      'cancelled',
      'CANCELLED',
      `Cancelled by eve: a test; take it back: recordsmith sessions release`,
    ],
    ['paused', 'DEFERRED', 'paused by eve: repair: recordsmith resume --instrument helios'],
    ['leased', 'DEFERRED', `being built now by mars:7: recordsmith sessions show ${key('leased')}`],
    ['faulty', 'DEFERRED', `recordsmith sessions set ${key('faulty')} --start TIME --end TIME`],
    ['future', 'DEFERRED', 'its END lies in the future, not before 9000-01-01T09:00:00+01:00'],
  ];

  for (const args of [[], ['--dry-run']]) {
    test(`each has an entry with status, reason and remedy ${args.join(' ')}`, async () => {
      const found = await entries(...args, ...named);
      expect([...found.keys()].sort()).toEqual([...NAMES].sort());
      for (const [name, outcome, reason] of expected) {
        expect(found.get(name)).toMatchObject({
          outcome,
          reason: expect.stringContaining(reason),
          start: expect.any(String),
        });
      }
      expect(found.get('open')?.end).toBeNull();
      expect(found.get('done')).toMatchObject({ version: 1 });
    });
  }

  test('a pass names the record of a finished session, and the table has it in its own column', async () => {
    const done = (await entries('--session', 'done')).get('done');
    expect(done).toMatchObject({ files: 1, activities: 1, record: expect.stringMatching(/xml$/) });
    const { stdout } = await run('--session', 'done');
    expect(stdout).toMatch(/VERSION +RECORD +REASON\n/);
    expect(stdout).toContain(String(done?.record));
  });

  test('the wrong instrument is told, and nothing is said of sessions that were not named', async () => {
    const there = await entries('--session', 'done', '--instrument', 'helios');
    expect(there.get('done')?.reason).toContain('it is on titan, not on helios');
    expect(await entries()).toEqual(new Map());
    expect(await entries('--dry-run')).toEqual(new Map());
    expect((await run('--dry-run')).stdout).toContain('helios is paused by eve: repair');
  });

  test('a dry run takes a lease that ran out as over, in rows by SQL too, and a build that keeps dying as an ERROR', async () => {
    const { knex } = lab.database;
    const isOver = { lease_expires_at: '2026-03-05T11:00:00.000Z' };
    await knex('sessions').where('session_identifier', 'leased').update(isOver);
    expect((await entries('--dry-run')).get('leased')?.outcome).toBe('NO_FILES_FOUND');
    // Noted as a change, so that it is taken up in memory.
    await knex('session_log').where('session_identifier', 'leased').update({ user: 'bob' });
    expect((await entries('--dry-run')).get('leased')).toMatchObject({
      outcome: 'NO_FILES_FOUND',
      user: 'bob',
    });
    await knex('sessions').where('session_identifier', 'leased').update({ died_builds: 2 });
    expect((await run('--dry-run')).code).toBe(1);
    await knex('sessions').where('session_identifier', 'leased').update({ died_builds: 0 });
  });

  test('a dry run ends as a pass does while the store is away, and changes no file', async () => {
    await lab.database.createScope(() => resume('instrument', 'helios'));
    const identifier = 'only-by-sql';
    const row = { session_identifier: identifier, instrument: 'titan', user: 'ada' };
    await lab.database.knex('session_log').insert([
      { ...row, event_type: 'START', timestamp: '2026-03-07T09:00:00.000Z' },
      { ...row, event_type: 'END', timestamp: '2026-03-07T10:00:00.000Z' },
    ]);
    const before = fingerprint();
    expect((await entries('--dry-run', '--session', identifier)).get(identifier)).toMatchObject({
      outcome: 'NO_FILES_FOUND',
    });
    expect((await run('--dry-run')).code).toBe(0);
    renameSync(lab.data, `${lab.data}-away`);
    const dry = await run('--dry-run', '--json');
    renameSync(`${lab.data}-away`, lab.data);
    expect(fingerprint()).toEqual(before);
    expect(dry.code).toBe(69);
    const { sessions } = JSON.parse(dry.stdout) as { sessions: ReportedSession[] };
    expect(sessions.map(({ outcome }) => outcome)).toEqual(sessions.map(() => 'DEFERRED'));
    renameSync(lab.data, `${lab.data}-away`);
    const real = await run('--json');
    renameSync(`${lab.data}-away`, lab.data);
    expect(real.code).toBe(69);
    const passed = JSON.parse(real.stdout) as { sessions: ReportedSession[] };
    expect(sessions.map(({ session_identifier }) => session_identifier).sort()).toEqual(
      passed.sessions.map(({ session_identifier }) => session_identifier).sort(),
    );
  });
});
