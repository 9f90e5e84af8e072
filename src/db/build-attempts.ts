import type { Knex } from 'knex';
import { shortened } from './clean-text.js';
import type { Dialect } from './dialect.js';
import type { BuildAttemptRow, SessionRow } from './tables.js';

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

/** Ends the build of a session whose inputs are no longer those of its claim: its lease is given up, nothing else changes. */
export async function discardAttempt(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
): Promise<void> {
  await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .update({ lease_owner: null, lease_expires_at: null, died_builds: 0 });
  await closeAttempts(
    transaction,
    dialect,
    identifier,
    'DISCARDED',
    'The inputs changed meanwhile.',
  );
}
