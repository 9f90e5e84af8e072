import { readdirSync, readFileSync } from 'node:fs';
import { afterEach, expect, jest, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { addLongSession, expireLeases, waitForClaim } from '../support/busy-lab.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { waitFor } from '../support/wait-for.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

/** The process that builds a session alone for the given one; null: there is none. */
function aloneProcessOf(parent: number): number | null {
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const words = readFileSync(`/proc/${name}/cmdline`, 'utf8').split('\0');
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const parentOfIt = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      if (parentOfIt === parent && words.includes('--alone')) return Number(name);
    } catch {
      // It ended while it was looked at.
    }
  }
  return null;
}

async function outcomes(lab: Lab): Promise<unknown[]> {
  return lab.database.knex('build_attempts').orderBy('attempt').pluck('outcome');
}

describeEngines('A session whose build dies', (engine) => {
  const labs: Lab[] = [];
  afterEach(async () => {
    for (const lab of labs.splice(0)) await lab.remove();
  });

  /** A lab whose only session has cost two processes their lives. */
  async function labAfterTwoDeaths(): Promise<Lab> {
    const lab = await createLab({ engine, settings: { build: { previews: false } } });
    labs.push(lab);
    await addLongSession(lab);
    for (let death = 0; death < 2; death += 1) {
      const running = lab.start(['--run-once']);
      await waitForClaim(lab, 'long');
      running.kill('SIGKILL');
      await running.ended;
      await expireLeases(lab);
    }
    return lab;
  }

  test('twice is built alone in a process, whose result is reported as any other', async () => {
    const lab = await labAfterTwoDeaths();
    const result = await lab.runOnce();
    expect(result.stderr).toContain('it is built alone in a process');
    expect(result.code).toBe(0);
    expect(result.sessions).toMatchObject([
      { session_identifier: 'long', outcome: 'COMPLETED', files: 250, version: 1 },
    ]);
    expect(await outcomes(lab)).toEqual(['DIED', 'DIED', 'COMPLETED']);
    expect(await lab.database.createScope(() => checkInvariants())).toEqual([]);
  });

  test('three times is an ERROR that says so, and the others are built meanwhile', async () => {
    const lab = await labAfterTwoDeaths();
    lab.spectrum('titan/other.msa', '2026-03-02T09:30:00Z');
    await lab.log('other', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    const running = lab.start(['--run-once']);
    const child = await waitFor('it builds alone', () => aloneProcessOf(running.pid));
    await waitForClaim(lab, 'long');
    process.kill(child, 'SIGKILL');
    expect((await running.ended).code).toBe(0);
    expect(await lab.database.knex('records').pluck('session_identifier')).toEqual(['other']);

    await expireLeases(lab);
    const result = await lab.runOnce();
    expect(result.code).toBe(1);
    expect(result.sessions).toMatchObject([{ session_identifier: 'long', outcome: 'ERROR' }]);
    expect(result.sessions[0]?.reason).toMatch(/died|ended without/);
    expect((await lab.runOnce()).sessions).toEqual([]);
    expect(await lab.database.createScope(() => checkInvariants())).toEqual([]);
  });
});
