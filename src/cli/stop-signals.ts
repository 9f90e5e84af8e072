import type { Log } from '../log.js';

/** Exit code of a process that a second signal ends at once: 128 + SIGTERM. */
const ENDED_BY_SIGNAL = 143;

/**
 * SIGTERM and SIGINT: the first stops taking work and, after the grace time, what is still going on; the second ends
 * the process at once.
 */
export class StopSignals {
  readonly #taking = new AbortController();
  readonly #work = new AbortController();
  readonly #log: Log;
  #graceMs: number;
  #timer: NodeJS.Timeout | undefined;

  constructor(log: Log, graceMs: number) {
    this.#log = log;
    this.#graceMs = graceMs;
    process.on('SIGTERM', this.#stop);
    process.on('SIGINT', this.#stop);
  }

  /** Aborts at the first signal: no further work is begun. */
  get stopTaking(): AbortSignal {
    return this.#taking.signal;
  }

  /** Aborts when the grace time after the first signal is over: work in progress is given back. */
  get stopWork(): AbortSignal {
    return this.#work.signal;
  }

  /** Changes the time between the first signal and the end of work in progress, in milliseconds. */
  setGrace(graceMs: number): void {
    this.#graceMs = graceMs;
  }

  /** Stops listening. */
  dispose(): void {
    clearTimeout(this.#timer);
    process.off('SIGTERM', this.#stop);
    process.off('SIGINT', this.#stop);
  }

  /** Stops as the first signal does; nothing when that has come already. */
  stop(reason: string): void {
    if (this.#taking.signal.aborted) return;
    this.#log.info('Stopping: finishing what is being built.', { reason, graceMs: this.#graceMs });
    this.#taking.abort();
    this.#timer = setTimeout(() => this.#work.abort(), this.#graceMs);
  }

  readonly #stop = (signal: NodeJS.Signals): void => {
    if (this.#taking.signal.aborted) {
      this.#log.warn('Stopped at once by a second signal.', { signal });
      process.exit(ENDED_BY_SIGNAL);
    }
    this.stop(signal);
  };
}
