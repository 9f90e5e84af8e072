import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import {
  BUSY_COUNTS,
  cleanUpAll,
  expireLeases,
  makeBusyLab,
  signalAt,
} from '../support/busy-lab.js';
import { describeEngines } from '../support/databases.js';
import { endStateOf, type EndState } from '../support/end-state.js';
import type { Lab } from '../support/lab.js';
import { seededRandom } from '../support/seeded-random.js';

const SOAK = process.env['SOAK'] === '1';
const SEED = Number(process.env['SEED'] ?? '20260402');
/** Kills an engine; with SOAK=1 one at every step there is. */
const KILLS = Number(process.env['KILLS'] ?? '4');
/** A session is an error only after three deaths, so a lab survives two of them. */
const KILLS_A_LAB = 2;

describeEngines(`A killed run (SEED=${SEED})`, (engine) => {
  let undisturbed: EndState;
  let steps: number;

  beforeAll(async () => {
    const lab = await makeBusyLab(engine);
    try {
      const countIn = join(lab.folder, 'steps');
      const result = await lab.runOnce([], signalAt({ countIn }));
      expect(result.counts).toEqual(BUSY_COUNTS);
      steps = Number(readFileSync(countIn, 'utf8'));
      await cleanUpAll(lab);
      undisturbed = await endStateOf(lab);
    } finally {
      await lab.remove();
    }
  }, 60_000);

  const labs: Lab[] = [];
  afterAll(async () => {
    for (const lab of labs) await lab.remove();
  });

  test('is ended by the next one as if nothing had happened, whatever step it died at', async () => {
    expect(steps).toBeGreaterThan(100);
    const random = seededRandom(SEED);
    const moments = SOAK
      ? Array.from({ length: steps }, (_, index) => index + 1)
      : Array.from({ length: KILLS }, () => 1 + Math.floor(random() * steps));
    for (let first = 0; first < moments.length; first += KILLS_A_LAB) {
      const kills = moments.slice(first, first + KILLS_A_LAB);
      const lab = await makeBusyLab(engine);
      labs.push(lab);
      for (const [index, step] of kills.entries()) {
        const { code } = await lab.run(['--run-once'], signalAt({ step, signal: 'SIGKILL' }));
        // A second run has less to do and may be over before.
        if (index === 0) expect([step, code]).toEqual([step, null]);
        await expireLeases(lab);
      }
      await lab.runOnce();
      await cleanUpAll(lab);
      const state = await endStateOf(lab);
      expect({ kills, state }).toEqual({ kills, state: undisturbed });
      expect(await lab.database.createScope(() => checkInvariants())).toEqual([]);
      await lab.remove();
      labs.pop();
    }
  }, 7_200_000);
});
