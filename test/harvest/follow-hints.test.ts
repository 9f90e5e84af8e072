import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { findSession } from '../../src/db/session-store.js';
import { addHints, countWaitingHints } from '../../src/db/webhook-hint-store.js';
import { applyPayloads, followHints } from '../../src/harvest/follow-hints.js';
import { UsageEventObserver } from '../../src/harvest/observe-usage-event.js';
import { describeDatabases } from '../support/databases.js';
import { loggedSessions, NEVER, openHarvestLab, type HarvestLab } from './harvest-lab.js';

const LATER_MS = Date.parse('2027-01-01T00:00:00Z');

describeDatabases('what NEMO pushed', (fixture) => {
  let lab: HarvestLab;
  let messages = 0;

  beforeEach(async () => {
    lab = await openHarvestLab(fixture.database);
  });
  afterEach(() => lab.nemo.close());

  const told = (
    eventId: number,
    action: string | null,
    payload: Readonly<Record<string, unknown>> | null = null,
  ) => {
    messages += 1;
    const replay = { replayKey: `message ${messages}`, replayExpiresAtMs: LATER_MS };
    const hint = { source: 'nemo', eventId, action, payload, ...replay };
    return fixture.database.createScope(() => addHints([hint], lab.clock.now().toMillis()));
  };
  const status = async (id: number) => {
    const identifier = `${lab.nemo.baseUrl}usage_events/?id=${id}`;
    return (await fixture.database.createScope(() => findSession(identifier)))?.status ?? null;
  };
  const waiting = async () =>
    (await fixture.database.createScope(countWaitingHints)).get('nemo') ?? 0;
  /** As if the waits were over. */
  const waitsAreOver = () =>
    fixture.database.knex('webhook_hints').update({ next_attempt_at: '2020-01-01T00:00:00.000Z' });

  describe('by a source that can be read', () => {
    const follow = () => followHints(lab.source, lab.harvester, NEVER);

    test('is read from it, whatever the message says of it', async () => {
      const { id } = lab.nemo.enable(1, 2, 2, 1);
      lab.nemo.advance(60_000);
      lab.nemo.disable(1);
      // In the wrong order, one of them twice.
      for (const action of ['updated', 'created', 'updated']) await told(id, action);
      expect(await follow()).toEqual({ changed: 1, putOff: 0 });
      expect(await status(id)).toBe('TO_BE_BUILT');
      expect(await waiting()).toBe(0);
    });

    test('before its transaction was committed is looked for again for half a minute', async () => {
      lab.nemo.holdCommits();
      const { id } = lab.nemo.enable(1, 2, 2, 1);
      await told(id, 'created');
      expect(await follow()).toEqual({ changed: 0, putOff: 1 });
      expect(await status(id)).toBeNull();
      expect(await follow()).toEqual({ changed: 0, putOff: 0 });
      lab.nemo.commit();
      await waitsAreOver();
      expect(await follow()).toEqual({ changed: 1, putOff: 0 });
      expect(await status(id)).toBe('WAITING_FOR_END');
    });

    test('and was rolled back is given up after the fifth time', async () => {
      await told(99, 'created');
      const tries: number[] = [];
      while ((await waiting()) > 0) {
        tries.push((await follow()).putOff);
        await waitsAreOver();
      }
      expect(tries).toEqual([1, 1, 1, 1, 1, 0]);
    });

    test('as deleted is believed at once when it is not there any more, and not when it is', async () => {
      const { id } = lab.nemo.enable(1, 2, 2, 1);
      await told(id, 'deleted');
      await follow();
      expect(await status(id)).toBe('WAITING_FOR_END');
      lab.nemo.delete(id);
      await told(id, 'deleted');
      expect(await follow()).toEqual({ changed: 0, putOff: 0 });
      expect(await status(id)).toBe('CANCELLED');
    });

    test('waits while the source is away', async () => {
      const { id } = lab.nemo.enable(1, 2, 2, 1);
      await told(id, 'created');
      await lab.nemo.goDown();
      await expect(follow()).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
      expect(await waiting()).toBe(1);
      await lab.nemo.comeUp();
      await waitsAreOver();
      await follow();
      expect(await status(id)).toBe('WAITING_FOR_END');
    });
  });

  describe('by a source without token', () => {
    const START = '2026-11-21T05:00:00Z';
    const row = (changes: Readonly<Record<string, unknown>> = {}) => ({
      ...{ id: 7, start: START, end: null, has_ended: 0, tool: 1, project: 1 },
      ...{ user: { id: 2, username: 'pierre' }, operator: 2 },
      ...changes,
    });
    const ended = (end: string, has_ended: number) => row({ end, has_ended });
    const apply = async (...rows: readonly Readonly<Record<string, unknown>>[]): Promise<void> => {
      for (const one of rows) await told(7, 'updated', one);
      const source = { ...lab.source, client: null };
      await applyPayloads(source, new UsageEventObserver(source), NEVER);
    };
    const logged = async () => (await loggedSessions(fixture.database)).get(7);

    test('is taken in as it stands, with the name of the user where it is told', async () => {
      await apply(row());
      expect(await logged()).toEqual({
        ...{ instrument: 'titan', user: 'pierre', status: 'WAITING_FOR_END' },
        ...{ start: '2026-11-21T05:00:00.000Z', end: null },
      });
      await apply(ended('2026-11-21T06:00:00Z', 3));
      expect(await logged()).toMatchObject({
        status: 'TO_BE_BUILT',
        end: '2026-11-21T06:00:00.000Z',
      });
      expect(await fixture.database.knex('usage_events').first('is_confirmed')).toMatchObject({
        is_confirmed: fixture.engine === 'sqlite' ? 0 : false,
      });
    });

    test('leads only forward: an older message neither reopens nor moves what has ended', async () => {
      await apply(ended('2026-11-21T06:00:00Z', 3), row());
      expect(await logged()).toMatchObject({ status: 'TO_BE_BUILT' });
      await apply(ended('2026-11-21T05:30:00Z', 2));
      expect(await logged()).toMatchObject({ end: '2026-11-21T06:00:00.000Z' });
      await apply(ended('2026-11-21T06:10:00Z', 3));
      expect(await logged()).toMatchObject({ end: '2026-11-21T06:10:00.000Z' });
    });

    test('is not reopened by a NEMO either that does not number what has ended', async () => {
      await apply(row({ end: '2026-11-21T06:00:00Z', has_ended: null }), row({ has_ended: null }));
      expect(await logged()).toMatchObject({ status: 'TO_BE_BUILT' });
    });

    test('as deleted is cancelled, and does not come back by what was sent before', async () => {
      await apply(row());
      await told(7, 'deleted', row());
      await apply();
      expect(await status(7)).toBe('CANCELLED');
      await apply(row());
      expect(await status(7)).toBe('CANCELLED');
    });

    test('is left out when it began before since, is no tool of ours, or cannot be read', async () => {
      await apply(row({ tool: 77 }), row({ start: 'some time ago' }));
      const source = { ...lab.source, client: null, sinceMs: Date.parse('2026-11-21T05:00:01Z') };
      await told(7, 'created', row());
      await applyPayloads(source, new UsageEventObserver(source), NEVER);
      expect(await logged()).toBeUndefined();
      expect(await waiting()).toBe(0);
    });
  });
});
