import type { Knex } from 'knex';
import { z } from 'zod';
import type { Database } from './database.js';
import { translateDatabaseError } from './dialect.js';

/** A column of a table, as the two engines have it in common. */
export interface TableColumn {
  readonly name: string;
  readonly kind: 'text' | 'integer' | 'number' | 'boolean' | 'bytes';
}

/** A table as it is in the database. */
export interface TableShape {
  readonly name: string;
  /** In the order of the table, without those that hold secrets. */
  readonly columns: readonly TableColumn[];
  /** Columns of the primary key. */
  readonly key: readonly string[];
}

/** A value of a row: instants and JSON are text, whole numbers that a number cannot hold exactly are bigints. */
export type TableValue = string | number | bigint | boolean | Buffer | null;

/** The tables as they were at one moment. */
export interface TableSnapshot {
  /** In order of their names. */
  readonly tables: readonly TableShape[];
  /** All rows of a table in order of its key, some at a time; values in the order of the columns. */
  rows(table: TableShape): AsyncIterable<readonly (readonly TableValue[])[]>;
}

/** Rows read at a time. */
const PAGE = 500;

/** Tables of the migration tool's own and notes of triggers: nothing a person could use. */
const INTERNAL = new Set(['schema_migrations', 'schema_migrations_lock', 'session_log_changes']);

/** Columns that nobody needs outside of the database, and that help who wants in. */
const SECRET_COLUMNS: Readonly<Record<string, readonly string[]>> = {
  api_tokens: ['token_sha256'],
};

const recordRows = z.array(z.record(z.string(), z.unknown()));
const columnRows = z.array(
  z.object({ table: z.string(), name: z.string(), type: z.string(), key: z.number() }),
);

const SQLITE_COLUMNS = `
  select m.name as "table", c.name as name, lower(c.type) as type, c.pk as key
  from sqlite_master m join pragma_table_info(m.name) c
  where m.type = 'table' and m.name not like 'sqlite!_%' escape '!'
  order by m.name, c.cid`;

const POSTGRES_COLUMNS = `
  select c.relname as "table", a.attname as name, t.typname as type,
    coalesce(array_position(i.indkey::smallint[], a.attnum), -1) + 1 as key
  from pg_catalog.pg_class c
    join pg_catalog.pg_namespace n on n.oid = c.relnamespace
    join pg_catalog.pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type t on t.oid = a.atttypid
    left join pg_catalog.pg_index i on i.indrelid = c.oid and i.indisprimary
  where n.nspname = ? and c.relkind = 'r'
  order by c.relname collate "C", a.attnum`;

function kindOf(type: string): TableColumn['kind'] {
  if (type.startsWith('bool')) return 'boolean';
  if (/^(int|bigint|smallint)/.test(type)) return 'integer';
  if (/^(float|double|real|numeric)/.test(type)) return 'number';
  return /^(blob|bytea)/.test(type) ? 'bytes' : 'text';
}

async function tableShapes(knex: Knex, database: Database): Promise<TableShape[]> {
  const answer: unknown =
    database.schema === null
      ? await knex.raw(SQLITE_COLUMNS)
      : await knex.raw(POSTGRES_COLUMNS, [database.schema]);
  const rows = columnRows.parse(
    Array.isArray(answer) ? answer : z.object({ rows: z.array(z.unknown()) }).parse(answer).rows,
  );
  const names = [...new Set(rows.map((row) => row.table))].filter((name) => !INTERNAL.has(name));
  return names.map((name) => {
    const secret = SECRET_COLUMNS[name] ?? [];
    const columns = rows.filter((row) => row.table === name && !secret.includes(row.name));
    return {
      name,
      columns: columns.map((column) => ({ name: column.name, kind: kindOf(column.type) })),
      key: columns
        .filter(({ key }) => key > 0)
        .sort((a, b) => a.key - b.key)
        .map((column) => column.name),
    };
  });
}

function valueOf(value: unknown, { kind }: TableColumn): TableValue {
  if (value === null || value === undefined) return null;
  if (Buffer.isBuffer(value)) return value;
  if (kind === 'boolean') return Boolean(value);
  if (kind === 'integer' && typeof value === 'string') return BigInt(value);
  switch (typeof value) {
    case 'string':
    case 'number':
    case 'bigint':
    case 'boolean':
      return value;
    default:
      return JSON.stringify(value);
  }
}

/** Whole numbers beyond 2^53 come as text, which no driver rounds. */
function selected(knex: Knex, database: Database, { name, kind }: TableColumn): Knex.Raw {
  return database.dialect.engine === 'sqlite' && kind === 'integer'
    ? knex.raw('cast(?? as text) as ??', [name, name])
    : knex.raw('??', [name]);
}

/** SQLite has no cursors: a page begins after the key of the page before, by the index of the primary key. */
async function* sqlitePages(knex: Knex, database: Database, table: TableShape) {
  const columns = table.columns.map((column) => selected(knex, database, column));
  const key = table.key.length === 0 ? ['rowid'] : table.key;
  const keyNames = key.map((_name, index) => `key ${index}`);
  // With the table's name, since ORDER BY would else mean the text of the selected column.
  const ofTable = key.map((name) => `${table.name}.${name}`);
  const keyColumns = ofTable.map((name, index) => knex.raw('?? as ??', [name, `key ${index}`]));
  const order = ofTable.map((column) => ({ column }));
  let after: unknown[] | null = null;
  for (;;) {
    const page = knex(table.name)
      .select([...columns, ...keyColumns])
      .orderBy(order)
      .limit(PAGE);
    if (after !== null) {
      const names = key.map(() => '??').join(', ');
      const values = key.map(() => '?').join(', ');
      void page.whereRaw(`(${names}) > (${values})`, [...ofTable, ...after.map(bindable)]);
    }
    const rows = recordRows.parse(await page);
    const last = rows.at(-1);
    if (last === undefined) return;
    yield rows;
    if (rows.length < PAGE) return;
    after = keyNames.map((name) => last[name]);
  }
}

function bindable(value: unknown): string | number {
  return typeof value === 'number' ? value : String(value);
}

/** PostgreSQL sorts once and hands out the rows through a cursor of the transaction. */
async function* postgresPages(knex: Knex, database: Database, table: TableShape) {
  const texts = new Set(
    table.columns.filter(({ kind }) => kind === 'text').map(({ name }) => name),
  );
  const order = table.key.map((name) =>
    texts.has(name) ? database.dialect.byteOrder(`"${name}"`) : `"${name}"`,
  );
  const ordered = order.length === 0 ? '' : ` order by ${order.join(', ')}`;
  await knex.raw(`declare table_rows no scroll cursor for select * from ??${ordered}`, [
    table.name,
  ]);
  for (;;) {
    const answer: unknown = await knex.raw(`fetch ${PAGE} from table_rows`);
    const { rows } = z.object({ rows: recordRows }).parse(answer);
    if (rows.length > 0) yield rows;
    if (rows.length < PAGE) break;
  }
  await knex.raw('close table_rows');
}

async function* pagesOf(knex: Knex, database: Database, table: TableShape) {
  const pages =
    database.dialect.engine === 'sqlite'
      ? sqlitePages(knex, database, table)
      : postgresPages(knex, database, table);
  for await (const rows of pages) {
    yield rows.map((row) => table.columns.map((column) => valueOf(row[column.name], column)));
  }
}

function snapshotOf(knex: Knex, database: Database, tables: readonly TableShape[]): TableSnapshot {
  return { tables, rows: (table) => pagesOf(knex, database, table) };
}

/**
 * Reads tables as they are at one moment: what others write meanwhile is not seen, and nobody has to wait.
 * @throws AppError DATABASE_UNAVAILABLE...; what `work` throws.
 */
export async function readTables<T>(
  database: Database,
  work: (snapshot: TableSnapshot) => Promise<T>,
): Promise<T> {
  const { knex } = database;
  try {
    if (database.dialect.engine === 'postgres') {
      return await knex.transaction(
        async (transaction) =>
          work(snapshotOf(transaction, database, await tableShapes(transaction, database))),
        { isolationLevel: 'repeatable read', readOnly: true },
      );
    }
    // One connection, and a plain BEGIN: the transactions of knex would take the lock for writing.
    await knex.raw('begin deferred');
    try {
      return await work(snapshotOf(knex, database, await tableShapes(knex, database)));
    } finally {
      await knex.raw('rollback');
    }
  } catch (error) {
    throw translateDatabaseError(error);
  }
}
