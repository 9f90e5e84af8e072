import { DateTime } from 'luxon';

/** Where "now" comes from, so that tests need no luck. */
export interface Clock {
  /** The present instant in UTC. */
  now(): DateTime<true>;
}

/** The clock of this machine. */
export const systemClock: Clock = { now: () => DateTime.utc({ locale: 'en-US' }) };

/** Resolves after `milliseconds`, or at once (without error) when the signal aborts. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted) {
      resolve();
      return;
    }
    const finish = (): void => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, milliseconds);
    signal?.addEventListener('abort', finish, { once: true });
  });
}
