/** Every status that the rows of a session can carry (all rows of one session carry the same). */
export const RECORD_STATUSES = [
  'WAITING_FOR_END',
  'TO_BE_BUILT',
  'COMPLETED',
  'BUILT_NOT_EXPORTED',
  'NO_FILES_FOUND',
  'NO_CONSENT',
  'NO_RESERVATION',
  'ERROR',
  'SKIPPED',
  'CANCELLED',
] as const;

/** A status of a session. */
export type RecordStatus = (typeof RECORD_STATUSES)[number];

/** Kinds of rows in session_log. */
export const EVENT_TYPES = ['START', 'END', 'RECORD_GENERATION'] as const;

/** The kind of a row in session_log. */
export type EventType = (typeof EVENT_TYPES)[number];

/** The statuses a build can settle with. */
export const BUILD_OUTCOMES = [
  'COMPLETED',
  'BUILT_NOT_EXPORTED',
  'NO_FILES_FOUND',
  'NO_CONSENT',
  'NO_RESERVATION',
  'ERROR',
  'SKIPPED',
] as const satisfies readonly RecordStatus[];

/** A status that a finished build attempt can leave behind. */
export type BuildOutcome = (typeof BUILD_OUTCOMES)[number];

/** How a build attempt ended, for people and programs: a status, or DEFERRED with a reason. */
export type AttemptOutcome = BuildOutcome | 'DEFERRED';
