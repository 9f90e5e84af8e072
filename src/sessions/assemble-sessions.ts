import type { EventType, RecordStatus } from '../domain/record-status.js';

/** A START or END row of the session log. */
export interface LogEvent {
  readonly eventType: Exclude<EventType, 'RECORD_GENERATION'>;
  readonly instrumentPid: string;
  readonly user: string | null;
  /** Epoch milliseconds. */
  readonly atMs: number;
  readonly status: RecordStatus;
  readonly source: string | null;
}

/** Fields of a session that a person can correct. */
export const OVERRIDE_FIELDS = ['start', 'end', 'user', 'instrument'] as const;
export type OverrideField = (typeof OVERRIDE_FIELDS)[number];

/** A person's correction, which wins over what the source says. */
export interface Override {
  readonly field: OverrideField;
  /** An ISO instant for start and end, else the user name or instrument; null: no user. */
  readonly value: string | null;
  /** What the source said when the correction was made; a later, other word of the source is a problem to look at. */
  readonly sourceValue: string | null;
  readonly who: string;
  /** ISO instant. */
  readonly at: string;
  readonly why: string | null;
}

/** Why a session cannot be built as it is. */
export const SESSION_PROBLEMS = {
  END_WITHOUT_START: {
    message: 'The log has an END and no START.',
    remedy: 'Write the START: recordsmith log start --session ID --instrument PID --at TIME.',
  },
  START_WITHOUT_END: {
    message: 'The session was started long ago and has no END.',
    remedy:
      'End it (recordsmith log end --session ID --at TIME) or cancel it (recordsmith sessions cancel ID).',
  },
  FOLLOWED_BY_START: {
    message: 'Another session was started on the instrument since, and this one has no END.',
    remedy:
      'End it (recordsmith log end --session ID --at TIME) or cancel it (recordsmith sessions cancel ID).',
  },
  END_BEFORE_START: {
    message: 'The END lies before the START.',
    remedy: 'Correct one of them: recordsmith sessions set ID --start TIME --end TIME.',
  },
  INSTRUMENTS_DISAGREE: {
    message: 'START and END name different instruments.',
    remedy: 'Say which is right: recordsmith sessions set ID --instrument PID.',
  },
  USERS_DISAGREE: {
    message: 'START and END name different users.',
    remedy: 'Say who it was: recordsmith sessions set ID --user NAME.',
  },
  STATUSES_DISAGREE: {
    message: 'The rows of the session carry different statuses.',
    remedy: 'Give all its rows one status, or build it again: recordsmith sessions retry ID.',
  },
  LOG_ROWS_MISSING: {
    message: 'The START and END of the session were deleted from the log.',
    remedy: 'Write them again, or cancel the session: recordsmith sessions cancel ID.',
  },
  LOG_ROWS_REFUSED: {
    message: 'Log rows of the session were changed by SQL to something that cannot be taken up.',
    remedy: 'See the log of the daemon for the reason, and correct the rows.',
  },
  SOURCE_FORGOT: {
    message: 'The source no longer has the session, whose record is there.',
    remedy:
      'Withdraw the record (recordsmith sessions cancel ID), or leave it as it is: nothing else happens by itself.',
  },
  USE_OVERLAPS: {
    message: 'The source has another use of the instrument at the same time.',
    remedy:
      'Correct the times in the source, or here: recordsmith sessions set ID --start TIME --end TIME.',
  },
  SOURCE_DIFFERS: {
    message: 'The source says something else than a correction made by a person.',
    remedy: 'Keep the correction, or take it back: recordsmith sessions set ID --clear FIELD.',
  },
} as const;

/** The name of a problem. */
export type SessionProblem = keyof typeof SESSION_PROBLEMS;

/** What the rows of one session say, with the corrections of people applied. */
export interface AssembledSession {
  readonly instrumentPid: string | null;
  readonly user: string | null;
  /** Epoch milliseconds; null: not there. */
  readonly startMs: number | null;
  readonly endMs: number | null;
  readonly source: string | null;
  /** What the rows' statuses come to; null: no rows. */
  readonly status: RecordStatus | null;
  /** What keeps it from being built; null: nothing (a session without END simply waits). */
  readonly problem: SessionProblem | null;
}

function overrideOf(overrides: readonly Override[], field: OverrideField): Override | undefined {
  return overrides.findLast((override) => override.field === field);
}

/** A row that is new in a cancelled session has the status that every new row has, which says nothing. */
function isCancelledWithNewRow(statuses: ReadonlySet<RecordStatus>): boolean {
  return statuses.size === 2 && statuses.has('CANCELLED') && statuses.has('WAITING_FOR_END');
}

/** A pair is what makes a session complete: START and END, of the source or by correction. */
function statusOf(events: readonly LogEvent[], complete: boolean): RecordStatus | null {
  const statuses = new Set(events.map((event) => event.status));
  const undecided = [...statuses].every(
    (status) => status === 'WAITING_FOR_END' || status === 'TO_BE_BUILT',
  );
  if (statuses.size === 0) return null;
  if (isCancelledWithNewRow(statuses)) return 'CANCELLED';
  // Rows written one after the other, by SQL too, arrive with whatever status their writer knew.
  if (undecided) return complete ? 'TO_BE_BUILT' : 'WAITING_FOR_END';
  return events[0]?.status ?? null;
}

function problemOf(
  start: LogEvent | undefined,
  end: LogEvent | undefined,
  startMs: number | null,
  endMs: number | null,
  overrides: readonly Override[],
): SessionProblem | null {
  if (start === undefined && end === undefined) return 'LOG_ROWS_MISSING';
  if (startMs === null) return 'END_WITHOUT_START';
  if (endMs !== null && endMs < startMs) return 'END_BEFORE_START';
  if (start === undefined || end === undefined) return null;
  if (start.instrumentPid !== end.instrumentPid && !overrideOf(overrides, 'instrument')) {
    return 'INSTRUMENTS_DISAGREE';
  }
  const usersDiffer = start.user !== null && end.user !== null && start.user !== end.user;
  if (usersDiffer && !overrideOf(overrides, 'user')) return 'USERS_DISAGREE';
  const open: readonly RecordStatus[] = ['WAITING_FOR_END', 'TO_BE_BUILT'];
  const bothOpen = open.includes(start.status) && open.includes(end.status);
  if (start.status === end.status || bothOpen) return null;
  return isCancelledWithNewRow(new Set([start.status, end.status])) ? null : 'STATUSES_DISAGREE';
}

/**
 * What all rows of a session are to say, as far as its START and END rows agree: what one of them knows holds for its
 * partner too. Left away: they disagree, or there are none.
 */
export function commonValues(events: readonly LogEvent[]): {
  readonly instrumentPid?: string;
  readonly user?: string | null;
} {
  const [instrumentPid, ...otherInstruments] = new Set(events.map((event) => event.instrumentPid));
  const [user = null, ...otherUsers] = new Set(
    events.map((event) => event.user).filter((name) => name !== null),
  );
  if (instrumentPid === undefined) return {};
  return {
    ...(otherInstruments.length > 0 ? {} : { instrumentPid }),
    ...(otherUsers.length > 0 ? {} : { user }),
  };
}

/** Makes of the START and END rows of one session (at most one each) what is to be built, or names the problem. */
export function assembleSession(
  events: readonly LogEvent[],
  overrides: readonly Override[],
): AssembledSession {
  const start = events.find((event) => event.eventType === 'START');
  const end = events.find((event) => event.eventType === 'END');
  const instant = (field: 'start' | 'end', event: LogEvent | undefined): number | null => {
    const value = overrideOf(overrides, field)?.value;
    return value === undefined || value === null ? (event?.atMs ?? null) : Date.parse(value);
  };
  const startMs = instant('start', start);
  const endMs = instant('end', end);
  const user = overrideOf(overrides, 'user');
  return {
    instrumentPid:
      overrideOf(overrides, 'instrument')?.value ??
      start?.instrumentPid ??
      end?.instrumentPid ??
      null,
    user: user === undefined ? (start?.user ?? end?.user ?? null) : user.value,
    startMs,
    endMs,
    source: start?.source ?? end?.source ?? null,
    status: statusOf(
      [start, end].filter((event) => event !== undefined),
      startMs !== null && endMs !== null,
    ),
    problem: problemOf(start, end, startMs, endMs, overrides),
  };
}
