import { existsSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { leaseOwnerName } from '../../src/daemon/lease-owner.js';
import { heldLeases } from '../../src/db/build-lease-store.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { claim } from '../support/session-rows.js';

jest.setTimeout(180_000);

const linuxTest = existsSync('/proc/self/stat') ? test : test.skip;

describeEngines('A dry run', (engine) => {
  let lab: Lab;
  beforeEach(async () => {
    lab = await createLab({ engine, settings: { build: { previews: false } } });
    lab.spectrum('titan/a.msa', '2026-03-02T09:30:00Z');
    await lab.log('a', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
  });
  afterEach(() => lab.remove());

  const planned = async (): Promise<unknown[]> => {
    const { stdout } = await lab.run(['--run-once', '--dry-run', '--json']);
    const { sessions } = JSON.parse(stdout) as { sessions: Record<string, unknown>[] };
    return sessions.map(({ session_identifier, outcome }) => [session_identifier, outcome]);
  };
  const leases = () => lab.database.createScope(heldLeases);

  linuxTest('shows a session whose lease a dead process holds, and leaves that lease', async () => {
    // This process started at another time: the owner is dead, its process id in use again.
    await claim(lab.database, 'a', (await leaseOwnerName('lab')).replace(/\d+$/, '1'));
    const before = await leases();
    expect(before).toHaveLength(1);
    expect(await planned()).toEqual([['a', 'COMPLETED']]);
    expect(await leases()).toEqual(before);
    // The same with rows that somebody changed by SQL and that no pass has taken up yet.
    await lab.database
      .knex('session_log')
      .where('event_type', 'END')
      .update({ timestamp: '2026-03-02T10:30:00.000Z' });
    expect(await planned()).toEqual([['a', 'COMPLETED']]);
    expect((await lab.runOnce()).counts).toEqual({ COMPLETED: 1 });
  });

  linuxTest('shows none whose lease a living process holds', async () => {
    await claim(lab.database, 'a', await leaseOwnerName('lab'));
    expect(await planned()).toEqual([]);
    expect((await lab.runOnce()).sessions).toEqual([]);
  });
});
