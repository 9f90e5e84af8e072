import { afterEach, expect, jest, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import {
  addLongSession,
  BUSY_COUNTS,
  expireLeases,
  makeBusyLab,
  signalAt,
  waitForClaim,
} from '../support/busy-lab.js';
import { describeEngines } from '../support/databases.js';
import { endStateOf } from '../support/end-state.js';
import { createLab, type Lab } from '../support/lab.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

async function openLeases(lab: Lab): Promise<number> {
  return (await lab.database.knex('sessions').whereNotNull('lease_owner')).length;
}

describeEngines('A signal to --run-once', (engine) => {
  const labs: Lab[] = [];
  afterEach(async () => {
    for (const lab of labs.splice(0)) await lab.remove();
  });
  const kept = (lab: Lab): Lab => {
    labs.push(lab);
    return lab;
  };

  test('SIGTERM: no further session is begun, what is begun is finished, and it ends with 0', async () => {
    const lab = kept(await makeBusyLab(engine, { build: { concurrency: 1 } }));
    await addLongSession(lab);
    // The newest session comes first.
    const running = lab.start(['--run-once', '--json']);
    await waitForClaim(lab, 'long');
    running.kill('SIGTERM');
    const first = await running.ended;
    expect(first).toMatchObject({ code: 0, signal: null });
    expect(first.stderr).toContain('Stopping');
    expect(JSON.parse(first.stdout)).toMatchObject({
      sessions: [{ session_identifier: 'long', outcome: 'COMPLETED' }],
      counts: { COMPLETED: 1 },
    });
    expect(await openLeases(lab)).toBe(0);
    expect((await lab.runOnce()).counts).toEqual(BUSY_COUNTS);
  });

  test('SIGTERM at any step loses nothing and needs no lease to run out', async () => {
    const lab = kept(await makeBusyLab(engine));
    const undisturbed = kept(await makeBusyLab(engine));
    await undisturbed.runOnce();
    for (const step of [90, 60]) {
      const { code } = await lab.run(['--run-once'], signalAt({ step, signal: 'SIGTERM' }));
      expect(code).toBe(0);
      expect(await openLeases(lab)).toBe(0);
    }
    await lab.runOnce();
    expect(await endStateOf(lab)).toEqual(await endStateOf(undisturbed));
  });

  test('SIGTERM: when the grace time is over, the session is given back at once', async () => {
    const lab = kept(
      await createLab({ engine, settings: { build: { shutdown_grace_s: 0, previews: false } } }),
    );
    await addLongSession(lab);
    const running = lab.start(['--run-once', '--json']);
    await waitForClaim(lab, 'long');
    running.kill('SIGTERM');
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ sessions: [], counts: {} });
    expect(await openLeases(lab)).toBe(0);
    expect(await lab.database.knex('build_attempts').pluck('outcome')).toEqual(['RELEASED']);
    expect((await lab.runOnce()).counts).toEqual({ COMPLETED: 1 });
    expect(await lab.database.createScope(() => checkInvariants())).toEqual([]);
  });

  test('a second SIGTERM ends it at once, and the next run builds what was begun', async () => {
    const lab = kept(await createLab({ engine, settings: { build: { previews: false } } }));
    await addLongSession(lab);
    const running = lab.start(['--run-once']);
    await waitForClaim(lab, 'long');
    running.kill('SIGTERM');
    await running.saw('Stopping');
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 143 });
    expect(await lab.database.knex('records').pluck('id')).toEqual([]);
    await expireLeases(lab);
    expect((await lab.runOnce()).counts).toEqual({ COMPLETED: 1 });
    expect(await lab.database.createScope(() => checkInvariants())).toEqual([]);
  });
});
