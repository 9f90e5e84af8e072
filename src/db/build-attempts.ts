import type { Knex } from 'knex';
import { shortened } from './clean-text.js';
import type { Dialect } from './dialect.js';
import type { BuildAttemptRow } from './tables.js';

/** Ends the attempts of a session that are still open. */
export async function closeAttempts(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
  outcome: string,
  reason: string | null,
): Promise<void> {
  await transaction<BuildAttemptRow>('build_attempts')
    .where('session_identifier', identifier)
    .whereNull('ended_at')
    .update({
      ended_at: transaction.raw(dialect.now),
      outcome,
      reason: reason === null ? null : shortened(reason, 2000),
    });
}
