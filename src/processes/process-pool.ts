import { AppError } from '../errors.js';
import { PoolChild, type ChildAnswer, type ChildEnd } from './pool-child.js';
import { PoolDepartures } from './pool-departures.js';
import {
  abortedError,
  crashError,
  describeEnd,
  hangingError,
  overMemoryError,
  overTimeError,
} from './pool-errors.js';

/** How a process pool is made. */
export interface ProcessPoolOptions {
  /** The child's entry file, which calls serveJobs. */
  readonly entry: URL;
  /** How many children at most; each does one job at a time. */
  readonly size: number;
  /** Names the pool in errors: `reader`, `store /mnt/em`. */
  readonly name: string;
  /** Resident memory of one child in bytes; a child above it is killed. @default no limit */
  readonly memoryLimitBytes?: number;
  /** Options of node for the children, besides the heap's limit. @default none */
  readonly execArgv?: readonly string[];
  /** Told of children that started or ended; for logs and metrics. */
  readonly onEvent?: (event: ProcessPoolEvent) => void;
}

/** What happens to the children of a pool. */
export interface ProcessPoolEvent {
  /** `abandoned`: killed, but the kernel does not let it end (it hangs in a store); `ended` follows if it ever does. */
  readonly kind: 'started' | 'killed' | 'crashed' | 'abandoned' | 'ended';
  readonly pool: string;
  readonly pid: number | undefined;
  /** Why, in words. */
  readonly reason: string;
}

/** How a job is run. */
export interface RunJobOptions<Result> {
  /** Milliseconds from the moment a ready child has the job. */
  readonly timeLimitMs: number;
  /** Understands the child's answer (`schema.parse`); what it throws becomes the cause of READER_FAILED. */
  readonly parse: (answer: unknown) => Result;
  readonly signal?: AbortSignal;
}

interface Job {
  readonly id: number;
  readonly name: string;
  readonly payload: unknown;
  readonly timeLimitMs: number;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: AppError) => void;
}

interface Work {
  readonly job: Job;
  /** Its caller is told so once nothing of the job runs any more. */
  isAborted: boolean;
  timer: NodeJS.Timeout;
}

/** How long a child may take to load its code. */
const START_LIMIT_MS = 60_000;
/** How long an aborted job may take to notice before its child is killed. */
const ABORT_GRACE_MS = 1000;

/**
 * Child processes for jobs that may hang, crash or eat memory, so that the parent never does. One job a child at a
 * time; further jobs wait in order. A child over a limit is killed and replaced; one that the kernel cannot end is
 * abandoned and counted. Idle children do not keep the parent alive, and end when it ends.
 */
export class ProcessPool {
  readonly #options: ProcessPoolOptions;
  readonly #children = new Set<PoolChild>();
  readonly #work = new Map<PoolChild, Work>();
  readonly #queue: Job[] = [];
  readonly #departures: PoolDepartures;
  #waiters: (() => void)[] = [];
  #starting: { promise: Promise<void>; settle: (error: AppError | null) => void } | null = null;
  #stopping: Promise<void> | null = null;
  #nextId = 1;

  constructor(options: ProcessPoolOptions) {
    if (!Number.isInteger(options.size) || options.size < 1) {
      throw new AppError(
        'INTERNAL',
        `A pool of ${options.size} ${options.name} processes cannot work.`,
      );
    }
    this.#options = options;
    this.#departures = new PoolDepartures((child) =>
      this.#report('abandoned', child, 'it was killed and does not end: it hangs in the system'),
    );
  }

  /** How many killed children the kernel has not let end yet. */
  get abandonedCount(): number {
    return this.#departures.abandonedCount;
  }

  /** Process ids of the living children. */
  get pids(): number[] {
    return [...this.#children].flatMap((child) => (child.pid === undefined ? [] : [child.pid]));
  }

  /**
   * Starts all children ahead of the first job and waits until they are ready; from then on a lost child is replaced
   * at once. Without it each starts when it is needed. A stopped pool can be started again.
   * @throws AppError READER_FAILED when a child cannot start, with what it wrote to stderr.
   */
  async start(): Promise<void> {
    if (this.#stopping !== null) {
      await this.#stopping;
      this.#stopping = null;
    }
    this.#starting ??= this.#prewarm();
    await this.#starting.promise;
  }

  /**
   * Runs one job in a child and gives its answer.
   * @throws AppError LIMIT_EXCEEDED over the time or memory limit (details: limit), READER_FAILED when the child
   * crashed (details: exitCode, signal, stderr) or its answer is not understood, ABORTED by the signal or by stop() once
   * the child has let go of the job or was killed, or what the job threw (INTERNAL when that was no AppError).
   */
  async run<Result>(
    job: string,
    payload: unknown,
    options: RunJobOptions<Result>,
  ): Promise<Result> {
    const answer = await this.#enqueue(job, payload, options.timeLimitMs, options.signal);
    try {
      return options.parse(answer);
    } catch (error) {
      const message = `The answer of a ${this.#options.name} process to job ${job} is not understood.`;
      throw new AppError('READER_FAILED', message, { cause: error });
    }
  }

  /**
   * Takes no more jobs, waits for those it has, and ends the children. A second call kills what still works: its jobs
   * reject with ABORTED. A child that does not end is waited for a few seconds at most.
   */
  async stop(): Promise<void> {
    if (this.#stopping === null) {
      this.#stopping = this.#drain();
    } else {
      for (const job of this.#queue.splice(0)) job.reject(this.#aborted(job.name));
      for (const [child, { job }] of [...this.#work]) {
        this.#kill(child, 'the pool was stopped at once', this.#aborted(job.name));
      }
    }
    await this.#stopping;
  }

  #enqueue(
    name: string,
    payload: unknown,
    timeLimitMs: number,
    signal?: AbortSignal,
  ): Promise<unknown> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.#stopping !== null || signal?.aborted === true) {
        reject(this.#aborted(name));
        return;
      }
      // Each look at a store that hangs would leave one more process behind: stop before they fill the machine.
      if (this.abandonedCount > 2 * this.#options.size) {
        reject(hangingError(this.#options.name, this.abandonedCount));
        return;
      }
      const onAbort = (): void => this.#abort(job);
      const job: Job = {
        id: this.#nextId++,
        name,
        payload,
        timeLimitMs,
        resolve: (answer) => {
          signal?.removeEventListener('abort', onAbort);
          resolve(answer);
        },
        reject: (error) => {
          signal?.removeEventListener('abort', onAbort);
          reject(error);
        },
      };
      signal?.addEventListener('abort', onAbort, { once: true });
      this.#queue.push(job);
      this.#dispatch();
    });
  }

  #prewarm(): { promise: Promise<void>; settle: (error: AppError | null) => void } {
    let settle: (error: AppError | null) => void = () => undefined;
    const promise = new Promise<void>((resolve, reject) => {
      settle = (error) => {
        if (error === null) resolve();
        else reject(error);
      };
    });
    // Whoever awaits start() sees the error; without anybody it must not end the process.
    promise.catch(() => undefined);
    this.#fill();
    for (const child of this.#children) child.awaitEnd();
    if ([...this.#children].every((child) => child.isReady)) settle(null);
    return { promise, settle };
  }

  async #drain(): Promise<void> {
    if (this.#work.size + this.#queue.length > 0) {
      await new Promise<void>((resolve) => this.#waiters.push(resolve));
    }
    this.#starting?.settle(this.#aborted('start'));
    this.#starting = null;
    for (const child of [...this.#children]) {
      this.#children.delete(child);
      child.dismiss();
      this.#departures.add(child, 'dismissed');
    }
    await this.#departures.settled();
  }

  #fill(): void {
    while (this.#children.size < this.#options.size) this.#spawn();
  }

  #spawn(): PoolChild {
    const child: PoolChild = new PoolChild({
      entry: this.#options.entry,
      execArgv: this.#options.execArgv ?? [],
      memoryLimitBytes: this.#options.memoryLimitBytes ?? null,
      onReady: () => this.#ready(child),
      onAnswer: (jobId, answer) => this.#answered(child, jobId, answer),
      onMemoryExceeded: (bytes) => this.#overMemory(child, bytes),
      onEnd: (end) => this.#ended(child, end),
    });
    this.#children.add(child);
    this.#report('started', child, 'a process was needed');
    return child;
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const free = [...this.#children].filter((child) => !this.#work.has(child));
      const hasRoom = this.#children.size < this.#options.size;
      const child = free.find((one) => one.isReady) ?? free[0] ?? (hasRoom ? this.#spawn() : null);
      const job = child === null ? undefined : this.#queue.shift();
      if (child === null || job === undefined) return;
      const timer = this.#limit(child, job, child.isReady ? job.timeLimitMs : START_LIMIT_MS);
      this.#work.set(child, { job, isAborted: false, timer });
      child.work();
      try {
        child.send({ kind: 'job', id: job.id, job: job.name, payload: job.payload });
      } catch (error) {
        const message = `The payload of job ${job.name} cannot be sent to another process.`;
        const refused = new AppError('INTERNAL', message, { cause: error });
        this.#answered(child, job.id, { kind: 'failed', error: refused });
      }
    }
    if (this.#work.size === 0) for (const resolve of this.#waiters.splice(0)) resolve();
  }

  #limit(child: PoolChild, job: Job, milliseconds: number): NodeJS.Timeout {
    return setTimeout(() => {
      const error = overTimeError(this.#options.name, job.name, milliseconds);
      this.#kill(child, `over its time limit of ${milliseconds} ms`, error);
    }, milliseconds);
  }

  #ready(child: PoolChild): void {
    const work = this.#work.get(child);
    if (work === undefined) {
      child.rest();
    } else if (!work.isAborted) {
      clearTimeout(work.timer);
      work.timer = this.#limit(child, work.job, work.job.timeLimitMs);
    }
    if ([...this.#children].every((one) => one.isReady)) this.#starting?.settle(null);
  }

  #answered(child: PoolChild, jobId: number, answer: ChildAnswer): void {
    const work = this.#work.get(child);
    if (work?.job.id !== jobId) return;
    clearTimeout(work.timer);
    this.#work.delete(child);
    child.rest();
    if (answer.kind === 'failed') this.#fail(work, answer.error);
    else if (work.isAborted) this.#fail(work, this.#aborted(work.job.name));
    else work.job.resolve(answer.value);
    this.#dispatch();
  }

  #abort(job: Job): void {
    const queued = this.#queue.indexOf(job);
    if (queued >= 0) {
      this.#queue.splice(queued, 1);
      job.reject(this.#aborted(job.name));
    }
    for (const [child, work] of this.#work) {
      if (work.job !== job) continue;
      work.isAborted = true;
      clearTimeout(work.timer);
      work.timer = setTimeout(() => {
        this.#kill(child, 'its job was aborted', this.#aborted(job.name));
      }, ABORT_GRACE_MS);
      child.send({ kind: 'abort', id: job.id });
    }
  }

  #overMemory(child: PoolChild, residentBytes: number): void {
    const job = this.#work.get(child)?.job.name ?? 'that was stopped';
    const error = overMemoryError(this.#options.name, job, residentBytes);
    this.#kill(child, `over its memory limit: ${residentBytes} bytes resident`, error);
  }

  #kill(child: PoolChild, reason: string, error: AppError): void {
    const work = this.#release(child);
    child.rest();
    child.kill();
    this.#report('killed', child, reason);
    this.#departures.add(child, 'killed');
    if (work !== undefined) this.#fail(work, error);
    this.#replace();
  }

  /** Forgets a child that takes no more jobs, and gives the work it had. */
  #release(child: PoolChild): Work | undefined {
    const work = this.#work.get(child);
    if (work !== undefined) clearTimeout(work.timer);
    this.#work.delete(child);
    this.#children.delete(child);
    return work;
  }

  #replace(): void {
    if (this.#starting !== null && this.#stopping === null) this.#fill();
    this.#dispatch();
  }

  #ended(child: PoolChild, end: ChildEnd): void {
    const expected = this.#departures.ended(child);
    this.#report(expected ? 'ended' : 'crashed', child, describeEnd(end));
    if (expected) return;
    const work = this.#release(child);
    const error = crashError(this.#options.name, work?.job.name ?? null, child.pid, end);
    if (work !== undefined) this.#fail(work, error);
    if (!child.isReady) {
      // A child that cannot start would not start the next time either: no endless replacing.
      this.#starting?.settle(error);
      this.#starting = null;
    }
    this.#replace();
  }

  #fail({ job, isAborted }: Work, error: AppError): void {
    job.reject(isAborted ? this.#aborted(job.name) : error);
  }

  #aborted(job: string): AppError {
    return abortedError(this.#options.name, job);
  }

  #report(kind: ProcessPoolEvent['kind'], child: PoolChild, reason: string): void {
    this.#options.onEvent?.({ kind, pool: this.#options.name, pid: child.pid, reason });
  }
}
