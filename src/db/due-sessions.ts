import type { WorkingSession } from '../domain/working-session.js';
import { instantText, optionalInstantText } from './instant.js';
import { refreshSession, reviewSession } from './refresh-session.js';
import { scopedSession, type UnitOfWork } from './scope.js';
import { toWorkingSession } from './session-mapper.js';
import type { SessionRow } from './tables.js';
import { sessionKeyOf } from '../domain/session.js';

/** Which due sessions are wanted. */
export interface SessionsToBuildOptions {
  /** @default 100 */
  readonly limit?: number;
  /** Only these instruments. @default all */
  readonly instrumentPids?: readonly string[];
  /** Only these sessions (identifiers or keys). @default all */
  readonly identifiers?: readonly string[];
  /** Take also sessions whose next attempt is not due yet. @default false */
  readonly ignoreBackoff?: boolean;
  /** Epoch milliseconds of the present. */
  readonly nowMs: number;
}

/** Sessions changed by SQL that one pass takes up; the rest waits for the next. */
const CHANGES_A_PASS = 1000;

async function changedSessions(unit: UnitOfWork): Promise<string[]> {
  const rows = await unit
    .reader()<{ session_identifier: string }>('session_log_changes')
    .limit(CHANGES_A_PASS)
    .select('session_identifier');
  return rows.map((row) => row.session_identifier);
}

/**
 * Takes up log rows that somebody inserted, changed or deleted by SQL: makes or corrects the working rows of their
 * sessions. Costs one look into a (mostly empty) table; finished sessions are never read.
 * @returns the number of sessions taken up.
 */
export async function takeUpLogChanges(): Promise<number> {
  const unit = scopedSession();
  const changed = await changedSessions(unit);
  if (changed.length === 0) return 0;
  const transaction = await unit.writer();
  for (const identifier of changed.sort()) {
    await unit.dialect.lockSession(transaction, identifier);
    // Deleted before the rows are read: a change made meanwhile leaves its own note.
    await transaction('session_log_changes').where('session_identifier', identifier).del();
    await refreshSession(transaction, unit.dialect, identifier, 'rows edited');
  }
  return changed.length;
}

/**
 * The sessions to build now: a START and an END not before it and not in the future, TO_BE_BUILT, without a problem,
 * not leased, their back-off over. One indexed statement whose cost does not depend on finished sessions. Newest END
 * first, one instrument after the other in turn, and what keeps failing behind all others.
 */
export async function getSessionsToBuild(
  options: SessionsToBuildOptions,
): Promise<readonly WorkingSession[]> {
  const unit = scopedSession();
  if (unit.readOnly) return dueWithChangesInMemory(unit, options);
  await takeUpLogChanges();
  const rows = await dueRows(unit, options);
  return rows.map(toWorkingSession);
}

async function dueRows(unit: UnitOfWork, options: SessionsToBuildOptions): Promise<SessionRow[]> {
  const knex = unit.reader();
  const { dialect } = unit;
  const now = instantText(options.nowMs);
  const failing = 'case when tries > 0 or died_builds > 0 then 1 else 0 end';
  // The status is a literal, so that the partial index on it can be used.
  const due = knex<SessionRow>('sessions')
    .whereRaw("status = 'TO_BE_BUILT'")
    .whereNull('problem')
    .where('end_at', '<=', now)
    .whereRaw(`(lease_expires_at is null or lease_expires_at <= ${dialect.now})`)
    .select(
      'sessions.*',
      knex.raw(`${failing} as failing`),
      knex.raw(
        `row_number() over (partition by ${failing}, instrument order by end_at desc, ${dialect.byteOrder('session_key')}) as turn`,
      ),
    );
  if (options.ignoreBackoff !== true) {
    void due.where((either) => {
      void either.whereNull('next_attempt_at').orWhere('next_attempt_at', '<=', now);
    });
  }
  if (options.instrumentPids !== undefined) void due.whereIn('instrument', options.instrumentPids);
  const { identifiers } = options;
  if (identifiers !== undefined) {
    void due.where((either) => {
      void either.whereIn('session_identifier', identifiers).orWhereIn('session_key', identifiers);
    });
  }
  return knex<SessionRow & { failing: number; turn: number }>(due.as('due'))
    .orderBy('failing')
    .orderBy('turn')
    .orderBy('end_at', 'desc')
    .orderByRaw(dialect.byteOrder('session_key'))
    .limit(options.limit ?? 100)
    .select();
}

/** For a database that is only read: changes by SQL are taken up in memory. */
async function dueWithChangesInMemory(
  unit: UnitOfWork,
  options: SessionsToBuildOptions,
): Promise<WorkingSession[]> {
  const changed = await changedSessions(unit);
  const rows = await dueRows(unit, options);
  const due = rows.filter((row) => !changed.includes(row.session_identifier)).map(toWorkingSession);
  for (const identifier of changed) {
    const session = await reviewedSession(unit, identifier);
    if (session !== null && isDue(session, options)) due.push(session);
  }
  return due.sort((a, b) => (b.endMs ?? 0) - (a.endMs ?? 0)).slice(0, options.limit ?? 100);
}

async function reviewedSession(
  unit: UnitOfWork,
  identifier: string,
): Promise<WorkingSession | null> {
  const { before, assembled, status } = await reviewSession(
    unit.reader(),
    identifier,
    'rows edited',
  );
  const instrument = assembled.instrumentPid ?? before?.instrument;
  if (instrument === undefined) return null;
  return toWorkingSession({
    ...(before ?? UNKNOWN_SESSION),
    session_identifier: identifier,
    session_key: sessionKeyOf(identifier),
    instrument,
    user: assembled.user,
    start_at: optionalInstantText(assembled.startMs),
    end_at: optionalInstantText(assembled.endMs),
    source: assembled.source,
    status,
    problem: assembled.problem,
  });
}

/** What the database gives a new working row. */
const UNKNOWN_SESSION = {
  inputs_revision: 1,
  lease_owner: null,
  lease_expires_at: null,
  lease_token: 0,
  attempts: 0,
  tries: 0,
  died_builds: 0,
  first_failed_at: null,
  next_attempt_at: null,
  deferral_reason: null,
  held_by_person: false,
  built_elsewhere: false,
  rebuild_fresh: false,
  overrides: '[]',
  fingerprint: null,
  last_look: null,
  store_away_ms: 0,
  store_away_since: null,
  created_at: '1970-01-01T00:00:00.000Z',
  updated_at: '1970-01-01T00:00:00.000Z',
} as const;

function isDue(session: WorkingSession, options: SessionsToBuildOptions): boolean {
  const { identifiers, instrumentPids, ignoreBackoff, nowMs } = options;
  return (
    session.status === 'TO_BE_BUILT' &&
    session.problem === null &&
    session.lease === null &&
    session.endMs !== null &&
    session.endMs <= nowMs &&
    (ignoreBackoff === true || (session.nextAttemptAtMs ?? 0) <= nowMs) &&
    (instrumentPids?.includes(session.instrumentPid) ?? true) &&
    (identifiers === undefined ||
      identifiers.includes(session.identifier) ||
      identifiers.includes(session.key))
  );
}
