import type { Database } from '../../src/db/database.js';

/**
 * A database on which something happens between two units of work: what another process does while this one is paused.
 * @param calls units of work after which it happens, once
 */
export function withEventAfter(
  database: Database,
  calls: number,
  event: () => Promise<void>,
): Database {
  let done = 0;
  return {
    ...database,
    createScope: async <T>(work: () => Promise<T>): Promise<T> => {
      const result = await database.createScope(work);
      done += 1;
      if (done === calls) await event();
      return result;
    },
  };
}
