import type { RecordStatus } from '../domain/record-status.js';
import type { WorkingSession } from '../domain/working-session.js';
import {
  assembleSession,
  SESSION_PROBLEMS,
  type Override,
  type SessionProblem,
} from '../sessions/assemble-sessions.js';
import { changedSessionInMemory, takeUpLogChanges } from './due-sessions.js';
import { instantMs, instantText, optionalInstantMs, optionalInstantText } from './instant.js';
import { scopedSession, type UnitOfWork } from './scope.js';
import { sessionNotFound } from './locked-session.js';
import { overlappingUse } from './usage-event-store.js';
import { generationDetailColumn, type GenerationDetail } from './record-generation.js';
import { overridesColumn, toLogEvents, toWorkingSession } from './session-mapper.js';
import type { BuildAttemptRow, SessionLogRow, SessionRow, UsageEventRow } from './tables.js';

/** Rows written by SQL become sessions before anybody looks; a database that is only read is taken as it is. */
async function takeUp(unit: UnitOfWork): Promise<void> {
  if (!unit.readOnly) await takeUpLogChanges();
}

/** The session with this identifier or key; null: none. */
export async function findSession(idOrKey: string): Promise<WorkingSession | null> {
  const unit = scopedSession();
  await takeUp(unit);
  const changed = unit.readOnly ? await changedSessionInMemory(idOrKey) : null;
  if (changed !== null) return changed;
  const row = await unit
    .reader()<SessionRow>('sessions')
    .where('session_identifier', idOrKey)
    .orWhere('session_key', idOrKey.toLowerCase())
    .first();
  return row === undefined ? null : toWorkingSession(row);
}

/** The session with this identifier or key. @throws AppError SESSION_NOT_FOUND. */
export async function getSession(idOrKey: string): Promise<WorkingSession> {
  const session = await findSession(idOrKey);
  if (session === null) throw sessionNotFound(idOrKey);
  return session;
}

/** Which sessions are listed. */
export interface SessionFilters {
  readonly statuses?: readonly RecordStatus[];
  readonly instrumentPid?: string;
  readonly user?: string;
  /** Name of the source that reported the START. */
  readonly source?: string;
  /** Sessions that started (without START: ended) in [fromMs, toMs), epoch milliseconds. */
  readonly fromMs?: number;
  readonly toMs?: number;
  /** In the identifier, key, user or instrument. */
  readonly text?: string;
  /** Only sessions that have a START. */
  readonly started?: true;
}

/** A page of sessions, latest START first; one without START stands where its END is. */
export interface SessionPage {
  readonly sessions: readonly WorkingSession[];
  /** For the next page; null: this was the last. */
  readonly nextCursor: string | null;
}

/** Stands for the time of a session that has neither START nor END: such ones come last. */
const NO_TIME = '0001-01-01T00:00:00.000Z';

function listedAt({ startMs, endMs }: Pick<WorkingSession, 'startMs' | 'endMs'>): string {
  return optionalInstantText(startMs ?? endMs) ?? NO_TIME;
}

/** The cursor of the page that begins after this session. */
export function cursorAfter(session: Pick<WorkingSession, 'startMs' | 'endMs' | 'key'>): string {
  return `${listedAt(session)} ${session.key}`;
}

/** Lists sessions, latest START first, a page at a time. @param cursor from the page before */
export async function listSessions(
  filters: SessionFilters,
  page: { readonly cursor?: string; readonly limit?: number } = {},
): Promise<SessionPage> {
  const unit = scopedSession();
  await takeUp(unit);
  const limit = page.limit ?? 50;
  const most = { limit: limit + 1, cursor: page.cursor ?? null };
  // Two statements, since no index serves the order by either time.
  const started = await listedRows(unit, filters, { ...most, hasStart: true });
  const startless =
    filters.started === true ? [] : await listedRows(unit, filters, { ...most, hasStart: false });
  const found = [...started, ...startless].map(toWorkingSession).sort(byTimeThenKey);
  const sessions = found.slice(0, limit);
  const last = sessions.at(-1);
  return {
    sessions,
    nextCursor: found.length > limit && last !== undefined ? cursorAfter(last) : null,
  };
}

/** Latest first; keys are ASCII, so that their order is that of their bytes. */
function byTimeThenKey(a: WorkingSession, b: WorkingSession): number {
  const [timeOfA, timeOfB] = [listedAt(a), listedAt(b)];
  if (timeOfA !== timeOfB) return timeOfA < timeOfB ? 1 : -1;
  return a.key < b.key ? -1 : 1;
}

async function listedRows(
  unit: UnitOfWork,
  filters: SessionFilters,
  page: {
    readonly limit: number;
    readonly cursor: string | null;
    /** With START, in the order of START; or without, in that of END. */
    readonly hasStart: boolean;
  },
): Promise<SessionRow[]> {
  const query = unit.reader()<SessionRow>('sessions');
  void (page.hasStart ? query.whereNotNull('start_at') : query.whereNull('start_at'));
  const time = page.hasStart ? 'start_at' : `coalesce(end_at, '${NO_TIME}')`;
  if (filters.statuses !== undefined) void query.whereIn('status', filters.statuses);
  if (filters.instrumentPid !== undefined) void query.where('instrument', filters.instrumentPid);
  if (filters.user !== undefined) void query.where('user', filters.user);
  if (filters.source !== undefined) void query.where('source', filters.source);
  if (filters.fromMs !== undefined) {
    void query.whereRaw(`${time} >= ?`, [instantText(filters.fromMs)]);
  }
  if (filters.toMs !== undefined) void query.whereRaw(`${time} < ?`, [instantText(filters.toMs)]);
  if (filters.text !== undefined) {
    const pattern = `%${filters.text.toLowerCase().replaceAll(/[\\%_]/g, '\\$&')}%`;
    void query.whereRaw(
      `(lower(session_identifier) like ? escape '\\' or session_key like ? escape '\\' or lower(coalesce("user", '')) like ? escape '\\' or lower(instrument) like ? escape '\\')`,
      [pattern, pattern, pattern, pattern],
    );
  }
  const [at, key] = (page.cursor ?? '').split(' ');
  const keyOrder = unit.dialect.byteOrder('session_key');
  if (at !== undefined && key !== undefined) {
    void query.whereRaw(`(${time} < ? or (${time} = ? and ${keyOrder} > ?))`, [at, at, key]);
  }
  return query.orderByRaw(`${time} desc, ${keyOrder}`).limit(page.limit).select();
}

/** The corrections that people made to a session. */
export async function listOverrides(sessionIdentifier: string): Promise<readonly Override[]> {
  const row = await scopedSession()
    .reader()<SessionRow>('sessions')
    .where('session_identifier', sessionIdentifier)
    .first('overrides');
  return row === undefined ? [] : overridesColumn.read(row.overrides);
}

/** A row of the session log. */
export interface LoggedEvent {
  readonly eventType: SessionLogRow['event_type'];
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly timestampText: string | null;
  readonly instrumentPid: string;
  readonly user: string | null;
  readonly status: RecordStatus;
  readonly source: string | null;
  readonly attempt: number | null;
  readonly detail: GenerationDetail | null;
}

/** A build attempt. */
export interface BuildAttempt {
  readonly attempt: number;
  readonly host: string;
  readonly startedAtMs: number;
  readonly endedAtMs: number | null;
  /** A status, DEFERRED, DIED, RELEASED or DISCARDED; null: still going. */
  readonly outcome: string | null;
  readonly reason: string | null;
}

/** What happened to a session: its log and its build attempts, each in order. */
export interface SessionHistory {
  readonly events: readonly LoggedEvent[];
  readonly attempts: readonly BuildAttempt[];
}

/** The log and the build attempts of a session. */
export async function sessionHistory(sessionIdentifier: string): Promise<SessionHistory> {
  const knex = scopedSession().reader();
  const events = await knex<SessionLogRow>('session_log')
    .where('session_identifier', sessionIdentifier)
    .orderBy('timestamp')
    .orderBy('id_session_log')
    .select();
  const attempts = await knex<BuildAttemptRow>('build_attempts')
    .where('session_identifier', sessionIdentifier)
    .orderBy('attempt')
    .select();
  return {
    events: events.map((row) => ({
      eventType: row.event_type,
      atMs: instantMs(row.timestamp),
      timestampText: row.timestamp_text,
      instrumentPid: row.instrument,
      user: row.user,
      status: row.record_status,
      source: row.source,
      attempt: row.attempt,
      detail: row.detail === null ? null : generationDetailColumn.read(row.detail),
    })),
    attempts: attempts.map((row) => ({
      attempt: row.attempt,
      host: row.host,
      startedAtMs: instantMs(row.started_at),
      endedAtMs: optionalInstantMs(row.ended_at),
      outcome: row.outcome,
      reason: row.reason,
    })),
  };
}

/** A session that needs a person. */
export interface ListedProblem {
  readonly session: WorkingSession;
  readonly problem: SessionProblem;
  readonly message: string;
  readonly remedy: string;
}

/** Problems listed at most; more than that are one problem with one cause. */
const MOST_PROBLEMS = 1000;

/**
 * The sessions that need a person, latest START first.
 * @param openSinceMs a session whose START is older than this and that has no END is a problem (epoch milliseconds)
 * @param exclusiveSources names of sources that have one session at a time on an instrument: an open session is a problem
 * when the next one has started
 */
export async function listProblems(
  openSinceMs: number,
  exclusiveSources: readonly string[] = [],
): Promise<readonly ListedProblem[]> {
  const unit = scopedSession();
  await takeUp(unit);
  const knex = unit.reader();
  const faulty = await knex<SessionRow>('sessions')
    .whereNotNull('problem')
    .whereNot('status', 'CANCELLED')
    .orderBy('start_at', 'desc')
    .limit(MOST_PROBLEMS)
    .select();
  const open = knex<SessionRow>('sessions')
    .whereRaw("status = 'WAITING_FOR_END'")
    .whereNull('problem')
    .orderBy('start_at', 'desc')
    .limit(MOST_PROBLEMS);
  const followed = await open
    .clone()
    .whereNull('end_at')
    .whereIn('source', exclusiveSources)
    .whereRaw(
      "exists (select 1 from sessions later where later.instrument = sessions.instrument and later.source = sessions.source and later.start_at > sessions.start_at and later.status <> 'CANCELLED')",
    )
    .select();
  const old = await open.clone().where('start_at', '<', instantText(openSinceMs)).select();
  const corrected = await knex<SessionRow>('sessions')
    .whereRaw("cast(overrides as text) <> '[]'")
    .whereNot('status', 'CANCELLED')
    .orderBy('start_at', 'desc')
    .limit(MOST_PROBLEMS)
    .select();
  const forgotten = await knex<SessionRow>('sessions')
    .whereIn(
      'session_identifier',
      knex<UsageEventRow>('usage_events')
        .where('problem', 'SOURCE_FORGOT')
        .select('session_identifier'),
    )
    .whereNot('status', 'CANCELLED')
    .orderBy('start_at', 'desc')
    .limit(MOST_PROBLEMS)
    .select();
  const overlapping = await knex<SessionRow>('sessions')
    .whereIn('session_identifier', overlappingUse(knex))
    .whereNot('status', 'CANCELLED')
    .orderBy('start_at', 'desc')
    .limit(MOST_PROBLEMS)
    .select();
  const problems: ListedProblem[] = [];
  for (const row of forgotten) problems.push(listed(row, 'SOURCE_FORGOT'));
  for (const row of overlapping) problems.push(listed(row, 'USE_OVERLAPS'));
  for (const row of faulty) {
    if (isProblem(row.problem)) problems.push(listed(row, row.problem));
  }
  for (const row of followed) problems.push(listed(row, 'FOLLOWED_BY_START'));
  const named = new Set(followed.map((row) => row.session_identifier));
  for (const row of old) {
    if (!named.has(row.session_identifier)) problems.push(listed(row, 'START_WITHOUT_END'));
  }
  for (const row of corrected) {
    if (await sourceDiffers(unit, row)) problems.push(listed(row, 'SOURCE_DIFFERS'));
  }
  return problems;
}

function isProblem(name: string | null): name is SessionProblem {
  return name !== null && Object.hasOwn(SESSION_PROBLEMS, name);
}

function listed(row: SessionRow, problem: SessionProblem): ListedProblem {
  return { session: toWorkingSession(row), problem, ...SESSION_PROBLEMS[problem] };
}

/** Whether the source changed what it says after a person had corrected it. */
async function sourceDiffers(unit: UnitOfWork, row: SessionRow): Promise<boolean> {
  const overrides = overridesColumn.read(row.overrides);
  const rows = await unit
    .reader()<SessionLogRow>('session_log')
    .where('session_identifier', row.session_identifier)
    .whereIn('event_type', ['START', 'END'])
    .select();
  const source = assembleSession(toLogEvents(rows), []);
  const said = {
    start: source.startMs === null ? null : instantText(source.startMs),
    end: source.endMs === null ? null : instantText(source.endMs),
    user: source.user,
    instrument: source.instrumentPid,
  };
  return overrides.some(
    (override) =>
      said[override.field] !== override.value && said[override.field] !== override.sourceValue,
  );
}
