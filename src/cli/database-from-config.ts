import type { Config } from '../config/schema.js';
import { openDatabase } from '../db/database.js';
import type { DatabaseSettings } from '../db/database-settings.js';
import { migrateLatest } from '../db/migrate.js';
import { AppError } from '../errors.js';
import { maskSecrets } from '../log-values.js';

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
