import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { createLab, type Lab, type RunOnceResult } from '../support/lab.js';

jest.setTimeout(180_000);

const START = '2026-03-02T09:00:00Z';
const MIDDLE = '2026-03-02T09:30:00Z';
const END = '2026-03-02T10:00:00Z';
const DAY_MS = 86_400_000;

function sessionOf(result: RunOnceResult, identifier: string) {
  const session = result.sessions.find((one) => one.session_identifier === identifier);
  if (session === undefined) throw new Error(`${identifier} was not taken up:\n${result.stderr}`);
  return session;
}

async function generationsOf(lab: Lab, identifier: string): Promise<number> {
  const rows = await lab.database
    .knex('session_log')
    .where({ session_identifier: identifier, event_type: 'RECORD_GENERATION' })
    .select('id_session_log');
  return rows.length;
}

async function statusesOf(lab: Lab, identifier: string): Promise<string[]> {
  const rows = await lab.database
    .knex('session_log')
    .where({ session_identifier: identifier })
    .pluck('record_status');
  return [...new Set(rows.map(String))];
}

describe('stores that are away', () => {
  let lab: Lab;
  let first: RunOnceResult;
  let second: RunOnceResult;

  beforeAll(async () => {
    lab = await createLab({
      engine: 'sqlite',
      // Nothing here is to end by its file delay.
      settings: { build: { file_delay_days: 100_000 } },
      instruments: ['built', 'missing', 'not-mounted', 'a-file', 'never-used'],
    });
    rmSync(join(lab.data, 'missing'), { recursive: true });
    rmSync(join(lab.data, 'a-file'), { recursive: true });
    writeFileSync(join(lab.data, 'a-file'), 'no folder');
    for (const instrument of ['built', 'missing', 'not-mounted', 'a-file', 'never-used']) {
      await lab.log(`${instrument} 1`, { start: START, end: END, instrument });
    }
    lab.spectrum('built/eds.msa', MIDDLE);
    lab.spectrum('not-mounted/eds.msa', MIDDLE);
    first = await lab.runOnce();
    // What was mounted is not any more: the folder it was mounted on is there, and empty.
    renameSync(join(lab.data, 'not-mounted'), join(lab.folder, 'kept'));
    mkdirSync(join(lab.data, 'not-mounted'));
    await lab.log('not-mounted 2', { start: START, end: END, instrument: 'not-mounted' });
    await lab.log('built 2', { start: END, end: '2026-03-02T11:00:00Z', instrument: 'built' });
    lab.spectrum('built/later.msa', '2026-03-02T10:30:00Z');
    second = await lab.runOnce();
  });
  afterAll(() => lab.remove());

  test('other instruments are built, and a deferred session is no failure', () => {
    expect(sessionOf(first, 'built 1')).toMatchObject({ outcome: 'COMPLETED', files: 1 });
    expect(sessionOf(first, 'not-mounted 1').outcome).toBe('COMPLETED');
    expect(sessionOf(second, 'built 2').outcome).toBe('COMPLETED');
    expect([first.code, second.code]).toEqual([0, 0]);
  });

  test('a folder that is missing, is no folder, or is empty where files were seen defers with the reason', () => {
    expect(sessionOf(first, 'missing 1')).toMatchObject({
      outcome: 'DEFERRED',
      reason: `The folder ${join(lab.data, 'missing')} does not exist: is the store mounted?`,
    });
    expect(sessionOf(first, 'a-file 1')).toMatchObject({
      outcome: 'DEFERRED',
      reason: `The folder ${join(lab.data, 'a-file')} cannot be read: it is no folder.`,
    });
    const empty = sessionOf(second, 'not-mounted 2');
    expect(empty.outcome).toBe('DEFERRED');
    expect(empty.reason).toMatch(
      /not-mounted is empty, but held files before \(.+Z\): is the store mounted\?$/,
    );
  });

  test('an empty folder in which nothing was ever seen only waits for files', () => {
    expect(sessionOf(first, 'never-used 1')).toMatchObject({
      outcome: 'DEFERRED',
      reason: expect.stringContaining('no files yet'),
    });
  });

  test('what is deferred keeps its status and gets no RECORD_GENERATION', async () => {
    for (const identifier of ['missing 1', 'a-file 1', 'never-used 1', 'not-mounted 2']) {
      expect(await generationsOf(lab, identifier)).toBe(0);
      expect(await statusesOf(lab, identifier)).toEqual(['TO_BE_BUILT']);
    }
    expect(await generationsOf(lab, 'built 1')).toBe(1);
  });

  test('a record made before the store went away stays as it is', async () => {
    const { record, version } = sessionOf(first, 'not-mounted 1');
    expect(lab.read(record ?? '')).toContain('<location>/not-mounted/eds.msa</location>');
    await lab.database.createScope(() => retrySessions({ identifiers: ['not-mounted 1'] }));
    const again = sessionOf(await lab.runOnce(['--session', 'not-mounted 1']), 'not-mounted 1');
    expect(again).toMatchObject({ outcome: 'DEFERRED', record, version });
    expect(lab.read(record ?? '')).not.toContain('missing since');
  });

  test('back again, the store is used at once', async () => {
    rmSync(join(lab.data, 'not-mounted'), { recursive: true });
    renameSync(join(lab.folder, 'kept'), join(lab.data, 'not-mounted'));
    const result = await lab.runOnce(['--session', 'not-mounted 1']);
    expect(sessionOf(result, 'not-mounted 1')).toMatchObject({ outcome: 'COMPLETED', version: 1 });
  });
});

describe('the file delay and a store that is away', () => {
  let lab: Lab;

  beforeAll(async () => {
    lab = await createLab({
      engine: 'sqlite', // One at a time: the second is not tried once the first found the store away.
      settings: { build: { file_delay_days: 2, concurrency: 1 } },
    });
    rmSync(join(lab.data, 'titan'), { recursive: true });
    const ended = Date.now() - 4 * DAY_MS;
    for (const name of ['tried', 'not tried']) {
      const start = new Date(ended - 3_600_000).toISOString();
      await lab.log(name, { start, end: new Date(ended).toISOString() });
    }
  });
  afterAll(() => lab.remove());

  async function pretendAwaySince(daysAgo: number): Promise<void> {
    const since = new Date(Date.now() - daysAgo * DAY_MS).toISOString();
    await lab.database.knex('sessions').update({ store_away_since: since, next_attempt_at: null });
  }

  test('stands still while the store is away, also for sessions that were not even tried', async () => {
    const away = await lab.runOnce();
    expect(away.counts).toEqual({ DEFERRED: 2 });
    const rows = await lab.database.knex('sessions').pluck('store_away_since');
    expect(rows.filter((since) => since === null)).toEqual([]);

    // Of the four days since END it was away for three: the delay of two days is not over.
    await pretendAwaySince(3);
    mkdirSync(join(lab.data, 'titan'));
    const back = await lab.runOnce();
    expect(back.counts).toEqual({ DEFERRED: 2 });
    expect(back.sessions[0]?.reason).toContain('no files yet');
  });

  test('goes on when the store is back, and ends as NO_FILES_FOUND', async () => {
    await lab.database
      .knex('sessions')
      .update({ store_away_ms: DAY_MS, store_away_since: null, next_attempt_at: null });
    const result = await lab.runOnce();
    expect(result.counts).toEqual({ NO_FILES_FOUND: 2 });
    expect(result.sessions[0]?.reason).toContain('the file delay (2 days) is over');
    expect(await generationsOf(lab, 'tried')).toBe(1);
  });
});

describe('without the whole of paths.data', () => {
  test('everything is deferred and the exit code is 69', async () => {
    const lab = await createLab({ engine: 'sqlite', instruments: ['one', 'two'] });
    try {
      for (const instrument of ['one', 'two']) {
        await lab.log(instrument, { start: START, end: END, instrument });
      }
      rmSync(lab.data, { recursive: true });
      const result = await lab.runOnce();
      expect(result.counts).toEqual({ DEFERRED: 2 });
      expect(result.code).toBe(69);
      expect(sessionOf(result, 'one').reason).toContain(
        `The folder ${lab.data} does not exist: is the store mounted?`,
      );
      expect(await generationsOf(lab, 'one')).toBe(0);
      expect(lab.files(lab.records)).toEqual([]);
    } finally {
      await lab.remove();
    }
  });
});
