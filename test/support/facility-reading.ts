import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { CommandReader, FacilityReaders } from '../../src/domain/facility-readers.js';
import type { ExtractFileJob } from '../../src/extract/extract-file.js';
import type { ExtractFileResult } from '../../src/extract/extract-result.js';
import type { ReaderClaim } from '../../src/extract/facility/reader-claim.js';
import { ReaderPool } from '../../src/extract/reader-pool.js';
import { extractJob } from './extract-job.js';

/** A module with one reader; `extract` is the body of its function. */
export function moduleText(id: string, extension: string, extract: string, sniff = 'true'): string {
  return `
    const answer = (metadata) => ({ format: 'Of ${id}', warnings: [], tags: null, signals: [{
      title: null, type: 'Misc', role: 'Experimental', metadata, shape: [], calibration: [], dtype: null,
      acquiredMs: null, previewOf: null }] });
    export default { id: '${id}', version: 1, extensions: ['${extension}'], sniff: (head) => ${sniff},
      extract: (file) => { ${extract} } };`;
}

/** A program that is a script of node; its text sees `file`, `zone` and `preview`. */
export function command(
  name: string,
  script: string,
  changes: Partial<CommandReader> = {},
): CommandReader {
  const text = `const [file, zone, preview] = process.argv.slice(1); ${script}`;
  return {
    name,
    version: 1,
    files: [`*.${name}`],
    command: [process.execPath, '-e', text, '{file}', '{timezone}', '{preview}'],
    timeLimitMs: null,
    companions: [],
    ...changes,
  };
}

/** What such a script prints when all is well. */
export const PRINT_ONE = `console.log(JSON.stringify([{ format: 'Of a program', type: 'Misc',
  metadata: { 'live time': { value: 1500, unit: 'ms' } }, acquired: '2026-03-01T10:00:00' }]));`;

/** What reading gave. */
export interface Reading {
  readonly claims: readonly ReaderClaim[];
  readonly results: readonly ExtractFileResult[];
}

/** A temporary folder with files, read by a pool that has readers of a facility. */
export class FacilityFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'facility-readers-'));

  constructor() {
    mkdirSync(join(this.path, 'data'));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }

  /** Writes a file. @returns its path. */
  write(name: string, text: string): string {
    const path = join(this.path, name);
    writeFileSync(path, text);
    return path;
  }

  /** Writes a file below data/; its outputs go to folders named for `run`. */
  job(name: string | Buffer, content = 'x', run = 'one'): ExtractFileJob {
    const path = Buffer.concat([Buffer.from(join(this.path, 'data/')), Buffer.from(name)]);
    writeFileSync(path, content);
    return extractJob(path, join(this.path, 'data'), this.path, {
      outputPath: join(this.path, `${run}-output`),
      stagingPath: join(this.path, `${run}-staging`),
    });
  }
}

/** Reads files in a pool of one process. */
export async function readByFacility(
  readers: Partial<FacilityReaders>,
  jobs: readonly ExtractFileJob[],
  limits: ConstructorParameters<typeof ReaderPool>[0] = {},
): Promise<Reading> {
  const pool = new ReaderPool({ size: 1, ...limits });
  try {
    const claims = await pool.useFacilityReaders({ modules: [], commands: [], ...readers });
    const results: ExtractFileResult[] = [];
    for await (const result of pool.extractFiles(jobs)) results.push(result);
    return { claims, results };
  } finally {
    await pool.stop();
  }
}

/** What a test looks at of a result. */
export function factsOf(result: ExtractFileResult | undefined) {
  if (result === undefined || result.kind === 'changed') return result;
  const { format, reader, warnings, signals } = result.metadata;
  return { kind: result.kind, format, reader, warnings, metadata: signals[0]?.metadata };
}

/** Processes of this machine whose command line holds a text. */
export function processesWith(text: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(text);
    } catch {
      return false;
    }
  });
}
