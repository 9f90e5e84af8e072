import type { AppError } from '../errors.js';

/** The start of a pool: whoever waits for it is told once a child is ready, or that none can be. */
export class PoolStart {
  readonly done: Promise<void>;
  #settle: (error: AppError | null) => void = () => undefined;

  constructor() {
    this.done = new Promise<void>((resolve, reject) => {
      this.#settle = (error) => {
        if (error === null) resolve();
        else reject(error);
      };
    });
    // Whoever waits sees the error; without anybody it must not end the process.
    this.done.catch(() => undefined);
  }

  /** Ends the waiting; only the first call counts. */
  settle(error: AppError | null): void {
    this.#settle(error);
  }
}
