import cron, { type ScheduledTask } from 'node-cron';
import { toError } from '../errors.js';
import type { Log } from '../log.js';

/** A named piece of work that is repeated. */
export interface ScheduleOptions {
  /** For logs and health: `build`. */
  readonly name: string;
  /** cron expression, with or without seconds; or the time between two runs. */
  readonly when: string | { readonly everyMs: number };
  readonly run: (signal: AbortSignal) => Promise<void>;
  readonly log: Log;
}

/** What can be observed of a schedule; health and metrics only read it. */
export interface ScheduleState {
  readonly lastStartedAtMs: number | null;
  readonly lastDurationMs: number | null;
  readonly lastError: Error | null;
  readonly running: boolean;
}

/** Repeats work by a cron expression or at an interval; a run that is still going is not started twice, a failed one is logged. */
export class Schedule {
  readonly #options: ScheduleOptions;
  readonly #controller = new AbortController();
  #task: ScheduledTask | null = null;
  #timer: NodeJS.Timeout | null = null;
  #current: Promise<void> | null = null;
  #again = false;
  #lastStartedAtMs: number | null = null;
  #lastDurationMs: number | null = null;
  #lastError: Error | null = null;

  constructor(options: ScheduleOptions) {
    this.#options = options;
  }

  /** Whether node-cron understands the expression. */
  static isValidExpression(expression: string): boolean {
    return cron.validate(expression);
  }

  get state(): ScheduleState {
    return {
      lastStartedAtMs: this.#lastStartedAtMs,
      lastDurationMs: this.#lastDurationMs,
      lastError: this.#lastError,
      running: this.#current !== null,
    };
  }

  /** Starts the clockwork and does the first run at once. */
  start(): void {
    const { name, when } = this.#options;
    if (typeof when === 'string') {
      this.#task ??= cron.schedule(when, () => this.runNow(), { name, noOverlap: true });
    } else {
      this.#timer ??= setInterval(() => void this.runNow(), when.everyMs);
    }
    void this.runNow();
  }

  /** Runs now, or joins the run that is going on. Never rejects. */
  runNow(): Promise<void> {
    if (this.#controller.signal.aborted) return Promise.resolve();
    this.#current ??= this.#run().finally(() => {
      this.#current = null;
      if (!this.#again) return;
      this.#again = false;
      void this.runNow();
    });
    return this.#current;
  }

  /** Runs now; while a run is going on, which may have looked already, once more right after it. */
  wake(): void {
    if (this.#current === null) void this.runNow();
    else this.#again = true;
  }

  /** Starts nothing more, tells the run in progress to stop and waits for it. */
  async stop(): Promise<void> {
    this.#controller.abort();
    if (this.#timer !== null) clearInterval(this.#timer);
    await this.#task?.destroy();
    this.#task = null;
    await this.#current;
  }

  async #run(): Promise<void> {
    const startedAt = performance.now();
    this.#lastStartedAtMs = Date.now();
    try {
      await this.#options.run(this.#controller.signal);
      this.#lastError = null;
    } catch (error) {
      this.#lastError = toError(error);
      this.#options.log.error('A scheduled run failed; it is tried again at its next time.', {
        schedule: this.#options.name,
        error,
      });
    } finally {
      this.#lastDurationMs = performance.now() - startedAt;
    }
  }
}
