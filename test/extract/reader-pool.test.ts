import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExtractFileJob } from '../../src/extract/extract-file.js';
import type { ExtractFileResult } from '../../src/extract/extract-result.js';
import { ReaderPool } from '../../src/extract/reader-pool.js';
import { extractJob } from '../support/extract-job.js';

const MISBEHAVING = new URL('./reader-pool-misbehaving-reader.mjs', import.meta.url);
let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'reader-pool-'));
  mkdirSync(join(folder, 'data'));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function jobFor(name: string, content: string): ExtractFileJob {
  const path = join(folder, 'data', name);
  writeFileSync(path, content);
  return extractJob(Buffer.from(path), join(folder, 'data'), folder);
}

async function resultsOf(
  pool: ReaderPool,
  jobs: readonly ExtractFileJob[],
): Promise<ExtractFileResult[]> {
  const results: ExtractFileResult[] = [];
  for await (const result of pool.extractFiles(jobs)) results.push(result);
  return results;
}

async function withPool<Result>(
  options: ConstructorParameters<typeof ReaderPool>[0],
  work: (pool: ReaderPool) => Promise<Result>,
): Promise<Result> {
  const pool = new ReaderPool(options);
  try {
    return await work(pool);
  } finally {
    await pool.stop();
  }
}

describe('ReaderPool', () => {
  test('a reader that hangs, crashes, exits, grows or throws costs that file only', async () => {
    const names = ['fine', 'hang', 'fine', 'abort', 'exit', 'grow', 'throw', 'fine', 'fine'];
    const jobs = names.map((behaviour, index) => jobFor(`${index}.bad`, behaviour));
    const results = await withPool(
      { entry: MISBEHAVING, timeLimitMs: 5000, memoryLimitBytes: 400 * 1024 * 1024 },
      (pool) => resultsOf(pool, jobs),
    );
    const told = results.map((result) =>
      result.kind === 'changed'
        ? result
        : {
            kind: result.kind,
            location: result.metadata.location,
            format: result.metadata.format,
            warnings: result.metadata.warnings,
          },
    );
    const fine = (index: number): unknown => ({
      kind: 'read',
      location: `/${index}.bad`,
      format: 'well-behaved',
      warnings: [],
    });
    const lost = (index: number, warning: unknown): unknown => ({
      kind: 'killed',
      location: `/${index}.bad`,
      format: 'unknown',
      warnings: [warning],
    });
    expect(told).toStrictEqual([
      fine(0),
      lost(1, 'Reading was stopped: it took longer than 5 s.'),
      fine(2),
      lost(3, 'The reader of this file crashed (SIGABRT).'),
      lost(4, 'The reader of this file crashed (exit code 3).'),
      lost(5, 'Reading was stopped: it took more than 400 MiB of memory.'),
      {
        kind: 'read',
        location: '/6.bad',
        format: 'unknown',
        warnings: ['The reader misbehaving could not read the file: this reader has a defect'],
      },
      fine(7),
      fine(8),
    ]);
  }, 30_000);

  test('results come in the order of the jobs, through the readers of recordsmith', async () => {
    const jobs = Array.from({ length: 25 }, (_, index) =>
      jobFor(`note ${index}.txt`, `line ${index}\n`.repeat(index % 7 === 0 ? 2000 : 1)),
    ).map((job) => ({ ...job, location: job.location.replaceAll(' ', '%20') }));
    const results = await withPool({}, async (pool) => {
      await pool.start();
      return resultsOf(pool, jobs);
    });
    expect(
      results.map((result) => result.kind === 'read' && result.metadata.location),
    ).toStrictEqual(jobs.map(({ location }) => location));
  }, 30_000);

  test('an aborted signal ends the reading with ABORTED', async () => {
    const jobs = [jobFor('a.bad', 'hang'), jobFor('b.bad', 'fine')];
    await withPool({ entry: MISBEHAVING, size: 1 }, async (pool) => {
      await pool.start();
      const controller = new AbortController();
      const reading = (async () => {
        const results = [];
        for await (const result of pool.extractFiles(jobs, { signal: controller.signal })) {
          results.push(result);
        }
        return results;
      })();
      controller.abort();
      await expect(reading).rejects.toMatchObject({ code: 'ABORTED' });
    });
  }, 30_000);

  test('processes that cannot start are an error of the pool, not a warning on each file', async () => {
    const missing = new URL('./no-such-reader.mjs', import.meta.url);
    await withPool({ entry: missing, size: 1 }, async (pool) => {
      await expect(resultsOf(pool, [jobFor('c.bad', 'fine')])).rejects.toMatchObject({
        code: 'READER_FAILED',
      });
    });
  }, 30_000);

  test('a staging folder that cannot be written is an error, not a warning', async () => {
    const job = { ...jobFor('d.bad', 'fine'), stagingPath: '/proc/no-such-folder' };
    await withPool({ entry: MISBEHAVING, size: 1 }, async (pool) => {
      await expect(resultsOf(pool, [job])).rejects.toMatchObject({ code: 'FILE_NOT_WRITABLE' });
    });
  }, 30_000);
});
