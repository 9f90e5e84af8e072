import type { Knex } from 'knex';
import { clockShift, WIDEST_CLOCK_SHIFT_MS } from '../domain/frozen-clock-offsets.js';
import type { WorkingSession } from '../domain/working-session.js';
import { readFrozenOffsets } from './frozen-clock-offsets.js';
import { instantMs, instantText } from './instant.js';
import { scopedSession } from './scope.js';
import { toWorkingSession } from './session-mapper.js';
import { sharingInstruments } from './sharing-instruments.js';
import type { SessionRow } from './tables.js';

/** A session on which a clock offset is frozen, not only that there was none. */
const HAS_CLOCK_OFFSET = "cast(clock_offsets as text) like '%offset_ms%'";

/**
 * Sessions of these instruments whose time touches [fromMs, toMs] (epoch milliseconds); open ones last until now.
 * @param window onlyCorrected: only those that have a clock offset frozen.
 */
export async function sessionsNear(window: {
  readonly instrumentPids: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly onlyCorrected?: boolean;
}): Promise<readonly WorkingSession[]> {
  const knex = scopedSession().reader();
  const from = instantText(window.fromMs);
  const to = instantText(window.toMs);
  const ended = knex<SessionRow>('sessions')
    .whereIn('instrument', window.instrumentPids)
    .where('end_at', '>=', from)
    .where('start_at', '<=', to)
    .orderBy('start_at')
    .select();
  if (window.onlyCorrected === true) {
    return (await ended.whereRaw(HAS_CLOCK_OFFSET)).map(toWorkingSession);
  }
  const open = knex<SessionRow>('sessions')
    .whereRaw("status = 'WAITING_FOR_END'")
    .whereIn('instrument', window.instrumentPids)
    .whereNull('end_at')
    .where('start_at', '<=', to)
    .orderBy('start_at')
    .select();
  return [...(await ended), ...(await open)].map(toWorkingSession);
}

/** Epoch milliseconds of the first START after an instant on any of these instruments; null: none. */
export async function nextStartMs(
  instrumentPids: readonly string[],
  afterMs: number,
): Promise<number | null> {
  const row = await scopedSession()
    .reader()<SessionRow>('sessions')
    .whereIn('instrument', instrumentPids)
    .where('start_at', '>', instantText(afterMs))
    .whereNot('status', 'CANCELLED')
    .orderBy('start_at')
    .first('start_at');
  return row?.start_at == null ? null : Date.parse(row.start_at);
}

/** Most neighbours that one change may touch; overlaps of more sessions than this do not occur. */
const MOST_NEIGHBOURS = 50;

/**
 * Identifiers of the sessions whose time overlaps that of the given one, on instruments that write to the same folder, of
 * those whose files may lie in both by the clock offsets frozen on each, and of those whose record holds a missing file
 * of that time: it may lie in this session by now.
 */
export async function overlappingSessions(knex: Knex, identifier: string): Promise<string[]> {
  const session = await knex<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .first('instrument', 'start_at', 'end_at', 'clock_offsets');
  if (session?.start_at == null) return [];
  const sharing = sharingInstruments(knex, session.instrument);
  const query = knex<SessionRow>('sessions')
    .whereIn('instrument', sharing)
    .whereNot('session_identifier', identifier)
    .where('end_at', '>', session.start_at)
    .orderBy('end_at')
    .limit(MOST_NEIGHBOURS)
    .select('session_identifier');
  const { start_at: startAt, end_at: endAt } = session;
  const missing = (table: 'datasets' | 'series_files', dataset: string): Knex.QueryBuilder => {
    const files = knex(table)
      .whereNotNull('missing_since')
      .where('time_ns', '>', nanoseconds(startAt))
      .select(dataset);
    if (endAt !== null) void files.where('time_ns', '<=', nanoseconds(endAt));
    return files;
  };
  const holding = knex('datasets')
    .join('records', 'records.id', 'datasets.record_id')
    .join('sessions', 'sessions.session_identifier', 'records.session_identifier')
    .where((either) => {
      void either
        .whereIn('datasets.id', missing('datasets', 'id'))
        .orWhereIn('datasets.id', missing('series_files', 'dataset_id'));
    })
    .whereNull('records.superseded_at')
    .whereNull('records.withdrawn_at')
    .whereIn('sessions.instrument', sharing.clone())
    .whereNot('records.session_identifier', identifier)
    .limit(MOST_NEIGHBOURS)
    .distinct<{ session_identifier: string }[]>('records.session_identifier');
  if (session.end_at !== null) void query.where('start_at', '<', session.end_at);
  const shifted =
    session.end_at === null || session.clock_offsets === null
      ? []
      : await overlappingByTheirClocks(
          knex,
          { identifier, startAt: session.start_at, endAt: session.end_at },
          session.clock_offsets,
          sharing.clone(),
        );
  const rows = [...(await query), ...(await holding), ...shifted];
  return [...new Set(rows.map((row) => row.session_identifier))];
}

/**
 * Sessions whose time does not overlap that of the given one, but whose files may lie in both, since other clock offsets
 * are frozen on them.
 */
async function overlappingByTheirClocks(
  knex: Knex,
  given: { readonly identifier: string; readonly startAt: string; readonly endAt: string },
  clockOffsets: string,
  instruments: Knex.QueryBuilder,
): Promise<{ readonly session_identifier: string }[]> {
  const own = readFrozenOffsets(clockOffsets) ?? [];
  const startMs = instantMs(given.startAt);
  const endMs = instantMs(given.endAt);
  const near = knex<SessionRow>('sessions')
    .whereIn('instrument', instruments)
    .whereNot('session_identifier', given.identifier)
    .whereNotNull('clock_offsets')
    .where('end_at', '>', instantText(startMs - WIDEST_CLOCK_SHIFT_MS))
    .where('start_at', '<', instantText(endMs + WIDEST_CLOCK_SHIFT_MS))
    .select('session_identifier', 'start_at', 'end_at', 'clock_offsets');
  if (own.every(({ offsets }) => offsets.length === 0)) void near.whereRaw(HAS_CLOCK_OFFSET);
  return (await near)
    .filter(({ start_at, end_at, clock_offsets }) => {
      if (start_at === null || end_at === null) return false;
      const { leastMs, mostMs } = clockShift(own, readFrozenOffsets(clock_offsets) ?? []);
      if (leastMs === 0 && mostMs === 0) return false;
      return instantMs(end_at) > startMs + leastMs && instantMs(start_at) < endMs + mostMs;
    })
    .slice(0, MOST_NEIGHBOURS);
}

/** The largest number of the integer columns of both engines: in nanoseconds the year 2262. */
const MOST_NS = 2n ** 63n - 1n;

/** Decimal digits: more than a number holds. No file is from before -MOST_NS or after MOST_NS. */
function nanoseconds(instant: string): string {
  const exact = BigInt(instantMs(instant)) * 1_000_000n;
  if (exact > MOST_NS) return MOST_NS.toString();
  return (exact < -MOST_NS ? -MOST_NS : exact).toString();
}
