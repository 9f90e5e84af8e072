import type { Clock } from '../clock.js';
import type { Database } from '../db/database.js';
import type { Log } from '../log.js';

/** What every route works with. */
export interface HttpEnvironment {
  readonly database: Database;
  readonly log: Log;
  readonly clock: Clock;
}
