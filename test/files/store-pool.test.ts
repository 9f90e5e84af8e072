import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { StorePool, type StorePoolOptions } from '../../src/files/store-pool.js';
import type { ProcessPoolEvent } from '../../src/processes/pool-options.js';
import { FileStore, lookRequest } from '../support/file-store.js';

let store: FileStore;
let pool: StorePool;
const events: ProcessPoolEvent[] = [];

beforeEach(() => {
  store = new FileStore();
  events.length = 0;
});
afterEach(async () => {
  void pool.stop();
  await pool.stop();
  store.remove();
});

function makePool(options: StorePoolOptions = {}): StorePool {
  pool = new StorePool({
    processesPerStore: 1,
    onEvent: (event) => events.push(event),
    ...options,
  });
  return pool;
}

/** The store process that was started last. */
function lastPid(): number {
  return events.findLast((event) => event.kind === 'started')?.pid ?? 0;
}

test('a look and a probe run in the process of the store', async () => {
  store.write('titan/a.dm3');
  makePool();
  const result = await pool.look('titan', lookRequest(store.path));
  expect(result).toMatchObject({
    kind: 'looked',
    files: [{ location: '/titan/a.dm3', name: 'a.dm3', sizeBytes: 1, mtimeNs: expect.any(BigInt) }],
  });
  mkdirSync(join(store.path, 'empty'));
  const probes = await Promise.all(
    ['titan', 'empty', 'gone'].map((name) => pool.probe('titan', join(store.path, name))),
  );
  expect(probes).toMatchObject([
    { kind: 'available', isEmpty: false, durationMs: expect.any(Number) },
    { kind: 'available', isEmpty: true },
    {
      kind: 'store-unavailable',
      reason: `The folder ${store.path}/gone does not exist: is the store mounted?`,
    },
  ]);
  expect(events.filter((event) => event.kind === 'started')).toHaveLength(1);
});

test('a store that hangs is unavailable after its time limit; other stores go on; it recovers', async () => {
  store.write('titan/a.dm3');
  makePool({ lookTimeLimitMs: 400, probeTimeLimitMs: 300 });
  const request = lookRequest(store.path);
  await pool.probe('hanging', store.path);
  const stopped = lastPid();
  process.kill(stopped, 'SIGSTOP');
  const hanging = pool.look('hanging', request);
  expect(await pool.look('other', request)).toMatchObject({ kind: 'looked' });
  expect(await hanging).toEqual({
    kind: 'store-unavailable',
    reason: 'The store hanging did not answer within 0.4 s.',
  });
  expect(events).toContainEqual(expect.objectContaining({ kind: 'killed', pid: stopped }));
  expect(await pool.look('hanging', request)).toMatchObject({ kind: 'looked' });
  expect(pool.hangingStores).toEqual(new Map());

  process.kill(lastPid(), 'SIGSTOP');
  expect(await pool.probe('hanging', store.path)).toEqual({
    kind: 'store-unavailable',
    reason: 'The store hanging did not answer within 0.3 s.',
  });
});

test('a process that is killed costs its look, READER_FAILED, and no other', async () => {
  store.write('titan/a.dm3');
  makePool();
  const request = lookRequest(store.path);
  await pool.probe('titan', store.path);
  process.kill(lastPid(), 'SIGSTOP');
  const lost = pool.look('titan', request);
  process.kill(lastPid(), 'SIGKILL');
  await expect(lost).rejects.toMatchObject({
    code: 'READER_FAILED',
    details: { signal: 'SIGKILL' },
  });
  expect(await pool.look('titan', request)).toMatchObject({ kind: 'looked' });
});

test('an abort reaches the look; a stopped pool takes no more', async () => {
  store.write('titan/a.dm3');
  makePool();
  await pool.probe('titan', store.path);
  process.kill(lastPid(), 'SIGSTOP');
  const controller = new AbortController();
  const aborted = pool.look('titan', lookRequest(store.path), controller.signal);
  controller.abort();
  await expect(aborted).rejects.toMatchObject({ code: 'ABORTED' });
  await pool.stop();
  await expect(pool.probe('titan', store.path)).rejects.toMatchObject({ code: 'ABORTED' });
});

test('a request that leads out of paths.data is refused across the process', async () => {
  makePool();
  await expect(
    pool.look('titan', lookRequest(store.path, { directories: ['../..'] })),
  ).rejects.toMatchObject({ code: 'INPUT_INVALID', details: { folder: '../..' } });
});
