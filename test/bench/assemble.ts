import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getSessionsToBuild } from '../../src/db/due-sessions.js';
import { openDatabase, type Database } from '../../src/db/database.js';
import { insertMany, type BulkColumn, type Engine } from '../../src/db/dialect.js';
import { insertInstrument } from '../../src/db/instrument-store.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { migrateLatest } from '../../src/db/migrate.js';
import { startPostgres } from '../support/postgres-server.js';
import { median, type BenchResult, type BenchRow } from './bench-result.js';

/** Finished log rows in the small and the large database; a session has three. */
const FEW_ROWS = 1000;
const MANY_ROWS = 1_000_000;
const INSTRUMENTS = 20;
const NOW_MS = Date.parse('2026-03-01T00:00:00Z');
/** Differences below this are noise of the machine, in milliseconds. */
const FLOOR_MS = 0.5;
const RUNS = 60;

const LOG_COLUMNS: readonly BulkColumn[] = [
  { name: 'session_identifier', kind: 'text' },
  { name: 'instrument', kind: 'text' },
  { name: 'timestamp', kind: 'instant' },
  { name: 'event_type', kind: 'text' },
  { name: 'record_status', kind: 'text' },
  { name: 'attempt', kind: 'integer' },
  { name: 'revision', kind: 'integer' },
];
const SESSION_COLUMNS: readonly BulkColumn[] = [
  { name: 'session_identifier', kind: 'text' },
  { name: 'session_key', kind: 'text' },
  { name: 'instrument', kind: 'text' },
  { name: 'start_at', kind: 'instant' },
  { name: 'end_at', kind: 'instant' },
  { name: 'status', kind: 'text' },
];

/** Adds sessions numbered from `first`, one an hour back from the present, with their log rows. */
async function addSessions(
  database: Database,
  first: number,
  count: number,
  status: 'COMPLETED' | 'TO_BE_BUILT',
): Promise<void> {
  const chunk = 5000;
  for (let from = first; from < first + count; from += chunk) {
    const sessions: Record<string, string | number | null>[] = [];
    const log: Record<string, string | number | null>[] = [];
    for (let number = from; number < Math.min(from + chunk, first + count); number += 1) {
      const identifier = `https://nemo.example/api/usage_events/?id=${String(number)}`;
      const endMs = NOW_MS - (number % 200_000) * 3_600_000 - 1;
      const start = new Date(endMs - 3_000_000).toISOString();
      const end = new Date(endMs).toISOString();
      const instrument = `instrument-${String(number % INSTRUMENTS)}`;
      const event = (event_type: string, timestamp: string, attempt: number | null) => ({
        session_identifier: identifier,
        instrument,
        timestamp,
        event_type,
        record_status: status,
        attempt,
        revision: 1,
      });
      log.push(event('START', start, null), event('END', end, null));
      if (status === 'COMPLETED') log.push(event('RECORD_GENERATION', end, 1));
      sessions.push({
        session_identifier: identifier,
        session_key: sessionKeyOf(identifier),
        instrument,
        start_at: start,
        end_at: end,
        status,
      });
    }
    await database.knex.transaction(async (transaction) => {
      await insertMany(transaction, database.dialect, 'session_log', LOG_COLUMNS, log);
      await insertMany(transaction, database.dialect, 'sessions', SESSION_COLUMNS, sessions);
    });
  }
}

async function addInstruments(database: Database): Promise<void> {
  await database.createScope(async () => {
    for (let number = 0; number < INSTRUMENTS; number += 1) {
      const pid = `instrument-${String(number)}`;
      await insertInstrument({
        pid,
        displayName: pid,
        apiUrl: null,
        calendarUrl: null,
        location: null,
        propertyTag: null,
        harvester: null,
        timezone: 'UTC',
        active: true,
        userFolder: null,
        computerName: null,
        computerIp: null,
        settings: {},
        folders: [
          {
            path: pid,
            timeBasis: 'mtime',
            clockOffsets: [],
            patterns: [],
            rootSeenNonemptyAtMs: null,
          },
        ],
      });
    }
  });
}

/** A database with that many rows of finished sessions. */
async function openWithFinished(url: string, finishedRows: number): Promise<Database> {
  const database = await openDatabase(
    url.startsWith('postgres')
      ? { client: 'postgres', url, schema: `rows_${String(finishedRows)}`, createSchema: true }
      : url,
  );
  await migrateLatest(database);
  await addInstruments(database);
  await addSessions(database, 0, Math.ceil(finishedRows / 3), 'COMPLETED');
  return database;
}

/** Milliseconds of one pass, after the answer was checked. */
async function passMs(database: Database, due: number): Promise<number> {
  const beganMs = performance.now();
  const sessions = await database.createScope(() =>
    getSessionsToBuild({ nowMs: NOW_MS, limit: due }),
  );
  const tookMs = performance.now() - beganMs;
  const instruments = new Set(sessions.slice(0, 10).map((session) => session.instrumentPid));
  if (sessions.length !== due || instruments.size !== 10) throw new Error('Wrong sessions.');
  return tookMs;
}

/** Both databases are made first and asked in turn: what the machine does meanwhile meets both. */
async function compare(engine: Engine, urlOf: (rows: number) => string): Promise<BenchRow[]> {
  const few = await openWithFinished(urlOf(FEW_ROWS), FEW_ROWS);
  const many = await openWithFinished(urlOf(MANY_ROWS), MANY_ROWS);
  const rows: BenchRow[] = [];
  try {
    let added = 0;
    for (const due of [10, 1000]) {
      for (const database of [few, many]) {
        await addSessions(database, 10_000_000 + added, due - added, 'TO_BE_BUILT');
        await database.knex.raw('analyze');
      }
      added = due;
      rows.push(...(await compareDue(engine, due, few, many)));
    }
  } finally {
    await few.close();
    await many.close();
  }
  return rows;
}

async function compareDue(
  engine: Engine,
  due: number,
  few: Database,
  many: Database,
): Promise<BenchRow[]> {
  const fewTimes: number[] = [];
  const manyTimes: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    fewTimes.push(await passMs(few, due));
    manyTimes.push(await passMs(many, due));
  }
  const [fewMs, manyMs] = [median(fewTimes), median(manyTimes)];
  const ratio = Math.max(manyMs, FLOOR_MS) / Math.max(fewMs, FLOOR_MS);
  const label = `${engine}, ${String(due)} due`;
  return [
    { label: `${label}, ${String(FEW_ROWS)} finished rows`, value: fewMs, unit: 'ms' },
    {
      label: `${label}, ${String(MANY_ROWS)} finished rows`,
      value: manyMs,
      unit: 'ms',
      ...(due === 10 ? { target: '<= 3', pass: manyMs <= 3 } : {}),
    },
    { label: `${label}, ratio`, value: ratio, unit: 'x', target: '<= 1.2', pass: ratio <= 1.2 },
  ];
}

/** What one pass over the due sessions costs, and that finished sessions do not make it dearer. */
export async function run(): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'recordsmith-assemble-'));
  const server = await startPostgres({ durable: true });
  try {
    const rows = await compare('sqlite', (count) => join(folder, `${String(count)}.sqlite`));
    if (server !== null) rows.push(...(await compare('postgres', () => server.url)));
    return { name: 'assemble', rows };
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}
