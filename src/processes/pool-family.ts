import type { PoolChild } from './pool-child.js';
import type { StartChildOptions } from './start-child.js';

/** A child that holds more than this share of its memory limit stays: the next job is not to pay for what others left. */
const LIGHT_SHARE = 1 / 4;

/** A pool that may have children to spare. */
export interface Lender {
  lend(kind: StartChildOptions): PoolChild | null;
}

/**
 * Pools of one program that lend each other children that have nothing to do: to start one takes longer than most jobs do.
 * Each pool keeps its own limits for what it does with how many of them.
 */
export class PoolFamily {
  readonly #pools: Lender[] = [];

  add(pool: Lender): void {
    this.#pools.push(pool);
  }

  /** A child of this kind that some pool has to spare and gives away; null: there is none. */
  lend(kind: StartChildOptions): PoolChild | null {
    for (const pool of this.#pools) {
      const child = pool.lend(kind);
      if (child !== null) return child;
    }
    return null;
  }
}

/** Whether children of two pools are the same but for who has them. */
export function isOfOneKind(one: StartChildOptions, other: StartChildOptions): boolean {
  return one.entry.href === other.entry.href && one.memoryLimitBytes === other.memoryLimitBytes;
}

/** Whether a child holds little memory: nothing of a job before would be counted against the next one. */
export function isLight({ start, residentBytes }: PoolChild): boolean {
  return start.memoryLimitBytes === null || residentBytes <= start.memoryLimitBytes * LIGHT_SHARE;
}
