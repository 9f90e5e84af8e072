import { AppError, toError } from '../errors.js';

/** What the keeper needs to hold one lease. */
export interface LeaseKeeperOptions {
  /** Prolongs the lease; false: somebody else has it now. */
  readonly renew: () => Promise<boolean>;
  /** Milliseconds between renewals: a quarter of the lease. */
  readonly everyMs: number;
  /** How long a lease lasts without renewal, in milliseconds. */
  readonly leaseMs: number;
}

/**
 * Renews a lease while work goes on. `signal` aborts with LEASE_LOST as soon as the lease is known to be gone, or when
 * it could not be renewed for its whole length (a database that is away): what goes on then could not settle anyway.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions;
  readonly #controller = new AbortController();
  readonly #timer: NodeJS.Timeout;
  #renewedAtMs = performance.now();
  #renewing = false;

  constructor(options: LeaseKeeperOptions) {
    this.#options = options;
    this.#timer = setInterval(() => void this.#renew(), options.everyMs);
    this.#timer.unref();
  }

  /** Aborts when the lease is lost. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Ends the renewals; the lease itself is released by settling or deferring. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #renew(): Promise<void> {
    if (this.#renewing) return;
    this.#renewing = true;
    try {
      if (await this.#options.renew()) {
        this.#renewedAtMs = performance.now();
      } else {
        this.#lose('another process has taken it over');
      }
    } catch (error) {
      if (performance.now() - this.#renewedAtMs >= this.#options.leaseMs) {
        this.#lose('it could not be renewed in time', error);
      }
    } finally {
      this.#renewing = false;
    }
  }

  #lose(why: string, cause?: unknown): void {
    clearInterval(this.#timer);
    this.#controller.abort(
      new AppError('LEASE_LOST', `The lease on the session is lost: ${why}.`, {
        ...(cause === undefined ? {} : { cause: toError(cause) }),
        remedy: 'Nothing has to be done: the session is built by whoever holds the lease.',
      }),
    );
  }
}
