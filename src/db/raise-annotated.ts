import type { Knex } from 'knex';
import type { Dialect } from './dialect.js';
import { raiseInputs } from './refresh-session.js';

/** Annotations gather for so long before a finished session is built again. */
const GATHER_SECONDS = 600;

/** What people say about a session changed: its inputs are raised, and it is built anew once no more is said. */
export async function raiseAnnotated(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
): Promise<void> {
  const gathered: { until: string }[] = await transaction.select(
    transaction.raw(`${dialect.nowPlusSeconds} as until`, [dialect.secondsBinding(GATHER_SECONDS)]),
  );
  await raiseInputs(transaction, dialect, identifier, gathered[0]?.until ?? null);
}
