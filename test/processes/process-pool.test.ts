import { ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { PoolFamily } from '../../src/processes/pool-family.js';
import type { ProcessPoolEvent, ProcessPoolOptions } from '../../src/processes/pool-options.js';
import { ProcessPool } from '../../src/processes/process-pool.js';

const entry = new URL('../support/pool-jobs.mjs', import.meta.url);
const pools: ProcessPool[] = [];
const events: ProcessPoolEvent[] = [];

const child = { entry, memoryLimitBytes: null };

function makePool(options: Partial<ProcessPoolOptions> = {}): ProcessPool {
  const onEvent = (event: ProcessPoolEvent): void => void events.push(event);
  const pool = new ProcessPool({ child, size: 1, name: 'test', onEvent, ...options });
  pools.push(pool);
  return pool;
}

const parse = (answer: unknown): unknown => answer;
const patient = { timeLimitMs: 20_000, parse };

function isAlive(pid: number): boolean {
  try {
    // A zombie that nobody has waited for yet has ended.
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('The condition did not come true in 10 s.');
    await delay(10);
  }
}

afterEach(async () => {
  for (const pool of pools.splice(0)) {
    void pool.stop();
    await pool.stop();
  }
  events.length = 0;
});

describe('jobs', () => {
  test('big integers, typed arrays and buffers pass both ways', async () => {
    const payload = {
      ns: 2n ** 63n,
      samples: new Float32Array([1.5, -2]),
      name: Buffer.from([255]),
    };
    const answer = await makePool().run('echo', payload, patient);
    expect(answer).toEqual(payload);
  });

  test('more jobs than processes wait their turn and all get their own answer', async () => {
    const pool = makePool({ size: 2 });
    const numbers = Array.from({ length: 40 }, (_, index) => index);
    const answers = await Promise.all(numbers.map((n) => pool.run('echo', n, patient)));
    expect(answers).toEqual(numbers);
    expect(pool.pids).toHaveLength(2);
  });

  test('an AppError keeps code, remedy, details and cause on its way', async () => {
    await expect(makePool().run('throwAppError', null, patient)).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
      message: 'The header is short.',
      remedy: 'Copy the file again.',
      details: { row: 3, reader: '() => 1' },
      cause: { message: 'read past the end' },
    });
  });

  test('any other error is INTERNAL with its cause', async () => {
    await expect(makePool().run('throwOther', null, patient)).rejects.toMatchObject({
      code: 'INTERNAL',
      message: 'boom',
    });
  });

  test('an unknown job, a payload and an answer that cannot be cloned are INTERNAL, and the pool goes on', async () => {
    const pool = makePool();
    for (const [job, payload] of [
      ['constructor', null],
      ['echo', () => 1],
      ['uncloneable', null],
    ]) {
      await expect(pool.run(String(job), payload, patient)).rejects.toMatchObject({
        code: 'INTERNAL',
      });
    }
    expect(await pool.run('echo', 'fine', patient)).toBe('fine');
  });

  test('an answer that is not understood is READER_FAILED', async () => {
    const fail = (): never => {
      throw new Error('not a number');
    };
    await expect(
      makePool().run('echo', 'x', { timeLimitMs: 5000, parse: fail }),
    ).rejects.toMatchObject({ code: 'READER_FAILED', cause: { message: 'not a number' } });
  });

  test('children do not inherit the secrets of the environment', async () => {
    const before = { ...process.env };
    process.env['RECORDSMITH_TEST_SECRET'] = 'password';
    process.env['PGPASSWORD'] = 'password';
    try {
      const answer = await makePool().run('secrets', null, patient);
      expect(answer).toEqual(['none', 'none', before['PATH']]);
    } finally {
      delete process.env['RECORDSMITH_TEST_SECRET'];
      if (before['PGPASSWORD'] === undefined) delete process.env['PGPASSWORD'];
      else process.env['PGPASSWORD'] = before['PGPASSWORD'];
    }
  });
});

describe('limits and crashes', () => {
  test('a job over its time limit is killed, LIMIT_EXCEEDED, and the next job has a new process', async () => {
    const pool = makePool();
    const before = await pool.run('pid', null, patient);
    await expect(pool.run('hang', null, { timeLimitMs: 100, parse })).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'time', timeLimitMs: 100 },
    });
    expect(await pool.run('pid', null, patient)).not.toBe(before);
    await until(() => !isAlive(Number(before)));
  });

  test('a job over the memory limit is killed with LIMIT_EXCEEDED', async () => {
    const pool = makePool({ child: { ...child, memoryLimitBytes: 200 * 1024 * 1024 } });
    await expect(pool.run('eat', null, patient)).rejects.toMatchObject({
      code: 'LIMIT_EXCEEDED',
      details: { limit: 'memory' },
    });
  });

  test('a crash rejects with signal and the end of stderr', async () => {
    const pool = makePool();
    const error: unknown = await pool
      .run('crash', null, patient)
      .catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: 'READER_FAILED', details: { signal: 'SIGSEGV' } });
    const { stderr } = (error as { details: { stderr: string } }).details;
    expect(stderr.endsWith('the last words')).toBe(true);
    expect(stderr.length).toBeLessThanOrEqual(8192);
    expect(await pool.run('echo', 1, patient)).toBe(1);
  });

  test('an exit rejects with its code', async () => {
    await expect(makePool().run('exit', null, patient)).rejects.toMatchObject({
      code: 'READER_FAILED',
      details: { exitCode: 7, signal: null },
    });
  });

  test('a started pool replaces a process that was killed while idle', async () => {
    const pool = makePool({ size: 2 });
    await pool.start();
    const [first] = pool.pids;
    process.kill(Number(first), 'SIGKILL');
    await until(() => pool.pids.length === 1 && !pool.pids.includes(Number(first)));
    expect(events.filter((event) => event.kind === 'crashed')).toHaveLength(1);
  });

  test('idle processes that are told to end do so, those at work finish, and a later job starts a new one', async () => {
    const pool = makePool({ size: 2 });
    await pool.start();
    const [first] = pool.pids;
    pool.endIdle();
    expect(pool.pids).toEqual([]);
    await until(() => !isAlive(Number(first)));
    // The system may have ended it a moment before we are told.
    await until(() => events.some(({ kind }) => kind === 'ended'));

    const atWork = pool.run('pid', null, patient);
    pool.endIdle();
    const second = Number(await atWork);
    expect(second).not.toBe(first);
    expect(isAlive(second)).toBe(true);
    expect(events.map(({ kind }) => kind)).toEqual(['started', 'ended', 'started']);
  });

  test('a process that does not end when killed is abandoned, counted, and never blocks stop', async () => {
    const pool = makePool();
    const pid = Number(await pool.run('pid', null, patient));
    // Nothing unprivileged survives SIGKILL, so the kill is made to miss, as it does for a process in the kernel.
    const kill = jest.spyOn(ChildProcess.prototype, 'kill').mockReturnValue(true);
    try {
      await expect(pool.run('hang', null, { timeLimitMs: 50, parse })).rejects.toMatchObject({
        code: 'LIMIT_EXCEEDED',
      });
      await pool.stop();
      expect(pool.abandonedCount).toBe(1);
      expect(events.map((event) => event.kind)).toContain('abandoned');
    } finally {
      kill.mockRestore();
      process.kill(pid, 'SIGKILL');
    }
    await until(() => pool.abandonedCount === 0);
  });
});

describe('several jobs a process', () => {
  const several = { jobsAtOnce: 4, growAfterMs: 60_000 };

  test('they are done one after another by one process, in their order', async () => {
    const pool = makePool({ ...several, size: 2 });
    const answers = await Promise.all([1, 2, 3, 4, 5].map((n) => pool.run('overlap', n, patient)));
    expect(answers).toEqual([1, 2, 3, 4, 5].map((n) => ({ payload: n, atOnce: 1 })));
    expect(pool.pids).toHaveLength(1);
  });

  for (const [job, code] of [
    ['crash', 'READER_FAILED'],
    ['hang', 'LIMIT_EXCEEDED'],
  ] as const) {
    test(`a job that does '${job}' costs the others of its process nothing`, async () => {
      const pool = makePool(several);
      const limits = { timeLimitMs: 1000, parse };
      const jobs = await Promise.allSettled([
        pool.run('echo', 1, limits),
        pool.run('echo', 2, limits),
        pool.run(job, null, limits),
        pool.run('echo', 3, limits),
      ]);
      expect(jobs).toMatchObject([{ value: 1 }, { value: 2 }, { reason: { code } }, { value: 3 }]);
    });
  }

  test('an aborted job loses its process; the others are done by another one', async () => {
    const pool = makePool(several);
    const controller = new AbortController();
    const hanging = pool.run('hang', null, { ...patient, signal: controller.signal });
    const other = pool.run('echo', 1, patient);
    controller.abort();
    await expect(hanging).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await other).toBe(1);
  });

  test('a further process is started when jobs have been waiting for the time set', async () => {
    const pool = makePool({ jobsAtOnce: 1, growAfterMs: 50, size: 2 });
    const hanging = pool.run('hang', null, { ...patient }).catch(() => 'stopped');
    expect(await pool.run('echo', 1, patient)).toBe(1);
    expect(pool.pids).toHaveLength(2);
    void pool.stop();
    await pool.stop();
    expect(await hanging).toBe('stopped');
  });
});

describe('pools of one family', () => {
  const MIB = 1024 * 1024;
  const startedCount = (): number => events.filter((event) => event.kind === 'started').length;

  test('a pool takes a process that another one has no use for instead of starting one', async () => {
    const family = new PoolFamily();
    const [first, second] = [makePool({ family }), makePool({ family })];
    const pid = await first.run('pid', null, patient);
    expect(await second.run('pid', null, patient)).toBe(pid);
    expect(await first.run('pid', null, patient)).toBe(pid);
    expect(startedCount()).toBe(1);
  });

  test('a process with a job is not lent', async () => {
    const family = new PoolFamily();
    const [first, second] = [makePool({ family }), makePool({ family })];
    const hanging = first.run('hang', null, patient).catch(() => 'stopped');
    expect(await second.run('echo', 1, patient)).toBe(1);
    expect(startedCount()).toBe(2);
    void first.stop();
    await first.stop();
    expect(await hanging).toBe('stopped');
  });

  test('whoever waits for the start of a pool is told although its process was lent meanwhile', async () => {
    const family = new PoolFamily();
    const [first, second] = [makePool({ family }), makePool({ family })];
    const started = first.start();
    expect(await second.run('echo', 1, patient)).toBe(1);
    await started;
    expect(first.pids).toHaveLength(0);
    expect(await first.run('echo', 2, patient)).toBe(2);
    expect(startedCount()).toBe(1);
  });

  test('a process that holds much memory, or has another limit, is not lent', async () => {
    const family = new PoolFamily();
    const limited = { ...child, memoryLimitBytes: 1024 * MIB };
    const [first, second, other] = [
      makePool({ family, child: limited }),
      makePool({ family, child: limited }),
      makePool({ family }),
    ];
    const pid = await first.run('pid', null, patient);
    expect(await other.run('pid', null, patient)).not.toBe(pid);
    await first.run('hold', 300 * MIB, patient);
    expect(await second.run('pid', null, patient)).not.toBe(pid);
    expect(startedCount()).toBe(3);
  });

  test('a lent process that is lost costs only the job of the pool that has it', async () => {
    const family = new PoolFamily();
    const [first, second] = [makePool({ family }), makePool({ family })];
    await first.start();
    await expect(second.run('exit', null, patient)).rejects.toMatchObject({
      code: 'READER_FAILED',
    });
    expect(await first.run('echo', 1, patient)).toBe(1);
    expect(events.filter((event) => event.kind === 'crashed')).toHaveLength(1);
  });
});

describe('start, abort and stop', () => {
  test('start is idempotent and makes one process ready; a stopped pool starts again', async () => {
    const pool = makePool({ size: 2 });
    await Promise.all([pool.start(), pool.start()]);
    expect(pool.pids).toHaveLength(1);
    await Promise.all([pool.stop(), pool.stop()]);
    expect(pool.pids).toHaveLength(0);
    await pool.start();
    expect(await pool.run('echo', 1, patient)).toBe(1);
  });

  test('a child that cannot load its code fails start and job with its stderr', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'pool-'));
    const broken = join(folder, 'broken.mjs');
    await writeFile(broken, 'throw new Error("no such library");');
    const pool = makePool({ child: { ...child, entry: pathToFileURL(broken) }, size: 2 });
    const failure = { code: 'READER_FAILED', details: { exitCode: 1 } };
    await expect(pool.start()).rejects.toMatchObject(failure);
    const error: unknown = await pool.run('echo', 1, patient).catch((caught: unknown) => caught);
    expect(error).toMatchObject(failure);
    expect((error as { details: { stderr: string } }).details.stderr).toContain('no such library');
    await rm(folder, { recursive: true });
  });

  test('an aborted job rejects once nothing of it runs; one that notices keeps its process, one that does not loses it', async () => {
    const pool = makePool();
    const folder = await mkdtemp(join(tmpdir(), 'pool-'));
    const pid = await pool.run('pid', null, patient);
    for (const [job, survives] of [
      ['untilAborted', true],
      ['hang', false],
    ] as const) {
      const controller = new AbortController();
      const path = join(folder, job);
      const running = pool.run(job, path, { ...patient, signal: controller.signal });
      await until(() => existsSync(`${path}-begun`));
      controller.abort();
      await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
      expect((await pool.run('pid', null, patient)) === pid).toBe(survives);
    }
    await rm(folder, { recursive: true });
  });

  test('what an aborted job still writes is there when it rejects: its folder can be removed then', async () => {
    const pool = makePool();
    await pool.start();
    const folder = await mkdtemp(join(tmpdir(), 'pool-'));
    const path = join(folder, 'late');
    const controller = new AbortController();
    const running = pool.run('writeAfterAbort', path, { ...patient, signal: controller.signal });
    await until(() => existsSync(`${path}-begun`));
    controller.abort();
    await expect(running).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await readFile(path, 'utf8')).toBe('late');
    await rm(folder, { recursive: true });
  });

  test('a job aborted while it waits is never run', async () => {
    const pool = makePool();
    const first = pool.run('untilAborted', null, { timeLimitMs: 300, parse }).catch(() => 'over');
    const controller = new AbortController();
    const second = pool.run('exit', null, { ...patient, signal: controller.signal });
    controller.abort();
    await expect(second).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await first).toBe('over');
    expect(await pool.run('echo', 1, patient)).toBe(1);
    expect(events.filter((event) => event.kind === 'crashed')).toHaveLength(0);
  });

  test('stop waits for the work given before and takes no more', async () => {
    const pool = makePool();
    const jobs = [1, 2, 3].map((n) => pool.run('echo', n, patient));
    const stopped = pool.stop();
    await expect(pool.run('echo', 4, patient)).rejects.toMatchObject({ code: 'ABORTED' });
    expect(await Promise.all(jobs)).toEqual([1, 2, 3]);
    await stopped;
    expect(pool.pids).toHaveLength(0);
  });

  test('a second stop kills what still works', async () => {
    const pool = makePool();
    await pool.start();
    const [pid] = pool.pids;
    const job = pool.run('hang', null, patient);
    const waiting = pool.run('echo', 1, patient);
    void pool.stop();
    void pool.stop();
    await expect(job).rejects.toMatchObject({ code: 'ABORTED' });
    await expect(waiting).rejects.toMatchObject({ code: 'ABORTED' });
    await pool.stop();
    expect(isAlive(Number(pid))).toBe(false);
  });

  test('children ignore SIGINT and SIGTERM', async () => {
    expect(await makePool().run('signalMyself', null, patient)).toBe('still here');
  });
});

describe('beside its parent', () => {
  const parentFile = fileURLToPath(new URL('../support/pool-parent.mjs', import.meta.url));

  test('an idle pool does not keep the parent alive, and its children end with it', async () => {
    const parent = spawn(process.execPath, [parentFile, 'end'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
    const children = JSON.parse(line) as number[];
    const [code] = (await once(parent, 'exit')) as [number];
    expect(code).toBe(0);
    await until(() => !children.some(isAlive));
  });

  test('the children end by themselves when the parent is killed', async () => {
    const parent = spawn(process.execPath, [parentFile, 'wait'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(createInterface(parent.stdout), 'line')) as [string];
    const children = JSON.parse(line) as number[];
    expect(children.every(isAlive)).toBe(true);
    parent.kill('SIGKILL');
    await until(() => !children.some(isAlive));
  });

  test('nothing a child prints reaches the stdout of the parent', async () => {
    expect(await makePool().run('print', null, patient)).toBe('printed');
    const code = `
      const { ProcessPool } = await import(${JSON.stringify(new URL('../../dist/processes/process-pool.js', import.meta.url).href)});
      const pool = new ProcessPool({ child: { entry: new URL(${JSON.stringify(entry.href)}), memoryLimitBytes: null }, size: 1, name: 'test' });
      await pool.run('print', null, { timeLimitMs: 9000, parse: String });
      await pool.stop();`;
    const parent = spawn(process.execPath, ['--input-type=module', '-e', code], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    let printed = '';
    parent.stdout.on('data', (bytes: Buffer) => (printed += bytes.toString()));
    await once(parent, 'close');
    expect(printed).toBe('');
  });
});
