import { AppError } from '../errors.js';
import { ChildJobs, chooseChild, type PoolJob } from './child-jobs.js';
import { PoolChild, type ChildAnswer, type ChildEnd, type ChildOwner } from './pool-child.js';
import type { ProcessPoolEvent, ProcessPoolOptions, RunJobOptions } from './pool-options.js';
import { isLight, isOfOneKind } from './pool-family.js';
import type { StartChildOptions } from './start-child.js';
import { PoolDepartures } from './pool-departures.js';
import {
  abortedError,
  crashError,
  describeEnd,
  hangingError,
  overMemoryError,
  overTimeError,
} from './pool-errors.js';

/** How long a child may take to load its code. */
const START_LIMIT_MS = 60_000;
/** How long an aborted job may take to notice before its child is killed. */
const ABORT_GRACE_MS = 3000;

/**
 * Child processes for jobs that may hang, crash or eat memory, so that the parent never does. Jobs that no child can
 * take yet wait in order. A child over a limit is killed and replaced; one that the kernel cannot end is abandoned and
 * counted. Idle children do not keep the parent alive, and end when it ends.
 */
export class ProcessPool {
  readonly #options: ProcessPoolOptions;
  readonly #children = new Map<PoolChild, ChildJobs>();
  readonly #queue: PoolJob[] = [];
  readonly #departures: PoolDepartures;
  #waiters: (() => void)[] = [];
  #starting: Promise<void> | null = null;
  #stopping: Promise<void> | null = null;
  #growth: NodeJS.Timeout | null = null;
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
    options.family?.add(this);
  }

  /** How many killed children the kernel has not let end yet. */
  get abandonedCount(): number {
    return this.#departures.abandonedCount;
  }

  /** Process ids of the living children. */
  get pids(): number[] {
    return [...this.#children.keys()].flatMap((child) =>
      child.pid === undefined ? [] : [child.pid],
    );
  }

  /**
   * Starts a child ahead of the first job and waits until it is ready; from then on there always is one. Without it the
   * first one starts when it is needed, as do all others. A stopped pool can be started again.
   * @throws AppError READER_FAILED when a child cannot start, with what it wrote to stderr.
   */
  async start(): Promise<void> {
    if (this.#stopping !== null) {
      await this.#stopping;
      this.#stopping = null;
    }
    this.#starting ??= this.#prewarm();
    await this.#starting;
  }

  /**
   * Gives away a child of a kind that has nothing to do and holds little memory, for another pool of the family to have.
   * @returns null: there is none.
   */
  lend(kind: StartChildOptions): PoolChild | null {
    for (const [child, jobs] of this.#children) {
      if (jobs.size > 0 || !isOfOneKind(child.start, kind) || !isLight(child)) continue;
      this.#children.delete(child);
      return child;
    }
    return null;
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

  /** Ends the children that have nothing to do: probably no job comes any more. One that comes starts a new one. */
  endIdle(): void {
    this.#starting = null;
    for (const [child, jobs] of [...this.#children]) {
      if (jobs.size === 0 && child.isReady) this.#dismiss(child);
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
      for (const [child, jobs] of [...this.#children]) {
        if (jobs.size === 0) continue;
        const aborted = jobs.takeAll();
        this.#kill(child, 'the pool was stopped at once');
        for (const job of aborted) job.reject(this.#aborted(job.name));
      }
      this.#dispatch();
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
      const job: PoolJob = {
        id: this.#nextId++,
        name,
        payload,
        timeLimitMs,
        isSuspect: false,
        isAborted: false,
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

  /** Waits for the first child, wherever it is lent meanwhile. */
  async #prewarm(): Promise<void> {
    const [child = this.#add()] = this.#children.keys();
    child.awaitEnd();
    const end = await child.started;
    if (end === null) return;
    this.#starting = null;
    if (this.#stopping !== null) throw this.#aborted('start');
    throw crashError(this.#options.name, null, child.pid, end);
  }

  async #drain(): Promise<void> {
    if (this.#isWorking()) await new Promise<void>((resolve) => this.#waiters.push(resolve));
    this.#starting = null;
    for (const child of [...this.#children.keys()]) this.#dismiss(child);
    await this.#departures.settled();
  }

  #dismiss(child: PoolChild): void {
    this.#children.delete(child);
    child.dismiss();
    this.#departures.add(child, 'dismissed');
  }

  #isWorking(): boolean {
    return this.#queue.length > 0 || [...this.#children.values()].some((jobs) => jobs.size > 0);
  }

  /** One more child: one that another pool of the family has no use for, else a new one. */
  #add(): PoolChild {
    const { child: kind, family } = this.#options;
    const ownerOf = (child: PoolChild): ChildOwner => ({
      onReady: () => this.#ready(child),
      onAnswer: (jobId, answer) => this.#answered(child, jobId, answer),
      onMemoryExceeded: (bytes) => this.#overMemory(child, bytes),
      onEnd: (end) => this.#ended(child, end),
    });
    const lent = family?.lend(kind) ?? null;
    lent?.handTo(ownerOf);
    const child = lent ?? new PoolChild(kind, ownerOf);
    this.#children.set(child, new ChildJobs());
    if (lent === null) this.#report('started', child, 'a process was needed');
    return child;
  }

  /** Hands out jobs while there are children that can take one. */
  #dispatch(): void {
    for (let job = this.#queue[0]; job !== undefined; job = this.#queue[0]) {
      const child =
        chooseChild(this.#children, job, this.#options.jobsAtOnce ?? 1) ?? this.#oneMore();
      if (child === null) break;
      this.#queue.shift();
      this.#give(child, job);
    }
    if (this.#queue.length === 0 && this.#growth !== null) {
      clearTimeout(this.#growth);
      this.#growth = null;
    }
    if (!this.#isWorking()) for (const resolve of this.#waiters.splice(0)) resolve();
  }

  /** One more child, when there may be one and it is time for it. */
  #oneMore(): PoolChild | null {
    const { size, growAfterMs = 0 } = this.#options;
    if (this.#children.size >= size) return null;
    if (this.#children.size === 0 || growAfterMs === 0) return this.#add();
    this.#growth ??= setTimeout(() => {
      this.#growth = null;
      if (this.#queue.length > 0 && this.#children.size < size) this.#add();
      this.#dispatch();
    }, growAfterMs);
    return null;
  }

  #give(child: PoolChild, job: PoolJob): void {
    const jobs = this.#children.get(child);
    jobs?.add(job);
    if (jobs?.size === 1) this.#limit(child);
    child.work();
    try {
      child.send({ kind: 'job', id: job.id, job: job.name, payload: job.payload });
    } catch (error) {
      const message = `The payload of job ${job.name} cannot be sent to another process.`;
      const refused = new AppError('INTERNAL', message, { cause: error });
      this.#answered(child, job.id, { kind: 'failed', error: refused });
    }
  }

  /** Starts the time of a child's oldest job. */
  #limit(child: PoolChild): void {
    const jobs = this.#children.get(child);
    const job = jobs?.oldest;
    if (jobs === undefined || job === undefined) return;
    if (job.isAborted) {
      jobs.setTimer(ABORT_GRACE_MS, () => this.#lose(child, 'its job was aborted', null));
      return;
    }
    const milliseconds = child.isReady ? job.timeLimitMs : START_LIMIT_MS;
    jobs.setTimer(milliseconds, () => {
      const error = overTimeError(this.#options.name, job.name, milliseconds);
      this.#lose(child, `over its time limit of ${milliseconds} ms`, error);
    });
  }

  #ready(child: PoolChild): void {
    if (this.#children.get(child)?.size === 0) child.rest();
    else this.#limit(child);
  }

  #answered(child: PoolChild, jobId: number, answer: ChildAnswer): void {
    const jobs = this.#children.get(child);
    const job = jobs?.take(jobId);
    if (jobs === undefined || job === undefined) return;
    jobs.clearTimer();
    if (jobs.size === 0) child.rest();
    else this.#limit(child);
    if (job.isAborted) job.reject(this.#aborted(job.name));
    else if (answer.kind === 'failed') job.reject(answer.error);
    else job.resolve(answer.value);
    this.#dispatch();
  }

  #abort(job: PoolJob): void {
    const queued = this.#queue.indexOf(job);
    if (queued >= 0) {
      this.#queue.splice(queued, 1);
      job.reject(this.#aborted(job.name));
      this.#dispatch();
    }
    for (const [child, jobs] of this.#children) {
      if (!jobs.has(job)) continue;
      job.isAborted = true;
      child.send({ kind: 'abort', id: job.id });
      if (jobs.oldest === job) this.#limit(child);
    }
  }

  #overMemory(child: PoolChild, residentBytes: number): void {
    const job = this.#children.get(child)?.oldest?.name ?? 'that was stopped';
    const error = overMemoryError(this.#options.name, job, residentBytes);
    this.#lose(child, `over its memory limit: ${residentBytes} bytes resident`, error);
  }

  /** Kills a child for what its jobs did. */
  #lose(child: PoolChild, reason: string, error: AppError | null): void {
    const jobs = this.#children.get(child)?.takeAll() ?? [];
    this.#kill(child, reason);
    this.#settleLost(jobs, error);
    this.#replace();
  }

  #kill(child: PoolChild, reason: string): void {
    this.#children.delete(child);
    child.rest();
    child.kill();
    this.#report('killed', child, reason);
    this.#departures.add(child, 'killed');
  }

  /** What becomes of the jobs of a lost child: a job that was alone is to blame, of several nobody knows which. */
  #settleLost(jobs: readonly PoolJob[], error: AppError | null): void {
    const wanted = jobs.filter((job) => !job.isAborted);
    for (const job of jobs) if (job.isAborted) job.reject(this.#aborted(job.name));
    if (error === null || jobs.length > 1) {
      if (error !== null) for (const job of wanted) job.isSuspect = true;
      this.#queue.unshift(...wanted);
    } else {
      for (const job of wanted) job.reject(error);
    }
  }

  #replace(): void {
    if (this.#starting !== null && this.#stopping === null && this.#children.size === 0) {
      this.#add();
    }
    this.#dispatch();
  }

  #ended(child: PoolChild, end: ChildEnd): void {
    const expected = this.#departures.ended(child);
    this.#report(expected ? 'ended' : 'crashed', child, describeEnd(end));
    if (expected) return;
    const jobs = this.#children.get(child)?.takeAll() ?? [];
    this.#children.delete(child);
    const error = crashError(this.#options.name, jobs[0]?.name ?? null, child.pid, end);
    if (!child.isReady) {
      // A child that cannot start would not start the next time either: no endless replacing.
      for (const job of jobs) job.reject(error);
      this.#starting = null;
    } else {
      this.#settleLost(jobs, error);
    }
    this.#replace();
  }

  #aborted(job: string): AppError {
    return abortedError(this.#options.name, job);
  }

  #report(kind: ProcessPoolEvent['kind'], child: PoolChild, reason: string): void {
    this.#options.onEvent?.({ kind, pool: this.#options.name, pid: child.pid, reason });
  }
}
