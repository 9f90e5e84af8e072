import { randomBytes } from 'node:crypto';
import { copyFileSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from '@jest/globals';
import pg from 'pg';
import { openDatabase, type Database } from '../../src/db/database.js';
import { migrateLatest } from '../../src/db/migrate.js';
import type { Engine } from '../../src/db/dialect.js';
import { POSTGRES_ABSENT, POSTGRES_TEMPLATE, POSTGRES_URL } from './test-environment.js';

/** An empty, migrated database of the tests. */
export interface TestDatabase {
  readonly engine: Engine;
  /** For openDatabase, configureDb and the command line. */
  readonly url: string;
  remove(): Promise<void>;
}

/** Runs one statement on the maintenance database of the test server. */
async function onServer(serverUrl: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

/** A folder in memory where there is one: tests need not wait for a disk. */
function folderFor(prefix: string): string {
  return mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), prefix));
}

let sqliteTemplate: Promise<string> | undefined;

async function makeSqliteTemplate(): Promise<string> {
  const file = join(folderFor('recordsmith-template-'), 'template.sqlite');
  const database = await openDatabase(file);
  await migrateLatest(database);
  await database.close();
  return file;
}

/** Where a PostgreSQL test server is; null: there is none. */
export function postgresServerUrl(): string | null {
  return process.env[POSTGRES_URL] ?? null;
}

/** Makes an empty, migrated database: SQLite as a copied file, PostgreSQL from a template. */
export async function createTestDatabase(engine: Engine): Promise<TestDatabase> {
  if (engine === 'sqlite') {
    sqliteTemplate ??= makeSqliteTemplate();
    const folder = folderFor('recordsmith-sqlite-');
    const file = join(folder, 'recordsmith.sqlite');
    copyFileSync(await sqliteTemplate, file);
    return {
      engine,
      url: `sqlite:${file}`,
      remove: async () => rmSync(folder, { recursive: true, force: true }),
    };
  }
  const server = postgresServerUrl();
  const template = process.env[POSTGRES_TEMPLATE];
  if (server === null || template === undefined) throw new Error('There is no PostgreSQL server.');
  const name = `recordsmith_${randomBytes(6).toString('hex')}`;
  await onServer(server, `create database ${name} template ${template}`);
  const url = new URL(server);
  url.pathname = `/${name}`;
  return {
    engine,
    url: url.toString(),
    remove: () => onServer(server, `drop database if exists ${name} with (force)`),
  };
}

/** What the tests of one engine get. */
export interface DatabaseFixture {
  readonly engine: Engine;
  /** The file's database, emptied before each test. */
  readonly database: Database;
  readonly url: string;
  /** Opens the same database once more, as another process would. A test closes it; one left open fails it. */
  openAnother(options?: { readonly readOnly?: boolean }): Promise<Database>;
}

/** Children first. */
const TABLES = [
  'webhook_hints',
  'replay_cache',
  'idempotency_keys',
  'api_tokens',
  'instrument_clocks',
  'pauses',
  'usage_events',
  'source_cursors',
  'project_sessions',
  'projects',
  'session_files',
  'session_experimenters',
  'session_directories',
  'session_attributes',
  'session_notes',
  'file_verdicts',
  'dataset_values',
  'series_files',
  'datasets',
  'activities',
  'records',
  'build_attempts',
  'sessions',
  'session_log',
  'instrument_tools',
  'instrument_folders',
  'instruments',
];

class Fixture implements DatabaseFixture {
  readonly engine: Engine;
  #test: TestDatabase | undefined;
  #database: Database | undefined;
  readonly #open = new Set<Database>();

  constructor(engine: Engine) {
    this.engine = engine;
  }

  get database(): Database {
    if (this.#database === undefined) throw new Error('The database is used outside a test.');
    return this.#database;
  }

  get url(): string {
    if (this.#test === undefined) throw new Error('The database is used outside a test.');
    return this.#test.url;
  }

  async openAnother(options: { readonly readOnly?: boolean } = {}): Promise<Database> {
    const opened = await openDatabase(this.url, options);
    const close = (): Promise<void> => {
      this.#open.delete(database);
      return opened.close();
    };
    const database: Database = { ...opened, close };
    this.#open.add(database);
    return database;
  }

  async begin(): Promise<void> {
    this.#test = await createTestDatabase(this.engine);
    this.#database = await openDatabase(this.#test.url);
  }

  async clear(): Promise<void> {
    await this.database.knex.transaction(async (transaction) => {
      for (const table of TABLES) await transaction(table).del();
      // Deleting log rows notes their sessions as changed.
      await transaction('session_log_changes').del();
    });
  }

  async failOnLeak(): Promise<void> {
    const leaked = [...this.#open];
    for (const database of leaked) await database.close();
    if (leaked.length > 0) throw new Error(`${String(leaked.length)} database(s) were left open.`);
  }

  async end(): Promise<void> {
    await this.#database?.close();
    await this.#test?.remove();
  }
}

/**
 * Runs the tests of `body` once on each engine. PostgreSQL is skipped with the reason in the title when there is no
 * server, and fails instead when CI or REQUIRE_PG is set.
 */
export function describeEngines(title: string, body: (engine: Engine) => void): void {
  for (const engine of ['sqlite', 'postgres'] as const) {
    const absent = engine === 'postgres' && postgresServerUrl() === null;
    if (absent) {
      const reason = process.env[POSTGRES_ABSENT] ?? 'no PostgreSQL server';
      const required = Boolean(process.env['CI']) || Boolean(process.env['REQUIRE_PG']);
      if (required) {
        test(`${title} on postgres`, () => {
          throw new Error(reason);
        });
      } else {
        const skipped = describe.skip;
        skipped(`${title} on postgres (${reason})`, () => body(engine));
      }
      continue;
    }
    describe(`${title} on ${engine}`, () => {
      body(engine);
    });
  }
}

/** Runs the tests of `body` once on each engine, as describeEngines, with a database that is emptied before each. */
export function describeDatabases(title: string, body: (fixture: DatabaseFixture) => void): void {
  describeEngines(title, (engine) => {
    const fixture = new Fixture(engine);
    beforeAll(() => fixture.begin());
    beforeEach(() => fixture.clear());
    afterEach(() => fixture.failOnLeak());
    afterAll(() => fixture.end());
    body(fixture);
  });
}
