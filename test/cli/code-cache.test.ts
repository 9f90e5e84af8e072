import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createLab, type Lab } from '../support/lab.js';

const HOOK = fileURLToPath(new URL('../support/report-code-cache.mjs', import.meta.url));
const MIB = 1024 * 1024;

let lab: Lab;
beforeAll(async () => {
  lab = await createLab({ engine: 'sqlite' });
});
afterAll(() => lab.remove());

/** For each process of a run whether it took its code cache. */
async function cachesTaken(): Promise<Record<string, boolean>> {
  const report = join(lab.folder, 'caches.jsonl');
  const { counts } = await lab.runOnce([], {
    NODE_OPTIONS: `--import=${HOOK}`,
    CODE_CACHE_REPORT: report,
  });
  expect(counts).toEqual({ COMPLETED: 1 });
  const taken: Record<string, boolean> = {};
  for (const line of readFileSync(report, 'utf8').trim().split('\n')) {
    const entry = JSON.parse(line) as { bundle: string; taken: boolean };
    taken[entry.bundle] = (taken[entry.bundle] ?? true) && entry.taken;
  }
  return taken;
}

test.each([
  ['by default', 7, 1024 * MIB],
  ['with less memory for a file', 8, 300 * MIB],
])('every process of the built program starts from its code cache, %s', async (_, hour, memory) => {
  lab.configure({ build: { limits: { file_memory_bytes: memory } } });
  lab.spectrum('titan/scan.msa', `2026-03-02T0${hour}:10:00Z`);
  await lab.log(String(hour), {
    start: `2026-03-02T0${hour}:00:00Z`,
    end: `2026-03-02T0${hour}:30:00Z`,
  });
  expect(await cachesTaken()).toEqual({
    recordsmith: true,
    'child-process': true,
  });
});
