import type { ErrorCode } from '../errors.js';

/** The HTTP status of an error that a caller of the interface can do something about; every other one is a 500. */
export const PROBLEM_STATUS: Partial<Readonly<Record<ErrorCode, number>>> = {
  BODY_INVALID: 400,
  TIME_INVALID: 400,
  TOKEN_REFUSED: 401,
  SIGNATURE_REFUSED: 401,
  SCOPE_MISSING: 403,
  ROUTE_NOT_FOUND: 404,
  SESSION_NOT_FOUND: 404,
  INSTRUMENT_NOT_FOUND: 404,
  REQUEST_REPEATED: 409,
  TRANSITION_NOT_ALLOWED: 409,
  BODY_TOO_LARGE: 413,
  INPUT_INVALID: 422,
  TOO_MANY_REQUESTS: 429,
  BACKLOG_FULL: 503,
  DATABASE_UNAVAILABLE: 503,
  DATABASE_BUSY: 503,
};
