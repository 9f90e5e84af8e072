import { readdir } from 'node:fs/promises';
import type { Knex } from 'knex';
import { z } from 'zod';
import { AppError, isAppError } from '../errors.js';
import { importModule } from '../import-module.js';
import type { Database } from './database.js';
import { translateDatabaseError } from './dialect.js';

/** The same relative place from src/db/ and dist/db/, so no build step copies the migrations. */
const FOLDER = new URL('../../migrations/', import.meta.url);

/** `20261121090000_name.js`; a name that ends in `_breaking` keeps older programs from running on the database. */
const MIGRATION_NAME = /^\d{14}_[a-z0-9_-]+\.js$/;
const BREAKING_ENDING = '_breaking.js';

const TABLE = 'schema_migrations';
/** Any fixed number: the advisory lock that migrating processes queue at. */
const ADVISORY_LOCK = 7_310_220_991;

/** How the database's schema compares to this program. Names are file names. */
export interface SchemaStatus {
  readonly applied: readonly string[];
  /** In this program and not in the database. */
  readonly pending: readonly string[];
  /** In the database and not in this program: a newer version was here. */
  readonly unknown: readonly string[];
  /** Those of `unknown` that this program cannot live with. */
  readonly breaking: readonly string[];
}

/** Where the migrations come from; tests give other folders. */
export interface MigrateOptions {
  /** URL of the folder, with a trailing slash. @default the package's own */
  readonly folder?: URL;
}

const migrationModule = z.object({
  up: z.custom<(knex: Knex) => Promise<void>>((value) => typeof value === 'function'),
  down: z.custom<(knex: Knex) => Promise<void>>((value) => typeof value === 'function'),
  holdsData: z.array(z.string()).default([]),
});

async function migrationNames(folder: URL): Promise<string[]> {
  const names = await readdir(folder);
  return names.filter((name) => MIGRATION_NAME.test(name)).sort();
}

async function loadMigration(folder: URL, name: string): Promise<z.infer<typeof migrationModule>> {
  const imported: unknown = await importModule(new URL(name, folder).href);
  return migrationModule.parse(imported);
}

function migratorConfig(folder: URL): Knex.MigratorConfig {
  return {
    tableName: TABLE,
    // A newer program's migrations are judged by schemaStatus, not refused as "corrupt".
    disableMigrationsListValidation: true,
    migrationSource: {
      getMigrations: () => migrationNames(folder),
      getMigrationName: (name: string) => name,
      getMigration: (name: string) => loadMigration(folder, name),
    },
  };
}

async function appliedNames(knex: Knex): Promise<string[]> {
  try {
    const rows = await knex<{ id: number; name: string }>(TABLE).select('name').orderBy('id');
    return rows.map((row) => row.name);
  } catch (value) {
    const error = translateDatabaseError(value);
    if (isAppError(error) && error.code === 'SCHEMA_NOT_MIGRATED') return [];
    throw error;
  }
}

/** Compares the database's schema with this program's migrations. One query, no lock. */
export async function schemaStatus(
  database: Database,
  options: MigrateOptions = {},
): Promise<SchemaStatus> {
  const [known, applied] = await Promise.all([
    migrationNames(options.folder ?? FOLDER),
    appliedNames(database.knex),
  ]);
  const unknown = applied.filter((name) => !known.includes(name));
  return {
    applied,
    pending: known.filter((name) => !applied.includes(name)),
    unknown,
    breaking: unknown.filter((name) => name.endsWith(BREAKING_ENDING)),
  };
}

/**
 * Checks that this program can work on the database as it is.
 * @returns the status, whose `unknown` is worth a log line.
 * @throws AppError SCHEMA_TOO_NEW, SCHEMA_NOT_MIGRATED.
 */
export async function requireSchema(
  database: Database,
  options: MigrateOptions = {},
): Promise<SchemaStatus> {
  const status = await schemaStatus(database, options);
  refuseTooNew(status);
  if (status.pending.length > 0) {
    throw new AppError(
      'SCHEMA_NOT_MIGRATED',
      `The database lacks ${status.pending.length} migration(s), the first is ${String(status.pending[0])}.`,
      { remedy: 'Run `recordsmith migrate`.', details: { pending: status.pending } },
    );
  }
  return status;
}

function refuseTooNew(status: SchemaStatus): void {
  if (status.breaking.length === 0) return;
  throw new AppError(
    'SCHEMA_TOO_NEW',
    `A newer version changed the database in a way this one cannot work with (${status.breaking.join(', ')}).`,
    {
      remedy: 'Install that newer version on this machine too.',
      details: { breaking: status.breaking },
    },
  );
}

/**
 * Everything inside is one transaction that other migrating processes wait for, so a killed one leaves nothing and can
 * be repeated. In SQLite foreign keys are off inside and checked at its end: rebuilding a table would otherwise delete
 * its children.
 */
async function exclusively<T>(
  database: Database,
  work: (transaction: Knex.Transaction) => Promise<T>,
): Promise<T> {
  if (database.readOnly) {
    throw new AppError('DATABASE_READ_ONLY', 'The database is open for reading only.', {
      remedy: 'Run `recordsmith migrate`.',
    });
  }
  try {
    return await database.knex.transaction(
      async (transaction) => {
        if (database.dialect.engine === 'postgres') {
          await transaction.raw('select pg_advisory_xact_lock(?)', [ADVISORY_LOCK]);
        }
        return work(transaction);
      },
      database.dialect.engine === 'sqlite' ? { enforceForeignCheck: false } : {},
    );
  } catch (value) {
    throw translateDatabaseError(value);
  }
}

/**
 * Brings the schema up to date. Several processes may do it at once: one works, the others find it done.
 * @returns the names of the migrations that this call ran.
 * @throws AppError SCHEMA_TOO_NEW, SCHEMA_FOREIGN.
 */
export async function migrateLatest(
  database: Database,
  options: MigrateOptions = {},
): Promise<readonly string[]> {
  const status = await schemaStatus(database, options);
  refuseTooNew(status);
  if (status.pending.length === 0) return [];
  return exclusively(database, async (transaction) => {
    await refuseForeign(transaction);
    const answer: unknown = await transaction.migrate.latest(
      migratorConfig(options.folder ?? FOLDER),
    );
    return z.tuple([z.number(), z.array(z.string())]).parse(answer)[1];
  });
}

/**
 * Takes back the migrations of the last migrateLatest that ran any.
 * @returns the names of the migrations taken back, last first.
 * @throws AppError MIGRATION_LOSES_DATA when a table that would go has rows, unless forced.
 */
export async function migrateRollback(
  database: Database,
  options: MigrateOptions & { readonly force?: boolean } = {},
): Promise<readonly string[]> {
  const folder = options.folder ?? FOLDER;
  const known = new Set(await migrationNames(folder));
  return exclusively(database, async (transaction) => {
    const rows = await lastBatch(transaction);
    const missing = rows.filter((name) => !known.has(name));
    if (missing.length > 0) {
      throw new AppError(
        'SCHEMA_TOO_NEW',
        `Migration ${missing.join(', ')} was made by a newer version, which alone can take it back.`,
        { remedy: 'Run `recordsmith migrate --rollback` of that version.' },
      );
    }
    if (options.force !== true) {
      for (const name of rows) await refuseLoss(transaction, folder, name);
    }
    const answer: unknown = await transaction.migrate.rollback(migratorConfig(folder));
    return z.tuple([z.number(), z.array(z.string())]).parse(answer)[1];
  });
}

/** NexusLIMS has tables of the same names: its database must never be changed by accident. */
async function refuseForeign(transaction: Knex.Transaction): Promise<void> {
  if (await transaction.schema.hasTable(TABLE)) return;
  for (const table of ['session_log', 'instruments']) {
    if (!(await transaction.schema.hasTable(table))) continue;
    throw new AppError(
      'SCHEMA_FOREIGN',
      `The database has a table ${table} that recordsmith did not make, perhaps of NexusLIMS.`,
      {
        remedy: 'Give recordsmith a database (or PostgreSQL schema) of its own.',
        details: { table },
      },
    );
  }
}

async function lastBatch(knex: Knex): Promise<string[]> {
  if (!(await knex.schema.hasTable(TABLE))) return [];
  const rows = await knex<{ id: number; name: string; batch: number }>(TABLE)
    .where('batch', knex(TABLE).max('batch'))
    .orderBy('id', 'desc')
    .select('name');
  return rows.map((row) => row.name);
}

async function refuseLoss(knex: Knex, folder: URL, name: string): Promise<void> {
  const { holdsData } = await loadMigration(folder, name);
  for (const table of holdsData) {
    const row: unknown = await knex(table).first(knex.raw('1 as found'));
    if (row === undefined) continue;
    throw new AppError(
      'MIGRATION_LOSES_DATA',
      `Taking back ${name} would drop the rows of ${table}.`,
      {
        remedy: 'Make a copy of the database, then use `recordsmith migrate --rollback --force`.',
        details: { migration: name, table },
      },
    );
  }
}
