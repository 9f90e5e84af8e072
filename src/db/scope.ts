import { AsyncLocalStorage } from 'node:async_hooks';
import type { Knex } from 'knex';
import { sleep } from '../clock.js';
import { AppError, DatabaseNotConfiguredError, SessionMissingError } from '../errors.js';
import { openDatabase, type Database } from './database.js';
import type { DatabaseSettings } from './database-settings.js';
import { isTransient, translateDatabaseError, type Dialect } from './dialect.js';

/** How often a unit of work that met a lock conflict, serialization failure or deadlock is run. */
const MOST_RUNS = 6;

/**
 * One unit of work. Reads go over a plain connection until the first write; that begins the transaction, and from
 * then on everything goes through it.
 */
export class UnitOfWork {
  readonly #database: Database;
  #transaction: Knex.Transaction | undefined;
  #beginning: Promise<Knex.Transaction> | undefined;
  #closed = false;

  constructor(database: Database) {
    this.#database = database;
  }

  get dialect(): Dialect {
    return this.#database.dialect;
  }

  /** Whether the database was opened for reading only. */
  get readOnly(): boolean {
    return this.#database.readOnly;
  }

  /** For statements that only read. */
  reader(): Knex {
    this.#assertOpen();
    return this.#transaction ?? this.#database.knex;
  }

  /**
   * For statements that write, and for reads that a following write depends on. Begins the transaction.
   * @throws AppError DATABASE_READ_ONLY; DATABASE_BUSY when another process keeps the lock; DATABASE_UNAVAILABLE.
   */
  async writer(): Promise<Knex.Transaction> {
    this.#assertOpen();
    if (this.#database.readOnly) {
      throw new AppError('DATABASE_READ_ONLY', 'The database is open for reading only.', {
        remedy: 'Leave --dry-run away to change anything.',
      });
    }
    this.#beginning ??= beginTransaction(this.#database);
    this.#transaction = await this.#beginning;
    return this.#transaction;
  }

  /** Ends the unit of work; used by runInScope only. */
  async finish(how: 'commit' | 'rollback'): Promise<void> {
    this.#closed = true;
    if (this.#beginning === undefined) return;
    // A transaction that never began has nothing to roll back; whoever asked for it got the error.
    const transaction = await this.#beginning.catch(() => undefined);
    if (transaction === undefined || transaction.isCompleted()) return;
    if (how === 'rollback') {
      await transaction.rollback();
    } else {
      await transaction.commit();
      // Knex's commit() resolves even when COMMIT fails; the failure is in this promise.
      await transaction.executionPromise;
    }
  }

  #assertOpen(): void {
    if (this.#closed) throw new SessionMissingError();
  }
}

/** Errors come translated: who has waited for a lock once does not run again only to wait as long. */
async function beginTransaction({ knex }: Database): Promise<Knex.Transaction> {
  try {
    const transaction = await knex.transaction();
    // Knex resolves even when BEGIN fails; the failure is in this promise.
    if (transaction.isCompleted()) await transaction.executionPromise;
    return transaction;
  } catch (error) {
    throw translateDatabaseError(error);
  }
}

interface Scope {
  readonly database: Database;
  readonly unit: UnitOfWork;
}

const scopes = new AsyncLocalStorage<Scope>();
let configured: { readonly open: () => Promise<Database> } | undefined;
let opened: Promise<Database> | undefined;

/** Sets the database that createScope(work) uses. It is opened at the first scope. */
export function configureDb(where: string | DatabaseSettings | Database): void {
  opened = undefined;
  configured = {
    open: () =>
      typeof where === 'object' && 'createScope' in where
        ? Promise.resolve(where)
        : openDatabase(where),
  };
}

/** Closes the database of configureDb, if it was opened, and forgets it. */
export async function closeDb(): Promise<void> {
  const closing = opened;
  opened = undefined;
  configured = undefined;
  if (closing !== undefined) await (await closing).close();
}

/**
 * Runs `work` as one unit of work on the configured database: committed when it returns, rolled back when it throws.
 * No file or network I/O belongs inside, since a unit of work that meets a lock conflict is run again from its start.
 * A scope inside a scope of the same database joins it.
 * @throws DatabaseNotConfiguredError before configureDb.
 */
export async function createScope<T>(work: () => Promise<T>): Promise<T> {
  if (configured === undefined) throw new DatabaseNotConfiguredError();
  if (opened === undefined) {
    const opening = configured.open();
    opened = opening;
    // A failed start must not be remembered: the server may be there the next time.
    opening.catch(() => {
      if (opened === opening) opened = undefined;
    });
  }
  return runInScope(await opened, work);
}

/** createScope on a given database. */
export async function runInScope<T>(database: Database, work: () => Promise<T>): Promise<T> {
  if (scopes.getStore()?.database === database) return work();
  for (let run = 1; ; run += 1) {
    const unit = new UnitOfWork(database);
    try {
      const result = await scopes.run({ database, unit }, work);
      await unit.finish('commit');
      return result;
    } catch (error) {
      // When the rollback fails too, the connection is dead and the database rolls back by itself: the first error
      // is the one that counts.
      await unit.finish('rollback').catch(() => undefined);
      if (!isTransient(error) || run >= MOST_RUNS) throw translateDatabaseError(error);
      await sleep(run * 20 * (0.5 + Math.random()));
    }
  }
}

/**
 * The unit of work of the code that runs now.
 * @throws SessionMissingError outside a scope.
 */
export function scopedSession(): UnitOfWork {
  const scope = scopes.getStore();
  if (scope === undefined) throw new SessionMissingError();
  return scope.unit;
}
