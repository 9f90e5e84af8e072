import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import pg from 'pg';
import { deferSession, releaseLease } from '../../src/db/build-lease-store.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import { openDatabase } from '../../src/db/database.js';
import { migrateLatest } from '../../src/db/migrate.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { WakeUp, type WakeUpOptions } from '../../src/db/wake-up.js';
import { createLog } from '../../src/log.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, claim, logSession } from '../support/session-rows.js';
import { waitFor } from '../support/wait-for.js';

const PAST = { start: '2026-03-01T09:00:00Z', end: '2026-03-01T11:00:00Z' };
const LOG_ROWS = (identifier: string): string =>
  `insert into session_log (session_identifier, instrument, timestamp, event_type) values ('${identifier}', 'titan', '2026-03-02T09:00:00Z', 'START'), ('${identifier}', 'titan', '2026-03-02T10:00:00Z', 'END')`;

describeDatabases('waking the daemons', (fixture) => {
  if (fixture.engine === 'sqlite') {
    test('is left to their schedule: SQLite has no way to tell another process', async () => {
      const triggers: unknown[] = await fixture.database
        .knex('sqlite_master')
        .where('type', 'trigger')
        .where('name', 'like', '%wake_up%');
      expect(triggers).toEqual([]);
    });
    return;
  }

  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  let client: pg.Client;
  let heard: string[];

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    heard = [];
    client = new pg.Client({ connectionString: fixture.url });
    await client.connect();
    client.on('notification', ({ payload }) => heard.push(payload ?? ''));
    await client.query('listen "recordsmith:public"');
  });
  afterEach(() => client.end());

  /** How often the daemons are woken by some work: notifications come in the order of the commits. */
  async function wakes(work: () => Promise<unknown>): Promise<number> {
    const mark = `mark ${String(heard.length)}`;
    const before = heard.length;
    await work();
    await fixture.database.knex.raw(`select pg_notify('recordsmith:public', ?)`, [mark]);
    await waitFor('the mark is heard', () => heard.includes(mark));
    return heard.length - before - 1;
  }

  test('rows written by SQL wake them once a statement', async () => {
    const sql = (text: string) => wakes(() => fixture.database.knex.raw(text));
    expect(await sql(LOG_ROWS('s-1'))).toBe(1);
    expect(await sql(`update session_log set "user" = 'ada'`)).toBe(1);
    expect(await sql(`update session_log set "user" = 'ada'`)).toBe(0);
    expect(await sql(`update session_log set source = 'x'`)).toBe(0);
    expect(
      await sql(
        `insert into session_log (session_identifier, instrument, event_type) values ('s-1', 'titan', 'RECORD_GENERATION')`,
      ),
    ).toBe(0);
  });

  test('a session that can be built now wakes them; one that is open, in the future or done does not', async () => {
    const log = (identifier: string, session: { start: string; end?: string }) =>
      wakes(() => logSession(fixture.database, identifier, session));
    expect(await log('open', { start: PAST.start })).toBe(0);
    expect(await log('future', { start: PAST.start, end: '2999-01-01T00:00:00Z' })).toBe(0);
    expect(await log('s-1', PAST)).toBe(1);
    expect(await wakes(() => build(fixture.database, 's-1'))).toBe(0);
    expect(await wakes(() => scoped(() => retrySessions({ identifiers: ['s-1'] })))).toBe(1);
    expect(await wakes(() => scoped(() => cancelSession('s-1', { who: 'eve' })))).toBe(0);
  });

  test('a lease given back wakes them, a build put off does not before it is due', async () => {
    expect(await wakes(() => logSession(fixture.database, 's-1', PAST))).toBe(1);
    const putOff = async () => {
      const { token, inputsRevision } = await claim(fixture.database, 's-1');
      const held = { identifier: 's-1', token, inputsRevision, reason: 'waiting' };
      const nextAttemptAtMs = Date.now() + 3_600_000;
      await scoped(() => deferSession({ ...held, nextAttemptAtMs, countsAsTry: false }));
    };
    const giveBack = async () => {
      const { token } = await claim(fixture.database, 's-1');
      await scoped(() => releaseLease('s-1', token));
    };
    expect(await wakes(giveBack)).toBe(1);
    expect(await wakes(putOff)).toBe(0);
    expect(
      await wakes(() => fixture.database.knex('sessions').update({ next_attempt_at: null })),
    ).toBe(1);
  });

  function listen(changes: Partial<WakeUpOptions> = {}) {
    let lines = '';
    const stream = new PassThrough().on('data', (data: Buffer) => (lines += data.toString()));
    const log = createLog({ level: 'debug', format: 'json', file: null }, { stream });
    let count = 0;
    const wakeUp = new WakeUp({
      settings: { client: 'postgres', url: fixture.url },
      onWake: () => (count += 1),
      log,
      quietMs: 0,
      ...changes,
    });
    wakeUp.start();
    return {
      wakeUp,
      count: () => count,
      timesLogged: (message: string) => lines.split(message).length - 1,
    };
  }
  const listeners = async (): Promise<number[]> =>
    fixture.database
      .knex('pg_stat_activity')
      .where('application_name', 'recordsmith wake-up')
      .whereRaw('datname = current_database()')
      .pluck('pid');

  test('a connection that is cut is made anew, with one warning, and what was missed is looked for', async () => {
    const listener = listen();
    await waitFor('it listens', () => listener.count() === 1);
    for (const pid of await listeners()) {
      await fixture.database.knex.raw('select pg_terminate_backend(?)', [pid]);
    }
    await waitFor('it listens again', () => listener.count() === 2);
    expect(listener.timesLogged('The database cannot wake the daemon for now')).toBe(1);
    expect(listener.timesLogged('The database wakes the daemon again.')).toBe(1);
    await fixture.database.knex.raw(LOG_ROWS('s-1'));
    await waitFor('it hears', () => listener.count() === 3);
    await listener.wakeUp.stop();
    expect(await waitFor('it is gone', async () => (await listeners()).length === 0)).toBe(true);
  });

  test('many notifications at once wake once, and those that follow once more', async () => {
    const listener = listen({ quietMs: 300 });
    await waitFor('it listens', () => listener.count() === 1);
    for (let time = 0; time < 20; time += 1) {
      await fixture.database.knex.raw(LOG_ROWS(`s-${String(time)}`));
    }
    await waitFor('it hears', () => listener.count() >= 2);
    await listener.wakeUp.stop();
    const last = listener.count();
    expect(last).toBeLessThan(10);
    await wakes(() => fixture.database.knex.raw(LOG_ROWS('late')));
    expect(listener.count()).toBe(last);
  });

  test('a server that is away costs one warning, and stopping does not wait for it', async () => {
    const listener = listen({
      settings: { client: 'postgres', url: 'postgres://nobody:secret-word@127.0.0.1:1/none' },
    });
    const warning = 'The database cannot wake the daemon for now';
    await waitFor('it says so', () => listener.timesLogged(warning) === 1);
    await listener.wakeUp.stop();
    expect(listener.timesLogged(warning)).toBe(1);
    expect(listener.timesLogged('secret-word')).toBe(0);
    expect(listener.count()).toBe(0);
  });

  test('stopping before it has begun to connect ends it, too', async () => {
    const listener = listen();
    await listener.wakeUp.stop();
    expect(listener.count()).toBe(0);
    expect(await listeners()).toEqual([]);
  });

  test.each(['Lab "two"', 'x'.repeat(60)])(
    'the schema %j wakes its own daemons only',
    async (name) => {
      const schema = { client: 'postgres', url: fixture.url, schema: name } as const;
      const other = await openDatabase({ ...schema, createSchema: true });
      const listener = listen({ settings: schema });
      try {
        await migrateLatest(other);
        // Before its tables were there, the channel could not be asked for.
        await waitFor('it listens', () => listener.count() === 1);
        await addInstrument(other, 'titan');
        expect(await wakes(() => logSession(other, 's-1', PAST))).toBe(0);
        await waitFor('it hears', () => listener.count() === 2);
      } finally {
        await listener.wakeUp.stop();
        await other.knex.raw('drop schema ?? cascade', [name]);
        await other.close();
      }
    },
  );
});
