import { sleep } from '../clock.js';
import { isAppError } from '../errors.js';

/** Longest pause between two tries, in milliseconds. */
const LONGEST_PAUSE_MS = 2000;

/** Whether an error says that the database is away or locked, which ends by itself. */
export function isDatabaseAway(error: unknown): boolean {
  return (
    isAppError(error) && (error.code === 'DATABASE_UNAVAILABLE' || error.code === 'DATABASE_BUSY')
  );
}

/**
 * Does something with the database, again and again while that is away (a restart takes seconds).
 * @param limitMs milliseconds after which its error is thrown after all.
 * @param signal aborted: it is tried once.
 */
export async function onceDatabaseAnswers<Result>(
  work: () => Promise<Result>,
  limitMs: number,
  signal: AbortSignal,
): Promise<Result> {
  const giveUpAt = performance.now() + limitMs;
  for (let pauseMs = 100; ; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
    try {
      return await work();
    } catch (error) {
      const isOver = signal.aborted || performance.now() + pauseMs > giveUpAt;
      if (isOver || !isDatabaseAway(error)) throw error;
      await sleep(pauseMs, signal);
    }
  }
}
