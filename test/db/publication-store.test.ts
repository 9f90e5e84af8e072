import { beforeEach, expect, test } from '@jest/globals';
import { deferSession } from '../../src/db/build-lease-store.js';
import {
  findPublication,
  markPublished,
  stagedAttemptState,
} from '../../src/db/publication-store.js';
import { currentRecord } from '../../src/db/record-store.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import type { BuildOutcome } from '../../src/domain/record-status.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, claim, logSession, settle } from '../support/session-rows.js';

describeDatabases('what became of attempts and their records', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  const stateOf = (token: number) => scoped(() => stagedAttemptState(sessionKeyOf('s-1'), token));

  /** Has the session built once more. */
  async function buildAgain(outcome: BuildOutcome): Promise<void> {
    await scoped(() => retrySessions({ identifiers: ['s-1'] }));
    await build(fixture.database, 's-1', outcome === 'COMPLETED' ? {} : { outcome, record: null });
  }

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 's-1', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T11:00:00Z',
    });
  });

  test.each(['ERROR', 'NO_FILES_FOUND', 'NO_CONSENT', 'NO_RESERVATION', 'SKIPPED'] as const)(
    'an attempt that settled as %s leaves nothing that belongs into place',
    async (outcome) => {
      await build(fixture.database, 's-1', { outcome, record: null });
      expect(await stateOf(1)).toBe('over');
    },
  );

  test.each(['COMPLETED', 'BUILT_NOT_EXPORTED'] as const)(
    'an attempt that settled as %s belongs into place, also after a later one was an error or put off',
    async (outcome) => {
      const claimed = await claim(fixture.database, 's-1');
      expect(await stateOf(1)).toBe('open');
      await settle(fixture.database, 's-1', claimed, { outcome });
      expect(await stateOf(1)).toBe('settled');
      await buildAgain('ERROR');
      expect([await stateOf(1), await stateOf(2)]).toEqual(['settled', 'over']);
      await scoped(() => retrySessions({ identifiers: ['s-1'] }));
      const { token, inputsRevision } = await claim(fixture.database, 's-1');
      const nextAttemptAtMs = Date.now();
      const how = { reason: 'wait', nextAttemptAtMs, countsAsTry: false, inputsRevision };
      await scoped(() => deferSession({ identifier: 's-1', token, ...how }));
      expect([await stateOf(1), await stateOf(token)]).toEqual(['settled', 'over']);
    },
  );

  test('a newer attempt that made a record overtakes the older one', async () => {
    await build(fixture.database, 's-1');
    await buildAgain('COMPLETED');
    expect([await stateOf(1), await stateOf(2)]).toEqual(['overtaken', 'settled']);
  });

  test('nothing of a session whose record was withdrawn belongs into place', async () => {
    await build(fixture.database, 's-1');
    await scoped(() => cancelSession('s-1', { who: 'ada' }));
    expect(await stateOf(1)).toBe('over');
  });

  test('attempts and sessions that this database never had are unknown', async () => {
    await build(fixture.database, 's-1');
    expect(await stateOf(7)).toBe('unknown');
    expect(await scoped(() => stagedAttemptState('a'.repeat(16), 1))).toBe('unknown');
  });

  test('a record is noted as published only while it is what was read', async () => {
    await build(fixture.database, 's-1');
    const published = () =>
      fixture.database.knex('records').orderBy('id').pluck<unknown[]>('published_at');
    const first = (await scoped(() => currentRecord('s-1')))?.recordId ?? 0;
    const read = async () => {
      const found = await scoped(() => findPublication(first));
      if (found === null) throw new Error('There is no such record.');
      return found;
    };
    const current = await read();
    await buildAgain('COMPLETED');
    expect(await scoped(() => markPublished(current))).toBe(false);
    const superseded = await read();
    await scoped(() => cancelSession('s-1', { who: 'ada' }));
    expect(await scoped(() => markPublished(superseded))).toBe(false);
    expect(await published()).toEqual([null, null]);
    expect(await scoped(async () => markPublished(await read()))).toBe(true);
    expect(await published()).toEqual([expect.anything(), null]);
  });
});
