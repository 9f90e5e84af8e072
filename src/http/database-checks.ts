import type { Database } from '../db/database.js';
import { requireSchema } from '../db/migrate.js';
import { sourcePassStates } from '../db/monitoring-store.js';
import { scopedSession } from '../db/scope.js';
import type { ReadinessCheck } from './readiness.js';

/** Does the database answer, and is its schema one that this version works with. */
export function databaseChecks(database: Database): readonly ReadinessCheck[] {
  return [
    {
      name: 'database',
      run: async () => {
        await database.createScope(async () => {
          await scopedSession().reader().raw('select 1');
        });
        return null;
      },
    },
    {
      name: 'migrations',
      run: async () => {
        await requireSchema(database);
        return null;
      },
    },
  ];
}

/** Did the last pass over each source go well; a source that was not asked yet is no fault. */
export function sourceChecks(
  database: Database,
  sources: readonly string[],
): readonly ReadinessCheck[] {
  return sources.map((source) => ({
    name: `source ${source}`,
    run: async () => {
      const states = await database.createScope(() => sourcePassStates([source]));
      const failing = states.filter(({ failures }) => failures > 0);
      if (failing.length === 0) return null;
      return failing
        .map(({ pass, failures, failure }) => {
          const times = `${failures} time${failures === 1 ? '' : 's'} in a row`;
          return `${pass} failed ${times}: ${failure ?? 'no reason is known'}`;
        })
        .join('; ');
    },
  }));
}
