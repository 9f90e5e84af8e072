import { readFileSync } from 'node:fs';
import { afterEach, expect, jest, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import {
  addLongSession,
  cleanUpAll,
  expireLeases,
  makeBusyLab,
  signalAt,
} from '../support/busy-lab.js';
import { describeEngines } from '../support/databases.js';
import { endStateOf } from '../support/end-state.js';
import type { Lab } from '../support/lab.js';
import type { RunningCli } from '../support/running-cli.js';
import { seededRandom } from '../support/seeded-random.js';
import { waitFor } from '../support/wait-for.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

const SOAK = process.env['SOAK'] === '1';
const SEED = Number(process.env['SEED'] ?? '20260402');
/** Pauses an engine. */
const PAUSES = SOAK ? 200 : Number(process.env['PAUSES'] ?? '2');

/** State of a process by Linux' /proc: R, S, T (stopped)... */
function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3);
}

/** Whether the process was stopped; false: it ended before. */
async function stopped(running: RunningCli): Promise<boolean> {
  let over = false;
  void running.ended.then(() => {
    over = true;
  });
  await waitFor('it stops', () => over || stateOf(running.pid) === 'T');
  return !over;
}

async function generations(lab: Lab): Promise<Record<string, number>> {
  const rows = await lab.database
    .knex<{ session_identifier: string; event_type: string }>('session_log')
    .where('event_type', 'RECORD_GENERATION')
    .select('session_identifier');
  const counts: Record<string, number> = {};
  for (const { session_identifier: identifier } of rows) {
    counts[identifier] = (counts[identifier] ?? 0) + 1;
  }
  return counts;
}

describeEngines('Processes on one database', (engine) => {
  const labs: Lab[] = [];
  afterEach(async () => {
    for (const lab of labs.splice(0)) await lab.remove();
  });
  const makeLab = async (...given: Parameters<typeof makeBusyLab>): Promise<Lab> => {
    const lab = await makeBusyLab(...given);
    labs.push(lab);
    return lab;
  };

  test('two that run at once build everything, and nothing twice', async () => {
    const lab = await makeLab(engine);
    const runs = await Promise.all([lab.runOnce(), lab.runOnce()]);
    expect(runs.map((run) => run.code)).toEqual([0, 0]);
    const built = runs.flatMap((run) => run.sessions.map((one) => one.session_identifier));
    expect(built).toHaveLength(6);
    expect(new Set(built).size).toBe(6);
    expect(new Set(Object.values(await generations(lab)))).toEqual(new Set([1]));
    const attempts = await lab.database.knex('build_attempts').select('outcome', 'attempt');
    expect(attempts).toHaveLength(6);
    expect(await lab.database.createScope(() => checkInvariants())).toEqual([]);
  });

  test('a live process keeps its session beyond the length of the lease', async () => {
    const lab = await makeLab(engine, { build: { lease_seconds: 1 } });
    await addLongSession(lab);
    const running = lab.start(['--run-once', '--session', 'long']);
    const leases = new Set<string>();
    const lease = async (): Promise<unknown> => {
      const row = await lab.database
        .knex('sessions')
        .where('session_identifier', 'long')
        .first<{ lease_expires_at: string | null; status: string }>('lease_expires_at', 'status');
      if (row.lease_expires_at !== null) leases.add(row.lease_expires_at);
      return row.status !== 'TO_BE_BUILT';
    };
    await waitFor('it is built', lease);
    expect((await running.ended).code).toBe(0);
    expect(leases.size).toBeGreaterThan(1);
    expect(await lab.database.knex('build_attempts').pluck('outcome')).toEqual(['COMPLETED']);
  });

  test(`one that is paused past its lease changes nothing when it wakes (SEED=${SEED})`, async () => {
    const random = seededRandom(SEED);
    for (let pause = 0; pause < PAUSES; pause += 1) {
      const lab = await makeLab(engine);
      // Of some 300 steps; the first belong to the start.
      const step = 40 + Math.floor(random() * 240);
      const late = lab.start(['--run-once'], signalAt({ step, signal: 'SIGSTOP' }));
      const wasStopped = await stopped(late);
      await expireLeases(lab);
      // The inputs change meanwhile, so what the late one has in hand is old.
      for (const day of ['2026-04-01', '2026-04-03']) {
        const instrument = day === '2026-04-01' ? 'titan' : 'helios';
        await lab.log(`session ${day}`, {
          instrument,
          start: `${day}T09:00:00Z`,
          end: `${day}T09:30:00Z`,
        });
      }
      const taken = await lab.runOnce();
      expect([step, taken.code]).toEqual([step, 0]);
      await cleanUpAll(lab);
      const before = await endStateOf(lab);
      if (wasStopped) late.kill('SIGCONT');
      expect([step, (await late.ended).code]).toEqual([step, 0]);
      await cleanUpAll(lab);
      expect({ step, state: await endStateOf(lab) }).toEqual({ step, state: before });
      expect(await lab.database.createScope(() => checkInvariants())).toEqual([]);
      await lab.remove();
      labs.pop();
    }
  }, 3_600_000);
});
