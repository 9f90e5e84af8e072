import type { PoolChild } from './pool-child.js';

/** How long a dismissed child may take to end by itself, and a killed one until it is given up. */
const END_GRACE_MS = 2000;

/**
 * The children of a pool that are on their way out. A process that hangs in the kernel (a store that does not answer)
 * does not even end when killed: after a grace time it is abandoned and counted, so that nothing ever waits for it.
 */
export class PoolDepartures {
  /** With what to call when the child ended or was given up. */
  readonly #leaving = new Map<PoolChild, () => void>();
  readonly #abandoned = new Set<PoolChild>();
  readonly #onAbandoned: (child: PoolChild) => void;

  constructor(onAbandoned: (child: PoolChild) => void) {
    this.#onAbandoned = onAbandoned;
  }

  /** How many killed children the kernel has not let end yet. */
  get abandonedCount(): number {
    return this.#abandoned.size;
  }

  /** Watches the end of a child that was killed already, or of one that was dismissed and is killed when too slow. */
  add(child: PoolChild, sentAway: 'killed' | 'dismissed'): void {
    let timer: NodeJS.Timeout;
    const giveUp = (): void => {
      const settle = this.#leaving.get(child);
      this.#leaving.delete(child);
      this.#abandoned.add(child);
      child.abandon();
      this.#onAbandoned(child);
      settle?.();
    };
    const killFirst = (): void => {
      child.kill();
      timer = setTimeout(giveUp, END_GRACE_MS).unref();
    };
    timer = setTimeout(sentAway === 'killed' ? giveUp : killFirst, END_GRACE_MS).unref();
    this.#leaving.set(child, () => clearTimeout(timer));
  }

  /** Notes that a child has ended; false: it was not on its way out. */
  ended(child: PoolChild): boolean {
    const settle = this.#leaving.get(child);
    this.#leaving.delete(child);
    settle?.();
    return this.#abandoned.delete(child) || settle !== undefined;
  }

  /** Resolves when all have ended or were given up. */
  async settled(): Promise<void> {
    await Promise.all(
      [...this.#leaving].map(
        ([child, settle]) =>
          new Promise<void>((resolve) => {
            this.#leaving.set(child, () => {
              settle();
              resolve();
            });
            child.awaitEnd();
          }),
      ),
    );
  }
}
