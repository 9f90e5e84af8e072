import type { WorkingSession } from '../domain/working-session.js';
import { isAppError, systemErrorCode, toError, type ErrorCode } from '../errors.js';

/** What a build that threw comes to. */
export type FailureKind =
  /** Our folders, the database or a store is away or full, or our settings are wrong: put off, nothing counted. */
  | 'outside'
  /** May go away by itself, and is of this session: tried again a bounded number of times. */
  | 'transient'
  /** Of this session: ERROR. */
  | 'session'
  /** The process was told to stop, or the lease is gone: given back. */
  | 'interrupted';

const OUTSIDE: readonly ErrorCode[] = [
  'CONFIG_INVALID',
  'DATABASE_UNAVAILABLE',
  'DATABASE_BUSY',
  'DATABASE_RIGHTS_MISSING',
  'FILE_NOT_WRITABLE',
  'STORE_UNAVAILABLE',
];
const TRANSIENT: readonly ErrorCode[] = ['FILE_UNREADABLE', 'READER_FAILED', 'LIMIT_EXCEEDED'];
const INTERRUPTED: readonly ErrorCode[] = ['ABORTED', 'LEASE_LOST'];
/** What the system says when it is full, away, or out of memory, processes or open files. */
const FULL_OR_AWAY: readonly string[] = [
  'ENOSPC',
  'EDQUOT',
  'EROFS',
  'EIO',
  'ESTALE',
  'ETIMEDOUT',
  'ENOMEM',
  'EMFILE',
  'ENFILE',
  'EAGAIN',
];

/** By whose fault a build failed, which decides what happens next. */
export function classifyFailure(error: unknown): FailureKind {
  if (isAppError(error)) {
    if (OUTSIDE.includes(error.code)) return 'outside';
    // Processes that hang in one store block the readers of all: no file of this session is to blame.
    if (error.code === 'LIMIT_EXCEEDED' && error.details['limit'] === 'abandoned') return 'outside';
    if (TRANSIENT.includes(error.code)) return 'transient';
    if (INTERRUPTED.includes(error.code)) return 'interrupted';
    return 'session';
  }
  if (toError(error).name === 'AbortError') return 'interrupted';
  return FULL_OR_AWAY.includes(systemErrorCode(error) ?? '') ? 'outside' : 'session';
}

/** Milliseconds until each further try of a session that failed by itself: five tries over two hours. */
const RETRY_WAITS_MS = [5, 15, 40, 60].map((minutes) => minutes * 60_000);

const LAST_WAIT_MS = 60 * 60_000;
/** From the first failed try to the one that makes the session an ERROR, at least. */
const TRIED_FOR_MS = 120 * 60_000;
/** After so many failed tries, the first of them so long ago, what the store fails on is taken as it is. */
const TRIES_BEFORE_ACCEPTING = 3;
const ACCEPTED_AFTER_MS = 60 * 60_000;
/** The first failure is dated by the database's clock, which may be a little ahead. */
const CLOCK_SLACK_MS = 60_000;

/** The failed tries of a session so far. */
export type FailedTries = Pick<WorkingSession, 'tries' | 'firstFailedAtMs'>;

function hasFailedFor({ firstFailedAtMs }: FailedTries, nowMs: number, spanMs: number): boolean {
  return firstFailedAtMs !== null && nowMs - firstFailedAtMs >= spanMs - CLOCK_SLACK_MS;
}

/**
 * When a session that failed for a transient reason is tried again. Tries that a person forces in quick succession do not
 * shorten the two hours.
 * @param before the tries that failed before this one.
 * @returns milliseconds to wait; null: it has been tried often and long enough and is an ERROR.
 */
export function waitBeforeRetry(before: FailedTries, nowMs: number): number | null {
  const waitMs = RETRY_WAITS_MS[before.tries];
  if (waitMs !== undefined) return waitMs;
  return hasFailedFor(before, nowMs, TRIED_FOR_MS) ? null : LAST_WAIT_MS;
}

/** Whether files and folders that the store fails on are taken as they are, with a warning. */
export function isTriedLongEnough(before: FailedTries, nowMs: number): boolean {
  return before.tries >= TRIES_BEFORE_ACCEPTING && hasFailedFor(before, nowMs, ACCEPTED_AFTER_MS);
}

/** The error and its causes as one line for people. */
export function reasonOf(error: unknown): string {
  const parts: string[] = [];
  for (let current: unknown = error; current !== undefined && parts.length < 4;) {
    const { message, cause } = toError(current);
    // A generic cause often repeats what the error above it says already.
    if (!parts.some((part) => part.includes(message))) parts.push(message);
    current = cause === current ? undefined : cause;
  }
  return parts.join(' Because: ');
}
