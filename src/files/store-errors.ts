import { AppError, systemErrorCode, toError } from '../errors.js';
import { pathText, type StorePath } from './store-path.js';

/** What the kernel says when not one file but the store is in trouble. */
const STORE_FAILURES: ReadonlySet<string> = new Set([
  'EIO',
  'ESTALE',
  'ETIMEDOUT',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'ECONNABORTED',
  'ECONNRESET',
  'ECONNREFUSED',
  'ENOTCONN',
  'ENODEV',
  'ENXIO',
  'EREMOTEIO',
  'ESHUTDOWN',
  'ENOMEDIUM',
]);

/** Whether the code of a file system error says that the store is in trouble, not the file that it was met at. */
export function isStoreFailureCode(code: string): boolean {
  // Codes that libuv has no name for arrive as "Unknown system error -116" with the number (ESTALE, EREMOTEIO).
  return STORE_FAILURES.has(code) || /^Unknown system error -(?:116|121|123)$/.test(code);
}

/**
 * Whether a caught file system error means that the store is in trouble: away, when it was met at a root; else what it was
 * met at may be readable a little later.
 */
export function isStoreFailure(error: unknown): boolean {
  const code = systemErrorCode(error);
  return code !== undefined && isStoreFailureCode(code);
}

/** The store is not reachable, with what a person should look at. */
export function storeUnavailable(reason: string, cause?: unknown): AppError {
  return new AppError('STORE_UNAVAILABLE', reason, {
    remedy: 'Check that the file store is mounted and answers: recordsmith doctor.',
    ...(cause === undefined ? {} : { cause }),
  });
}

/** How failureText says that a file or folder may not be read. */
export const PERMISSION_DENIED = 'permission denied';

/** Why a file system call failed, in words that fit after a path. */
export function failureText(error: unknown): string {
  switch (systemErrorCode(error)) {
    case 'EACCES':
    case 'EPERM':
      return PERMISSION_DENIED;
    case 'ENOENT':
      return 'it does not exist';
    case 'ENOTDIR':
      return 'it is no folder';
    case 'ELOOP':
      return 'its symbolic links form a loop';
    case 'ENAMETOOLONG':
      return 'its path is too long';
    default:
      return systemErrorCode(error) ?? toError(error).message;
  }
}

/** The error of a root that cannot be read: STORE_UNAVAILABLE. */
export function rootFailure(root: StorePath, error: unknown): AppError {
  return storeUnavailable(
    `The folder ${pathText(root)} cannot be read: ${failureText(error)}.`,
    error,
  );
}
