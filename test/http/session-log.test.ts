import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { createApiToken, revokeApiToken } from '../../src/db/api-token-store.js';
import { insertLog } from '../../src/db/insert-log.js';
import { listInstrumentClocks } from '../../src/db/instrument-clock-store.js';
import { listNotes } from '../../src/db/annotation-store.js';
import { listProblems } from '../../src/db/session-store.js';
import type { ApiScope } from '../../src/domain/api-scopes.js';
import { sessionLogRoutes } from '../../src/http/session-log-routes.js';
import { describeDatabases } from '../support/databases.js';
import { startPlainServer, type PlainServer } from '../support/plain-server.js';
import { addInstrument } from '../support/session-rows.js';

const PATH = '/api/v1/session-log';
const NOW = DateTime.fromISO('2026-03-01T12:00:00Z', { zone: 'utc' }) as DateTime<true>;

describeDatabases('the session log over HTTP', (fixture) => {
  let server: PlainServer;
  let token: string;

  const makeToken = async (
    name: string,
    scopes: readonly ApiScope[],
    changes: { instrumentPid?: string; expiresAtMs?: number } = {},
  ): Promise<string> => {
    const { text } = await fixture.database.createScope(() =>
      createApiToken({
        name,
        scopes,
        instrumentPid: changes.instrumentPid ?? null,
        expiresAtMs: changes.expiresAtMs ?? null,
        author: 'test',
      }),
    );
    return text;
  };
  const post = (body: unknown, headers: Readonly<Record<string, string>> = {}, as = token) =>
    server.request('POST', PATH, { token: as, body, headers });
  const get = (query: string, as = token) =>
    server.request('GET', `${PATH}?${query}`, { token: as });
  const start = (timestamp: string, more: Readonly<Record<string, unknown>> = {}) =>
    post({ instrument: 'titan', event: 'START', timestamp, user: 'ada', ...more });
  const end = (timestamp: string, more: Readonly<Record<string, unknown>> = {}) =>
    post({ instrument: 'titan', event: 'END', timestamp, ...more });
  const rows = () => fixture.database.knex('session_log').orderBy('id_session_log');

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await addInstrument(fixture.database, 'quanta', { settings: { auto_close: 'next-start' } });
    token = await makeToken('pc', ['ingest', 'read']);
    server = await startPlainServer(
      fixture.database,
      sessionLogRoutes({
        name: 'pcs',
        closesAtNextStart: ({ settings }) => settings['auto_close'] === 'next-start',
      }),
      { now: () => NOW },
    );
  });
  afterEach(() => server.stop());

  test('a START without an identifier gets one, which its repetition finds again', async () => {
    const first = await start('2026-03-01T10:00');
    expect(first).toMatchObject({
      status: 201,
      body: {
        session_identifier: 'pcs:titan:2026-03-01T09:00:00.000Z',
        session_key: expect.stringMatching(/^[a-z2-7]{16}$/),
        event: 'START',
        kind: 'inserted',
        status: 'WAITING_FOR_END',
        warnings: [],
        clock_offset_ms: null,
      },
    });
    const again = await start('2026-03-01T10:00:00+01:00');
    expect(again).toMatchObject({
      status: 200,
      body: { kind: 'duplicate', session_key: first.body['session_key'] },
    });
    expect(await rows()).toMatchObject([
      { source: 'pcs', user: 'ada', timestamp_text: '2026-03-01T10:00' },
    ]);
  });

  test('an END without an identifier ends the only open session of the source, also when it is repeated', async () => {
    await fixture.database.createScope(() =>
      insertLog({
        sessionIdentifier: 'booked',
        instrumentPid: 'titan',
        eventType: 'START',
        at: '2026-03-01T08:00',
        source: 'nemo',
      }),
    );
    expect(await end('2026-03-01T09:00')).toMatchObject({
      status: 422,
      body: { code: 'INPUT_INVALID', open: [], detail: expect.stringContaining('No session') },
    });
    const { body } = await start('2026-03-01T10:00');
    const ended = await end('2026-03-01T11:00');
    expect(ended).toMatchObject({
      status: 201,
      body: { session_key: body['session_key'], kind: 'inserted', status: 'TO_BE_BUILT' },
    });
    expect(await end('2026-03-01T11:00')).toMatchObject({
      status: 200,
      body: { session_key: body['session_key'], kind: 'duplicate' },
    });
    expect(await rows()).toHaveLength(3);
  });

  test('a second START leaves both open; the older one is a problem and an END has to name its session', async () => {
    const first = await start('2026-03-01T10:00');
    const second = await start('2026-03-01T10:30', { user: 'bob' });
    const key = String(first.body['session_key']);
    expect(second.body['warnings']).toEqual([
      expect.stringContaining(`Also open on titan: ${key}`),
    ]);
    const problems = await fixture.database.createScope(() => listProblems(0, ['pcs']));
    expect(problems.map(({ session, problem }) => [session.key, problem])).toEqual([
      [key, 'FOLLOWED_BY_START'],
    ]);
    expect(await end('2026-03-01T11:00')).toMatchObject({
      status: 422,
      body: {
        open: [
          { session_key: second.body['session_key'], user: 'bob' },
          { session_key: key, start: '2026-03-01T09:00:00.000Z' },
        ],
      },
    });
    expect(await end('2026-03-01T11:00', { session_identifier: key })).toMatchObject({
      status: 201,
    });
    expect(await fixture.database.createScope(() => listProblems(0, ['pcs']))).toEqual([]);
  });

  test('an END may come before its START, and one that lies before it is a problem', async () => {
    const early = await end('2026-03-01T11:00', { session_identifier: 'a' });
    expect(early).toMatchObject({
      status: 201,
      body: { status: 'WAITING_FOR_END', warnings: [expect.stringContaining('no START')] },
    });
    expect(await start('2026-03-01T10:00', { session_identifier: 'a' })).toMatchObject({
      body: { status: 'TO_BE_BUILT', warnings: [] },
    });
    const moved = await end('2026-03-01T09:00', { session_identifier: 'a' });
    expect(moved).toMatchObject({
      status: 200,
      body: { kind: 'updated', warnings: [expect.stringContaining('END lies before the START')] },
    });
  });

  test('a request with a key is answered once; its key for another body is refused', async () => {
    const headers = { 'idempotency-key': 'k1' };
    const body = { instrument: 'titan', event: 'START', sent_at: '2026-03-01T12:00:00Z' };
    const first = await post(body, headers);
    const again = await post({ ...body, sent_at: '2026-03-01T12:05:00Z' }, headers);
    expect(again.headers.get('idempotent-replayed')).toBe('true');
    expect({ status: again.status, body: again.body }).toEqual({
      status: 201,
      body: first.body,
    });
    expect(await post({ ...body, user: 'eve' }, headers)).toMatchObject({
      status: 409,
      body: { code: 'REQUEST_REPEATED' },
    });
    const other = await makeToken('other', ['ingest']);
    expect(await post({ ...body, user: 'eve' }, headers, other)).toMatchObject({ status: 200 });
    expect(await rows()).toHaveLength(1);
  });

  test('a refused request is not remembered by its key', async () => {
    const headers = { 'idempotency-key': 'k2' };
    const body = { instrument: 'titan', event: 'END', timestamp: '2026-03-01T11:00' };
    expect(await post(body, headers)).toMatchObject({ status: 422 });
    await start('2026-03-01T10:00');
    expect(await post(body, headers)).toMatchObject({ status: 201 });
  });

  test('the same request at the same moment is taken once', async () => {
    const body = { instrument: 'titan', event: 'START', timestamp: '2026-03-01T10:00' };
    const headers = { 'idempotency-key': 'k3' };
    const answers = await Promise.all([1, 2, 3, 4].map(() => post(body, headers)));
    expect(answers.map(({ status }) => status)).toEqual([201, 201, 201, 201]);
    expect(await rows()).toHaveLength(1);
  });

  test('each event of a queue is answered by itself', async () => {
    const queue = await post([
      { instrument: 'titan', event: 'START', timestamp: '2026-03-01T08:00' },
      { instrument: 'nowhere', event: 'START' },
      { instrument: 'titan', event: 'END', timestamp: '2026-03-01T09:00' },
    ]);
    expect(queue).toMatchObject({
      status: 200,
      body: {
        results: [
          { http_status: 201, kind: 'inserted' },
          { http_status: 404, code: 'INSTRUMENT_NOT_FOUND', remedy: expect.any(String) },
          { http_status: 201, status: 'TO_BE_BUILT' },
        ],
      },
    });
  });

  test('what is wrong with a body is named key by key', async () => {
    expect(await post({ event: 'BEGIN', colour: 'red' })).toMatchObject({
      status: 400,
      body: {
        code: 'BODY_INVALID',
        faults: expect.arrayContaining([
          { key: 'instrument', message: 'expected text' },
          { key: 'event', message: 'expected START or END' },
          { key: 'colour', message: 'unknown key' },
        ]),
      },
    });
    expect(await post([{ instrument: 'titan', event: 'START' }, {}])).toMatchObject({
      body: { faults: expect.arrayContaining([{ key: '1.instrument', message: 'expected text' }]) },
    });
    expect(await start('tomorrow')).toMatchObject({ status: 400, body: { code: 'TIME_INVALID' } });
    expect(await rows()).toEqual([]);
  });

  test('a clock that is off is measured, told and logged; times stay as sent', async () => {
    const sent = await start('2026-03-01T13:59', { sent_at: '2026-03-01T14:01:00' });
    expect(sent.body).toMatchObject({
      clock_offset_ms: 3_660_000,
      warnings: [expect.stringContaining('future'), expect.stringContaining('61 min ahead')],
    });
    expect(server.lines).toMatchObject([{ level: 'warn', fields: { offsetMs: 3_660_000 } }]);
    expect((await rows())[0]).toMatchObject({ timestamp: '2026-03-01T12:59:00.000Z' });
    await end('2026-03-01T14:05', { sent_at: '2026-03-01T11:59:40Z' });
    expect(await fixture.database.createScope(() => listInstrumentClocks())).toEqual([
      { instrumentPid: 'titan', offsetMs: -20_000, measuredAtMs: NOW.toMillis() },
    ]);
    expect(server.lines).toHaveLength(1);
  });

  test('characters that no database holds are left out of what is asked and said', async () => {
    const odd = { session_identifier: 'a\u0000\ud800b', user: 'Zo\u0000ë' };
    expect(await start('2026-03-01T10:00', odd)).toMatchObject({
      status: 201,
      body: { session_identifier: 'a\ufffdb' },
    });
    expect(await start('2026-03-01T10:00', odd)).toMatchObject({ body: { kind: 'duplicate' } });
    expect((await get('session=a%00%EF%BF%BDb')).body['events']).toMatchObject([{ user: 'Zoë' }]);
    expect(await post({ instrument: '\u0000', event: 'START' })).toMatchObject({ status: 400 });
  });

  test('a note is kept once with the session', async () => {
    const note = { note: 'stage drifts' };
    const { body } = await start('2026-03-01T10:00', note);
    await start('2026-03-01T10:00', note);
    const identifier = String(body['session_identifier']);
    const notes = await fixture.database.createScope(() => listNotes(identifier));
    expect(notes).toMatchObject([{ note: 'stage drifts', author: 'pc' }]);
  });

  test('with auto_close: next-start a START ends the open session of its source at its own time', async () => {
    const quanta = { instrument: 'quanta', event: 'START' };
    await fixture.database.createScope(() =>
      insertLog({
        sessionIdentifier: 'booked',
        instrumentPid: 'quanta',
        eventType: 'START',
        at: '2026-03-01T07:00',
        source: 'nemo',
      }),
    );
    const first = await post({ ...quanta, timestamp: '2026-03-01T08:00' });
    const second = await post({ ...quanta, timestamp: '2026-03-01T09:00' });
    expect(second.body['warnings']).toEqual([]);
    const ends = await fixture.database.knex('session_log').where('event_type', 'END');
    expect(ends).toMatchObject([
      {
        session_identifier: first.body['session_identifier'],
        timestamp: '2026-03-01T08:00:00.000Z',
        source: 'pcs auto-close',
      },
    ]);
    expect(server.lines).toMatchObject([{ fields: { session: first.body['session_key'] } }]);
    const late = await post({
      instrument: 'quanta',
      event: 'END',
      timestamp: '2026-03-01T08:40',
      session_identifier: first.body['session_identifier'],
    });
    expect(late).toMatchObject({ status: 200, body: { kind: 'updated', status: 'TO_BE_BUILT' } });
    expect(await fixture.database.knex('session_log').where('event_type', 'END')).toMatchObject([
      { timestamp: '2026-03-01T07:40:00.000Z', source: 'pcs' },
    ]);
  });

  test('with auto_close: next-start a START of the same second ends the one before it', async () => {
    const same = { instrument: 'quanta', event: 'START', timestamp: '2026-03-01T08:00' };
    for (const session of ['first', 'second']) await post({ ...same, session_identifier: session });
    const ends = await fixture.database.knex('session_log').where('event_type', 'END');
    expect(ends).toMatchObject([
      { session_identifier: 'first', timestamp: '2026-03-01T07:00:00.000Z' },
    ]);
  });

  test('without a token that holds and allows it nothing is taken', async () => {
    const body = { instrument: 'titan', event: 'START' };
    const anonymous = await server.request('POST', PATH, { body });
    expect(anonymous).toMatchObject({ status: 401, body: { code: 'TOKEN_REFUSED' } });
    expect(anonymous.headers.get('www-authenticate')).toBe('Bearer');
    expect(await post(body, {}, 'rs_wrong')).toMatchObject({ status: 401 });
    const expired = await makeToken('expired', ['ingest'], { expiresAtMs: NOW.toMillis() });
    expect(await post(body, {}, expired)).toMatchObject({ status: 401 });
    const revoked = await makeToken('revoked', ['ingest']);
    await fixture.database.createScope(() => revokeApiToken('revoked', NOW.toMillis()));
    expect(await post(body, {}, revoked)).toMatchObject({ status: 401 });
    const reading = await makeToken('reading', ['read']);
    expect(await post(body, {}, reading)).toMatchObject({
      status: 403,
      body: { code: 'SCOPE_MISSING' },
    });
    expect(await rows()).toEqual([]);
    expect(await post(body, {}, await makeToken('boss', ['admin']))).toMatchObject({ status: 201 });
  });

  test('a token of one instrument reports and sees that one only', async () => {
    const own = await makeToken('titan pc', ['ingest', 'read'], { instrumentPid: 'titan' });
    const other = { instrument: 'quanta', event: 'START', session_identifier: 'q' };
    expect(await post(other, {}, own)).toMatchObject({ status: 403 });
    await post(other);
    const stolen = { instrument: 'titan', event: 'END', session_identifier: 'q' };
    expect(await post(stolen, {}, own)).toMatchObject({ status: 403 });
    await start('2026-03-01T10:00');
    const seen = await get('', own);
    expect(seen.body['events']).toMatchObject([{ instrument: 'titan' }]);
    expect(await get('instrument=quanta', own)).toMatchObject({ status: 403 });
  });

  test('an inactive instrument and a session of another source are refused with what helps', async () => {
    await addInstrument(fixture.database, 'old', { active: false });
    expect(await post({ instrument: 'old', event: 'START' })).toMatchObject({
      status: 422,
      body: { remedy: 'Make it active: recordsmith instruments set old --active yes' },
    });
    await fixture.database.createScope(() =>
      insertLog({
        sessionIdentifier: 'booked',
        instrumentPid: 'titan',
        eventType: 'START',
        at: '2026-03-01T08:00',
        source: 'nemo',
      }),
    );
    expect(await end('2026-03-01T09:00', { session_identifier: 'booked' })).toMatchObject({
      status: 422,
      body: { source: 'nemo' },
    });
  });

  test('the log is read in pages that later rows do not shift', async () => {
    for (const hour of ['08', '09', '10', '11']) await start(`2026-03-01T${hour}:00`);
    const first = await get('limit=2');
    await start('2026-03-01T07:00');
    const second = await get(`limit=2&cursor=${String(first.body['next_cursor'])}`);
    const third = await get(`limit=2&cursor=${String(second.body['next_cursor'])}`);
    const times = [first, second, third].flatMap(({ body }) =>
      (body['events'] as { timestamp_text: string }[]).map((event) =>
        event.timestamp_text.slice(11),
      ),
    );
    expect(times).toEqual(['08:00', '09:00', '10:00', '11:00', '07:00']);
    expect(third.body['next_cursor']).toBeNull();
    const key = (second.body['events'] as { session_key: string }[])[0]?.session_key ?? '';
    expect((await get(`session=${key}`)).body['events']).toHaveLength(1);
    const span = await get(
      'instrument=titan&event=START&from=2026-03-01T09:00&to=2026-03-01T10:00',
    );
    expect(span.body['events']).toMatchObject([{ timestamp: '2026-03-01T08:00:00.000Z' }]);
    expect(await get('limt=2')).toMatchObject({
      status: 422,
      body: { faults: [{ key: 'limt', message: 'unknown key' }] },
    });
  });
});
