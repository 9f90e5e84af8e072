import { expect, test } from '@jest/globals';
import type { Database } from '../../src/db/database.js';
import {
  addHints,
  countWaitingHints,
  finishHints,
  putOffHints,
  takeDueHints,
  type PushedHint,
} from '../../src/db/webhook-hint-store.js';
import { describeDatabases } from '../support/databases.js';

const NOW_MS = Date.parse('2026-11-21T04:00:00Z');
let messages = 0;

function hint(eventId: number, changes: Partial<PushedHint> = {}): PushedHint {
  messages += 1;
  return {
    source: 'nemo',
    eventId,
    action: 'updated',
    payload: null,
    replayKey: `message ${messages}`,
    replayExpiresAtMs: NOW_MS + 600_000,
    ...changes,
  };
}

const add = (database: Database, ...hints: PushedHint[]) =>
  database.createScope(() => addHints(hints, NOW_MS));
const take = (database: Database, changes: { limit?: number; claimSeconds?: number } = {}) =>
  database.createScope(() =>
    takeDueHints({ source: 'nemo', limit: 100, claimSeconds: 3600, ...changes }),
  );

describeDatabases('hints of a source', (fixture) => {
  test('all that wait for one event are one piece of work, in the order of their arrival', async () => {
    const { database } = fixture;
    const payload = { id: 7, note: 'Grüße \u0000', run_data: '{"a": "?"}' };
    await add(database, hint(7, { action: 'created', payload }), hint(8));
    await add(database, hint(7, { action: null }), hint(7, { source: 'other' }));
    const taken = await take(database);
    expect(taken.map(({ eventId, messages: told }) => [eventId, told.length])).toStrictEqual([
      [7, 2],
      [8, 1],
    ]);
    expect(taken[0]?.messages).toMatchObject([
      { action: 'created', payload: { ...payload, note: 'Grüße ' } },
      { action: null, payload: null },
    ]);
    const counts = await database.createScope(countWaitingHints);
    expect(Object.fromEntries(counts)).toStrictEqual({ nemo: 3, other: 1 });
  });

  test('hundreds that wait for one event are taken and finished together', async () => {
    const { database } = fixture;
    await add(database, ...Array.from({ length: 1000 }, () => hint(7)));
    const [taken, ...others] = await take(database, { limit: 5000 });
    expect(others).toEqual([]);
    if (taken === undefined) throw new Error('Nothing was taken.');
    expect(await database.createScope(() => finishHints(taken))).toBe(true);
    expect(await database.createScope(countWaitingHints)).toEqual(new Map());
  });

  test('what was put off comes back when it is due, or with news of the same event', async () => {
    const { database } = fixture;
    await add(database, hint(7), hint(8));
    for (const taken of await take(database)) {
      expect(await database.createScope(() => putOffHints(taken, 3600))).toBe(true);
    }
    expect(await take(database)).toStrictEqual([]);
    await add(database, hint(7));
    const [again, ...others] = await take(database);
    expect(others).toStrictEqual([]);
    expect(again).toMatchObject({ eventId: 7, tries: 1, messages: [{}, {}] });
    if (again === undefined) throw new Error('Nothing was taken.');
    expect(await database.createScope(() => putOffHints(again, 0))).toBe(true);
    expect(await take(database)).toMatchObject([{ eventId: 7, tries: 2 }]);
  });

  test('what comes while an event is followed up waits for the end, and is not finished with it', async () => {
    const { database } = fixture;
    await add(database, hint(7));
    const [taken] = await take(database);
    if (taken === undefined) throw new Error('Nothing was taken.');
    await add(database, hint(7, { action: 'deleted' }));
    expect(await take(database)).toStrictEqual([]);
    expect(await database.createScope(() => finishHints(taken))).toBe(true);
    expect(await take(database)).toMatchObject([{ messages: [{ action: 'deleted' }] }]);
  });

  test('who lets the claim end has lost it', async () => {
    const { database } = fixture;
    await add(database, hint(7));
    const [late] = await take(database, { claimSeconds: 0 });
    const [taken] = await take(database);
    if (late === undefined || taken === undefined) throw new Error('Nothing was taken.');
    expect(await database.createScope(() => putOffHints(late, 0))).toBe(false);
    expect(await database.createScope(() => finishHints(late))).toBe(false);
    expect(await database.createScope(() => finishHints(taken))).toBe(true);
    expect(await database.createScope(countWaitingHints)).toStrictEqual(new Map());
  });

  test('several daemons at once never have the same event', async () => {
    const { database } = fixture;
    const others = [await fixture.openAnother(), await fixture.openAnother()];
    const databases = [database, ...others];
    await add(database, ...Array.from({ length: 60 }, (_, index) => hint(index % 20)));
    const taken = await Promise.all(
      Array.from({ length: 12 }, async (_, index) => {
        const used = databases[index % databases.length] ?? database;
        await add(used, hint(index));
        return take(used, { limit: 7 });
      }),
    );
    const events = [...taken.flat(), ...(await take(database))].map(({ eventId }) => eventId);
    expect([...events].sort((a, b) => a - b)).toStrictEqual(
      [...new Set(events)].sort((a, b) => a - b),
    );
    expect(new Set(events).size).toBe(20);
    for (const other of others) await other.close();
  });

  test('several daemons that get the same messages at once keep each once', async () => {
    const { database } = fixture;
    const another = await fixture.openAnother();
    const hints = Array.from({ length: 40 }, (_, index) => hint(index));
    const receipts = await Promise.all([
      add(database, ...hints),
      add(another, ...[...hints].reverse()),
      add(database, ...hints),
    ]);
    expect(receipts.flat().filter((receipt) => receipt === 'accepted')).toHaveLength(40);
    expect(await database.createScope(countWaitingHints)).toStrictEqual(new Map([['nemo', 40]]));
    await another.close();
  });
});
