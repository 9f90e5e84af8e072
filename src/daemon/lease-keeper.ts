import { AppError, toError } from '../errors.js';

/** What the keeper needs to hold one lease. */
export interface LeaseKeeperOptions {
  /** Prolongs the lease; false: somebody else has it now. */
  readonly renew: () => Promise<boolean>;
  /** Milliseconds between renewals: a quarter of the lease. */
  readonly everyMs: number;
  /** How long a lease lasts without renewal, in milliseconds. */
  readonly leaseMs: number;
  /** performance.now() when the lease was asked for: it lasts from then at least. */
  readonly leasedAtMs: number;
}

/**
 * Renews a lease while work goes on. `signal` aborts with LEASE_LOST as soon as the lease is known to be gone, or when
 * it could not be renewed for its whole length by our own clock (a database that is away or does not answer): what goes on
 * then could not settle anyway.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #deadline: NodeJS.Timeout;
  #lastError: unknown;
  #renewing = false;
  #isOver = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#renew(), options.everyMs);
    this.#timer.unref();
    this.#deadline = this.#expireAfter(options.leasedAtMs);
  }

  /** Aborts when the lease is lost. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the renewals; the lease itself is released by settling or deferring. */
  stop(): void {
    this.#isOver = true;
    clearInterval(this.#timer);
    clearTimeout(this.#deadline);
  }

  /**
   * The lease runs out when it was not renewed again this long after it was asked for. It is called a last time a quarter
   * of it before: a process that was paused or busy for longer gets its answers first, and is judged then.
   */
  #expireAfter(askedAtMs: number): NodeJS.Timeout {
    const { everyMs, leaseMs } = this.#options;
    const lose = (): void => this.#lose('it could not be renewed in time', this.#lastError);
    const callLast = (): void => {
      void this.#renew();
      this.#deadline = setTimeout(lose, everyMs).unref();
    };
    const leftMs = askedAtMs + leaseMs - everyMs - performance.now();
    return setTimeout(callLast, Math.max(0, leftMs)).unref();
  }

  async #renew(): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    const askedAtMs = performance.now();
    try {
      const isRenewed = await this.#options.renew();
      // An answer that comes after the end changes nothing.
      if (this.#isOver) return;
      if (isRenewed) {
        clearTimeout(this.#deadline);
        this.#deadline = this.#expireAfter(askedAtMs);
      } else {
        this.#lose('another process has taken it over');
      }
    } catch (error) {
      // It may go better the next time; the deadline decides.
      this.#lastError = error;
    } finally {
      this.#renewing = false;
    }
  }

  #lose(why: string, cause?: unknown): void {
    this.stop();
    this.#controller.abort(
      new AppError('LEASE_LOST', `The lease on the session is lost: ${why}.`, {
        ...(cause === undefined ? {} : { cause: toError(cause) }),
        remedy: 'Nothing has to be done: the session is built by whoever holds the lease.',
      }),
    );
  }
}
