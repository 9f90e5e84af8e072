import type { AppError } from '../errors.js';
import type { PoolChild } from './pool-child.js';

/** A job of a process pool. */
export interface PoolJob {
  readonly id: number;
  readonly name: string;
  readonly payload: unknown;
  readonly timeLimitMs: number;
  /** It lost its child together with other jobs: only alone can it be blamed for the next one. */
  isSuspect: boolean;
  /** Its caller is told so once nothing of the job runs any more. */
  isAborted: boolean;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: AppError) => void;
}

/**
 * The jobs that one child has, oldest first. A child works on them in their order, so that the time of one counts from the
 * moment in which those before it are done.
 */
export class ChildJobs {
  #jobs: PoolJob[] = [];
  #timer: NodeJS.Timeout | null = null;

  get size(): number {
    return this.#jobs.length;
  }

  get oldest(): PoolJob | undefined {
    return this.#jobs[0];
  }

  /** Whether one of them must not share its child. */
  get hasSuspect(): boolean {
    return this.#jobs.some((job) => job.isSuspect);
  }

  has(job: PoolJob): boolean {
    return this.#jobs.includes(job);
  }

  add(job: PoolJob): void {
    this.#jobs.push(job);
  }

  /** Takes out a job that is done. */
  take(jobId: number): PoolJob | undefined {
    const job = this.#jobs.find(({ id }) => id === jobId);
    this.#jobs = this.#jobs.filter((one) => one !== job);
    return job;
  }

  /** Takes out all of them: the child is lost. */
  takeAll(): PoolJob[] {
    this.clearTimer();
    return this.#jobs.splice(0);
  }

  /** Sets the one timer anew. */
  setTimer(milliseconds: number, onTime: () => void): void {
    this.clearTimer();
    this.#timer = setTimeout(onTime, milliseconds);
  }

  clearTimer(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}

/** The child with the fewest jobs that can take this one, rather one that is ready; null: each has enough. */
export function chooseChild(
  children: ReadonlyMap<PoolChild, ChildJobs>,
  job: PoolJob,
  jobsAtOnce: number,
): PoolChild | null {
  const most = job.isSuspect ? 0 : jobsAtOnce - 1;
  const able = [...children]
    .filter(([, jobs]) => jobs.size <= most && !jobs.hasSuspect)
    .sort(
      ([a, mine], [b, theirs]) => mine.size - theirs.size || Number(b.isReady) - Number(a.isReady),
    );
  return able[0]?.[0] ?? null;
}
