import { beforeEach, expect, test } from '@jest/globals';
import { claimSession, deferSession } from '../../src/db/build-lease-store.js';
import { getSessionsToBuild, type SessionsToBuildOptions } from '../../src/db/due-sessions.js';
import { query } from '../../src/db/query.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, claim, logSession } from '../support/session-rows.js';

const NOW = Date.parse('2026-03-10T00:00:00Z');

describeDatabases('the sessions to build', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  const due = async (options: Partial<SessionsToBuildOptions> = {}): Promise<string[]> =>
    (await scoped(() => getSessionsToBuild({ nowMs: NOW, ...options }))).map(
      (session) => session.identifier,
    );
  /** A session of one hour that ends at the given hour of March 1st. */
  const session = (identifier: string, endHour: number, instrument = 'titan') =>
    logSession(fixture.database, identifier, {
      start: new Date(Date.UTC(2026, 2, 1, endHour - 1)).toISOString(),
      end: new Date(Date.UTC(2026, 2, 1, endHour)).toISOString(),
      instrument,
    });

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await addInstrument(fixture.database, 'quanta');
  });

  test('come newest END first, one instrument after the other in turn', async () => {
    await session('t-3', 3);
    await session('t-9', 9);
    await session('t-6', 6);
    await session('q-1', 1, 'quanta');
    await session('q-2', 2, 'quanta');
    expect(await due()).toEqual(['t-9', 'q-2', 't-6', 'q-1', 't-3']);
    expect(await due({ limit: 2 })).toEqual(['t-9', 'q-2']);
  });

  test('put what keeps failing behind all others', async () => {
    await session('old', 1);
    await session('failing', 9);
    const { token, inputsRevision } = await claim(fixture.database, 'failing');
    await scoped(() =>
      deferSession({
        identifier: 'failing',
        token,
        inputsRevision,
        reason: 'timeout',
        nextAttemptAtMs: NOW - 1,
        countsAsTry: true,
      }),
    );
    expect(await due()).toEqual(['old', 'failing']);
  });

  test('leave out what is open, in the future, faulty, leased, finished or waiting', async () => {
    await logSession(fixture.database, 'open', { start: '2026-03-01T09:00:00Z' });
    await session('future', 24 * 30);
    await logSession(fixture.database, 'backwards', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T08:00:00Z',
    });
    await session('leased', 1);
    await claim(fixture.database, 'leased');
    await session('finished', 2);
    await build(fixture.database, 'finished');
    await session('waiting', 3);
    const { token, inputsRevision } = await claim(fixture.database, 'waiting');
    const held = { identifier: 'waiting', token, inputsRevision };
    const later = { ...held, reason: 'files arrive', countsAsTry: false };
    await scoped(() => deferSession({ ...later, nextAttemptAtMs: NOW + 1 }));
    expect(await due()).toEqual([]);
    expect(await due({ nowMs: NOW + 1 })).toEqual(['waiting']);
    expect(await due({ ignoreBackoff: true })).toEqual(['waiting']);
  });

  test('take an END at this very moment, and one at START', async () => {
    await logSession(fixture.database, 'empty', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T09:00:00Z',
    });
    expect(await due({ nowMs: Date.parse('2026-03-01T09:00:00Z') })).toEqual(['empty']);
    expect(await due({ nowMs: Date.parse('2026-03-01T08:59:59.999Z') })).toEqual([]);
  });

  test('can be asked for by instrument, identifier or key', async () => {
    await session('t-1', 1);
    await session('q-1', 2, 'quanta');
    expect(await due({ instrumentPids: ['quanta'] })).toEqual(['q-1']);
    expect(await due({ exceptInstrumentPids: ['quanta'] })).toEqual(['t-1']);
    expect(await due({ identifiers: [sessionKeyOf('t-1')] })).toEqual(['t-1']);
    expect(await due({ identifiers: ['t-1', 'nobody'] })).toEqual(['t-1']);
  });

  test('an expired lease is due again', async () => {
    await session('s-1', 1);
    await scoped(() => claimSession({ identifier: 's-1', owner: 'a', leaseSeconds: -1 }));
    expect(await due()).toEqual(['s-1']);
  });

  test('one bad session stops no other', async () => {
    await scoped(() =>
      query(
        "insert into session_log (session_identifier, instrument, timestamp, event_type) values ('lonely', 'titan', '2026-03-01T09:00:00.000Z', 'END')",
      ),
    );
    await session('good', 1);
    expect(await due()).toEqual(['good']);
  });

  test('are found on a database that is only read, rows by SQL too, and nothing is written', async () => {
    await session('known', 1);
    await scoped(() =>
      query(
        "insert into session_log (session_identifier, instrument, timestamp, event_type) values ('by-sql', 'titan', '2026-03-01T09:00:00.000Z', 'START'), ('by-sql', 'titan', '2026-03-01T10:00:00.000Z', 'END')",
      ),
    );
    const reading = await fixture.openAnother({ readOnly: true });
    const found = await reading.createScope(() => getSessionsToBuild({ nowMs: NOW }));
    const except = { nowMs: NOW, exceptInstrumentPids: ['titan'] };
    expect(await reading.createScope(() => getSessionsToBuild(except))).toEqual([]);
    await reading.close();
    expect(found.map((one) => one.identifier)).toEqual(['by-sql', 'known']);
    expect(await fixture.database.knex('session_log_changes').pluck('session_identifier')).toEqual([
      'by-sql',
    ]);
  });
});
