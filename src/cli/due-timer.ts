import { nextDueAtMs } from '../db/due-sessions.js';
import type { Application } from '../main.js';

/** Later times are found again by the schedule. */
const FARTHEST_MS = 3_600_000;
/** A time that has just come is over when it is looked for. */
const AFTER_MS = 20;

/** Wakes the builds when the next session is due that was put off or whose END lies ahead, without waiting for the schedule. */
export class DueTimer {
  readonly #application: Application;
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | null = null;
  #isStopped = false;

  constructor(application: Application, wake: () => void) {
    this.#application = application;
    this.#wake = wake;
  }

  /** Sets it to the next time, by what the database says now. */
  async set(): Promise<void> {
    const { database, environment } = this.#application;
    const nowMs = environment.clock.now().toMillis();
    const dueAtMs = await database.createScope(() => nextDueAtMs(nowMs));
    if (dueAtMs === null || dueAtMs - nowMs > FARTHEST_MS || this.#isStopped) return;
    this.cancel();
    this.#timer = setTimeout(this.#wake, Math.max(0, dueAtMs - nowMs) + AFTER_MS);
  }

  /** No time is set any more. */
  stop(): void {
    this.#isStopped = true;
    this.cancel();
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }
}
