import { isAppError, systemErrorCode, toError, type ErrorCode } from '../errors.js';

/** What a build that threw comes to. */
export type FailureKind =
  /** Our folders, the database or a store is away or full: put off, nothing counted. */
  | 'outside'
  /** May go away by itself, and is of this session: tried again a bounded number of times. */
  | 'transient'
  /** Of this session: ERROR. */
  | 'session'
  /** The process was told to stop, or the lease is gone: given back. */
  | 'interrupted';

const OUTSIDE: readonly ErrorCode[] = [
  'DATABASE_UNAVAILABLE',
  'DATABASE_BUSY',
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

/**
 * When a session that failed for a transient reason is tried again.
 * @param failedTries tries that failed before this one.
 * @returns milliseconds to wait; null: it has been tried often enough and is an ERROR.
 */
export function waitBeforeRetry(failedTries: number): number | null {
  return RETRY_WAITS_MS[failedTries] ?? null;
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
