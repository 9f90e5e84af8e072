import { beforeEach, expect, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { getSessionsToBuild, takeUpLogChanges } from '../../src/db/due-sessions.js';
import { insertLog } from '../../src/db/insert-log.js';
import { query } from '../../src/db/query.js';
import { cancelSession, releaseSession } from '../../src/db/cancel-session.js';
import { findSession } from '../../src/db/session-store.js';
import { updateSessionStatus } from '../../src/db/update-session-status.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, logSession } from '../support/session-rows.js';

const START = '2026-03-01T09:00:00Z';
const END = '2026-03-01T11:00:00Z';

describeDatabases('the rows of a session', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  const find = () => scoped(() => findSession('s-1'));
  const log = (eventType: 'START' | 'END', at: string, user: string | null) =>
    scoped(() =>
      insertLog({ sessionIdentifier: 's-1', instrumentPid: 'titan', eventType, at, user }),
    );
  const bySql = (sql: string) => scoped(() => query(sql));
  const users = async (): Promise<unknown[]> => {
    await scoped(() => takeUpLogChanges());
    return fixture.database.knex('session_log').orderBy('id_session_log').pluck('user');
  };
  const violations = () => scoped(checkInvariants);

  beforeEach(() => addInstrument(fixture.database, 'titan'));

  test.each([
    ['START', 'ada', null],
    ['END', null, 'ada'],
  ])('all name the user that only the %s named', async (_which, startUser, endUser) => {
    await log('START', START, startUser);
    await log('END', END, endUser);
    await build(fixture.database, 's-1');
    expect(await users()).toEqual(['ada', 'ada', 'ada']);
    // The same event again says nothing new.
    expect(await log('START', START, startUser)).toMatchObject({ kind: 'duplicate' });
    expect(await violations()).toEqual([]);
  });

  test('all name the user that one row written by SQL names', async () => {
    await bySql(
      `insert into session_log (session_identifier, instrument, timestamp, event_type, "user") values ('s-1', 'titan', '2026-03-01T09:00:00.000Z', 'START', null), ('s-1', 'titan', '2026-03-01T11:00:00.000Z', 'END', 'ada'), ('s-1', 'titan', '2026-03-01T12:00:00.000Z', 'RECORD_GENERATION', null)`,
    );
    expect(await users()).toEqual(['ada', 'ada', 'ada']);
    expect(await find()).toMatchObject({ user: 'ada', problem: null, status: 'TO_BE_BUILT' });
    expect(await violations()).toEqual([]);
  });

  test('the rows of earlier builds follow a change of both by SQL', async () => {
    await addInstrument(fixture.database, 'helios');
    await logSession(fixture.database, 's-1', { start: START, end: END });
    await build(fixture.database, 's-1');
    await bySql(
      `update session_log set "user" = null, instrument = 'helios' where event_type <> 'RECORD_GENERATION'`,
    );
    expect(await users()).toEqual([null, null, null]);
    expect(await fixture.database.knex('session_log').distinct('instrument')).toEqual([
      { instrument: 'helios' },
    ]);
    expect(await find()).toMatchObject({ user: null, status: 'TO_BE_BUILT' });
    expect(await violations()).toEqual([]);
  });

  test('different users are a problem, and nothing is filled in', async () => {
    await log('START', START, 'ada');
    await log('END', END, 'eve');
    expect(await users()).toEqual(['ada', 'eve']);
    expect(await find()).toMatchObject({ problem: 'USERS_DISAGREE' });
    await bySql(`update session_log set "user" = null where event_type = 'START'`);
    expect(await users()).toEqual(['eve', 'eve']);
    expect(await find()).toMatchObject({ problem: null, user: 'eve' });
  });

  const setBySql = (status: string) => bySql(`update session_log set record_status = '${status}'`);
  const setByLibrary = (status: 'CANCELLED' | 'TO_BE_BUILT') =>
    scoped(() => updateSessionStatus('s-1', status));

  test.each([
    ['SQL', setBySql],
    ['the library', setByLibrary],
  ] as const)(
    'CANCELLED set by %s holds the session: no source brings it back, only a person',
    async (_how, set) => {
      await logSession(fixture.database, 's-1', { start: START, end: END });
      await set('CANCELLED');
      expect(await find()).toMatchObject({ status: 'CANCELLED', heldByPerson: true });
      await log('START', START, 'ada');
      await log('END', '2026-03-01T11:30:00Z', 'ada');
      expect(await find()).toMatchObject({ status: 'CANCELLED', heldByPerson: true });
      await set('TO_BE_BUILT');
      expect(await find()).toMatchObject({ status: 'TO_BE_BUILT', heldByPerson: false });
      await set('CANCELLED');
      expect(await find()).toMatchObject({ status: 'CANCELLED', heldByPerson: true });
      expect(await scoped(() => releaseSession('s-1'))).toBe('TO_BE_BUILT');
      expect(await find()).toMatchObject({ status: 'TO_BE_BUILT', heldByPerson: false });
      expect(await violations()).toEqual([]);
    },
  );

  const endBySql = () =>
    bySql(
      `insert into session_log (session_identifier, instrument, timestamp, event_type) values ('s-1', 'titan', '2026-03-01T11:00:00.000Z', 'END')`,
    );

  test.each([
    ['SQL', endBySql],
    ['a source', () => log('END', END, 'ada')],
  ] as const)(
    'an END that %s adds to a cancelled session is cancelled too',
    async (_who, addEnd) => {
      await log('START', START, 'ada');
      await setBySql('CANCELLED');
      await scoped(() => takeUpLogChanges());
      await addEnd();
      expect(await find()).toMatchObject({
        status: 'CANCELLED',
        heldByPerson: true,
        problem: null,
      });
      expect(await fixture.database.knex('session_log').distinct('record_status')).toEqual([
        { record_status: 'CANCELLED' },
      ]);
      expect(await scoped(() => releaseSession('s-1'))).toBe('TO_BE_BUILT');
      expect(await violations()).toEqual([]);
    },
  );

  test('a session inserted by SQL as CANCELLED is held too', async () => {
    await bySql(
      `insert into session_log (session_identifier, instrument, timestamp, event_type, record_status) values ('s-1', 'titan', '2026-03-01T09:00:00.000Z', 'START', 'CANCELLED')`,
    );
    expect(await find()).toMatchObject({ status: 'CANCELLED', heldByPerson: true });
    await log('START', START, 'ada');
    expect(await find()).toMatchObject({ status: 'CANCELLED' });
  });

  test.each([
    [
      'a later END',
      `update session_log set timestamp = '2026-03-01T11:30:00.000Z' where event_type = 'END'`,
    ],
    [
      'an earlier START',
      `update session_log set timestamp = '2026-03-01T08:30:00.000Z' where event_type = 'START'`,
    ],
    ['another user', `update session_log set "user" = 'eve'`],
    ['another instrument', `update session_log set instrument = 'helios'`],
    ['no END any more', `delete from session_log where event_type = 'END'`],
  ])(
    '%s by SQL leaves a cancelled session cancelled, with who did it and why',
    async (_what, sql) => {
      await addInstrument(fixture.database, 'helios');
      await logSession(fixture.database, 's-1', { start: START, end: END });
      await build(fixture.database, 's-1');
      await scoped(() => cancelSession('s-1', { who: 'ada', why: 'no' }));
      const before = await find();
      await bySql(sql);
      expect(await find()).toMatchObject({
        status: 'CANCELLED',
        heldByPerson: true,
        deferralReason: 'Cancelled by ada: no',
      });
      await scoped(() => takeUpLogChanges());
      const after = await find();
      expect(after).toMatchObject({ status: 'CANCELLED', heldByPerson: true });
      expect(after).toMatchObject({ deferralReason: before?.deferralReason });
      expect(after?.inputsRevision).toBeGreaterThan(before?.inputsRevision ?? 0);
      expect(
        await scoped(() => getSessionsToBuild({ nowMs: Date.parse('2026-03-10T00:00:00Z') })),
      ).toEqual([]);
      expect(await violations()).toEqual([]);
      expect(await scoped(() => releaseSession('s-1'))).toBe(
        after?.endMs === null ? 'WAITING_FOR_END' : 'TO_BE_BUILT',
      );
      expect(await find()).toMatchObject({ heldByPerson: false });
      expect(await violations()).toEqual([]);
    },
  );
});
