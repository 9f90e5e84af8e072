import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import { findSession, listProblems } from '../../src/db/session-store.js';
import { setOverrides } from '../../src/db/set-overrides.js';
import { sourceCursor } from '../../src/db/source-cursor-store.js';
import { describeDatabases } from '../support/databases.js';
import { build } from '../support/session-rows.js';
import { DAY_MS, loggedSessions, NEVER, openHarvestLab, type HarvestLab } from './harvest-lab.js';

const MINUTE_MS = 60_000;

describeDatabases('harvesting from NEMO', (fixture) => {
  let lab: HarvestLab;
  const identifier = (id: number): string => `${lab.nemo.baseUrl}usage_events/?id=${id}`;
  const session = (id: number) => fixture.database.createScope(() => findSession(identifier(id)));
  const logged = async (id: number) => (await loggedSessions(fixture.database)).get(id);
  const poll = () => lab.harvester.poll(NEVER);
  const reconcile = () => lab.harvester.reconcile(NEVER);
  const problems = async (): Promise<string[]> => {
    const listed = await fixture.database.createScope(() => listProblems(0));
    return listed.map(({ problem }) => problem);
  };
  /** An ended event of the given minutes, harvested. */
  const ended = async (tool = 1, minutes = 60): Promise<number> => {
    const { id } = lab.nemo.enable(tool, 2, 2, 1);
    lab.nemo.advance(minutes * MINUTE_MS);
    lab.nemo.disable(tool);
    await poll();
    return id;
  };

  beforeEach(async () => {
    lab = await openHarvestLab(fixture.database);
  });
  afterEach(async () => {
    // Whatever happened: what the database may never hold.
    expect(await fixture.database.createScope(() => checkInvariants())).toEqual([]);
    await lab.nemo.close();
  });

  test('START is written when a tool is enabled, END when it is disabled', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    expect(await poll()).toMatchObject({ started: 1 });
    expect(await logged(id)).toEqual({
      ...{ instrument: 'titan', user: 'pierre', status: 'WAITING_FOR_END' },
      ...{ start: '2026-11-21T04:51:32.865Z', end: null },
    });
    lab.nemo.advance(MINUTE_MS);
    lab.nemo.disable(1);
    expect(await poll()).toMatchObject({ started: 0, changed: 1 });
    expect(await logged(id)).toMatchObject({
      status: 'TO_BE_BUILT',
      end: '2026-11-21T04:52:32.865Z',
    });
  });

  test('a poll that finds nothing new changes nothing', async () => {
    const id = await ended();
    const before = await session(id);
    expect(await poll()).toMatchObject({ started: 0, changed: 0, vanished: 0 });
    expect(await reconcile()).toMatchObject({ started: 0, changed: 0, vanished: 0 });
    expect(await session(id)).toEqual(before);
  });

  test('a delayed logoff is an END in the future', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    lab.nemo.advance(MINUTE_MS);
    lab.nemo.disable(1, { downtimeMinutes: 30 });
    await poll();
    expect(await logged(id)).toMatchObject({
      status: 'TO_BE_BUILT',
      end: '2026-11-21T05:22:32.865Z',
    });
  });

  test('an event that was re-timed moves its rows, and a built session is to be built again', async () => {
    const id = await ended();
    await build(fixture.database, identifier(id));
    lab.nemo.edit(id, { start: lab.nemo.now() - 1_800_000_000n });
    await poll();
    expect(await logged(id)).toMatchObject({
      status: 'TO_BE_BUILT',
      start: '2026-11-21T05:21:32.865Z',
    });
  });

  test('a reopened event takes its END back', async () => {
    const id = await ended();
    lab.nemo.reopen(id);
    await poll();
    expect(await logged(id)).toMatchObject({ status: 'WAITING_FOR_END', end: null });
  });

  test('an event moved to the tool of another instrument moves both rows', async () => {
    const id = await ended();
    lab.nemo.moveTool(id, 2);
    await poll();
    expect(await logged(id)).toMatchObject({ instrument: 'quanta', status: 'TO_BE_BUILT' });
  });

  test('an open event moved to a tool of no instrument is cancelled, and comes back with the tool', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    await poll();
    const other = lab.nemo.addTool({ name: 'Sputter coater' }).id;
    lab.nemo.moveTool(id, other);
    await poll();
    expect(await logged(id)).toMatchObject({ status: 'CANCELLED' });
    lab.nemo.moveTool(id, 1);
    await poll();
    expect(await logged(id)).toMatchObject({ status: 'WAITING_FOR_END', instrument: 'titan' });
  });

  test('use of a child tool is use of the instrument of its parent', async () => {
    const child = lab.nemo.addTool({ name: 'Titan, alternate', parent_tool: 1 }).id;
    const { id } = lab.nemo.enable(child, 2, 2, 1);
    await poll();
    expect(await logged(id)).toMatchObject({ instrument: 'titan' });
  });

  test('a change of user changes both rows', async () => {
    const id = await ended();
    lab.nemo.changeUser(id, 4);
    await poll();
    expect(await logged(id)).toMatchObject({ user: 'conseil' });
  });

  test.each([
    ['project, which no push and no poll sees', (id: number) => lab.nemo.bulkTransfer([id], 2)],
    ['operator', (id: number) => void lab.nemo.edit(id, { operator: 3 })],
    ['answers', (id: number) => void lab.nemo.edit(id, { run_data: '{"a":{"user_input":"1"}}' })],
  ])('another %s has a built session built again', async (_what, change) => {
    const id = await ended();
    await build(fixture.database, identifier(id));
    change(id);
    await reconcile();
    expect(await session(id)).toMatchObject({ status: 'TO_BE_BUILT' });
  });

  test('the project of a session without consent is not kept, and is no reason to ask again', async () => {
    const id = await ended();
    const noContent = { outcome: 'NO_CONSENT', record: null, fingerprint: null } as const;
    await build(fixture.database, identifier(id), noContent);
    await fixture.database.knex('usage_events').update({ project: null, project_id: null });
    lab.nemo.bulkTransfer([id], 2);
    expect(await reconcile()).toMatchObject({ changed: 0 });
    expect(await session(id)).toMatchObject({ status: 'NO_CONSENT' });
    lab.nemo.edit(id, { run_data: '{"data_consent":{"user_input":"Agree"}}' });
    await reconcile();
    expect(await session(id)).toMatchObject({ status: 'TO_BE_BUILT' });
  });

  test('validation, a waiver and a note are no reason to build again', async () => {
    const id = await ended();
    await build(fixture.database, identifier(id));
    lab.nemo.validate(id, 3);
    lab.nemo.waive(id, 1);
    lab.nemo.edit(id, { note: 'forgot to log off' });
    await reconcile();
    expect(await session(id)).toMatchObject({ status: 'COMPLETED' });
  });

  test('a deleted open event is cancelled', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    await poll();
    lab.nemo.delete(id);
    expect(await poll()).toMatchObject({ vanished: 1 });
    expect(await session(id)).toMatchObject({ status: 'CANCELLED', heldByPerson: false });
  });

  test('a deleted event that was built stays built, and is a problem', async () => {
    const id = await ended();
    await build(fixture.database, identifier(id));
    lab.nemo.delete(id);
    expect(await reconcile()).toMatchObject({ vanished: 1 });
    expect(await session(id)).toMatchObject({ status: 'COMPLETED' });
    expect(await problems()).toEqual(['SOURCE_FORGOT']);
    expect(await reconcile()).toMatchObject({ vanished: 0 });
  });

  test('an ended event that nobody built is cancelled when reconciling finds it gone', async () => {
    const id = await ended();
    lab.nemo.delete(id);
    await reconcile();
    expect(await session(id)).toMatchObject({ status: 'CANCELLED' });
  });

  test('many events that vanish at once change nothing, and somebody is told', async () => {
    const ids: number[] = [];
    for (let count = 0; count < 8; count += 1) ids.push(await ended(1, 10));
    for (const id of ids.slice(0, 6)) lab.nemo.delete(id);
    expect(await reconcile()).toMatchObject({ vanished: 0 });
    expect(await session(ids[0] ?? 0)).toMatchObject({ status: 'TO_BE_BUILT' });
    expect(lab.lines.map(({ message }) => message)).toContain(
      'Many usage events vanished from NEMO at once; nothing was changed.',
    );
    const vanished = () =>
      fixture.database.createScope(() => sourceCursor('nemo', 'reconcile-vanished'));
    // Whoever looked and found them deleted says so.
    for (const id of ids.slice(0, 6)) {
      await fixture.database.createScope(() => cancelSession(identifier(id), { who: 'ada' }));
    }
    expect(await vanished()).toMatchObject({
      failures: 1,
      failure: expect.stringMatching(/^6 of 8/),
    });
    lab.lines.length = 0;
    await reconcile();
    expect(await vanished()).toMatchObject({ failures: 0, failure: null });
    expect(lab.lines.filter(({ message }) => message.startsWith('Many'))).toEqual([]);
  });

  test('take-over ends one session and starts another', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    await poll();
    lab.nemo.advance(MINUTE_MS);
    const { started } = lab.nemo.takeOver(1, 4, 4, 2);
    await poll();
    expect(await logged(id)).toMatchObject({ status: 'TO_BE_BUILT' });
    expect(await logged(started.id)).toMatchObject({ status: 'WAITING_FOR_END', user: 'conseil' });
    expect(await problems()).not.toContain('USE_OVERLAPS');
  });

  test('overlapping use of one instrument is a problem of the later one', async () => {
    const id = await ended();
    const now = Number(lab.nemo.now() / 1000n);
    const at = (minutesAgo: number): string => new Date(now - minutesAgo * MINUTE_MS).toISOString();
    const { id: later } = lab.nemo.backdate({
      tool: 1,
      user: 4,
      project: 1,
      start: at(30),
      end: at(5),
    });
    await reconcile();
    const listed = await fixture.database.createScope(() => listProblems(0));
    expect(listed.map(({ problem, session: { identifier: one } }) => [problem, one])).toEqual([
      ['USE_OVERLAPS', identifier(later)],
    ]);
    expect(await session(id)).toMatchObject({ status: 'TO_BE_BUILT' });
  });

  test('an event made later with an old start is found by reconciling', async () => {
    const now = Number(lab.nemo.now() / 1000n);
    const at = (daysAgo: number): string => new Date(now - daysAgo * DAY_MS).toISOString();
    await poll();
    const { id } = lab.nemo.backdate({ tool: 1, user: 2, project: 1, start: at(10), end: at(9.9) });
    await poll();
    expect(await logged(id)).toBeUndefined();
    await reconcile();
    expect(await logged(id)).toMatchObject({ status: 'TO_BE_BUILT' });
  });

  test('an applied adjustment is seen without reconciling', async () => {
    const id = await ended();
    lab.nemo.advance(DAY_MS);
    const end = new Date(Number(lab.nemo.now() / 1000n) - DAY_MS - MINUTE_MS).toISOString();
    await poll();
    lab.nemo.adjust(id, { end });
    await poll();
    expect((await logged(id))?.end).not.toBe(end);
    expect(await lab.harvester.adjustments(NEVER)).toMatchObject({ changed: 1 });
    expect((await logged(id))?.end).toBe(end);
  });

  test('nothing that began before since is taken in', async () => {
    await lab.nemo.close();
    await fixture.database.knex('instruments').del();
    lab = await openHarvestLab(fixture.database, { sinceMs: Date.parse('2026-11-21T04:00:00Z') });
    const make = (start: string, end: string | null) =>
      lab.nemo.backdate({ tool: 1, user: 2, project: 1, start, end }).id;
    const old = make('2026-11-21T03:00:00Z', '2026-11-21T04:30:00Z');
    const young = make('2026-11-21T04:40:00Z', null);
    await poll();
    await reconcile();
    expect([...(await loggedSessions(fixture.database)).keys()]).toEqual([young]);
    expect(await session(old)).toBeNull();
  });

  test('an open event older than the look-back is followed to its end', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    await poll();
    lab.nemo.advance(40 * DAY_MS);
    await poll();
    await reconcile();
    expect(await logged(id)).toMatchObject({ status: 'WAITING_FOR_END' });
    lab.nemo.disable(1);
    await poll();
    expect(await logged(id)).toMatchObject({ status: 'TO_BE_BUILT' });
  });

  test('an inactive instrument gets no new sessions, and those known go on', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    await poll();
    await fixture.database
      .knex('instruments')
      .where('instrument_pid', 'titan')
      .update({ active: false });
    lab.nemo.advance(MINUTE_MS);
    lab.nemo.disable(1);
    const { id: next } = lab.nemo.enable(1, 2, 2, 1);
    await poll();
    expect(await logged(id)).toMatchObject({ status: 'TO_BE_BUILT' });
    expect(await logged(next)).toBeUndefined();
  });

  test("a person's correction and a person's cancelling outlast what NEMO says", async () => {
    const id = await ended();
    const end = '2026-11-21T05:00:00.000Z';
    await fixture.database.createScope(() =>
      setOverrides(identifier(id), { end }, { who: 'ada', nowMs: lab.clock.now().toMillis() }),
    );
    lab.nemo.edit(id, { end: lab.nemo.now() });
    await reconcile();
    expect((await session(id))?.endMs).toBe(Date.parse(end));
    await fixture.database.createScope(() => cancelSession(identifier(id), { who: 'ada' }));
    lab.nemo.edit(id, { start: lab.nemo.now() - 60_000_000n });
    await reconcile();
    expect(await session(id)).toMatchObject({ status: 'CANCELLED', heldByPerson: true });
  });

  test('a NEMO that is down costs a pass, which says why and when it tries again', async () => {
    await poll();
    await lab.nemo.goDown();
    await expect(poll()).rejects.toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
    const cursor = await fixture.database.createScope(() => sourceCursor('nemo', 'poll'));
    expect(cursor).toMatchObject({ failures: 1, succeededAtMs: lab.clock.now().toMillis() });
    expect(cursor.nextAttemptAtMs).toBe(lab.clock.now().toMillis() + 5000);
    expect(cursor.failure).toMatch(/^NEMO at http/);
    await lab.nemo.comeUp();
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    await poll();
    expect(await logged(id)).toMatchObject({ status: 'WAITING_FOR_END' });
    expect(await fixture.database.createScope(() => sourceCursor('nemo', 'poll'))).toMatchObject({
      ...{ failures: 0, failure: null, nextAttemptAtMs: null, failingSinceMs: null },
    });
  });

  test('an event that cannot be read stays as it is, and the others go on', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    const { id: other } = lab.nemo.enable(2, 4, 4, 1);
    await poll();
    // No id of a user, and nothing that NEMO would answer with.
    lab.nemo.edit(id, { user: -1 });
    lab.nemo.advance(MINUTE_MS);
    lab.nemo.disable(2);
    await poll();
    await reconcile();
    expect(await logged(id)).toMatchObject({ status: 'WAITING_FOR_END' });
    expect(await logged(other)).toMatchObject({ status: 'TO_BE_BUILT' });
    expect(
      lab.lines.filter(({ message }) => message.startsWith('A usage event cannot')),
    ).toHaveLength(1);
  });

  test('an event that the log cannot hold stops no other', async () => {
    const { id: user } = lab.nemo.addUser({ username: 'x'.repeat(300) });
    const { id } = lab.nemo.enable(1, user, user, 1);
    const { id: other } = lab.nemo.enable(2, 4, 4, 1);
    await poll();
    expect([...(await loggedSessions(fixture.database)).keys()]).toEqual([other]);
    expect(lab.lines).toContainEqual({
      message: 'A usage event cannot be taken in; the others are.',
      fields: expect.objectContaining({ eventId: id }),
    });
  });

  test('an event deleted with its tool is cancelled', async () => {
    const { id } = lab.nemo.enable(1, 2, 2, 1);
    await poll();
    lab.nemo.deleteTool(1);
    await poll();
    expect(await session(id)).toMatchObject({ status: 'CANCELLED' });
  });
});
