// @ts-check
import pg from 'pg';
import { startPostgres } from './postgres-server.js';
import { POSTGRES_ABSENT, POSTGRES_TEMPLATE, POSTGRES_URL } from './test-environment.js';

/** @param {string} serverUrl @param {readonly string[]} statements */
async function onServer(serverUrl, statements) {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** @param {string} serverUrl @returns {Promise<string>} name of a migrated, empty database */
async function makeTemplate(serverUrl) {
  const name = `recordsmith_template_${String(process.pid)}`;
  await onServer(serverUrl, [
    `drop database if exists ${name} with (force)`,
    `create database ${name}`,
  ]);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  // The built code, by a computed address: this file is type-checked before anything is built.
  const built = new URL('../../dist/db/', import.meta.url);
  const { openDatabase } = await import(new URL('database.js', built).href);
  const { migrateLatest } = await import(new URL('migrate.js', built).href);
  const database = await openDatabase(url.toString());
  try {
    await migrateLatest(database);
  } finally {
    await database.close();
  }
  return name;
}

/**
 * Finds a PostgreSQL server for the tests (TEST_DATABASE_URL, else an own one from installed binaries) and tells the
 * tests by environment variables. Benchmarks use it too.
 * @param {{ durable?: boolean }} [options] durable: commits reach the disk, as in production
 * @returns {Promise<{ stop(): Promise<void> }>}
 */
export async function prepareTestDatabases({ durable = false } = {}) {
  const given = process.env['TEST_DATABASE_URL'];
  const server = given === undefined ? await startPostgres({ durable }) : null;
  const url = given ?? server?.url;
  if (url === undefined) {
    process.env[POSTGRES_ABSENT] =
      'no server: install PostgreSQL or set TEST_DATABASE_URL to one whose user may create databases';
    return { stop: () => Promise.resolve() };
  }
  try {
    const template = await makeTemplate(url);
    process.env[POSTGRES_URL] = url;
    process.env[POSTGRES_TEMPLATE] = template;
    return {
      stop: async () => {
        if (server !== null) await server.stop();
        else await onServer(url, [`drop database if exists ${template} with (force)`]);
      },
    };
  } catch (error) {
    await server?.stop();
    throw error;
  }
}

/** Jest's hook before all tests. */
export default async function globalSetup() {
  Reflect.set(globalThis, 'preparedTestDatabases', await prepareTestDatabases());
}
