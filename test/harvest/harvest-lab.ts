import { DateTime } from 'luxon';
import { sourcesSchema } from '../../src/config/sources-schema.js';
import type { Database } from '../../src/db/database.js';
import type { Clock } from '../../src/clock.js';
import type { SessionLogRow } from '../../src/db/tables.js';
import type { Instrument } from '../../src/domain/instrument.js';
import { NemoHarvester } from '../../src/harvest/nemo-harvester.js';
import type { NemoSource } from '../../src/harvest/nemo-source.js';
import type { NemoClient } from '../../src/sources/nemo/nemo-client.js';
import { nemoTimeReader } from '../../src/sources/nemo/nemo-times.js';
import type { FakeNemo, FakeNemoOptions } from '../support/fake-nemo/start-fake-nemo.js';
import { startNautilus } from '../support/fake-nemo/nautilus.js';
import { addInstrument } from '../support/session-rows.js';
import { clientOf, type LogLine } from '../sources/nemo-lab.js';

/** As NexusLIMS has it, but that nothing is asked for. */
function askSettings(): NemoSource['asked'] {
  const entry = { name: 'nemo', kind: 'nemo', url: 'http://127.0.0.1/api/', token: 'x' };
  const [source] = sourcesSchema.parse([{ ...entry, consent: 'opt-out' }]);
  if (source?.kind !== 'nemo') throw new Error('That is no NEMO.');
  return source;
}

export const DAY_MS = 86_400_000;
export const NEVER = new AbortController().signal;

/** A NEMO with two tools that are the instruments titan (1) and quanta (2), and what is harvested from it. */
export interface HarvestLab {
  readonly nemo: FakeNemo;
  readonly source: NemoSource & { readonly client: NemoClient };
  readonly harvester: NemoHarvester;
  readonly lines: LogLine[];
  readonly clock: Clock;
}

/** Our clock goes as NEMO's does. */
export function clockOf(nemo: FakeNemo): Clock {
  return {
    now: () => {
      const time = DateTime.fromMillis(Number(nemo.now() / 1000n), { zone: 'utc' });
      if (!time.isValid) throw new Error('The clock of the fake is out of bounds.');
      return time;
    },
  };
}

export function toolOf(pid: string, baseUrl: string, toolId: number): Partial<Instrument> {
  return { apiUrl: `${baseUrl}tools/?id=${toolId}`, displayName: pid };
}

export async function openHarvestLab(
  database: Database,
  options: Partial<NemoSource> = {},
  nautilus: FakeNemoOptions = {},
): Promise<HarvestLab> {
  const nemo = await startNautilus(nautilus);
  await addInstrument(database, 'titan', toolOf('titan', nemo.baseUrl, 1));
  await addInstrument(database, 'quanta', toolOf('quanta', nemo.baseUrl, 2));
  return { nemo, ...sourceOf(database, nemo, options) };
}

/** What a process that starts anew has: no memory of the one before. */
export function sourceOf(
  database: Database,
  nemo: FakeNemo,
  options: Partial<NemoSource> = {},
): Omit<HarvestLab, 'nemo'> {
  const lines: LogLine[] = [];
  const clock = clockOf(nemo);
  const client = clientOf(nemo.baseUrl, nemo.token, { clock }, lines);
  const source = {
    ...{ name: 'nemo', url: nemo.baseUrl, sinceMs: null, lookBackMs: 30 * DAY_MS },
    ...{
      user: 'customer' as const,
      database,
      clock,
      readTimes: nemoTimeReader({ timezone: 'America/New_York' }),
    },
    asked: askSettings(),
    log: recordingLog(lines),
    ...options,
    client,
  };
  return { source, harvester: new NemoHarvester(source), lines, clock };
}

function recordingLog(lines: LogLine[]): NemoSource['log'] {
  const write = (message: string, fields?: unknown): void =>
    void lines.push({ message, fields: fields ?? {} });
  const log = { error: write, warn: write, info: write, debug: write, child: () => log };
  return log;
}

/** A session as its rows in the log say it. */
export interface LoggedSession {
  readonly instrument: string;
  readonly user: string | null;
  readonly start: string | null;
  readonly end: string | null;
  readonly status: string;
}

/** What the log says, by usage event id. @throws when START or END is there twice, or rows disagree. */
export async function loggedSessions(database: Database): Promise<Map<number, LoggedSession>> {
  const rows = await database
    .knex<SessionLogRow>('session_log')
    .whereIn('event_type', ['START', 'END'])
    .orderBy('id_session_log')
    .select();
  const sessions = new Map<number, LoggedSession>();
  for (const row of rows) {
    const id = Number(new URL(row.session_identifier).searchParams.get('id'));
    const before = sessions.get(id);
    const part = row.event_type === 'START' ? 'start' : 'end';
    const known = before ?? {
      start: null,
      end: null,
      instrument: row.instrument,
      user: row.user,
      status: row.record_status,
    };
    if (known[part] !== null) throw new Error(`Two ${row.event_type} of usage event ${id}.`);
    if (
      known.instrument !== row.instrument ||
      known.user !== row.user ||
      known.status !== row.record_status
    ) {
      throw new Error(`The rows of usage event ${id} disagree.`);
    }
    sessions.set(id, { ...known, [part]: row.timestamp });
  }
  return sessions;
}
