import { beforeEach, describe, expect, test } from '@jest/globals';
import { addNote } from '../../src/db/annotation-store.js';
import { deferSession } from '../../src/db/build-lease-store.js';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { getSessionsToBuild, takeUpLogChanges } from '../../src/db/due-sessions.js';
import { listVerdicts, saveVerdicts } from '../../src/db/look-store.js';
import { query } from '../../src/db/query.js';
import { currentRecord } from '../../src/db/record-store.js';
import { includeFile } from '../../src/db/session-files-store.js';
import { insertLog } from '../../src/db/insert-log.js';
import { updateSessionStatus } from '../../src/db/update-session-status.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import { findSession, sessionHistory } from '../../src/db/session-store.js';
import type { RecordStatus } from '../../src/domain/record-status.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, claim, logSession, settle } from '../support/session-rows.js';
import { waitFor } from '../support/wait-for.js';

const NOW = Date.parse('2026-03-10T00:00:00Z');
const NO_RECORD = { record: null, fingerprint: null, reason: null } as const;

describeDatabases('changes by SQL and by others', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  const find = (identifier = 's-1') => scoped(() => findSession(identifier));
  const setBySql = (status: RecordStatus, identifier = 's-1') =>
    scoped(() =>
      query('update session_log set record_status = ? where session_identifier = ?', [
        status,
        identifier,
      ]),
    );
  const due = async () =>
    (await scoped(() => getSessionsToBuild({ nowMs: NOW }))).map((session) => session.identifier);
  const outcomes = async () =>
    (await scoped(() => sessionHistory('s-1'))).attempts.map((attempt) => attempt.outcome);
  const violations = () => scoped(checkInvariants);

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 's-1', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T11:00:00Z',
    });
  });

  test.each(['CANCELLED', 'NO_CONSENT', 'SKIPPED'] as const)(
    '%s set during a build takes its lease, and passes go on',
    async (status) => {
      const claimed = await claim(fixture.database, 's-1');
      await setBySql(status);
      expect(await due()).toEqual([]);
      expect(await find()).toMatchObject({ status, lease: null });
      expect(await outcomes()).toEqual(['DISCARDED']);
      expect(await settle(fixture.database, 's-1', claimed)).toEqual({ kind: 'lease-lost' });
      expect(await violations()).toEqual([]);
    },
  );

  test.each(['CANCELLED', 'NO_CONSENT'] as const)(
    '%s set on a built session withdraws its record',
    async (status) => {
      await build(fixture.database, 's-1');
      await setBySql(status);
      await scoped(() => takeUpLogChanges());
      expect(await scoped(() => currentRecord('s-1'))).toBeNull();
      expect(await violations()).toEqual([]);
    },
  );

  test.each(['COMPLETED', 'BUILT_NOT_EXPORTED'] as const)(
    '%s set on a session without a record says that another program built it',
    async (status) => {
      await setBySql(status);
      expect(await find()).toMatchObject({ status, builtElsewhere: true });
      expect(await violations()).toEqual([]);
    },
  );

  test('a status that the library sets means the same as one that a build or SQL sets', async () => {
    await build(fixture.database, 's-1');
    await scoped(() => retrySessions({ identifiers: ['s-1'] }));
    await scoped(() =>
      saveVerdicts('s-1', [
        {
          location: '/titan/a.dm3',
          verdict: 'in',
          rule: 'in the window',
          sizeBytes: 1,
          mtimeNs: 1n,
        },
      ]),
    );
    await scoped(() => updateSessionStatus('s-1', 'NO_CONSENT'));
    expect(await scoped(() => currentRecord('s-1'))).toBeNull();
    expect(await scoped(() => listVerdicts('s-1'))).toEqual([]);
    expect(await violations()).toEqual([]);
    await scoped(() => retrySessions({ identifiers: ['s-1'] }));
    await build(fixture.database, 's-1');
    await scoped(() => updateSessionStatus('s-1', 'CANCELLED'));
    expect(await scoped(() => currentRecord('s-1'))).toBeNull();
    expect(await violations()).toEqual([]);
  });

  test('a build that settles without consent leaves nothing of an earlier record', async () => {
    await build(fixture.database, 's-1');
    await scoped(() => retrySessions({ identifiers: ['s-1'] }));
    await build(fixture.database, 's-1', { ...NO_RECORD, outcome: 'NO_CONSENT' });
    expect(await violations()).toEqual([]);
  });

  test('a status of one row only withdraws nothing', async () => {
    await build(fixture.database, 's-1');
    await scoped(() =>
      query("update session_log set record_status = 'CANCELLED' where event_type = 'START'"),
    );
    expect(await find()).toMatchObject({ status: 'COMPLETED', problem: 'STATUSES_DISAGREE' });
    expect(await scoped(() => currentRecord('s-1'))).not.toBeNull();
    await scoped(() => retrySessions({ identifiers: ['s-1'] }));
    expect(await find()).toMatchObject({ status: 'TO_BE_BUILT', problem: null });
  });

  test('a session whose rows cannot be taken up stops no other, and heals', async () => {
    await fixture.database.knex('sessions').update({ overrides: '[1]' });
    await setBySql('SKIPPED');
    await logSession(fixture.database, 'a', { start: '2026-03-02T09:00:00Z' });
    await logSession(fixture.database, 'z', { start: '2026-03-02T09:00:00Z' });
    for (const identifier of ['a', 'z']) {
      await scoped(() =>
        query(
          "insert into session_log (session_identifier, instrument, timestamp, event_type) values (?, 'titan', '2026-03-02T10:00:00.000Z', 'END')",
          [identifier],
        ),
      );
    }
    const refused: string[] = [];
    const found = await scoped(() =>
      getSessionsToBuild({
        nowMs: NOW,
        onRefused: (error, identifier) => refused.push(`${identifier}: ${error.name}`),
      }),
    );
    expect(found.map((session) => session.identifier).sort()).toEqual(['a', 'z']);
    expect(refused).toEqual(['s-1: AppError']);
    expect(await find()).toMatchObject({ status: 'TO_BE_BUILT', problem: 'LOG_ROWS_REFUSED' });
    await fixture.database.knex('sessions').update({ overrides: '[]' });
    expect(await find()).toMatchObject({ status: 'SKIPPED', problem: null });
    expect(await violations()).toEqual([]);
  });

  test('an edit that is not taken up yet is not overwritten by a build that settles', async () => {
    const claimed = await claim(fixture.database, 's-1');
    await setBySql('NO_RESERVATION');
    expect(await settle(fixture.database, 's-1', claimed)).toEqual({ kind: 'lease-lost' });
    expect(await find()).toMatchObject({ status: 'NO_RESERVATION' });
    expect(await scoped(() => currentRecord('s-1'))).toBeNull();
  });

  test('an edit of an input that is not taken up yet has the build discarded', async () => {
    const claimed = await claim(fixture.database, 's-1');
    await scoped(() =>
      query(
        "update session_log set timestamp = '2026-03-01T12:00:00.000Z' where event_type = 'END'",
      ),
    );
    expect(await settle(fixture.database, 's-1', claimed)).toEqual({ kind: 'inputs-changed' });
    expect(await find()).toMatchObject({
      status: 'TO_BE_BUILT',
      endMs: Date.parse('2026-03-01T12:00:00Z'),
    });
  });

  test('an edit that is not taken up yet is not overwritten by an annotation', async () => {
    await build(fixture.database, 's-1');
    await setBySql('CANCELLED');
    await scoped(() => addNote('s-1', 'late note', 'eve'));
    expect(await find()).toMatchObject({ status: 'CANCELLED' });
    expect(await violations()).toEqual([]);
  });

  describe('what was put off', () => {
    const HOUR = 3_600_000;
    const putOff = async (nextAttemptAtMs: number) => {
      const { token, inputsRevision } = await claim(fixture.database, 's-1');
      const options = { token, inputsRevision, nextAttemptAtMs, countsAsTry: true };
      await scoped(() => deferSession({ identifier: 's-1', reason: 'timeout', ...options }));
    };

    test('is built at once when its inputs change', async () => {
      await putOff(Date.now() + HOUR);
      await scoped(() => includeFile('s-1', '/titan/late.dm3', { author: 'eve' }));
      const fresh = { tries: 0, firstFailedAtMs: null, nextAttemptAtMs: null };
      expect(await find()).toMatchObject({ ...fresh, deferralReason: null });
    });

    test('gathers annotations for ten minutes, and never waits longer for them', async () => {
      await putOff(Date.now() + HOUR);
      await scoped(() => addNote('s-1', 'one', 'eve'));
      const gathering = (await find())?.nextAttemptAtMs ?? 0;
      expect(gathering).toBeGreaterThan(Date.now() + 500_000);
      expect(gathering).toBeLessThan(Date.now() + 700_000);
      await scoped(() => addNote('s-1', 'two', 'eve'));
      expect((await find())?.nextAttemptAtMs).toBe(gathering);
    });

    test('an annotation puts off nothing that is due', async () => {
      await scoped(() => addNote('s-1', 'one', 'eve'));
      expect(await due()).toEqual(['s-1']);
    });
  });

  test('instants outside the years 0001 to 9999 are refused', async () => {
    const times = fixture.engine === 'postgres' ? ['infinity', '-infinity', '0044-03-15 BC'] : [];
    for (const time of [...times, '12000-01-01T00:00:00.000Z', '0000-12-31T23:59:59.999Z']) {
      await expect(
        scoped(() =>
          query(
            "insert into session_log (session_identifier, instrument, timestamp, event_type) values ('odd', 'titan', ?, 'START')",
            [time],
          ),
        ),
      ).rejects.toMatchObject({ code: 'DATABASE_CONSTRAINT' });
    }
    const common = { sessionIdentifier: 'odd', instrumentPid: 'titan' };
    for (const at of [
      Date.parse('+012000-01-01T00:00:00Z'),
      Number.NaN,
      '0000-06-01T00:00:00Z',
      '9999-12-31T23:59:00-05:00',
    ]) {
      await expect(
        scoped(() => insertLog({ ...common, eventType: 'START', at })),
      ).rejects.toMatchObject({ code: 'TIME_INVALID' });
    }
  });

  test('the first and the last instant come back as they were written', async () => {
    for (const [identifier, start] of [
      ['first', '0001-01-01T00:00:00.000Z'],
      ['last', '9999-12-31T23:59:59.999Z'],
    ] as const) {
      await logSession(fixture.database, identifier, { start });
      expect((await find(identifier))?.startMs).toBe(Date.parse(start));
    }
    if (fixture.engine === 'sqlite') return;
    await fixture.database.knex.transaction(async (transaction) => {
      await transaction.raw("set local timezone to 'Europe/Berlin'");
      const rows: { start_at: string }[] = await transaction('sessions')
        .where('session_identifier', 'first')
        .select('start_at');
      expect(rows).toEqual([{ start_at: '0001-01-01T00:00:00.000Z' }]);
    });
  });

  test('a neighbour that another process cancels at the same time stays cancelled', async () => {
    // SQLite has one writer at a time.
    if (fixture.engine === 'sqlite') return;
    await build(fixture.database, 's-1');
    await logSession(fixture.database, 'open', { start: '2026-03-01T09:30:00Z' });
    await build(fixture.database, 's-1');
    const other = await fixture.openAnother();
    let commit = (): void => undefined;
    const held = new Promise<void>((resolve) => (commit = resolve));
    let cancelled = (): void => undefined;
    const isCancelled = new Promise<void>((resolve) => (cancelled = resolve));
    const first = other.createScope(async () => {
      await cancelSession('s-1', { who: 'eve' });
      cancelled();
      await held;
    });
    await isCancelled;
    const second = scoped(() => cancelSession('open', { who: 'adam' }));
    await waitFor('the second process waits for a lock', async () => {
      const waiting: unknown[] = await fixture.database
        .knex('pg_stat_activity')
        .whereRaw("datname = current_database() and wait_event_type = 'Lock'")
        .select('pid');
      return waiting.length > 0;
    });
    commit();
    await Promise.all([first, second]);
    await other.close();
    expect(await find()).toMatchObject({ status: 'CANCELLED' });
    expect(await violations()).toEqual([]);
  });
});
