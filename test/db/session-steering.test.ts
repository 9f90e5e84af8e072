import { beforeEach, expect, test } from '@jest/globals';
import { addNote, listNotes, removeAnnotation } from '../../src/db/annotation-store.js';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { getSessionsToBuild } from '../../src/db/due-sessions.js';
import { nextStartMs, sessionsNear } from '../../src/db/neighbour-sessions.js';
import { currentRecord } from '../../src/db/record-store.js';
import {
  excludeFile,
  includeFile,
  listFileRules,
  removeFileRule,
} from '../../src/db/session-files-store.js';
import { insertLog } from '../../src/db/insert-log.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { cancelSession, releaseSession } from '../../src/db/cancel-session.js';
import { clearOverrides, setOverrides } from '../../src/db/set-overrides.js';
import { findSession, listProblems, listSessions } from '../../src/db/session-store.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, logSession } from '../support/session-rows.js';

const NOW = Date.parse('2026-03-10T00:00:00Z');
const by = { who: 'eve', why: 'clock was wrong', nowMs: NOW };

describeDatabases('steering a session', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  const find = (identifier = 's-1') => scoped(() => findSession(identifier));
  const problems = async (openSinceMs = 0) =>
    (await scoped(() => listProblems(openSinceMs))).map(({ session, problem }) => [
      session.identifier,
      problem,
    ]);

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await addInstrument(fixture.database, 'quanta');
    await logSession(fixture.database, 's-1', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T11:00:00Z',
    });
  });

  test('a correction wins over the source, has the record built again and survives', async () => {
    await build(fixture.database, 's-1');
    await scoped(() => setOverrides(sessionKeyOf('s-1'), { end: '2026-03-01T13:30:00+01:00' }, by));
    expect(await find()).toMatchObject({
      status: 'TO_BE_BUILT',
      endMs: Date.parse('2026-03-01T12:30:00Z'),
    });
    expect(await problems()).toEqual([]);
    await scoped(() =>
      insertLog({
        sessionIdentifier: 's-1',
        instrumentPid: 'titan',
        eventType: 'END',
        at: '2026-03-01T15:00:00Z',
        user: 'ada',
      }),
    );
    expect((await find())?.endMs).toBe(Date.parse('2026-03-01T12:30:00Z'));
    expect(await problems()).toEqual([['s-1', 'SOURCE_DIFFERS']]);
    await scoped(() => clearOverrides('s-1', ['end']));
    expect((await find())?.endMs).toBe(Date.parse('2026-03-01T15:00:00Z'));
    expect(await problems()).toEqual([]);
  });

  test('a corrected END completes a session that has none', async () => {
    await logSession(fixture.database, 'open', { start: '2026-03-02T09:00:00Z' });
    expect(await problems(NOW)).toEqual([['open', 'START_WITHOUT_END']]);
    await scoped(() => setOverrides('open', { end: '2026-03-02T10:00:00Z', user: null }, by));
    expect(await find('open')).toMatchObject({ status: 'TO_BE_BUILT', user: null });
    expect(await problems(NOW)).toEqual([]);
  });

  test('wrong corrections are refused', async () => {
    const refused = [
      [{ end: 'noon' }, 'TIME_INVALID'],
      [{ end: '2026-03-01T13:30:00' }, 'TIME_INVALID'],
      [{ start: '2026-03-01' }, 'TIME_INVALID'],
      [{ end: '2026-03-01T13:30:00+99:99' }, 'TIME_INVALID'],
      [{ end: Number.NaN }, 'TIME_INVALID'],
      [{ instrument: 'nova' }, 'INSTRUMENT_NOT_FOUND'],
      [{ user: 'x'.repeat(256) }, 'INPUT_INVALID'],
    ] as const;
    for (const [corrections, code] of refused) {
      await expect(scoped(() => setOverrides('s-1', corrections, by))).rejects.toMatchObject({
        code,
      });
    }
    await expect(scoped(() => setOverrides('nobody', {}, by))).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    });
  });

  test('a cancelled session has no record and no source brings it back; released, it is built anew', async () => {
    await build(fixture.database, 's-1');
    await scoped(() => cancelSession('s-1', by));
    expect(await scoped(() => currentRecord('s-1'))).toBeNull();
    expect(await scoped(checkInvariants)).toEqual([]);
    await scoped(() =>
      insertLog({
        sessionIdentifier: 's-1',
        instrumentPid: 'titan',
        eventType: 'START',
        at: '2026-03-01T08:00:00Z',
        user: 'ada',
      }),
    );
    expect(await find()).toMatchObject({ status: 'CANCELLED', heldByPerson: true });
    expect(await scoped(() => retrySessions({ identifiers: ['s-1'] }))).toMatchObject({
      retried: [],
      refused: [{ identifier: 's-1' }],
    });
    expect(await scoped(() => releaseSession('s-1'))).toBe('TO_BE_BUILT');
    expect(await find()).toMatchObject({ fingerprint: null, heldByPerson: false });
    expect(await build(fixture.database, 's-1')).toMatchObject({ version: 2 });
    await expect(scoped(() => releaseSession('s-1'))).rejects.toMatchObject({
      code: 'TRANSITION_NOT_ALLOWED',
    });
  });

  test('retry builds finished sessions again and refuses those without END', async () => {
    await build(fixture.database, 's-1', {
      outcome: 'ERROR',
      errorCode: 'RECORD_INVALID',
      record: null,
      fingerprint: null,
    });
    await logSession(fixture.database, 'open', { start: '2026-03-02T09:00:00Z' });
    const selection = { code: 'RECORD_INVALID', statuses: ['ERROR'] } as const;
    expect(await scoped(() => retrySessions({ ...selection, code: 'OTHER' }))).toMatchObject({
      retried: [],
    });
    const planned = await scoped(() => retrySessions(selection, { dryRun: true }));
    expect(planned.retried).toMatchObject([{ identifier: 's-1', from: 'ERROR' }]);
    expect((await find())?.status).toBe('ERROR');
    await scoped(() => retrySessions(selection, { fresh: true }));
    expect(await find()).toMatchObject({ status: 'TO_BE_BUILT', rebuildFresh: true });
    const open = await scoped(() => retrySessions({ identifiers: ['open'] }));
    expect(open.refused).toMatchObject([{ identifier: 'open', reason: 'It has no END yet.' }]);
    await expect(scoped(() => retrySessions({ identifiers: ['nobody'] }))).rejects.toMatchObject({
      code: 'SESSION_NOT_FOUND',
    });
    await expect(scoped(() => retrySessions({}))).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('a file put in or taken out by a person changes the inputs and is remembered', async () => {
    await build(fixture.database, 's-1');
    const before = (await find())?.inputsRevision ?? 0;
    await scoped(() => includeFile('s-1', '/titan/late.dm3', { author: 'eve' }));
    await scoped(() =>
      excludeFile('s-1', '/titan/late.dm3', { author: 'eve', reason: 'test shot' }),
    );
    expect(await scoped(() => listFileRules('s-1'))).toMatchObject([
      { location: '/titan/late.dm3', rule: 'exclude', reason: 'test shot' },
    ]);
    expect(await find()).toMatchObject({ status: 'TO_BE_BUILT', inputsRevision: before + 2 });
    expect(await scoped(() => removeFileRule('s-1', '/titan/late.dm3'))).toBe(true);
    expect(await scoped(() => removeFileRule('s-1', '/titan/late.dm3'))).toBe(false);
    await expect(
      scoped(() => includeFile('s-1', 'titan/a b', { author: 'eve' })),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });

  test('annotations gather for ten minutes before a finished session is built again', async () => {
    await build(fixture.database, 's-1');
    const id = await scoped(() => addNote('s-1', 'drift in the second series', 'eve'));
    expect(await scoped(() => listNotes('s-1'))).toMatchObject([
      { id, note: 'drift in the second series', author: 'eve' },
    ]);
    const session = await find();
    const waitMs = (session?.nextAttemptAtMs ?? 0) - Date.now();
    expect(session?.status).toBe('TO_BE_BUILT');
    expect(waitMs).toBeGreaterThan(500_000);
    expect(waitMs).toBeLessThan(700_000);
    expect(await scoped(() => getSessionsToBuild({ nowMs: Date.now() }))).toEqual([]);
    expect(await scoped(() => removeAnnotation('notes', 's-1', id, 'eve'))).toBe(true);
  });

  test('a new neighbour on the same folder has the overlapping session looked at again', async () => {
    await build(fixture.database, 's-1');
    await logSession(fixture.database, 'apart', {
      start: '2026-03-01T11:00:00Z',
      end: '2026-03-01T12:00:00Z',
    });
    await logSession(fixture.database, 'elsewhere', {
      start: '2026-03-01T10:00:00Z',
      end: '2026-03-01T12:00:00Z',
      instrument: 'quanta',
    });
    expect(await find()).toMatchObject({ status: 'COMPLETED' });
    await logSession(fixture.database, 'overlapping', {
      start: '2026-03-01T10:30:00Z',
      end: '2026-03-01T12:00:00Z',
    });
    expect(await find()).toMatchObject({ status: 'TO_BE_BUILT' });
    const near = await scoped(() =>
      sessionsNear({
        instrumentPids: ['titan'],
        fromMs: Date.parse('2026-03-01T10:00:00Z'),
        toMs: Date.parse('2026-03-01T10:45:00Z'),
      }),
    );
    expect(near.map((session) => session.identifier)).toEqual(['s-1', 'overlapping']);
    expect(await scoped(() => nextStartMs(['titan'], Date.parse('2026-03-01T10:45:00Z')))).toBe(
      Date.parse('2026-03-01T11:00:00Z'),
    );
  });

  test('sessions are listed by pages, latest START first, and found by text', async () => {
    for (let day = 2; day <= 6; day += 1) {
      await logSession(fixture.database, `list_${String(day)}%`, {
        start: `2026-03-0${String(day)}T09:00:00Z`,
        user: day % 2 === 0 ? 'bob' : 'ada',
      });
    }
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page: Awaited<ReturnType<typeof listSessions>> = await scoped(() =>
        listSessions({}, { limit: 4, ...(cursor === null ? {} : { cursor }) }),
      );
      seen.push(...page.sessions.map((session) => session.identifier));
      cursor = page.nextCursor;
    } while (cursor !== null);
    expect(seen).toEqual(['list_6%', 'list_5%', 'list_4%', 'list_3%', 'list_2%', 's-1']);
    const named = async (filters: Parameters<typeof listSessions>[0]) =>
      (await scoped(() => listSessions(filters))).sessions.map((session) => session.identifier);
    expect(await named({ user: 'bob', text: 'T_4%' })).toEqual(['list_4%']);
    expect(await named({ text: 'list%4' })).toEqual([]);
    expect(await named({ statuses: ['TO_BE_BUILT'] })).toEqual(['s-1']);
  });
});
