import type { FakeClock } from './clock.js';
import type { Database } from './database.js';
import type { UsageEventRow } from './rows.js';
import type { Settings } from './settings.js';

export type SavedAction = 'create' | 'update' | 'delete';

/** What Django's post_save and post_delete tell: never for bulk updates. */
export interface Signal {
  readonly action: SavedAction;
  /** The row as saved; of a deleted one its last state. */
  readonly event: UsageEventRow;
}

/** Tells the web hooks what was saved and deleted. */
export class Signals {
  readonly #listeners: ((signal: Signal) => void)[] = [];

  listen(listener: (signal: Signal) => void): void {
    this.#listeners.push(listener);
  }

  emit(signal: Signal): void {
    for (const listener of this.#listeners) listener(signal);
  }
}

/** What the parts of the fake share. */
export interface Context {
  readonly database: Database;
  readonly settings: Settings;
  readonly clock: FakeClock;
  readonly signals: Signals;
}
