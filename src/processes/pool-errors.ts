import { AppError } from '../errors.js';
import type { ChildEnd } from './pool-child.js';

/** A job that took longer than it may. */
export function overTimeError(pool: string, job: string, timeLimitMs: number): AppError {
  return new AppError(
    'LIMIT_EXCEEDED',
    `Job ${job} of a ${pool} process took longer than ${timeLimitMs} ms.`,
    { details: { limit: 'time', timeLimitMs } },
  );
}

/** A job whose process took more memory than it may. */
export function overMemoryError(pool: string, job: string, residentBytes: number): AppError {
  return new AppError(
    'LIMIT_EXCEEDED',
    `Job ${job} of a ${pool} process took more memory than is allowed: ${residentBytes} bytes.`,
    { details: { limit: 'memory', residentBytes } },
  );
}

/** A process that ended by itself; `job` is null when it had none. */
export function crashError(
  pool: string,
  job: string | null,
  pid: number | undefined,
  end: ChildEnd,
): AppError {
  const details = { ...end, pid };
  const what = `A ${pool} process ${job === null ? 'without a job' : `with job ${job}`}`;
  if (end.stderr.includes('JavaScript heap out of memory')) {
    return new AppError('LIMIT_EXCEEDED', `${what} took more memory than is allowed.`, {
      details: { ...details, limit: 'memory' },
    });
  }
  return new AppError('READER_FAILED', `${what} ended without an answer (${describeEnd(end)}).`, {
    details,
  });
}

/** How a process ended, in words. */
export function describeEnd(end: ChildEnd): string {
  if (end.signal !== null) return `signal ${end.signal}`;
  return end.exitCode === null ? 'could not be started' : `exit code ${end.exitCode}`;
}

/** A job that is no longer wanted. */
export function abortedError(pool: string, job: string): AppError {
  return new AppError('ABORTED', `Job ${job} of a ${pool} process was stopped.`);
}

/** So many processes hang in the kernel that no further one is risked. */
export function hangingError(pool: string, count: number): AppError {
  return new AppError('LIMIT_EXCEEDED', `${count} ${pool} processes hang and cannot be killed.`, {
    remedy:
      'Bring the file store back, or unmount it by force: the processes then end by themselves.',
    details: { limit: 'abandoned', count },
  });
}
