import type { Config } from './config/schema.js';
import { openDatabase, type Database } from './db/database.js';
import type { DatabaseSettings } from './db/database-settings.js';
import { migrateLatest, requireSchema, schemaStatus } from './db/migrate.js';
import { AppError, isAppError } from './errors.js';
import type { Log } from './log.js';
import { maskSecrets } from './log-values.js';

/**
 * The settings that the database is opened with, from the keys of `database`.
 * @throws AppError CONFIG_INVALID for PostgreSQL without an address (the loader has refused that before).
 */
export function databaseSettingsOf(database: Config['database']): DatabaseSettings {
  if (database.client === 'sqlite') return { client: 'sqlite', file: database.file };
  if (database.url === null) {
    throw new AppError('CONFIG_INVALID', 'database.url is missing.', {
      remedy: 'Set database.url to postgres://user:password@host:5432/database.',
    });
  }
  return {
    client: 'postgres',
    url: database.url,
    pool: database.pool,
    schema: database.schema,
    createSchema: database.create_schema,
  };
}

/** The database for people: its file, or its address without the password. */
export function databasePlace(database: Config['database']): string {
  return database.client === 'sqlite' ? database.file : maskSecrets(database.url ?? '');
}

/**
 * Makes the database where it is missing and brings its schema up to date.
 * @throws AppError as openDatabase and migrateLatest.
 */
export async function createDatabase(
  settings: Config['database'],
): Promise<{ readonly place: string; readonly applied: readonly string[] }> {
  const database = await openDatabase(databaseSettingsOf(settings));
  try {
    return { place: databasePlace(settings), applied: await migrateLatest(database) };
  } finally {
    await database.close();
  }
}

/**
 * Whether a database is only read: always, never, or `if-needed` where the account may not write a SQLite database.
 */
export type ReadOnlyAccess = boolean | 'if-needed';

/**
 * Opens the database of a configuration. SQLite is brought up to date by itself, PostgreSQL only with
 * `database.migrate: auto`. The folder of a SQLite file has to be there.
 * @throws AppError DATABASE_UNAVAILABLE, SCHEMA_NOT_MIGRATED, SCHEMA_TOO_NEW, SCHEMA_MISSING...
 */
export async function openMigratedDatabase(
  config: Config['database'],
  log: Log,
  readOnly: ReadOnlyAccess = false,
): Promise<Database> {
  if (readOnly === 'if-needed') {
    try {
      return await openMigratedDatabase(config, log);
    } catch (error) {
      if (!isAppError(error) || error.code !== 'DATABASE_NOT_PERMITTED') throw error;
      return openMigratedDatabase(config, log, true);
    }
  }
  const database = await openDatabase(databaseSettingsOf(config), { readOnly, makeFolder: false });
  try {
    const migrates = !readOnly && (config.client === 'sqlite' || config.migrate === 'auto');
    if (migrates) {
      const applied = await migrateLatest(database);
      if (applied.length > 0) log.info('The database schema was brought up to date.', { applied });
    } else {
      await requireSchema(database);
    }
    const { unknown } = await schemaStatus(database);
    if (unknown.length > 0) {
      log.warn('The database was changed by a newer version of recordsmith.', { unknown });
    }
    return database;
  } catch (error) {
    await database.close();
    throw error;
  }
}
