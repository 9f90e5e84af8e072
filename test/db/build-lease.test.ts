import { beforeEach, expect, test } from '@jest/globals';
import {
  claimSession,
  deferSession,
  noteStoreAway,
  releaseLease,
  renewLease,
} from '../../src/db/build-lease-store.js';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { listVerdicts, lastLook, saveLook, saveVerdicts } from '../../src/db/look-store.js';
import { stagedAttemptState } from '../../src/db/publication-store.js';
import { currentRecord, listRecords, recordDatasets } from '../../src/db/record-store.js';
import { recordActivities } from '../../src/db/catalogue-store.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import { findSession, sessionHistory } from '../../src/db/session-store.js';
import { insertLog } from '../../src/db/insert-log.js';
import { BUILD_OUTCOMES } from '../../src/domain/record-status.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeDatabases } from '../support/databases.js';
import {
  addInstrument,
  build,
  claim,
  logSession,
  settle,
  testActivity,
  testDataset,
} from '../support/session-rows.js';

describeDatabases('building under a lease', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  const tryClaim = (owner: string, identifier = 's-1') =>
    scoped(() => claimSession({ identifier, owner, leaseSeconds: 120 }));
  /** The lease ran out, by the database's own clock. */
  const expire = () =>
    fixture.database
      .knex('sessions')
      .update({ lease_expires_at: new Date(Date.now() - 60_000).toISOString() });
  const outcomes = async () =>
    (await scoped(() => sessionHistory('s-1'))).attempts.map((attempt) => attempt.outcome);
  const generations = async () =>
    (await scoped(() => sessionHistory('s-1'))).events.filter(
      (event) => event.eventType === 'RECORD_GENERATION',
    );

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 's-1', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T11:00:00Z',
    });
  });

  test('one claims, all others are told why not', async () => {
    expect(await tryClaim('a')).toMatchObject({
      kind: 'claimed',
      token: 1,
      attempt: 1,
      diedBuilds: 0,
    });
    expect(await tryClaim('b')).toEqual({ kind: 'not-claimed', reason: 'leased' });
    expect(await tryClaim('b', 'nobody')).toEqual({ kind: 'not-claimed', reason: 'unknown' });
  });

  test('of many that claim at once over several connections exactly one wins', async () => {
    const others = await Promise.all([1, 2, 3, 4].map(() => fixture.openAnother()));
    const results = await Promise.all(
      [...others, ...others, ...others].map((database, index) =>
        database.createScope(() =>
          claimSession({ identifier: 's-1', owner: `p${String(index)}`, leaseSeconds: 60 }),
        ),
      ),
    );
    for (const other of others) await other.close();
    expect(results.filter((result) => result.kind === 'claimed')).toHaveLength(1);
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('neither a future END nor a problem nor a finished session can be claimed', async () => {
    await logSession(fixture.database, 'future', {
      start: '2026-03-01T09:00:00Z',
      end: new Date(Date.now() + 3_600_000).toISOString(),
    });
    await logSession(fixture.database, 'backwards', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T08:00:00Z',
    });
    await build(fixture.database, 's-1');
    const reasons = [];
    for (const identifier of ['future', 'backwards', 's-1']) {
      const result = await tryClaim('a', identifier);
      reasons.push(result.kind === 'not-claimed' ? result.reason : 'claimed');
    }
    expect(reasons).toEqual(['END in the future', 'problem', 'not to be built']);
  });

  test('an expired lease is taken over, its attempt died, and the late one settles nothing', async () => {
    const late = await claim(fixture.database, 's-1', 'late');
    await expire();
    const next = await claim(fixture.database, 's-1', 'next');
    expect(next).toMatchObject({ token: 2, attempt: 2, diedBuilds: 1 });
    expect(await outcomes()).toEqual(['DIED', null]);
    expect(await settle(fixture.database, 's-1', late)).toEqual({ kind: 'lease-lost' });
    expect(await scoped(() => renewLease('s-1', late.token, 60))).toBe(false);
    expect(await scoped(() => releaseLease('s-1', late.token))).toBe(false);
    expect(await generations()).toEqual([]);
    expect(await settle(fixture.database, 's-1', next)).toMatchObject({ kind: 'settled' });
    expect(await generations()).toHaveLength(1);
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('an expired lease that nobody took can still be renewed', async () => {
    const claimed = await claim(fixture.database, 's-1');
    await expire();
    expect(await scoped(() => renewLease('s-1', claimed.token, 60))).toBe(true);
    expect(await tryClaim('b')).toMatchObject({ reason: 'leased' });
  });

  test('a build settles once: its answer may be asked for again', async () => {
    const claimed = await claim(fixture.database, 's-1');
    const state = () => scoped(() => stagedAttemptState(sessionKeyOf('s-1'), claimed.token));
    expect(await state()).toBe('open');
    await settle(fixture.database, 's-1', claimed);
    expect(await state()).toBe('settled');
    expect(await settle(fixture.database, 's-1', claimed)).toEqual({ kind: 'lease-lost' });
    expect(await generations()).toHaveLength(1);
  });

  test('inputs that change during a build discard it', async () => {
    const claimed = await claim(fixture.database, 's-1');
    await scoped(() =>
      insertLog({
        sessionIdentifier: 's-1',
        instrumentPid: 'titan',
        eventType: 'END',
        at: '2026-03-01T12:00:00Z',
        user: 'ada',
      }),
    );
    expect(await settle(fixture.database, 's-1', claimed)).toEqual({ kind: 'inputs-changed' });
    expect(await scoped(() => currentRecord('s-1'))).toBeNull();
    expect(await outcomes()).toEqual(['DISCARDED']);
    expect(await generations()).toEqual([]);
    expect(await tryClaim('b')).toMatchObject({ kind: 'claimed', attempt: 2 });
  });

  test('a session cancelled during a build loses its lease', async () => {
    const claimed = await claim(fixture.database, 's-1');
    await scoped(() => cancelSession('s-1', { who: 'eve' }));
    expect(await settle(fixture.database, 's-1', claimed)).toEqual({ kind: 'lease-lost' });
    expect(await scoped(() => findSession('s-1'))).toMatchObject({
      status: 'CANCELLED',
      lease: null,
    });
  });

  test('a deferred build leaves no event and no status, and counts only when told to', async () => {
    const nextAttemptAtMs = Date.parse('2026-03-05T00:00:00Z');
    for (const countsAsTry of [false, true]) {
      const { token, inputsRevision } = await claim(fixture.database, 's-1');
      const reason = 'waiting: scan_07.emd, 41 GB, still growing';
      const held = { identifier: 's-1', token, inputsRevision };
      const deferred = { ...held, reason, nextAttemptAtMs, countsAsTry };
      expect(await scoped(() => deferSession(deferred))).toBe('deferred');
      expect(await scoped(() => deferSession(deferred))).toBe('lease-lost');
    }
    expect(await scoped(() => findSession('s-1'))).toMatchObject({
      status: 'TO_BE_BUILT',
      tries: 1,
      nextAttemptAtMs,
      deferralReason: 'waiting: scan_07.emd, 41 GB, still growing',
      firstFailedAtMs: expect.any(Number),
    });
    expect(await outcomes()).toEqual(['DEFERRED', 'DEFERRED']);
    expect(await generations()).toEqual([]);
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('inputs that change during a build that is to be put off discard it: nothing is counted or waits', async () => {
    const { token, inputsRevision } = await claim(fixture.database, 's-1');
    await scoped(() =>
      insertLog({
        sessionIdentifier: 's-1',
        instrumentPid: 'titan',
        eventType: 'END',
        at: '2026-03-01T12:00:00Z',
        user: 'ada',
      }),
    );
    const deferred = { identifier: 's-1', token, inputsRevision, reason: 'timeout' };
    const nextAttemptAtMs = Date.now() + 3_600_000;
    expect(
      await scoped(() => deferSession({ ...deferred, nextAttemptAtMs, countsAsTry: true })),
    ).toBe('inputs-changed');
    expect(await scoped(() => findSession('s-1'))).toMatchObject({
      status: 'TO_BE_BUILT',
      lease: null,
      tries: 0,
      nextAttemptAtMs: null,
      deferralReason: null,
      firstFailedAtMs: null,
    });
    expect(await outcomes()).toEqual(['DISCARDED']);
    expect(await tryClaim('b')).toMatchObject({ kind: 'claimed' });
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('what one process put off is not claimed by another before its time, unless it is asked for', async () => {
    const { token, inputsRevision } = await claim(fixture.database, 's-1');
    const deferred = { identifier: 's-1', token, inputsRevision, reason: 'timeout' };
    const nextAttemptAtMs = Date.now() + 3_600_000;
    await scoped(() => deferSession({ ...deferred, nextAttemptAtMs, countsAsTry: true }));
    expect(await tryClaim('b')).toEqual({ kind: 'not-claimed', reason: 'put off' });
    const asked = { identifier: 's-1', owner: 'b', leaseSeconds: 60, ignoreBackoff: true };
    expect(await scoped(() => claimSession(asked))).toMatchObject({ kind: 'claimed', attempt: 2 });
  });

  test('a lease given back can be claimed at once, and nothing died', async () => {
    const { token } = await claim(fixture.database, 's-1');
    expect(await scoped(() => releaseLease('s-1', token))).toBe(true);
    expect(await tryClaim('b')).toMatchObject({ kind: 'claimed', diedBuilds: 0 });
  });

  test.each(BUILD_OUTCOMES)(
    'settling with %s gives all rows the status and writes one event',
    async (outcome) => {
      const built = outcome === 'COMPLETED' || outcome === 'BUILT_NOT_EXPORTED';
      await build(fixture.database, 's-1', {
        outcome,
        reason: 'because',
        ...(built ? {} : { record: null, fingerprint: null }),
      });
      const { events } = await scoped(() => sessionHistory('s-1'));
      expect(events.map((event) => event.status)).toEqual([outcome, outcome, outcome]);
      expect(events[2]?.detail).toEqual({
        outcome,
        reason: 'because',
        duration_ms: 13,
        host: 'host-a',
        software_version: '0.1.0',
        record_version: built ? 1 : null,
      });
      expect(await scoped(checkInvariants)).toEqual([]);
    },
  );

  test('a built status without any record is refused whole', async () => {
    const claimed = await claim(fixture.database, 's-1');
    await expect(settle(fixture.database, 's-1', claimed, { record: null })).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    expect(await generations()).toEqual([]);
    expect(await scoped(() => findSession('s-1'))).toMatchObject({ status: 'TO_BE_BUILT' });
  });

  const rebuild = async (changes: Parameters<typeof build>[2] = {}) => {
    await fixture.database.knex('session_log').update({ record_status: 'TO_BE_BUILT' });
    await scoped(() => findSession('s-1'));
    return build(fixture.database, 's-1', changes);
  };

  test('a new version supersedes the old one and takes over the search and the comments', async () => {
    await build(fixture.database, 's-1', {});
    await fixture.database.knex('datasets').update({ comment: 'look here' });
    expect(await rebuild()).toMatchObject({ kind: 'settled', version: 2 });
    const versions = await scoped(() => listRecords('s-1'));
    expect(versions.map(({ version, supersedes }) => [version, supersedes])).toEqual([
      [2, 1],
      [1, null],
    ]);
    expect(versions[1]?.supersededAtMs).not.toBeNull();
    const comments = await fixture.database.knex('datasets').orderBy('id').pluck('comment');
    expect(comments).toEqual(['look here', 'look here']);
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('an unchanged record makes no new version, a failed rebuild keeps the old one', async () => {
    await build(fixture.database, 's-1');
    expect(await rebuild({ record: null })).toMatchObject({ version: 1 });
    await rebuild({ outcome: 'ERROR', record: null, fingerprint: null });
    expect(await scoped(() => currentRecord('s-1'))).toMatchObject({ version: 1 });
    expect(await scoped(() => findSession('s-1'))).toMatchObject({ status: 'ERROR' });
  });

  test('without consent nothing of the content stays', async () => {
    await build(fixture.database, 's-1');
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
    await scoped(() => saveLook('s-1', { digest: 'd', waitingSinceMs: 1 }));
    await rebuild({ outcome: 'NO_CONSENT', record: null, fingerprint: null });
    expect(await scoped(() => currentRecord('s-1'))).toBeNull();
    for (const table of ['activities', 'datasets', 'dataset_values', 'file_verdicts']) {
      expect(await fixture.database.knex(table).select()).toEqual([]);
    }
    expect(await scoped(() => lastLook('s-1'))).toBeNull();
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('the catalogue gives back what a build stored, to the nanosecond', async () => {
    const dataset = testDataset('/titan/a%20b.dm3', {
      metadata: {
        'Acceleration Voltage': { value: 200, unit: 'kV' },
        Magnification: { value: 5000, warning: true },
        Operator: { value: 'Ada\u0000 Lovelace' },
        'Stage Tilt': { value: [1.5, -2], unit: '°' },
      },
      calibration: [{ scale: 0.1, origin: -3, unit: 'nm' }],
      warnings: ['read in part'],
      acquiredMs: 1_772_366_400_123,
      missingSinceMs: 1_772_366_500_000,
      mtimeNs: 9_007_199_254_740_993n,
      sizeBytes: 2 ** 42 + 1,
    });
    const activity = testActivity([dataset, testDataset('/titan/c.dm3')], {
      setup: { Microscope: { value: 'Titan' } },
    });
    await build(fixture.database, 's-1', {
      record: {
        path: '/r/v.xml',
        publicPath: '/r/p.xml',
        sha256: 'b'.repeat(64),
        cause: 'first build',
        activities: [activity],
      },
    });
    const record = await scoped(() => currentRecord('s-1'));
    const stored = await scoped(() => recordActivities(record?.recordId ?? 0));
    const cleaned = { ...dataset.metadata, Operator: { value: 'Ada Lovelace' } };
    expect(stored).toEqual([
      { ...activity, datasets: [{ ...dataset, metadata: cleaned }, activity.datasets[1]] },
    ]);
    const whole = await scoped(() => recordDatasets(record?.recordId ?? 0));
    expect(whole[1]?.metadata).toEqual(activity.setup);
    const values = await fixture.database
      .knex('dataset_values')
      .orderBy(['dataset_id', 'name', 'position'])
      .select('name', 'number', 'text');
    expect(values.filter(({ name }) => name !== 'Magnification')).toEqual([
      { name: 'Acceleration Voltage', number: 200_000, text: '200 kV' },
      { name: 'Microscope', number: null, text: 'Titan' },
      { name: 'Operator', number: null, text: 'Ada Lovelace' },
      { name: 'Stage Tilt', number: expect.closeTo(0.0261799, 6), text: '1.5 °' },
      { name: 'Stage Tilt', number: expect.closeTo(-0.0349066, 6), text: '-2 °' },
      { name: 'Microscope', number: null, text: 'Titan' },
    ]);
  });

  test('the path of a record is unique over all sessions', async () => {
    await logSession(fixture.database, 's-2', {
      start: '2026-03-02T09:00:00Z',
      end: '2026-03-02T11:00:00Z',
    });
    const record = {
      path: '/r/same.xml',
      publicPath: '/r/p1.xml',
      sha256: 'b'.repeat(64),
      cause: 'first build',
      activities: [],
    };
    await build(fixture.database, 's-1', { record });
    await expect(
      build(fixture.database, 's-2', { record: { ...record, publicPath: '/r/p2.xml' } }),
    ).rejects.toMatchObject({ code: 'DATABASE_CONSTRAINT', details: { kind: 'unique' } });
    expect(await scoped(() => findSession('s-2'))).toMatchObject({ status: 'TO_BE_BUILT' });
  });

  test('verdicts of a later look replace those of an earlier one', async () => {
    const verdict = {
      location: '/a',
      verdict: 'in',
      rule: 'r',
      sizeBytes: 5,
      mtimeNs: 2n ** 62n,
    } as const;
    await scoped(() => saveVerdicts('s-1', [verdict, verdict]));
    await scoped(() => saveVerdicts('s-1', [{ ...verdict, verdict: 'after end' }]));
    expect(await scoped(() => listVerdicts('s-1'))).toEqual([{ ...verdict, verdict: 'after end' }]);
  });

  test('the file delay stands still while the store is away', async () => {
    const at = (nowMs: number, away: boolean) => scoped(() => noteStoreAway('s-1', away, nowMs));
    expect(await at(1000, true)).toBe(0);
    expect(await at(3000, true)).toBe(2000);
    expect(await at(5000, false)).toBe(4000);
    expect(await at(9000, false)).toBe(4000);
    expect(await at(10_000, true)).toBe(4000);
    expect(await at(10_500, false)).toBe(4500);
  });
});
