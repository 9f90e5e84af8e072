import type { Knex } from 'knex';
import type { RecordStatus } from '../domain/record-status.js';
import { sessionKeyOf } from '../domain/session.js';
import {
  assembleSession,
  commonValues,
  type AssembledSession,
  type LogEvent,
} from '../sessions/assemble-sessions.js';
import { toError } from '../errors.js';
import { assertTransition } from '../sessions/transitions.js';
import { isTransient, isUnavailable, translateDatabaseError, type Dialect } from './dialect.js';
import { alignLogRows, enterStatus, FRESH_START } from './enter-status.js';
import { freezeClockOffsets, stillFrozen } from './frozen-clock-offsets.js';
import { optionalInstantText } from './instant.js';
import { overlappingSessions } from './neighbour-sessions.js';
import {
  CANCELLED_BY_SQL,
  causeOfChange,
  FINAL,
  holdAfter,
  nextStatusOf,
  type RefreshCause,
} from './next-status.js';
import { overridesColumn, toLogEvents } from './session-mapper.js';
import type { SessionLogRow, SessionRow } from './tables.js';

/** What the working row of a session says and what it should say. */
export interface RefreshedSession {
  readonly before: SessionRow | undefined;
  readonly assembled: AssembledSession;
  /** Its START and END rows. */
  readonly events: readonly LogEvent[];
  readonly status: RecordStatus;
  /** Whether anything that the record depends on changed. */
  readonly inputsChanged: boolean;
}

function inputsDiffer(before: SessionRow, assembled: AssembledSession): boolean {
  return (
    before.instrument !== (assembled.instrumentPid ?? before.instrument) ||
    before.user !== assembled.user ||
    before.start_at !== optionalInstantText(assembled.startMs) ||
    before.end_at !== optionalInstantText(assembled.endMs)
  );
}

/** Reads a session's rows and says what its working row should be. Writes nothing. */
export async function reviewSession(
  knex: Knex,
  identifier: string,
  cause: RefreshCause,
): Promise<RefreshedSession> {
  const rows = await knex<SessionLogRow>('session_log')
    .where('session_identifier', identifier)
    .whereIn('event_type', ['START', 'END'])
    .orderBy('id_session_log')
    .select();
  const before = await knex<SessionRow>('sessions').where('session_identifier', identifier).first();
  return reviewEvents(before, toLogEvents(rows), cause);
}

/** What the working row of a session should be by these START and END events. */
export function reviewEvents(
  before: SessionRow | undefined,
  events: readonly LogEvent[],
  cause: RefreshCause,
): RefreshedSession {
  const overrides = before === undefined ? [] : overridesColumn.read(before.overrides);
  const assembled = assembleSession(events, overrides);
  const inputsChanged = before !== undefined && inputsDiffer(before, assembled);
  return {
    before,
    assembled,
    events,
    inputsChanged,
    status: nextStatusOf(cause, { before, assembled, events, inputsChanged }),
  };
}

/**
 * Brings a session's working row and the status of its log rows in line with its START and END rows, in the caller's
 * transaction and under the session's lock.
 * @throws AppError TRANSITION_NOT_ALLOWED.
 */
export async function refreshSession(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
  cause: RefreshCause,
): Promise<RefreshedSession> {
  const review = await reviewSession(transaction, identifier, cause);
  const { before, assembled, status, inputsChanged } = review;
  const transition = causeOfChange(cause, before?.status ?? null, status);
  if (transition !== null) assertTransition(transition, before?.status ?? null, status, identifier);
  if (before === undefined) {
    if (assembled.instrumentPid === null) return review;
    await transaction<SessionRow>('sessions').insert({
      session_identifier: identifier,
      session_key: sessionKeyOf(identifier),
      instrument: assembled.instrumentPid,
      user: assembled.user,
      start_at: optionalInstantText(assembled.startMs),
      end_at: optionalInstantText(assembled.endMs),
      source: assembled.source,
      status,
      problem: assembled.problem,
      // Rows that arrive as built were built by another program, such as NexusLIMS.
      built_elsewhere: status === 'COMPLETED' || status === 'BUILT_NOT_EXPORTED',
      ...(cause === 'rows edited' && status === 'CANCELLED' ? CANCELLED_BY_SQL : {}),
    });
  } else {
    await updateWorkingRow(transaction, dialect, before, review, cause);
  }
  if (assembled.endMs !== null) await freezeClockOffsets(transaction, dialect, identifier);
  await alignLogRows(transaction, identifier, {
    ...commonValues(review.events),
    ...(assembled.problem === 'STATUSES_DISAGREE' ? {} : { status }),
  });
  if (inputsChanged || before === undefined) {
    await raiseNeighbours(transaction, dialect, identifier);
  }
  return review;
}

async function updateWorkingRow(
  transaction: Knex,
  dialect: Dialect,
  before: SessionRow,
  review: RefreshedSession,
  cause: RefreshCause,
): Promise<void> {
  const { assembled, status, inputsChanged } = review;
  const identifier = before.session_identifier;
  const reopened = before.status !== status;
  const problemChanged = before.problem !== assembled.problem;
  if (!inputsChanged && !reopened && !problemChanged && before.source === assembled.source) return;
  const changes = {
    instrument: assembled.instrumentPid ?? before.instrument,
    user: assembled.user,
    start_at: optionalInstantText(assembled.startMs),
    end_at: optionalInstantText(assembled.endMs),
    source: assembled.source,
    problem: assembled.problem,
    clock_offsets: stillFrozen(before, assembled),
    updated_at: transaction.raw(dialect.now),
    ...(inputsChanged || reopened
      ? { ...FRESH_START, inputs_revision: transaction.raw('inputs_revision + 1') }
      : {}),
    // Who cancelled it, and why.
    ...(status === 'CANCELLED' ? { deferral_reason: before.deferral_reason } : {}),
    ...(reopened ? holdAfter(cause, before.status, review) : {}),
  };
  if (!reopened) {
    await transaction('sessions').where('session_identifier', identifier).update(changes);
    return;
  }
  await enterStatus(transaction, dialect, identifier, status, {
    attempt: { outcome: 'DISCARDED', reason: `Its log rows say ${status}.` },
    // All rows get the one status.
    changes: assembled.problem === 'STATUSES_DISAGREE' ? { ...changes, problem: null } : changes,
  });
}

/** What became of a change by SQL that was to be taken up. `failed`: the session has a problem instead, the note stays. */
export type TakenUp = 'nothing' | 'taken up' | { readonly failed: Error };

/**
 * Takes up what somebody changed by SQL in the log rows of one session, if anything, under the session's lock. A session
 * that cannot be read harms no other: whatever it did is undone, and it is marked as a problem.
 * @throws what a further run of the unit of work, or the database's return, may heal.
 */
export async function takeUpChange(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
): Promise<TakenUp> {
  // Waits for a change that is not committed yet, so that its note is seen.
  await transaction<SessionLogRow>('session_log')
    .where('session_identifier', identifier)
    .forUpdate()
    .select('id_session_log');
  const note: unknown = await transaction('session_log_changes')
    .where('session_identifier', identifier)
    .first('session_identifier');
  if (note === undefined) return 'nothing';
  try {
    await transaction.transaction(async (savepoint) => {
      // Deleted before the rows are read: a change made meanwhile leaves its own note.
      await savepoint('session_log_changes').where('session_identifier', identifier).del();
      await refreshSession(savepoint, dialect, identifier, 'rows edited');
    });
    return 'taken up';
  } catch (value) {
    if (isTransient(value) || isUnavailable(value)) throw value;
    await transaction<SessionRow>('sessions')
      .where('session_identifier', identifier)
      .update({ problem: 'LOG_ROWS_REFUSED' });
    return { failed: toError(translateDatabaseError(value)) };
  }
}

/**
 * A session that came, moved or went may own files that a record of an overlapping session on the same folder holds:
 * those sessions are looked at again.
 */
export async function raiseNeighbours(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
): Promise<void> {
  const neighbours = await overlappingSessions(transaction, identifier);
  // Always in the same order, so that two that raise each other's neighbours wait instead of blocking each other.
  for (const neighbour of neighbours.sort()) {
    await dialect.lockSession(transaction, neighbour);
    await raiseInputs(transaction, dialect, neighbour, null);
  }
}

/**
 * The inputs of a session changed: its revision rises, a finished one is to be built again by the matrix, and one that
 * was put off need not wait any longer. Under the session's lock.
 * @param notBefore instant text until which changes gather; null: at once.
 */
export async function raiseInputs(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
  notBefore: string | null,
): Promise<void> {
  // What somebody said by SQL comes first, else it would be overwritten.
  await takeUpChange(transaction, dialect, identifier);
  const session = await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .forUpdate()
    .first();
  if (session === undefined) return;
  const built = FINAL.includes(session.status) && session.status !== 'CANCELLED';
  const status: RecordStatus = built ? 'TO_BE_BUILT' : session.status;
  assertTransition('inputs change', session.status, status, identifier);
  const inputs_revision = transaction.raw('inputs_revision + 1');
  if (built) {
    await enterStatus(transaction, dialect, identifier, status, {
      attempt: { outcome: 'DISCARDED', reason: 'The inputs changed.' },
      changes: { ...FRESH_START, next_attempt_at: notBefore, inputs_revision },
    });
    return;
  }
  const { next_attempt_at: due } = session;
  const earlier = due === null || (notBefore !== null && due < notBefore) ? due : notBefore;
  await transaction('sessions')
    .where('session_identifier', identifier)
    .update({
      inputs_revision,
      // Builds that died say something about the session whatever its inputs are.
      ...(status === 'TO_BE_BUILT'
        ? { ...FRESH_START, died_builds: session.died_builds, next_attempt_at: earlier }
        : {}),
    });
}
