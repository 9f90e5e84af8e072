import type { Knex } from 'knex';
import type { RecordStatus } from '../domain/record-status.js';
import { sessionKeyOf } from '../domain/session.js';
import {
  assembleSession,
  type AssembledSession,
  type LogEvent,
} from '../sessions/assemble-sessions.js';
import { assertTransition, FINAL_STATUSES, type TransitionCause } from '../sessions/transitions.js';
import type { Dialect } from './dialect.js';
import { optionalInstantText } from './instant.js';
import { overridesColumn, toLogEvents } from './session-mapper.js';
import type { SessionLogRow, SessionRow } from './tables.js';

/** Why a session's working row is made again. `rows edited`: somebody changed log rows by SQL, which is not refused. */
export type RefreshCause = TransitionCause | 'rows edited';

/** What the working row of a session says and what it should say. */
export interface RefreshedSession {
  readonly before: SessionRow | undefined;
  readonly assembled: AssembledSession;
  readonly status: RecordStatus;
  /** Whether anything that the record depends on changed. */
  readonly inputsChanged: boolean;
}

const FINAL: readonly RecordStatus[] = FINAL_STATUSES;

function inputsDiffer(before: SessionRow, assembled: AssembledSession): boolean {
  return (
    before.instrument !== (assembled.instrumentPid ?? before.instrument) ||
    before.user !== assembled.user ||
    before.start_at !== optionalInstantText(assembled.startMs) ||
    before.end_at !== optionalInstantText(assembled.endMs)
  );
}

function nextStatusOf(
  before: SessionRow | undefined,
  assembled: AssembledSession,
  events: readonly LogEvent[],
  cause: RefreshCause,
  inputsChanged: boolean,
): RecordStatus {
  const complete = assembled.startMs !== null && assembled.endMs !== null;
  const rowsSay: RecordStatus = complete ? 'TO_BE_BUILT' : 'WAITING_FOR_END';
  if (before === undefined) return assembled.status ?? rowsSay;
  if (before.status === 'CANCELLED') {
    const returns = cause === 'start arrives' && !before.held_by_person;
    if (returns || cause === 'release') return rowsSay;
    if (cause !== 'rows edited') return 'CANCELLED';
  }
  const edited = events.find((event) => event.status !== before.status);
  if (cause === 'rows edited' && edited !== undefined) return assembled.status ?? before.status;
  if (!FINAL.includes(before.status)) return rowsSay;
  return inputsChanged ? rowsSay : before.status;
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
  const events = toLogEvents(rows);
  const overrides = before === undefined ? [] : overridesColumn.read(before.overrides);
  const assembled = assembleSession(events, overrides);
  const inputsChanged = before !== undefined && inputsDiffer(before, assembled);
  return {
    before,
    assembled,
    inputsChanged,
    status: nextStatusOf(before, assembled, events, cause, inputsChanged),
  };
}

/** What a session forgets when it is to be built anew. */
export const FRESH_START = {
  tries: 0,
  died_builds: 0,
  first_failed_at: null,
  next_attempt_at: null,
  deferral_reason: null,
} as const;

/**
 * Which transition of the table explains a change that an event or a correction brought about: a re-timed START is an
 * input that changed, a corrected END is an END that arrived. Null: no change, or one that was made by SQL.
 */
function causeOfChange(
  cause: RefreshCause,
  before: RecordStatus | null,
  to: RecordStatus,
): TransitionCause | null {
  if (cause === 'rows edited' || before === to) return null;
  if (before === null || before === 'CANCELLED') return cause;
  if (to === 'WAITING_FOR_END') return 'end withdrawn';
  return before === 'WAITING_FOR_END' ? 'end arrives' : 'inputs change';
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
    });
  } else {
    await updateWorkingRow(transaction, dialect, before, review);
  }
  if (assembled.problem !== 'STATUSES_DISAGREE') {
    await setLogStatus(transaction, identifier, status);
  }
  if (inputsChanged || before === undefined) await raiseNeighbours(transaction, identifier);
  return review;
}

async function updateWorkingRow(
  transaction: Knex,
  dialect: Dialect,
  before: SessionRow,
  review: RefreshedSession,
): Promise<void> {
  const { assembled, status, inputsChanged } = review;
  const reopened = before.status !== status;
  const problemChanged = before.problem !== assembled.problem;
  if (!inputsChanged && !reopened && !problemChanged && before.source === assembled.source) return;
  await transaction<SessionRow>('sessions')
    .where('session_identifier', before.session_identifier)
    .update({
      instrument: assembled.instrumentPid ?? before.instrument,
      user: assembled.user,
      start_at: optionalInstantText(assembled.startMs),
      end_at: optionalInstantText(assembled.endMs),
      source: assembled.source,
      status,
      problem: assembled.problem,
      updated_at: transaction.raw(dialect.now),
      ...(inputsChanged || reopened
        ? { ...FRESH_START, inputs_revision: transaction.raw('inputs_revision + 1') }
        : {}),
    });
}

/** Gives all rows of a session one status, in one statement. */
export async function setLogStatus(
  transaction: Knex,
  identifier: string,
  status: RecordStatus,
): Promise<void> {
  await transaction<SessionLogRow>('session_log')
    .where('session_identifier', identifier)
    .whereNot('record_status', status)
    .update({ record_status: status, revision: transaction.raw('revision + 1') });
}

/** Most neighbours that one change may touch; overlaps of more sessions than this do not occur. */
const MOST_NEIGHBOURS = 50;

/**
 * A session that came, moved or went may own files that a record of an overlapping session on the same folder holds:
 * those sessions are looked at again.
 */
export async function raiseNeighbours(transaction: Knex, identifier: string): Promise<void> {
  const neighbours = await overlappingSessions(transaction, identifier);
  for (const neighbour of neighbours) {
    await raiseInputs(transaction, neighbour, null);
  }
}

/** Sessions whose time overlaps that of the given one, on instruments that write to the same folder. */
export async function overlappingSessions(knex: Knex, identifier: string): Promise<SessionRow[]> {
  const session = await knex<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .first('instrument', 'start_at', 'end_at');
  if (session?.start_at == null) return [];
  const { instrument } = session;
  // Rows made by SQL may name their folder in `instruments` only.
  const foldersOfIt = (): Knex.QueryBuilder =>
    knex('instruments')
      .where('instrument_pid', instrument)
      .select('filestore_path')
      .union(knex('instrument_folders').where('instrument_pid', instrument).select('path'));
  const sharing = knex('instruments')
    .whereIn('filestore_path', foldersOfIt())
    .orWhereIn(
      'instrument_pid',
      knex('instrument_folders').whereIn('path', foldersOfIt()).select('instrument_pid'),
    )
    .select('instrument_pid');
  const query = knex<SessionRow>('sessions')
    .whereIn('instrument', sharing)
    .whereNot('session_identifier', identifier)
    .where('end_at', '>', session.start_at)
    .orderBy('end_at')
    .limit(MOST_NEIGHBOURS)
    .select();
  if (session.end_at !== null) void query.where('start_at', '<', session.end_at);
  return query;
}

/**
 * The inputs of a session changed: its revision rises, and a finished one is to be built again by the matrix.
 * @param notBefore instant text until which changes gather; null: at once.
 */
export async function raiseInputs(
  transaction: Knex,
  session: SessionRow,
  notBefore: string | null,
): Promise<RecordStatus> {
  const built = FINAL.includes(session.status) && session.status !== 'CANCELLED';
  const status: RecordStatus = built ? 'TO_BE_BUILT' : session.status;
  assertTransition('inputs change', session.status, status, session.session_identifier);
  await transaction<SessionRow>('sessions')
    .where('session_identifier', session.session_identifier)
    .update({
      status,
      inputs_revision: transaction.raw('inputs_revision + 1'),
      ...(built ? { ...FRESH_START, next_attempt_at: notBefore } : {}),
    });
  if (built) await setLogStatus(transaction, session.session_identifier, status);
  return status;
}
