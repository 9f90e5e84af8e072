/**
 * Every error that recordsmith makes itself. The code is stable and documented in docs/errors.md; a retired code is
 * never used again. What went wrong below is in `cause`, what helps is in `remedy`.
 */
export const ERROR_CODES = {
  USAGE: 'The command line cannot be understood.',
  CONFIG_INVALID: 'The configuration has faults; all of them are listed.',
  CONFIG_NOT_FOUND: 'The configuration file does not exist.',
  DATABASE_UNAVAILABLE: 'The database cannot be reached or opened.',
  DATABASE_NOT_PERMITTED: 'The account may not use the file of the database or its folder.',
  DATABASE_BUSY: 'The database is locked by another process for too long.',
  DATABASE_CONSTRAINT: 'The database refused a row that breaks one of its rules.',
  DATABASE_NOT_CONFIGURED: 'The database is used before it is configured.',
  DATABASE_ON_NETWORK_FILE_SYSTEM: 'SQLite cannot be kept on a network file system.',
  DATABASE_RIGHTS_MISSING: 'The role that the database is opened with lacks a right.',
  DATABASE_READ_ONLY: 'The database is open for reading only.',
  SESSION_MISSING: 'Code that needs a unit of work runs outside one.',
  SCHEMA_NOT_MIGRATED: 'The database schema is older than this version of recordsmith.',
  SCHEMA_TOO_NEW: 'The database schema was changed by a newer version of recordsmith.',
  SCHEMA_FOREIGN: 'The database holds tables of another program.',
  SCHEMA_MISSING: 'The named PostgreSQL schema does not exist.',
  MIGRATION_LOSES_DATA: 'Rolling this migration back would drop data.',
  TRANSITION_NOT_ALLOWED: 'The status of a session cannot change in this way.',
  SESSION_NOT_FOUND: 'No session has this identifier or key.',
  INSTRUMENT_NOT_FOUND: 'No instrument has this identifier.',
  INPUT_INVALID: 'Data given to a command or a function is wrong.',
  TIME_INVALID: 'A time cannot be understood.',
  FILE_UNREADABLE: 'A file cannot be read.',
  FILE_NOT_WRITABLE: 'A file or folder cannot be written, or a record not be read back.',
  OUTPUT_FAILED: 'Standard output cannot be written.',
  STORE_UNAVAILABLE: 'The file store of an instrument is not reachable.',
  SOURCE_UNAVAILABLE: 'A source of sessions cannot be reached, or does not work now.',
  SOURCE_REFUSED: 'A source of sessions refuses what it is asked.',
  SOURCE_ANSWER_INVALID: 'A source of sessions answered with something that it should not.',
  LISTEN_FAILED: 'The HTTP interface cannot listen on its address.',
  TOKEN_REFUSED: 'A request has no token, or one that is not known or holds no more.',
  SCOPE_MISSING: 'The token of a request does not allow what it asks for.',
  SIGNATURE_REFUSED: 'A pushed message is not signed as it should be.',
  BODY_INVALID: 'The body of a request cannot be read or lacks something.',
  BODY_TOO_LARGE: 'The body of a request is larger than allowed.',
  REQUEST_REPEATED: 'A key that makes requests repeatable was used for another request.',
  TOO_MANY_REQUESTS: 'An address makes more requests than allowed.',
  BACKLOG_FULL: 'More pushed messages wait to be followed up than are kept.',
  ROUTE_NOT_FOUND: 'The HTTP interface has nothing at this address.',
  FORMAT_INVALID: 'A file does not hold what its format promises.',
  READER_FAILED: 'The reader of a file format stopped without an answer.',
  LIMIT_EXCEEDED: 'A file needs more time or memory than is allowed for one.',
  RECORD_INVALID: 'The record does not follow its schema.',
  LEASE_LOST: 'Another process took over the session.',
  ABORTED: 'The work was stopped on request.',
  INTERNAL: 'A defect of recordsmith itself.',
} as const;

/** One of the documented error codes. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What an AppError carries besides its code and message. */
export interface AppErrorOptions {
  /** What went wrong below: the caught error. */
  readonly cause?: unknown;
  /** What a person can do about it, as one sentence or command. */
  readonly remedy?: string;
  /** Facts for programs and logs: key, file, line, row. Never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
}

/** The one error class of recordsmith. */
export class AppError extends Error {
  readonly code: ErrorCode;
  readonly remedy: string | undefined;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: ErrorCode, message: string, options: AppErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'AppError';
    this.code = code;
    this.remedy = options.remedy;
    this.details = options.details ?? {};
  }
}

/** Raised by code that needs a unit of work (createScope) but runs outside one. */
export class SessionMissingError extends AppError {
  constructor() {
    super('SESSION_MISSING', 'No unit of work is open here.', {
      remedy: 'Run this code inside createScope(...).',
    });
    this.name = 'SessionMissingError';
  }
}

/** Raised when the database is used before configureDb(url). */
export class DatabaseNotConfiguredError extends AppError {
  constructor() {
    super('DATABASE_NOT_CONFIGURED', 'The database is not configured yet.', {
      remedy: 'Call configureDb(url) first.',
    });
    this.name = 'DatabaseNotConfiguredError';
  }
}

/** Whether a caught value is an AppError (by shape, since errors cross process and realm borders). */
export function isAppError(value: unknown): value is AppError {
  return (
    typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string' &&
    Object.hasOwn(ERROR_CODES, value.code) &&
    'message' in value &&
    'details' in value
  );
}

/** Makes an Error of whatever was thrown; errors of other realms (Jest, native modules) are known by their shape. */
export function toError(value: unknown): Error {
  if (value instanceof Error) return value;
  if (
    typeof value === 'object' &&
    value !== null &&
    'message' in value &&
    typeof value.message === 'string'
  ) {
    const error = new Error(value.message, { cause: value });
    if ('name' in value && typeof value.name === 'string') error.name = value.name;
    if ('stack' in value && typeof value.stack === 'string') error.stack = value.stack;
    return error;
  }
  return new Error(typeof value === 'string' ? value : `Thrown: ${String(value)}`, {
    cause: value,
  });
}

/** The code of a file system or network error (ENOENT, EIO...), or undefined. */
export function systemErrorCode(value: unknown): string | undefined {
  return typeof value === 'object' &&
    value !== null &&
    'code' in value &&
    typeof value.code === 'string'
    ? value.code
    : undefined;
}
