import { getSessionsToBuild } from '../../src/db/due-sessions.js';
import { openDatabase, type Database } from '../../src/db/database.js';
import { insertMany, type BulkColumn, type Engine } from '../../src/db/dialect.js';
import { insertInstrument } from '../../src/db/instrument-store.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { createTestDatabase } from '../support/databases.js';
import { prepareTestDatabases } from '../support/global-setup.js';
import { testInstrument } from '../support/session-rows.js';

/** What a benchmark reports. */
export interface BenchResult {
  readonly name: string;
  readonly rows: readonly {
    readonly label: string;
    readonly value: number;
    readonly unit: string;
    readonly target?: string;
    readonly pass?: boolean;
  }[];
}

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

async function filledDatabase(engine: Engine, finishedRows: number, due: number) {
  const test = await createTestDatabase(engine);
  const database = await openDatabase(test.url);
  await database.createScope(async () => {
    for (let number = 0; number < INSTRUMENTS; number += 1) {
      await insertInstrument(testInstrument(`instrument-${String(number)}`));
    }
  });
  await addSessions(database, 0, Math.ceil(finishedRows / 3), 'COMPLETED');
  await addSessions(database, 10_000_000, due, 'TO_BE_BUILT');
  await database.knex.raw('analyze');
  return {
    database,
    end: async () => {
      await database.close();
      await test.remove();
    },
  };
}

/** The median time of a pass, after its answer was checked. */
async function medianMs(database: Database, due: number): Promise<number> {
  const times: number[] = [];
  for (let run = 0; run < RUNS; run += 1) {
    const beganMs = performance.now();
    const sessions = await database.createScope(() =>
      getSessionsToBuild({ nowMs: NOW_MS, limit: due }),
    );
    times.push(performance.now() - beganMs);
    const instruments = new Set(sessions.slice(0, 10).map((session) => session.instrumentPid));
    if (sessions.length !== due || instruments.size !== 10) throw new Error('Wrong sessions.');
  }
  return times.sort((a, b) => a - b)[Math.floor(RUNS / 2)] ?? Number.NaN;
}

/** What one pass over the due sessions costs, and that finished sessions do not make it dearer. */
export async function run(): Promise<BenchResult> {
  const prepared = await prepareTestDatabases({ durable: true });
  const rows: BenchResult['rows'][number][] = [];
  try {
    for (const engine of ['sqlite', 'postgres'] as const) {
      for (const due of [10, 1000]) {
        const few = await filledDatabase(engine, FEW_ROWS, due);
        const fewMs = await medianMs(few.database, due);
        await few.end();
        const many = await filledDatabase(engine, MANY_ROWS, due);
        const manyMs = await medianMs(many.database, due);
        await many.end();
        const label = `${engine}, ${String(due)} due`;
        const ratio = Math.max(manyMs, FLOOR_MS) / Math.max(fewMs, FLOOR_MS);
        rows.push(
          { label: `${label}, ${String(FEW_ROWS)} finished rows`, value: fewMs, unit: 'ms' },
          {
            label: `${label}, ${String(MANY_ROWS)} finished rows`,
            value: manyMs,
            unit: 'ms',
            ...(due === 10 ? { target: '<= 3 ms', pass: manyMs <= 3 } : {}),
          },
          { label: `${label}, ratio`, value: ratio, unit: 'x', target: '<= 1.2', pass: ratio <= 1.2 },
        );
      }
    }
  } finally {
    await prepared.stop();
  }
  return { name: 'assemble', rows };
}
