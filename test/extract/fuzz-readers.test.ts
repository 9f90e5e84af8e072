import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, expect, test } from '@jest/globals';
import { fuzzSamples } from '../support/fuzz-samples.js';
import { failureText, FuzzRun } from '../support/fuzz-run.js';
import { DICOM_SAMPLES, samples } from '../support/samples.js';

const SOAK = process.env['SOAK'] === '1';
/** The first copy is of this seed, each further one of the next; one copy alone: SEED=... COUNT=1. */
const SEED = Number(process.env['SEED'] ?? '20261121');
const COUNT = Number(process.env['COUNT'] ?? (SOAK ? '100000' : '300'));
/** Copies between two lines of progress. */
const STEP = 2000;
const HOURS_MS = 12 * 3_600_000;

const runs: FuzzRun[] = [];
afterAll(async () => {
  for (const run of runs) await run.stop();
});

test(
  `${COUNT} damaged files are read or refused: no crash, no defect, nothing over the limits (SEED=${SEED} COUNT=${COUNT})`,
  async () => {
    const withReal = samples.available && existsSync(join(DICOM_SAMPLES, '.complete'));
    const run = new FuzzRun(await fuzzSamples(withReal));
    runs.push(run);
    for (let done = 0; done < COUNT; done += STEP) {
      const before = run.failures.length;
      await run.read(SEED + done, Math.min(STEP, COUNT - done));
      const found = run.failures.slice(before);
      if (found.length > 0) process.stdout.write(`${failureText(found)}\n`);
      if (COUNT <= STEP && !SOAK) continue;
      const next = `go on with SEED=${SEED + run.count} COUNT=${COUNT - run.count}`;
      process.stdout.write(`${run.count} copies, ${run.failures.length} failures; ${next}\n`);
    }
    if (COUNT > STEP || SOAK) process.stdout.write(`${run.table()}\n`);
    expect(failureText(run.failures)).toBe('');
    expect(run.count).toBe(COUNT);
  },
  SOAK ? HOURS_MS : 60_000,
);
