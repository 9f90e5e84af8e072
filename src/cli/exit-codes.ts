import { isAppError, systemErrorCode, type ErrorCode } from '../errors.js';

/** How the command ends, as in BSD's sysexits.h. */
export const EXIT = {
  /** Done; nothing to do is done, a deferred session is no failure. */
  done: 0,
  /** At least one session of this run ended in ERROR, or a check failed. */
  failed: 1,
  usage: 64,
  badData: 65,
  /** Database or the whole file store not reachable. */
  unavailable: 69,
  /** A bug of recordsmith. */
  internal: 70,
  tryLater: 75,
  noRights: 77,
  configuration: 78,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The one table from error to exit code; the compiler sees to it that no error is forgotten. */
const EXIT_CODES: Readonly<Record<ErrorCode, ExitCode>> = {
  USAGE: EXIT.usage,
  CONFIG_INVALID: EXIT.configuration,
  CONFIG_NOT_FOUND: EXIT.configuration,
  DATABASE_UNAVAILABLE: EXIT.unavailable,
  DATABASE_NOT_PERMITTED: EXIT.noRights,
  DATABASE_BUSY: EXIT.tryLater,
  DATABASE_CONSTRAINT: EXIT.badData,
  DATABASE_RIGHTS_MISSING: EXIT.noRights,
  DATABASE_READ_ONLY: EXIT.internal,
  DATABASE_NOT_CONFIGURED: EXIT.internal,
  DATABASE_ON_NETWORK_FILE_SYSTEM: EXIT.configuration,
  SESSION_MISSING: EXIT.internal,
  SCHEMA_NOT_MIGRATED: EXIT.configuration,
  SCHEMA_TOO_NEW: EXIT.configuration,
  SCHEMA_FOREIGN: EXIT.configuration,
  SCHEMA_MISSING: EXIT.configuration,
  MIGRATION_LOSES_DATA: EXIT.failed,
  TRANSITION_NOT_ALLOWED: EXIT.badData,
  SESSION_NOT_FOUND: EXIT.badData,
  INSTRUMENT_NOT_FOUND: EXIT.badData,
  INPUT_INVALID: EXIT.badData,
  TIME_INVALID: EXIT.badData,
  FILE_UNREADABLE: EXIT.badData,
  FILE_NOT_WRITABLE: EXIT.noRights,
  OUTPUT_FAILED: EXIT.tryLater,
  STORE_UNAVAILABLE: EXIT.unavailable,
  SOURCE_UNAVAILABLE: EXIT.unavailable,
  SOURCE_REFUSED: EXIT.noRights,
  SOURCE_ANSWER_INVALID: EXIT.badData,
  LISTEN_FAILED: EXIT.configuration,
  TOKEN_REFUSED: EXIT.noRights,
  SCOPE_MISSING: EXIT.noRights,
  SIGNATURE_REFUSED: EXIT.noRights,
  BODY_INVALID: EXIT.badData,
  BODY_TOO_LARGE: EXIT.badData,
  REQUEST_REPEATED: EXIT.badData,
  TOO_MANY_REQUESTS: EXIT.tryLater,
  BACKLOG_FULL: EXIT.tryLater,
  ROUTE_NOT_FOUND: EXIT.badData,
  FORMAT_INVALID: EXIT.badData,
  READER_FAILED: EXIT.failed,
  LIMIT_EXCEEDED: EXIT.badData,
  RECORD_INVALID: EXIT.badData,
  LEASE_LOST: EXIT.tryLater,
  ABORTED: EXIT.tryLater,
  INTERNAL: EXIT.internal,
};

const RIGHTS = new Set(['EACCES', 'EPERM', 'EROFS']);

/** Whether the system's code says that rights are missing. */
export function isLackOfRights(systemCode: string | undefined): boolean {
  return systemCode !== undefined && RIGHTS.has(systemCode);
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EMFILE', 'ENFILE']);

/**
 * The exit code for whatever an action threw. A file that cannot be read or written is a matter of rights or of space
 * when the system says so; what is no AppError is a bug.
 */
export function exitCodeOf(error: unknown): ExitCode {
  if (!isAppError(error)) return EXIT.internal;
  if (error.code === 'FILE_UNREADABLE' || error.code === 'FILE_NOT_WRITABLE') {
    // What comes from another process has it in its details only.
    const systemCode = systemErrorCode(error.cause) ?? error.details['systemCode'];
    if (typeof systemCode === 'string' && RIGHTS.has(systemCode)) return EXIT.noRights;
    if (typeof systemCode === 'string' && FULL.has(systemCode)) return EXIT.tryLater;
  }
  return EXIT_CODES[error.code];
}
