import { mkdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import knexModule, { type Knex } from 'knex';
import { AppError, isAppError, toError } from '../errors.js';
import {
  readDatabaseSettings,
  type DatabaseSettings,
  type PostgresSettings,
  type SqliteSettings,
} from './database-settings.js';
import { POSTGRES, SQLITE, translateDatabaseError, type Dialect } from './dialect.js';
import { networkFileSystemOf } from './network-file-system.js';
import { runInScope } from './scope.js';
import { fileExists, requireSqliteRights } from './sqlite-rights.js';

/** How a database is opened. */
export interface OpenDatabaseOptions {
  /** Only read: SQLite opens the file read-only, and the first write of a scope is refused. @default false */
  readonly readOnly?: boolean;
  /** Make the folder of a SQLite file where it is missing. @default true */
  readonly makeFolder?: boolean;
}

/** An open database. */
export interface Database {
  readonly dialect: Dialect;
  readonly readOnly: boolean;
  /** PostgreSQL's schema; null in SQLite. */
  readonly schema: string | null;
  /** Plain connections, outside any unit of work: for migrations, checks and streams. */
  readonly knex: Knex;
  /** Runs `work` as one unit of work (see createScope). */
  createScope<T>(work: () => Promise<T>): Promise<T>;
  /** Closes every connection. May be called twice. */
  close(): Promise<void>;
}

/** Knex writes to the console by itself; everything it says there also comes as an error. */
const SILENT: Knex.Logger = {
  warn: () => undefined,
  error: () => undefined,
  deprecate: () => undefined,
  debug: () => undefined,
};

/** What SQLite connections are set to. The driver's own wait is kept short since it blocks the event loop. */
const SQLITE_PRAGMAS = [
  'busy_timeout = 2000',
  'journal_mode = WAL',
  'synchronous = FULL',
  'foreign_keys = ON',
  'busy_timeout = 10',
];
const SQLITE_READONLY_PRAGMAS = ['query_only = ON', 'busy_timeout = 10'];

/** Type numbers of PostgreSQL (pg_type.dat) whose values we want in one shape on both engines. */
const PG_INT8 = 20;
const PG_JSON = 114;
const PG_JSONB = 3802;
const PG_TIMESTAMPTZ = 1184;

function applyPragmas(pragmas: readonly string[]) {
  return (connection: unknown, done: (error: unknown, connection: unknown) => void): void => {
    try {
      const pragma: unknown = Reflect.get(Object(connection), 'pragma');
      if (typeof pragma !== 'function') throw new TypeError('The SQLite driver has no pragma().');
      for (const text of pragmas) Reflect.apply(pragma, connection, [text]);
      done(null, connection);
    } catch (error) {
      done(error, connection);
    }
  };
}

async function openSqlite(
  settings: SqliteSettings,
  readOnly: boolean,
  makeFolder: boolean,
): Promise<Knex> {
  const file = resolve(settings.file);
  await requireSqliteRights(file, { readOnly, makeFolder });
  const network = await networkFileSystemOf(file);
  if (network !== null) {
    throw new AppError(
      'DATABASE_ON_NETWORK_FILE_SYSTEM',
      `The SQLite database ${file} lies on a network file system (${network}), whose locks SQLite cannot trust.`,
      {
        remedy: 'Put the database on a local disk (database.file) or use PostgreSQL.',
        details: { file, fileSystem: network },
      },
    );
  }
  if (!readOnly) await mkdir(dirname(file), { recursive: true });
  // A read-only connection leaves -wal and -shm files behind when it is the only one; a writable one takes them away
  // again, and query_only keeps it from writing. Next to other processes' files it is the other way round.
  const readOnlyFile = readOnly && (await fileExists(`${file}-wal`));
  const { SqliteClient } = await import('./sqlite-client.js');
  return knexModule.knex({
    client: SqliteClient,
    connection: { filename: file, options: { readonly: readOnlyFile } },
    useNullAsDefault: true,
    compileSqlOnError: false,
    log: SILENT,
    pool: {
      min: 1,
      max: 1,
      afterCreate: applyPragmas(readOnly ? SQLITE_READONLY_PRAGMAS : SQLITE_PRAGMAS),
    },
  });
}

/**
 * The instant that PostgreSQL writes as `2026-03-01 09:00:00.5+01`. Offsets of before time zones have seconds, such as
 * `+00:53:28`, which Date does not read; so it gets the local time and the offset apart.
 */
function instantOfPostgres(text: string): string {
  const [, date, time, sign, hours, minutes = '0', seconds = '0'] =
    /^(\S+) ([\d:.]+)([+-])(\d\d)(?::(\d\d))?(?::(\d\d))?$/.exec(text) ?? [];
  const offsetMs = (Number(hours) * 3600 + Number(minutes) * 60 + Number(seconds)) * 1000;
  const localMs = Date.parse(`${String(date)}T${String(time)}Z`);
  return new Date(sign === '-' ? localMs + offsetMs : localMs - offsetMs).toISOString();
}

async function openPostgres(settings: PostgresSettings): Promise<Knex> {
  const { default: driver } = await import('pg');
  // PostgreSQL's values in the shapes SQLite has: instants and JSON as text, integers as numbers where exact.
  const types = new driver.TypeOverrides();
  types.setTypeParser(PG_TIMESTAMPTZ, instantOfPostgres);
  types.setTypeParser(PG_JSON, (text) => text);
  types.setTypeParser(PG_JSONB, (text) => text);
  types.setTypeParser(PG_INT8, (text) =>
    Number.isSafeInteger(Number(text)) ? Number(text) : text,
  );
  const schema = settings.schema ?? 'public';
  const knex = knexModule.knex({
    client: 'pg',
    connection: {
      connectionString: settings.url,
      application_name: 'recordsmith',
      // A server that is away must not hang a start for the operating system's minutes.
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      types: {
        getTypeParser: (oid: number, format: string): unknown =>
          types.getTypeParser(oid, format === 'binary' ? 'binary' : 'text'),
      },
    },
    searchPath: [schema],
    compileSqlOnError: false,
    log: SILENT,
    acquireConnectionTimeout: 30_000,
    pool: { min: 0, max: settings.pool ?? 10 },
  });
  try {
    await ensureSchema(knex, schema, settings.createSchema ?? false);
  } catch (error) {
    await knex.destroy();
    throw error;
  }
  return knex;
}

async function ensureSchema(knex: Knex, schema: string, create: boolean): Promise<void> {
  const found: unknown = await knex('pg_catalog.pg_namespace')
    .where('nspname', schema)
    .first('nspname');
  if (found !== undefined) return;
  if (!create) {
    throw new AppError('SCHEMA_MISSING', `The database has no schema ${schema}.`, {
      remedy: `Run \`CREATE SCHEMA "${schema}"\` on it, or set database.create_schema: true.`,
      details: { schema },
    });
  }
  await knex.raw('create schema if not exists ??', [schema]);
}

/**
 * Opens a database. SQLite's file is made when it does not exist, its folder too unless told otherwise; tables are made
 * by migrate.ts.
 * @throws AppError DATABASE_ON_NETWORK_FILE_SYSTEM, DATABASE_NOT_PERMITTED, DATABASE_UNAVAILABLE, SCHEMA_MISSING, INPUT_INVALID.
 */
export async function openDatabase(
  urlOrSettings: string | DatabaseSettings,
  options: OpenDatabaseOptions = {},
): Promise<Database> {
  const settings = readDatabaseSettings(urlOrSettings);
  const { readOnly = false, makeFolder = true } = options;
  let knex: Knex;
  try {
    knex =
      settings.client === 'sqlite'
        ? await openSqlite(settings, readOnly, makeFolder)
        : await openPostgres(settings);
  } catch (value) {
    const error = translateDatabaseError(value);
    if (isAppError(error)) throw error;
    const place = settings.client === 'sqlite' ? settings.file : 'the PostgreSQL server';
    throw new AppError(
      'DATABASE_UNAVAILABLE',
      `The database cannot be opened (${place}): ${toError(error).message}`,
      {
        cause: value,
        remedy: readOnly
          ? 'Create the database first with `recordsmith init` or `recordsmith migrate`.'
          : 'Check the path or address of the database and its rights.',
      },
    );
  }
  const database: Database = {
    dialect: settings.client === 'sqlite' ? SQLITE : POSTGRES,
    readOnly,
    schema: settings.client === 'sqlite' ? null : (settings.schema ?? 'public'),
    knex,
    createScope: (work) => runInScope(database, work),
    close: () => knex.destroy(),
  };
  return database;
}
