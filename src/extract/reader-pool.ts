import { setMaxListeners } from 'node:events';
import { CHILD_ENTRY, CHILD_MEMORY_BYTES } from '../child-entry.js';
import { AppError, isAppError } from '../errors.js';
import type { ProcessPoolEvent } from '../processes/pool-options.js';
import type { PoolFamily } from '../processes/pool-family.js';
import { ProcessPool } from '../processes/process-pool.js';
import { unreadFile, type ExtractFileJob } from './extract-file.js';
import { singleFileSchema, type SingleFile, type SingleFileJob } from './extract-single-file.js';
import type { FacilityOfJob } from './facility/facility-extractors.js';
import type { FacilityReaders } from '../domain/facility-readers.js';
import { readerClaimsSchema, type ReaderClaim } from './facility/reader-claim.js';
import { extractFileResultSchema, type ExtractFileResult } from './extract-result.js';

/** How a reader pool is made. */
export interface ReaderPoolOptions {
  /** Reader processes. @default 2 */
  readonly size?: number;
  /** Milliseconds for one file. @default 60 s */
  readonly timeLimitMs?: number;
  /** Resident memory of one reader process, bytes. @default 1 GiB */
  readonly memoryLimitBytes?: number;
  /** The code of the reader processes. @default the readers of recordsmith */
  readonly entry?: URL;
  /** Pools that its processes may be lent to, or come from, while they have nothing to do. */
  readonly family?: PoolFamily;
  /** Told of processes that started or ended. */
  readonly onEvent?: (event: ProcessPoolEvent) => void;
}

const DEFAULT_SIZE = 2;
const DEFAULT_TIME_LIMIT_MS = 60_000;
/** Files handed out ahead of the one whose result is due, for each process. */
const AHEAD = 16;
/** Files that a process has at hand, so that it never waits for its next one. */
const JOBS_AT_ONCE = 16;
/** Milliseconds of unbroken work after which one more process is started: what a process costs until it helps. */
const GROW_AFTER_MS = 2000;

/**
 * Reads files in child processes. A reader that hangs, grows too large or crashes costs the file it was reading, and
 * no other: the process is replaced.
 */
export class ReaderPool {
  readonly #pool: ProcessPool;
  readonly #size: number;
  readonly #timeLimitMs: number;
  readonly #memoryLimitBytes: number;
  /** What every job carries: the readers of the facility; null: it has none. */
  #facility: FacilityOfJob | null = null;

  constructor(options: ReaderPoolOptions = {}) {
    this.#size = options.size ?? DEFAULT_SIZE;
    this.#timeLimitMs = options.timeLimitMs ?? DEFAULT_TIME_LIMIT_MS;
    this.#memoryLimitBytes = options.memoryLimitBytes ?? CHILD_MEMORY_BYTES;
    this.#pool = new ProcessPool({
      size: this.#size,
      name: 'reader',
      child: {
        entry: options.entry ?? CHILD_ENTRY,
        memoryLimitBytes: this.#memoryLimitBytes,
      },
      jobsAtOnce: JOBS_AT_ONCE,
      ...(options.family === undefined ? {} : { family: options.family }),
      growAfterMs: GROW_AFTER_MS,
      ...(options.onEvent === undefined ? {} : { onEvent: options.onEvent }),
    });
  }

  /**
   * Starts a process, which loads its code while the caller does something else. Without it it starts with the first file.
   * @throws AppError READER_FAILED when a process cannot start.
   */
  start(): Promise<void> {
    return this.#pool.start();
  }

  /**
   * Has files read by the readers of the facility too, before those of recordsmith where they claim them. They are loaded
   * and checked in a reader process now.
   * @returns what they claim, in their order.
   * @throws AppError CONFIG_INVALID naming every module and program that cannot be used.
   */
  async useFacilityReaders(readers: FacilityReaders): Promise<readonly ReaderClaim[]> {
    const ask = (job: string, payload: unknown): Promise<ReaderClaim[]> =>
      this.#pool.run(job, payload, {
        timeLimitMs: this.#timeLimitMs,
        parse: (answer) => readerClaimsSchema.parse(answer),
      });
    await this.#pool.start();
    const { describeFacilityReaders } = await import('./facility/use-facility-readers.js');
    const claims = await describeFacilityReaders(readers, {
      modules: (path) => ask('describe-modules', path),
      command: (command) => ask('describe-command', command),
    });
    const modules = claims.flatMap(({ kind, path }) => (kind === 'module' ? [path] : []));
    this.#facility = {
      modules: [...new Set(modules)],
      commands: readers.commands,
      limits: { timeLimitMs: this.#timeLimitMs, memoryLimitBytes: this.#memoryLimitBytes },
    };
    return claims;
  }

  /** Ends processes that have nothing to do. */
  endIdle(): void {
    this.#pool.endIdle();
  }

  /** Lets files in work finish and ends the processes; a second call ends them at once. */
  stop(): Promise<void> {
    return this.#pool.stop();
  }

  /**
   * Reads files; gives their results in the order of the jobs, a few files ahead of whoever takes them.
   * @throws AppError ABORTED by the signal or stop(); READER_FAILED when no process can start; FILE_NOT_WRITABLE when
   * the staging folder cannot be written.
   */
  async *extractFiles(
    jobs: Iterable<ExtractFileJob> | AsyncIterable<ExtractFileJob>,
    options: { readonly signal?: AbortSignal } = {},
  ): AsyncGenerator<ExtractFileResult, void, undefined> {
    // Whoever stops taking results (or a job that fails) ends the work on the files handed out ahead.
    const over = new AbortController();
    const signal =
      options.signal === undefined ? over.signal : AbortSignal.any([options.signal, over.signal]);
    // Every file at hand listens to it.
    setMaxListeners(0, signal);
    // A process that cannot start at all is no fault of the first file it would get.
    await this.#pool.start();
    const due: Promise<ExtractFileResult>[] = [];
    try {
      for await (const job of jobs) {
        const result = this.#extract(job, signal);
        // Its error is thrown when it is due; until then it is not an unhandled one.
        result.catch(() => undefined);
        due.push(result);
        if (due.length >= this.#size * AHEAD) {
          const next = due.shift();
          if (next !== undefined) yield await next;
        }
      }
      for (const result of due) yield await result;
    } finally {
      over.abort();
      // Nothing writes to the staging folder any more once this has ended: whoever called may remove it.
      await Promise.allSettled(due);
    }
  }

  /**
   * Reads one file anywhere, outside any session; nothing is cached.
   * @throws AppError FILE_UNREADABLE, LIMIT_EXCEEDED, READER_FAILED when its reader was lost, FILE_NOT_WRITABLE for the
   * preview, INPUT_INVALID when there is nothing to draw one of, USAGE when `job.reader` is no reader, ABORTED.
   */
  async extractSingleFile(job: SingleFileJob, signal?: AbortSignal): Promise<SingleFile> {
    await this.#pool.start();
    return this.#pool.run('extract-single', this.#withFacility(job), {
      timeLimitMs: this.#timeLimitMs,
      parse: (answer) => singleFileSchema.parse(answer),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  async #extract(job: ExtractFileJob, signal: AbortSignal): Promise<ExtractFileResult> {
    try {
      return await this.#pool.run('extract', this.#withFacility(job), {
        timeLimitMs: this.#timeLimitMs,
        parse: (answer) => extractFileResultSchema.parse(answer),
        signal,
      });
    } catch (error) {
      if (!isAppError(error)) throw error;
      const warning = this.#warningOf(error);
      if (warning === null) throw error;
      return {
        kind: 'killed',
        metadata: unreadFile(job.location, warning),
        code: error.code === 'LIMIT_EXCEEDED' ? 'LIMIT_EXCEEDED' : 'READER_FAILED',
      };
    }
  }

  #withFacility<Job extends object>(job: Job): Job {
    return this.#facility === null ? job : { ...job, facility: this.#facility };
  }

  /** What the record says of a file over which its reader was lost; null: the error is not of the file. */
  #warningOf(error: AppError): string | null {
    if (error.code === 'LIMIT_EXCEEDED' && error.details['limit'] === 'time') {
      return `Reading was stopped: it took longer than ${this.#timeLimitMs / 1000} s.`;
    }
    if (error.code === 'LIMIT_EXCEEDED' && error.details['limit'] === 'memory') {
      const mebibytes = Math.round(this.#memoryLimitBytes / 1024 ** 2);
      return `Reading was stopped: it took more than ${mebibytes} MiB of memory.`;
    }
    if (error.code === 'READER_FAILED') {
      const { signal, exitCode } = error.details;
      const how =
        typeof signal === 'string'
          ? ` (${signal})`
          : typeof exitCode === 'number'
            ? ` (exit code ${exitCode})`
            : '';
      return `The reader of this file crashed${how}.`;
    }
    return null;
  }
}
