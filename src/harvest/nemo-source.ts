import type { Clock } from '../clock.js';
import type { Database } from '../db/database.js';
import type { Log } from '../log.js';
import type { AskSettings } from '../sources/nemo/ask-nemo.js';
import type { NemoClient } from '../sources/nemo/nemo-client.js';
import type { NemoTimeReader } from '../sources/nemo/nemo-times.js';

/** The passes over a NEMO, as `source_cursors` names them. */
export type HarvestPass = 'poll' | 'adjustments' | 'reconcile' | 'hints' | 'range';

/** One NEMO, with what is set for it. */
export interface NemoSource {
  /** Of the source in the configuration. */
  readonly name: string;
  /** Of its REST interface, with its last slash. */
  readonly url: string;
  /** Null: there is no token, and only its webhook reports. */
  readonly client: NemoClient | null;
  /** Reads the times of what it pushes. */
  readonly readTimes: NemoTimeReader;
  /** Usage events that began earlier are not taken in, epoch milliseconds; null: `lookBackMs` alone limits. */
  readonly sinceMs: number | null;
  /** How far back usage events are compared with NEMO. */
  readonly lookBackMs: number;
  /** Whose session a usage event is. */
  readonly user: 'customer' | 'operator';
  /** How consent, reservation and answers are asked for. */
  readonly asked: AskSettings;
  readonly database: Database;
  readonly log: Log;
  readonly clock: Clock;
}

/** A source that can be read. */
export type ReadableSource = NemoSource & { readonly client: NemoClient };
