import { beforeEach, expect, test } from '@jest/globals';
import { getSessionsToBuild, takeUpLogChanges } from '../../src/db/due-sessions.js';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { insertLog, withdrawEnd, type SessionEvent } from '../../src/db/insert-log.js';
import { insertRecordGenerationEvent } from '../../src/db/record-generation.js';
import { updateSessionStatus } from '../../src/db/update-session-status.js';
import { query } from '../../src/db/query.js';
import { findSession, sessionHistory } from '../../src/db/session-store.js';
import { RECORD_STATUSES, type RecordStatus } from '../../src/domain/record-status.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, claim, logSession, settle } from '../support/session-rows.js';

const NOW = Date.parse('2026-03-02T00:00:00Z');
const START = '2026-03-01T10:00:00+01:00';
const END = '2026-03-01T12:00:00+01:00';

describeDatabases('the session log', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  const log = (event: Partial<SessionEvent>) =>
    scoped(() =>
      insertLog({
        sessionIdentifier: 's-1',
        instrumentPid: 'titan',
        eventType: 'START',
        at: START,
        user: 'ada',
        ...event,
      }),
    );
  const status = async (identifier = 's-1'): Promise<RecordStatus | undefined> =>
    (await scoped(() => findSession(identifier)))?.status;
  const logStatuses = async (): Promise<string[]> => {
    const rows: { record_status: string }[] = await fixture.database
      .knex('session_log')
      .orderBy('id_session_log')
      .select('record_status');
    return rows.map((row) => row.record_status);
  };

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await addInstrument(fixture.database, 'quanta');
  });

  test('a START waits for its END, and both together are to be built', async () => {
    expect(await log({})).toMatchObject({ kind: 'inserted', status: 'WAITING_FOR_END' });
    expect(await log({ eventType: 'END', at: END })).toMatchObject({
      kind: 'inserted',
      status: 'TO_BE_BUILT',
    });
    expect(await logStatuses()).toEqual(['TO_BE_BUILT', 'TO_BE_BUILT']);
  });

  test('an END that comes first waits for its START', async () => {
    expect(await log({ eventType: 'END', at: END })).toMatchObject({ status: 'WAITING_FOR_END' });
    expect(await scoped(() => findSession('s-1'))).toMatchObject({ problem: 'END_WITHOUT_START' });
    expect(await log({})).toMatchObject({ status: 'TO_BE_BUILT' });
    expect(await scoped(() => findSession('s-1'))).toMatchObject({ problem: null });
  });

  test('the same event again is a duplicate, with a warning, and changes nothing', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    const before = await scoped(() => findSession('s-1'));
    const warnings: string[] = [];
    const again = await scoped(() =>
      insertLog(
        {
          sessionIdentifier: 's-1',
          instrumentPid: 'titan',
          eventType: 'END',
          at: END,
          user: 'ada',
        },
        { onWarning: (message) => warnings.push(message) },
      ),
    );
    expect(again.kind).toBe('duplicate');
    expect(warnings).toHaveLength(1);
    expect(await scoped(() => findSession('s-1'))).toEqual(before);
  });

  test('a re-timed END of a built session changes its row in place and builds it again', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    await build(fixture.database, 's-1');
    const before = await scoped(() => findSession('s-1'));
    const later = await log({ eventType: 'END', at: '2026-03-01T13:00:00+01:00' });
    expect(later).toMatchObject({ kind: 'updated', status: 'TO_BE_BUILT' });
    const after = await scoped(() => findSession('s-1'));
    expect(after?.inputsRevision).toBe((before?.inputsRevision ?? 0) + 1);
    expect(after?.endMs).toBe(Date.parse('2026-03-01T12:00:00Z'));
    expect(await logStatuses()).toEqual(['TO_BE_BUILT', 'TO_BE_BUILT', 'TO_BE_BUILT']);
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('a session that moves to another instrument and user takes all its rows along', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    await build(fixture.database, 's-1');
    const moved = { instrumentPid: 'quanta', user: 'bob' };
    await log(moved);
    expect(await scoped(() => findSession('s-1'))).toMatchObject({
      problem: 'INSTRUMENTS_DISAGREE',
    });
    await log({ ...moved, eventType: 'END', at: END });
    expect(await scoped(() => findSession('s-1'))).toMatchObject({
      problem: null,
      instrumentPid: 'quanta',
      user: 'bob',
    });
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('an END without a user belongs to the user of the START', async () => {
    await log({});
    await scoped(() =>
      insertLog({ sessionIdentifier: 's-1', instrumentPid: 'titan', eventType: 'END', at: END }),
    );
    const { events } = await scoped(() => sessionHistory('s-1'));
    expect(events.map((event) => event.user)).toEqual(['ada', 'ada']);
  });

  test('text without a zone is read in that of the source, else of the instrument, and kept', async () => {
    await log({ at: '2026-03-01 10:00:00' });
    await log({ eventType: 'END', at: '2026-03-01T10:00:00', zone: 'America/New_York' });
    expect(await scoped(() => findSession('s-1'))).toMatchObject({
      startMs: Date.parse('2026-03-01T09:00:00Z'),
      endMs: Date.parse('2026-03-01T15:00:00Z'),
    });
    const { events } = await scoped(() => sessionHistory('s-1'));
    expect(events[0]?.timestampText).toBe('2026-03-01 10:00:00');
  });

  test('an ambiguous END does not come to lie before its START', async () => {
    await log({ at: '2026-10-25T00:45:00Z' });
    const end = await log({ eventType: 'END', at: '2026-10-25T02:30:00' });
    expect(end.warnings).toHaveLength(1);
    expect((await scoped(() => findSession('s-1')))?.endMs).toBe(
      Date.parse('2026-10-25T01:30:00Z'),
    );
  });

  test('U+0000 and lone surrogates are cleaned before they reach the database', async () => {
    await log({ sessionIdentifier: 'a\u0000b\ud800c', user: 'x\u0000\udc00' });
    expect(await scoped(() => findSession('ab\ufffdc'))).toMatchObject({ user: 'x\ufffd' });
  });

  test('an identifier has at most 255 characters, counted as people do', async () => {
    await log({ sessionIdentifier: '𝛼'.repeat(255) });
    await expect(log({ sessionIdentifier: '𝛼'.repeat(256) })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    const raw = fixture.database.createScope(() =>
      query(
        'insert into session_log (session_identifier, instrument, event_type) values (?, ?, ?)',
        ['x'.repeat(256), 'titan', 'START'],
      ),
    );
    await expect(raw).rejects.toMatchObject({
      code: 'DATABASE_CONSTRAINT',
      details: { kind: 'check' },
    });
  });

  test('an unknown instrument is refused, in the database too', async () => {
    await expect(log({ instrumentPid: 'nova' })).rejects.toMatchObject({
      code: 'INSTRUMENT_NOT_FOUND',
    });
    const raw = scoped(() =>
      query(
        "insert into session_log (session_identifier, instrument, event_type) values ('x', 'nova', 'START')",
      ),
    );
    await expect(raw).rejects.toMatchObject({ details: { kind: 'foreign-key' } });
  });

  test('an unknown status fails in code and in the database', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    const unknown = 'DONE' as string as RecordStatus;
    await expect(scoped(() => updateSessionStatus('s-1', unknown))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    await expect(
      scoped(() => query("update session_log set record_status = 'DONE'")),
    ).rejects.toMatchObject({
      code: 'DATABASE_CONSTRAINT',
      details: { constraint: expect.stringContaining('session_log_record_status_known') },
    });
    const accepted = RECORD_STATUSES.map((name) =>
      scoped(() => query('update session_log set record_status = ?', [name])),
    );
    await expect(Promise.all(accepted)).resolves.toHaveLength(10);
  });

  test('updateSessionStatus follows the table of transitions and changes all rows', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    await scoped(() => updateSessionStatus('s-1', 'COMPLETED'));
    expect(await logStatuses()).toEqual(['COMPLETED', 'COMPLETED']);
    expect(await scoped(() => findSession('s-1'))).toMatchObject({ builtElsewhere: true });
    await expect(scoped(() => updateSessionStatus('s-1', 'ERROR'))).rejects.toMatchObject({
      code: 'TRANSITION_NOT_ALLOWED',
    });
    await expect(scoped(() => updateSessionStatus('nobody', 'ERROR'))).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    });
  });

  test('a RECORD_GENERATION is logged once an attempt, also by the library', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    const event = {
      sessionIdentifier: 's-1',
      attempt: 1,
      detail: {
        outcome: 'COMPLETED',
        reason: null,
        duration_ms: 5,
        host: 'a',
        software_version: '1',
        record_version: null,
      },
    };
    expect(await scoped(() => insertRecordGenerationEvent(event))).toEqual({ kind: 'inserted' });
    expect(await scoped(() => insertRecordGenerationEvent(event))).toEqual({ kind: 'duplicate' });
    expect(await scoped(() => insertRecordGenerationEvent({ ...event, attempt: 2 }))).toEqual({
      kind: 'inserted',
    });
  });

  test('a withdrawn END reopens the session and discards a build that goes on', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    const claimed = await claim(fixture.database, 's-1');
    expect(await scoped(() => withdrawEnd('s-1'))).toBe(true);
    expect(await status()).toBe('WAITING_FOR_END');
    expect(await settle(fixture.database, 's-1', claimed)).toEqual({ kind: 'lease-lost' });
    expect(await logStatuses()).toEqual(['WAITING_FOR_END']);
    expect(await scoped(() => withdrawEnd('s-1'))).toBe(false);
  });

  const insertBySql = (values: string, columns = '') =>
    scoped(() =>
      query(
        `insert into session_log (session_identifier, instrument, timestamp, event_type, "user"${columns}) values ${values}`,
      ),
    );

  test('rows inserted by plain SQL become a session, whatever their status column says', async () => {
    await insertBySql("('sql-1', 'titan', '2026-03-01T09:00:00.000Z', 'START', 'ada')");
    expect(await status('sql-1')).toBe('WAITING_FOR_END');
    await insertBySql(
      "('sql-1', 'titan', '2026-03-01T11:00:00.000Z', 'END', 'ada', 'TO_BE_BUILT')",
      ', record_status',
    );
    const due = await scoped(() => getSessionsToBuild({ nowMs: NOW }));
    expect(due).toMatchObject([{ identifier: 'sql-1', key: sessionKeyOf('sql-1'), user: 'ada' }]);
    expect(await logStatuses()).toEqual(['TO_BE_BUILT', 'TO_BE_BUILT']);
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('a row without a time gets the present one in the form of all others', async () => {
    await scoped(() =>
      query(
        "insert into session_log (session_identifier, instrument, event_type) values ('now', 'titan', 'START')",
      ),
    );
    const session = await scoped(() => findSession('now'));
    expect(Math.abs((session?.startMs ?? 0) - Date.now())).toBeLessThan(60_000);
  });

  test('a status changed by SQL counts: NexusLIMS users set TO_BE_BUILT to build again', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    await build(fixture.database, 's-1');
    await scoped(() =>
      query(
        "update session_log set record_status = 'TO_BE_BUILT' where session_identifier = 's-1'",
      ),
    );
    expect(await scoped(() => getSessionsToBuild({ nowMs: NOW }))).toHaveLength(1);
    expect(await status()).toBe('TO_BE_BUILT');
  });

  test('a status changed by SQL in one row only is a problem, and nothing is built', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    await build(fixture.database, 's-1');
    await scoped(() =>
      query("update session_log set record_status = 'TO_BE_BUILT' where event_type = 'END'"),
    );
    expect(await scoped(() => getSessionsToBuild({ nowMs: NOW }))).toEqual([]);
    expect(await scoped(() => findSession('s-1'))).toMatchObject({ problem: 'STATUSES_DISAGREE' });
  });

  test('rows deleted by SQL leave a problem, and a second START is refused', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    await expect(
      insertBySql("('s-1', 'titan', '2026-03-01T09:00:00.000Z', 'START', 'ada')"),
    ).rejects.toMatchObject({ code: 'DATABASE_CONSTRAINT', details: { kind: 'unique' } });
    await scoped(() => query('delete from session_log'));
    expect(await scoped(() => findSession('s-1'))).toMatchObject({ problem: 'LOG_ROWS_MISSING' });
  });

  test('what recordsmith writes itself is not taken for a change by SQL', async () => {
    await logSession(fixture.database, 's-1', { start: START, end: END });
    await build(fixture.database, 's-1');
    await log({ eventType: 'END', at: '2026-03-01T13:00:00+01:00' });
    expect(await scoped(takeUpLogChanges)).toBe(0);
  });
});
