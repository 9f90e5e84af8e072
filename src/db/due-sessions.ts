import { z } from 'zod';
import type { RecordStatus } from '../domain/record-status.js';
import type { WorkingSession } from '../domain/working-session.js';
import type { LogEvent } from '../sessions/assemble-sessions.js';
import { stillFrozen } from './frozen-clock-offsets.js';
import { instantText, optionalInstantMs, optionalInstantText } from './instant.js';
import { requireInput, TEXT, WHOLE_NUMBER } from './library-input.js';
import type { ReportedSession } from './put-session-events.js';
import {
  reviewEvents,
  reviewSession,
  takeUpChange,
  type RefreshedSession,
} from './refresh-session.js';
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
  /** Not these instruments: they are paused. @default none */
  readonly exceptInstrumentPids?: readonly string[];
  /** Only these sessions (identifiers or keys). @default all */
  readonly identifiers?: readonly string[];
  /** Take also sessions whose next attempt is not due yet. @default false */
  readonly ignoreBackoff?: boolean;
  /** Identifiers of sessions whose lease counts as expired: a pass will have it expire, a dry run only foresees it. @default none */
  readonly leasesOver?: readonly string[];
  /** Epoch milliseconds of the present. */
  readonly nowMs: number;
  readonly onRefused?: OnRefusedChange;
}

const optionsSchema = z.object({
  nowMs: z.number('expected milliseconds since 1970'),
  limit: WHOLE_NUMBER.optional(),
  instrumentPids: z.array(TEXT).optional(),
  exceptInstrumentPids: z.array(TEXT).optional(),
  identifiers: z.array(TEXT).optional(),
  ignoreBackoff: z.boolean().optional(),
  leasesOver: z.array(TEXT).optional(),
});

/** Sessions changed by SQL that one pass takes up; the rest waits for the next. */
const CHANGES_A_PASS = 1000;

async function changedSessions(unit: UnitOfWork, after = ''): Promise<string[]> {
  const rows = await unit
    .reader()<{ session_identifier: string }>('session_log_changes')
    .whereRaw(`${unit.dialect.byteOrder('session_identifier')} > ?`, [after])
    .orderByRaw(unit.dialect.byteOrder('session_identifier'))
    .limit(CHANGES_A_PASS)
    .select('session_identifier');
  return rows.map((row) => row.session_identifier);
}

/** Is told of a session whose log rows, as somebody wrote them by SQL, cannot be taken up. */
export type OnRefusedChange = (error: Error, sessionIdentifier: string) => void;

/**
 * Takes up log rows that somebody inserted, changed or deleted by SQL: makes or corrects the working rows of their
 * sessions. Costs one look into a (mostly empty) table; finished sessions are never read. A session whose rows cannot be
 * taken up becomes a problem, is tried again each time, and stops no other.
 * @returns the number of sessions taken up.
 */
export async function takeUpLogChanges(onRefused?: OnRefusedChange): Promise<number> {
  const unit = scopedSession();
  let takenUp = 0;
  let changed = await changedSessions(unit);
  while (changed.length > 0) {
    const transaction = await unit.writer();
    for (const identifier of changed) {
      await unit.dialect.lockSession(transaction, identifier);
      const result = await takeUpChange(transaction, unit.dialect, identifier);
      if (typeof result === 'object') onRefused?.(result.failed, identifier);
      if (result === 'taken up') takenUp += 1;
    }
    // Refused ones alone must not fill the page for ever.
    if (takenUp > 0 || changed.length < CHANGES_A_PASS) break;
    changed = await changedSessions(unit, changed.at(-1));
  }
  return takenUp;
}

/**
 * The sessions to build now: a START and an END not before it and not in the future, TO_BE_BUILT, without a problem,
 * not leased, their back-off over. One indexed statement whose cost does not depend on finished sessions. Newest END
 * first, one instrument after the other in turn, and what keeps failing behind all others.
 */
export async function getSessionsToBuild(
  options: SessionsToBuildOptions,
): Promise<readonly WorkingSession[]> {
  requireInput(optionsSchema, options, 'The selection');
  const unit = scopedSession();
  if (unit.readOnly) return dueWithChangesInMemory(unit, options);
  await takeUpLogChanges(options.onRefused);
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
    .where((either) => {
      void either
        .whereRaw(`(lease_expires_at is null or lease_expires_at <= ${dialect.now})`)
        .orWhereIn('session_identifier', options.leasesOver ?? []);
    })
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
  if (options.exceptInstrumentPids !== undefined) {
    void due.whereNotIn('instrument', options.exceptInstrumentPids);
  }
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

/**
 * When the next of the sessions that wait for their time is due: one that was put off, or whose END lies ahead.
 * @returns epoch milliseconds; null: none waits
 */
export async function nextDueAtMs(nowMs: number): Promise<number | null> {
  const now = instantText(nowMs);
  const row = await scopedSession()
    .reader()<SessionRow>('sessions')
    .whereRaw("status = 'TO_BE_BUILT'")
    .whereNull('problem')
    .where((either) => {
      void either.where('end_at', '>', now).orWhere('next_attempt_at', '>', now);
    })
    .select<{ due_at: string | null }[]>(
      scopedSession()
        .reader()
        .raw(
          'min(case when next_attempt_at is not null and next_attempt_at > end_at then next_attempt_at else end_at end) as due_at',
        ),
    )
    .first();
  return optionalInstantMs(row?.due_at ?? null);
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

/**
 * The session that log rows changed by SQL come to, for a database that is only read.
 * @returns null: nobody changed the rows of a session with this identifier or key.
 */
export async function changedSessionInMemory(idOrKey: string): Promise<WorkingSession | null> {
  const unit = scopedSession();
  const identifier = (await changedSessions(unit)).find(
    (changed) => changed === idOrKey || sessionKeyOf(changed) === idOrKey.toLowerCase(),
  );
  return identifier === undefined ? null : reviewedSession(unit, identifier);
}

async function reviewedSession(
  unit: UnitOfWork,
  identifier: string,
): Promise<WorkingSession | null> {
  return workingSessionOf(
    identifier,
    await reviewSession(unit.reader(), identifier, 'rows edited'),
  );
}

/** The session that the review of its rows comes to; null: it has no instrument. */
function workingSessionOf(
  identifier: string,
  { before, assembled, status }: RefreshedSession,
): WorkingSession | null {
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
    clock_offsets: before === undefined ? null : stillFrozen(before, assembled),
  });
}

/**
 * The sessions that a source reports, as they would be in the log: for a database that is only read.
 * @returns those of them that would be built now
 */
export async function dueAsReported(
  reported: readonly ReportedSession[],
  options: SessionsToBuildOptions,
): Promise<readonly WorkingSession[]> {
  const due: WorkingSession[] = [];
  for (const session of reported) {
    const before = await scopedSession()
      .reader()<SessionRow>('sessions')
      .where('session_identifier', session.sessionIdentifier)
      .first();
    const events = logEventsOf(session, before?.status ?? 'WAITING_FOR_END');
    const review = reviewEvents(before, events, 'start arrives');
    const working = workingSessionOf(session.sessionIdentifier, review);
    if (working !== null && isDue(working, options)) due.push(working);
  }
  return due;
}

function logEventsOf(session: ReportedSession, status: RecordStatus): LogEvent[] {
  const { instrumentPid, user, source } = session;
  const common = { instrumentPid, user, source, status };
  const end: LogEvent[] =
    session.end === null ? [] : [{ ...common, eventType: 'END', atMs: session.end.epochMs }];
  return [{ ...common, eventType: 'START', atMs: session.start.epochMs }, ...end];
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
  clock_offsets: null,
  store_away_ms: 0,
  store_away_since: null,
  created_at: '1970-01-01T00:00:00.000Z',
  updated_at: '1970-01-01T00:00:00.000Z',
} as const;

function isDue(session: WorkingSession, options: SessionsToBuildOptions): boolean {
  const { identifiers, instrumentPids, exceptInstrumentPids, ignoreBackoff, nowMs } = options;
  return (
    session.status === 'TO_BE_BUILT' &&
    session.problem === null &&
    (session.lease === null ||
      session.lease.expiresAtMs <= nowMs ||
      options.leasesOver?.includes(session.identifier) === true) &&
    session.endMs !== null &&
    session.endMs <= nowMs &&
    (ignoreBackoff === true || (session.nextAttemptAtMs ?? 0) <= nowMs) &&
    (instrumentPids?.includes(session.instrumentPid) ?? true) &&
    exceptInstrumentPids?.includes(session.instrumentPid) !== true &&
    (identifiers === undefined ||
      identifiers.includes(session.identifier) ||
      identifiers.includes(session.key))
  );
}
