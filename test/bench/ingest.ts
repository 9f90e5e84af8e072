import { fork } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import BetterSqlite from 'better-sqlite3';
import pg from 'pg';
import { systemClock } from '../../src/clock.js';
import { openDatabase, type Database } from '../../src/db/database.js';
import type { Engine } from '../../src/db/dialect.js';
import { migrateLatest } from '../../src/db/migrate.js';
import { Figures } from '../../src/http/figures.js';
import { Metrics } from '../../src/http/metrics.js';
import { nemoWebhookRoutes } from '../../src/http/nemo-webhook-routes.js';
import { Readiness } from '../../src/http/readiness.js';
import { startHttpServer, type HttpServer } from '../../src/http/start-http-server.js';
import type { Log } from '../../src/log.js';
import { nemoTimeReader } from '../../src/sources/nemo/nemo-times.js';
import { startPostgres } from '../support/postgres-server.js';
import { median, type BenchResult, type BenchRow } from './bench-result.js';
import type { LoadOrder, LoadReport } from './ingest-load.js';

const CONNECTIONS = 32;
const ROUNDS = 3;
/** Messages of one round, and of the paced one. */
const MESSAGES = 6000;
const PACED_SECONDS = 4;
const RAW_SECONDS = 1.5;
const SECRET = `whsec_${Buffer.alloc(32, 1).toString('base64')}`;
const RAW_INSERT = "insert into webhook_hints (source, event_id, action) values ('raw', ";

/** Inserts one row, for good. */
type Insert = (event: number) => unknown;

/** The driver alone: a prepared statement, one commit each. */
async function withRawInsert<T>(
  engine: Engine,
  url: string,
  work: (insert: Insert) => Promise<T>,
): Promise<T> {
  if (engine === 'sqlite') {
    const raw = new BetterSqlite(url);
    raw.pragma('synchronous = FULL');
    const statement = raw.prepare(`${RAW_INSERT}?, 'updated')`);
    try {
      return await work((event) => statement.run(event));
    } finally {
      raw.close();
    }
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const text = `${RAW_INSERT}$1, 'updated')`;
    return await work((event) => client.query({ name: 'raw', text, values: [event] }));
  } finally {
    await client.end();
  }
}

async function rawPerSecond(insert: Insert): Promise<number> {
  const beganMs = performance.now();
  let count = 0;
  for (; performance.now() - beganMs < RAW_SECONDS * 1000; count += 1) await insert(count);
  return (count * 1000) / (performance.now() - beganMs);
}

function sendLoad(order: LoadOrder): Promise<LoadReport> {
  const child = fork(fileURLToPath(new URL('./ingest-load.js', import.meta.url)));
  return new Promise((resolve, reject) => {
    child.once('message', (report: LoadReport) => resolve(report));
    child.once('error', reject);
    child.once('exit', (code) => reject(new Error(`The sender ended with ${String(code)}.`)));
    child.send(order);
  });
}

/** Each message is one hint, and all of them are there. */
async function checkHints({ knex }: Database, order: LoadOrder, report: LoadReport): Promise<void> {
  const rows: { event_id: number }[] = await knex('webhook_hints')
    .where('source', 'nemo')
    .select('event_id');
  const events = rows.map((row) => row.event_id);
  const isRight =
    report.failures.length === 0 &&
    events.length === order.count &&
    new Set(events).size === order.count &&
    events.every((id) => id >= order.firstEvent && id < order.firstEvent + order.count);
  if (!isRight) {
    throw new Error(
      `${String(events.length)} hints of ${String(order.count)} messages; ${String(report.failures[0])}`,
    );
  }
  await knex('webhook_hints').del();
  await knex('replay_cache').del();
}

const SILENT: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
  child: () => SILENT,
};

/** The server of the daemon, which logs to nobody. */
async function startServer(database: Database): Promise<HttpServer> {
  const environment = { database, log: SILENT, clock: systemClock };
  const source = {
    name: 'nemo',
    webhook: { scheme: 'standard-webhooks' as const, secrets: [SECRET], toleranceMs: 300_000 },
    hasToken: true,
    readTimes: nemoTimeReader({ timezone: 'UTC' }),
  };
  const listeners = { onHint: () => undefined, onOutcome: () => undefined };
  return startHttpServer({
    environment,
    settings: {
      ...{ host: '127.0.0.1', port: 0, basePath: '', tls: null, trustedProxies: [] },
      ...{ bodyLimit: 1_048_576, requestsPerMinute: 1e9 },
    },
    routes: [nemoWebhookRoutes([source], listeners, { messagesPerMinute: 1e9 })],
    readiness: new Readiness({ groups: [] }),
    metrics: new Metrics('bench'),
    figures: new Figures({ environment, sources: ['nemo'], problemAgeMs: 86_400_000 }),
    version: 'bench',
  });
}

async function measure(engine: Engine, url: string): Promise<BenchRow[]> {
  const database = await openDatabase(url);
  await migrateLatest(database);
  const server = await startServer(database);
  const port = Number(new URL(server.address).port);
  let firstEvent = 1;
  const run = async (count: number, perSecond: number | null): Promise<LoadReport> => {
    const order: LoadOrder = {
      ...{ port, path: '/ingest/nemo/nemo', secret: SECRET, connections: CONNECTIONS },
      ...{ firstEvent, count, perSecond },
    };
    firstEvent += count;
    const report = await sendLoad(order);
    await checkHints(database, order, report);
    return report;
  };
  try {
    await run(MESSAGES / 2, null);
    const rawRates: number[] = [];
    const rates: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      rawRates.push(await withRawInsert(engine, url, rawPerSecond));
      await database.knex('webhook_hints').del();
      rates.push(MESSAGES / (await run(MESSAGES, null)).seconds);
    }
    const [rawRate, rate] = [median(rawRates), median(rates)];
    const half = rate / 2;
    const paced = await run(Math.round(half * PACED_SECONDS), half);
    const p99Ms = paced.latenciesMs[Math.floor(paced.latenciesMs.length * 0.99)] ?? Number.NaN;
    return [
      { label: `${engine}, single inserts by the driver`, value: rawRate, unit: '/s' },
      { label: `${engine}, messages`, value: rate, unit: '/s' },
      {
        ...{ label: `${engine}, messages for one insert`, value: rate / rawRate, unit: 'x' },
        ...{ target: '>= 0.5', pass: rate / rawRate >= 0.5 },
      },
      {
        ...{ label: `${engine}, p99 at ${half.toFixed(0)} messages/s`, value: p99Ms, unit: 'ms' },
        ...{ target: '<= 50', pass: p99Ms <= 50 },
      },
    ];
  } finally {
    await server.stop(AbortSignal.timeout(1000));
    await database.close();
  }
}

/**
 * Signed messages over HTTP, each answered when it is on the disk, against single inserts of the driver alone into the same
 * table at the same durability (SQLite: synchronous=FULL, WAL; PostgreSQL: synchronous_commit=on, one client).
 */
export async function run(): Promise<BenchResult> {
  const labs = fileURLToPath(new URL('../../', import.meta.url));
  mkdirSync(labs, { recursive: true });
  const folder = mkdtempSync(join(labs, 'ingest-'));
  const server = await startPostgres({ durable: true });
  try {
    const rows = await measure('sqlite', join(folder, 'ingest.sqlite'));
    if (server !== null) rows.push(...(await measure('postgres', server.url)));
    return { name: 'ingest', rows };
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
