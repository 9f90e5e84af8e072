import type { RecordStatus } from '../domain/record-status.js';
import type { AssembledSession, LogEvent } from '../sessions/assemble-sessions.js';
import { FINAL_STATUSES, type TransitionCause } from '../sessions/transitions.js';
import type { SessionRow } from './tables.js';

/** Why a session's working row is made again. `rows edited`: somebody changed log rows by SQL, which is not refused. */
export type RefreshCause = TransitionCause | 'rows edited';

/** What is known of a session when its status is decided. */
interface ReviewedRows {
  readonly before: SessionRow | undefined;
  readonly assembled: AssembledSession;
  /** Its START and END rows. */
  readonly events: readonly LogEvent[];
  /** Whether anything that the record depends on changed. */
  readonly inputsChanged: boolean;
}

/** The statuses that a session leaves only when something happens to it. */
export const FINAL: readonly RecordStatus[] = FINAL_STATUSES;

/** The status that a session gets by what its rows say now and said before, and by why they are looked at. */
export function nextStatusOf(cause: RefreshCause, rows: ReviewedRows): RecordStatus {
  const { before, assembled, events, inputsChanged } = rows;
  const complete = assembled.startMs !== null && assembled.endMs !== null;
  const rowsSay: RecordStatus = complete ? 'TO_BE_BUILT' : 'WAITING_FOR_END';
  if (before === undefined) return assembled.status ?? rowsSay;
  if (before.status === 'CANCELLED') {
    const returns = cause === 'start arrives' && !before.held_by_person;
    if (returns || cause === 'release') return rowsSay;
    if (cause !== 'rows edited') return 'CANCELLED';
  }
  const edited = events.find((event) => event.status !== before.status);
  if (cause === 'rows edited' && edited !== undefined) {
    // One row alone withdraws nothing and builds nothing: a person has to say which one is right.
    if (assembled.problem === 'STATUSES_DISAGREE') return before.status;
    return assembled.status ?? before.status;
  }
  // Other times or another user say nothing about a person's decision to cancel.
  if (before.held_by_person) return before.status;
  if (!FINAL.includes(before.status)) return rowsSay;
  return inputsChanged ? rowsSay : before.status;
}

/**
 * Which transition of the table explains a change that an event or a correction brought about: a re-timed START is an
 * input that changed, a corrected END is an END that arrived. Null: no change, or one that was made by SQL.
 */
export function causeOfChange(
  cause: RefreshCause,
  before: RecordStatus | null,
  to: RecordStatus,
): TransitionCause | null {
  if (cause === 'rows edited' || before === to) return null;
  if (before === null || before === 'CANCELLED') return cause;
  if (to === 'WAITING_FOR_END') return 'end withdrawn';
  return before === 'WAITING_FOR_END' ? 'end arrives' : 'inputs change';
}

/** CANCELLED written into the log rows by SQL is a person's decision, as `sessions cancel` is: no source undoes it. */
export const CANCELLED_BY_SQL = {
  held_by_person: true,
  deferral_reason: 'Cancelled in the session log.',
} as const;

/** What a new status means for the hold. It goes by a person's word only: a release, or a status written by SQL. */
export function holdAfter(
  cause: RefreshCause,
  before: RecordStatus,
  { status, events }: { readonly status: RecordStatus; readonly events: readonly LogEvent[] },
): { readonly held_by_person?: boolean; readonly deferral_reason?: string } {
  const isSaidBySql = cause === 'rows edited' && events.some((event) => event.status !== before);
  if (status === 'CANCELLED') return isSaidBySql ? CANCELLED_BY_SQL : {};
  return cause === 'release' || isSaidBySql ? { held_by_person: false } : {};
}
