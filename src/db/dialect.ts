import type { Knex } from 'knex';
import { AppError, isAppError, systemErrorCode, toError } from '../errors.js';

/** The two engines. */
export const ENGINES = ['sqlite', 'postgres'] as const;
export type Engine = (typeof ENGINES)[number];

/** What differs between the engines, by name. Everything else is the same SQL on both. */
export interface Dialect {
  readonly engine: Engine;
  /** The database's own clock, as a value of an instant column. */
  readonly now: string;
  /** The database's clock plus a number of seconds (one binding). */
  readonly nowPlusSeconds: string;
  /** The binding of `nowPlusSeconds`: SQLite wants a text modifier. */
  secondsBinding(seconds: number): string | number;
  /** The column in the order of its bytes, whatever the collation of the database. */
  byteOrder(column: string): string;
  /**
   * Makes other units of work on the same session wait until this one ends. SQLite has one writer anyway; PostgreSQL
   * takes an advisory lock, since the rows to lock may not exist yet.
   */
  lockSession(transaction: Knex, identifier: string): Promise<void>;
  /** An expression that turns an instant column into text `YYYY-MM-DDTHH:MM:SS.sssZ`. */
  instantText(column: string): string;
  /**
   * The rows of one bulk insert as a table expression over one JSON binding (an array of objects). One statement with
   * one binding is several times cheaper than a multi-row VALUES list and knows no limit of terms or parameters.
   */
  rowsOfJson(columns: readonly BulkColumn[]): string;
}

/** A column of a bulk insert. */
export interface BulkColumn {
  readonly name: string;
  readonly kind: 'text' | 'integer' | 'number' | 'json' | 'instant' | 'boolean';
}

const POSTGRES_KINDS: Readonly<Record<BulkColumn['kind'], string>> = {
  text: 'text',
  integer: 'bigint',
  number: 'double precision',
  json: 'jsonb',
  instant: 'timestamptz',
  boolean: 'boolean',
};

function sqliteExtract(column: BulkColumn): string {
  const value = `json_extract(value, '$.${column.name}')`;
  // Large integers travel as text, since JSON numbers lose digits above 2^53.
  return column.kind === 'integer' ? `cast(${value} as integer)` : value;
}

export const SQLITE: Dialect = {
  engine: 'sqlite',
  now: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now')",
  nowPlusSeconds: "strftime('%Y-%m-%dT%H:%M:%fZ', 'now', ?)",
  secondsBinding: (seconds) => `${seconds >= 0 ? '+' : ''}${seconds.toFixed(3)} seconds`,
  byteOrder: (column) => column,
  lockSession: () => Promise.resolve(),
  instantText: (column) => column,
  rowsOfJson: (columns) =>
    `(select ${columns.map((column) => `${sqliteExtract(column)} as ${column.name}`).join(', ')} from json_each(?)) as bulk`,
};

export const POSTGRES: Dialect = {
  engine: 'postgres',
  now: "date_trunc('milliseconds', clock_timestamp())",
  nowPlusSeconds:
    "(date_trunc('milliseconds', clock_timestamp()) + cast(? as double precision) * interval '1 second')",
  secondsBinding: (seconds) => seconds,
  byteOrder: (column) => `${column} collate "C"`,
  lockSession: async (transaction, identifier) => {
    await transaction.raw('select pg_advisory_xact_lock(hashtextextended(?, 7310))', [identifier]);
  },
  instantText: (column) => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`,
  rowsOfJson: (columns) =>
    `jsonb_to_recordset(cast(? as jsonb)) as bulk(${columns.map((column) => `${column.name} ${POSTGRES_KINDS[column.kind]}`).join(', ')})`,
};

/** Rows a bulk statement carries: bounds the JSON text held in memory. */
const BULK_ROWS = 500;

/** Inserts many rows with few statements. Every row has exactly the named columns; `json` values are already text. */
export async function insertMany(
  transaction: Knex,
  dialect: Dialect,
  table: string,
  columns: readonly BulkColumn[],
  rows: readonly Readonly<Record<string, string | number | boolean | null>>[],
): Promise<void> {
  const names = columns.map((column) => column.name).join(', ');
  const sql = `insert into ${table} (${names}) select ${names} from ${dialect.rowsOfJson(columns)}`;
  const jsonNames =
    dialect.engine === 'postgres'
      ? columns.filter((column) => column.kind === 'json').map((column) => column.name)
      : [];
  for (let from = 0; from < rows.length; from += BULK_ROWS) {
    const part = rows.slice(from, from + BULK_ROWS);
    // PostgreSQL takes nested JSON as it is; as text it would become a JSON string.
    const shown =
      jsonNames.length === 0
        ? part
        : part.map((row) => {
            const parsed: Record<string, unknown> = { ...row };
            for (const name of jsonNames) {
              const text = row[name];
              if (typeof text === 'string') parsed[name] = JSON.parse(text);
            }
            return parsed;
          });
    await transaction.raw(sql, [JSON.stringify(shown)]);
  }
}

function textProperty(value: unknown, name: string): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const property: unknown = Reflect.get(value, name);
  return typeof property === 'string' ? property : undefined;
}

/** Whether another process holds SQLite's write lock. */
export function isLockedByAnother(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code === 'SQLITE_BUSY' || code === 'SQLITE_BUSY_RECOVERY' || code === 'SQLITE_LOCKED';
}

/** Failures that a second run of the same unit of work heals: lock conflicts, serialization, deadlock. */
const TRANSIENT_CODES = new Set([
  'SQLITE_BUSY',
  'SQLITE_BUSY_SNAPSHOT',
  'SQLITE_BUSY_RECOVERY',
  'SQLITE_LOCKED',
  '40001',
  '40P01',
  '55P03',
]);

/** Whether running the unit of work again may succeed. */
export function isTransient(error: unknown): boolean {
  return TRANSIENT_CODES.has(systemErrorCode(error) ?? '');
}

/** Which of the database's rules a row broke. */
export type ConstraintKind = 'check' | 'unique' | 'foreign-key' | 'not-null' | 'length' | 'value';

const CONSTRAINT_KINDS: Readonly<Record<string, ConstraintKind>> = {
  SQLITE_CONSTRAINT_CHECK: 'check',
  SQLITE_CONSTRAINT_UNIQUE: 'unique',
  SQLITE_CONSTRAINT_PRIMARYKEY: 'unique',
  SQLITE_CONSTRAINT_FOREIGNKEY: 'foreign-key',
  SQLITE_CONSTRAINT_TRIGGER: 'foreign-key',
  SQLITE_CONSTRAINT_NOTNULL: 'not-null',
  '23514': 'check',
  '23505': 'unique',
  '23503': 'foreign-key',
  '23001': 'foreign-key',
  '23502': 'not-null',
  '22001': 'length',
  '22007': 'value',
  '22008': 'value',
  '22P02': 'value',
  '22021': 'value',
};

const UNAVAILABLE_CODES = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  '57P01',
  '57P02',
  '57P03',
  '53300',
  '08000',
  '08001',
  '08003',
  '08004',
  '08006',
  '28000',
  '28P01',
  '3D000',
  'SQLITE_CANTOPEN',
  'SQLITE_CANTOPEN_ISDIR',
  'SQLITE_IOERR',
  'SQLITE_NOTADB',
  'SQLITE_CORRUPT',
  'SQLITE_READONLY',
  'SQLITE_FULL',
]);

/** Whether the database itself cannot be used, so that no statement can succeed. */
export function isUnavailable(error: unknown): boolean {
  const translated = translateDatabaseError(error);
  return isAppError(translated) && translated.code === 'DATABASE_UNAVAILABLE';
}

/** The driver's sentence without the SQL that Knex puts before it (which can be hundreds of kilobytes). */
function sentenceOf(error: Error): string {
  const at = error.message.lastIndexOf(' - ');
  const sentence = at === -1 ? error.message : error.message.slice(at + 3);
  return sentence.length > 300 ? `${sentence.slice(0, 300)}…` : sentence;
}

/** The table, column or constraint that SQLite names only in its message. */
function constraintOf(error: unknown, sentence: string): string {
  const named = textProperty(error, 'constraint') ?? textProperty(error, 'column');
  if (named !== undefined) return named;
  return /constraint failed: (.+)$/.exec(sentence)?.[1] ?? sentence;
}

/** Turns an error of a driver into an AppError; every other error comes back as it is. */
export function translateDatabaseError(value: unknown): unknown {
  if (isAppError(value)) return value;
  const code = systemErrorCode(value);
  const error = toError(value);
  const sentence = sentenceOf(error);
  if (code === undefined) {
    return /timeout acquiring a connection|connection terminated/i.test(error.message)
      ? new AppError('DATABASE_UNAVAILABLE', `No connection to the database: ${sentence}`, {
          cause: value,
          remedy: 'Check that the database server runs and takes connections, then try again.',
        })
      : value;
  }
  const kind = CONSTRAINT_KINDS[code];
  if (kind !== undefined) {
    const constraint = constraintOf(value, sentence);
    return new AppError('DATABASE_CONSTRAINT', `The database refused a row: ${sentence}`, {
      cause: value,
      remedy: `Correct the value that breaks the rule ${constraint}.`,
      details: { kind, constraint },
    });
  }
  if (isTransient(value)) {
    return new AppError('DATABASE_BUSY', `The database stayed locked: ${sentence}`, {
      cause: value,
      remedy: 'Another process holds a long transaction on the database; end it or try again.',
    });
  }
  if (UNAVAILABLE_CODES.has(code) || /^SQLITE_(?:IOERR|READONLY)/.test(code)) {
    return new AppError('DATABASE_UNAVAILABLE', `The database cannot be used: ${sentence}`, {
      cause: value,
      remedy:
        'Check the address, file, rights and free space of the database (recordsmith doctor).',
    });
  }
  if (code === '42501') {
    return new AppError('DATABASE_RIGHTS_MISSING', `The database refuses: ${sentence}`, {
      cause: value,
      remedy:
        'Migrate as the owner of the tables, and grant the daemon its rights (docs/operations.md).',
    });
  }
  if (code === '42P01' || (code === 'SQLITE_ERROR' && error.message.includes('no such table'))) {
    return new AppError('SCHEMA_NOT_MIGRATED', `A table is missing: ${sentence}`, {
      cause: value,
      remedy: 'Run `recordsmith migrate`.',
    });
  }
  return value;
}
