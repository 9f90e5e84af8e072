import type { PoolFamily } from './pool-family.js';
import type { StartChildOptions } from './start-child.js';

/** How a process pool is made. */
export interface ProcessPoolOptions {
  /** How its children are started. Resident memory above their limit kills them. */
  readonly child: StartChildOptions;
  /** How many children at most. */
  readonly size: number;
  /**
   * Jobs that a child has at a time: more than one keeps it busy while a job waits for its files to be written, and while
   * its answer is on the way. A job that loses its child together with others is run again, alone. @default 1
   */
  readonly jobsAtOnce?: number;
  /**
   * Milliseconds for which jobs must have been waiting without a break before one more child is started. A child pays
   * for loading and compiling its code before it is of any help. @default 0
   */
  readonly growAfterMs?: number;
  /** Pools that lend each other children of one kind. @default none */
  readonly family?: PoolFamily;
  /** Names the pool in errors: `reader`, `store /mnt/em`. */
  readonly name: string;
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
