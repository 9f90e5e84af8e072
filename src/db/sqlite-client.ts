import BetterSqliteClient, {
  type CompiledStatement,
} from 'knex/lib/dialects/better-sqlite3/index.js';
import { sleep } from '../clock.js';
import { toError } from '../errors.js';
import { isLockedByAnother } from './dialect.js';

/** How long a statement may wait for another process's transaction before it fails, in milliseconds. */
const LONGEST_WAIT_MS = 15_000;

/**
 * Knex's better-sqlite3 client with four changes. Transactions begin with BEGIN IMMEDIATE: a deferred one that reads
 * first fails with SQLITE_BUSY_SNAPSHOT as soon as another process has written. And a locked database is waited for
 * here, in jittered steps, because the driver's own wait blocks the event loop. And a file that cannot be opened is
 * named.
 */
export class SqliteClient extends BetterSqliteClient {
  override async acquireRawConnection(): Promise<unknown> {
    try {
      return await super.acquireRawConnection();
    } catch (value) {
      const error = toError(value);
      error.message = `${error.message} ${this.connectionSettings.filename}`;
      throw error;
    }
  }

  override async _query(connection: unknown, statement: CompiledStatement): Promise<unknown> {
    // Knex takes the escape of a literal question mark away for PostgreSQL only.
    statement.sql = statement.sql.replaceAll('\\?', '?');
    if (statement.sql === 'BEGIN;') statement.sql = 'BEGIN IMMEDIATE;';
    const deadlineMs = performance.now() + LONGEST_WAIT_MS;
    for (let wait = 2; ; wait = Math.min(wait * 1.6, 60)) {
      try {
        return await super._query(connection, statement);
      } catch (error) {
        if (!isLockedByAnother(error) || performance.now() > deadlineMs) throw error;
        await sleep(wait * (0.5 + Math.random()));
      }
    }
  }
}
