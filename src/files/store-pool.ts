import { CHILD_ENTRY, CHILD_MEMORY_BYTES } from '../child-entry.js';
import { AppError, isAppError } from '../errors.js';
import type { ProcessPoolEvent, RunJobOptions } from '../processes/pool-options.js';
import type { PoolFamily } from '../processes/pool-family.js';
import { ProcessPool } from '../processes/process-pool.js';
import type { LookRequest } from './look-request.js';
import {
  lookAnswerSchema,
  probeResultSchema,
  type LookResult,
  type ProbeResult,
} from './look-result.js';

/** How the store processes are run. */
export interface StorePoolOptions {
  /** Milliseconds that one look may take. A cold store of a million files takes seconds. @default 10 min */
  readonly lookTimeLimitMs?: number;
  /** Milliseconds that a probe may take. @default 10 s, and never longer than a look */
  readonly probeTimeLimitMs?: number;
  /** Processes of one store: a look and probes beside it. @default 2 */
  readonly processesPerStore?: number;
  /** Resident memory of one process, in bytes. @default 1 GiB */
  readonly memoryLimitBytes?: number;
  /**
   * Where what looks remember of folders is kept, to be used again after a start and by other processes of this machine;
   * absent: nowhere.
   */
  readonly indexFolder?: string;
  /** Told, once for each reason, that it cannot be kept there. */
  readonly onIndexFault?: (message: string) => void;
  /** Pools that its processes may be lent to, or come from, while they have nothing to do. */
  readonly family?: PoolFamily;
  readonly onEvent?: (event: ProcessPoolEvent) => void;
}

/**
 * The processes that look into file stores: some of their own for each store, so that one that hangs blocks nothing but
 * itself. They start when a store is first asked for.
 */
export class StorePool {
  readonly #options: StorePoolOptions;
  readonly #pools = new Map<string, ProcessPool>();
  readonly #lastLooks = new Map<string, Promise<void>>();
  readonly #indexFaults = new Set<string>();
  #isStopped = false;

  constructor(options: StorePoolOptions = {}) {
    this.#options = options;
  }

  /** Stores (by root) whose processes hang and cannot be ended, with how many. */
  get hangingStores(): ReadonlyMap<string, number> {
    const counts = [...this.#pools].map(([root, pool]) => [root, pool.abandonedCount] as const);
    return new Map(counts.filter(([, count]) => count > 0));
  }

  /**
   * Looks for a session's files. `store` names what hangs together (the root of the instrument's store): looks in the
   * same one come one after the other, so that each has the use of what the one before saw of the folders.
   * @throws AppError READER_FAILED when the process crashed, LIMIT_EXCEEDED over the memory limit, ABORTED,
   * INPUT_INVALID when a folder leads out of paths.data.
   */
  look(store: string, request: LookRequest, signal?: AbortSignal): Promise<LookResult> {
    const before = this.#lastLooks.get(store) ?? Promise.resolve();
    const look = before.then(() => this.#look(store, request, signal));
    const over = look.then(ignore, ignore);
    this.#lastLooks.set(store, over);
    return look;
  }

  async #look(store: string, request: LookRequest, signal?: AbortSignal): Promise<LookResult> {
    const { indexFolder = null, lookTimeLimitMs = 600_000, onIndexFault } = this.#options;
    const payload = { request, indexFolder };
    const answer = await this.#run(store, 'look', payload, {
      timeLimitMs: lookTimeLimitMs,
      parse: (message) => lookAnswerSchema.parse(message),
      ...(signal === undefined ? {} : { signal }),
    });
    if ('kind' in answer) return answer;
    const { result, indexFault } = answer;
    if (indexFault !== null && !this.#indexFaults.has(indexFault)) {
      this.#indexFaults.add(indexFault);
      onIndexFault?.(indexFault);
    }
    return result;
  }

  /** Whether the folder `root` of a store is there, holds anything, and how long it took to know. Throws as look does. */
  probe(store: string, root: string, signal?: AbortSignal): Promise<ProbeResult> {
    return this.#run(store, 'probe', root, {
      timeLimitMs:
        this.#options.probeTimeLimitMs ??
        Math.min(10_000, this.#options.lookTimeLimitMs ?? Number.POSITIVE_INFINITY),
      parse: (answer) => probeResultSchema.parse(answer),
      ...(signal === undefined ? {} : { signal }),
    });
  }

  /** Ends processes that have nothing to do. */
  endIdle(): void {
    for (const pool of this.#pools.values()) pool.endIdle();
  }

  /** Waits for the looks under way and ends the processes; a second call ends them at once. A hanging one is left. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.stop()));
  }

  async #run<Result>(
    store: string,
    job: 'look' | 'probe',
    payload: unknown,
    options: RunJobOptions<Result>,
  ): Promise<Result | { kind: 'store-unavailable'; reason: string }> {
    try {
      return await this.#poolOf(store).run(job, payload, options);
    } catch (error) {
      if (!isAppError(error) || error.code !== 'LIMIT_EXCEEDED') throw error;
      const { limit } = error.details;
      if (limit === 'time') {
        const reason = `The store ${store} did not answer within ${options.timeLimitMs / 1000} s.`;
        return { kind: 'store-unavailable', reason };
      }
      if (limit === 'abandoned') return { kind: 'store-unavailable', reason: error.message };
      throw error;
    }
  }

  #poolOf(store: string): ProcessPool {
    if (this.#isStopped) throw new AppError('ABORTED', 'The store processes are stopped.');
    let pool = this.#pools.get(store);
    if (pool === undefined) {
      pool = new ProcessPool({
        child: {
          entry: CHILD_ENTRY,
          memoryLimitBytes: this.#options.memoryLimitBytes ?? CHILD_MEMORY_BYTES,
        },
        size: this.#options.processesPerStore ?? 2,
        name: `store ${store}`,
        ...(this.#options.family === undefined ? {} : { family: this.#options.family }),
        ...(this.#options.onEvent === undefined ? {} : { onEvent: this.#options.onEvent }),
      });
      this.#pools.set(store, pool);
    }
    return pool;
  }
}

function ignore(): void {
  // Whoever asked for the look has its answer; the next one only waits for it to end.
}
