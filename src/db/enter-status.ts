import type { Knex } from 'knex';
import type { RecordStatus } from '../domain/record-status.js';
import { closeAttempts } from './build-attempts.js';
import { removeValues } from './catalogue-store.js';
import type { Dialect } from './dialect.js';
import { forgetContent } from './forget-content.js';
import type { RecordRow, SessionLogRow, SessionRow } from './tables.js';

/** What a session forgets when it is to be built anew. */
export const FRESH_START = {
  tries: 0,
  died_builds: 0,
  first_failed_at: null,
  next_attempt_at: null,
  deferral_reason: null,
} as const;

/** How a session comes to its new status. */
export interface StatusEntry {
  /** How its open build attempt ends, unless the session is still to be built; null reason: nothing to say. */
  readonly attempt: { readonly outcome: string; readonly reason: string | null };
  /** What else changes in the working row with it. */
  readonly changes?: Readonly<Record<string, Knex.Raw | string | number | boolean | null>>;
}

/**
 * Gives a session and all its log rows a status, with everything that the status means: only a session that is to be
 * built has a lease, a cancelled one no record, one without consent no content either, and a built one without a record
 * of ours was built by another program. In the caller's transaction and under the session's lock.
 */
export async function enterStatus(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
  status: RecordStatus,
  entry: StatusEntry,
): Promise<void> {
  const toBeBuilt = status === 'TO_BE_BUILT';
  if (!toBeBuilt) {
    const { outcome, reason } = entry.attempt;
    await closeAttempts(transaction, dialect, identifier, outcome, reason);
  }
  const built = status === 'COMPLETED' || status === 'BUILT_NOT_EXPORTED';
  const builtElsewhere = built && !(await hasCurrentRecord(transaction, identifier));
  await transaction('sessions')
    .where('session_identifier', identifier)
    .update({
      status,
      // All rows get one status below.
      problem: transaction.raw("nullif(problem, 'STATUSES_DISAGREE')"),
      updated_at: transaction.raw(dialect.now),
      ...(toBeBuilt ? {} : { lease_owner: null, lease_expires_at: null }),
      ...(builtElsewhere ? { built_elsewhere: true } : {}),
      ...entry.changes,
    });
  await alignLogRows(transaction, identifier, { status });
  if (status === 'CANCELLED') await withdrawRecords(transaction, dialect, identifier);
  if (status === 'NO_CONSENT') {
    await withdrawRecords(transaction, dialect, identifier);
    await forgetContent(transaction, identifier);
  }
}

/** What all log rows of a session have in common; what is left away stays as it is. */
export interface CommonValues {
  readonly status?: RecordStatus;
  readonly instrumentPid?: string;
  readonly user?: string | null;
}

/** Gives all log rows of a session the same values, in one statement; rows that have them are not touched. */
export async function alignLogRows(
  transaction: Knex,
  identifier: string,
  { status, instrumentPid, user }: CommonValues,
): Promise<void> {
  const columns = {
    ...(status === undefined ? {} : { record_status: status }),
    ...(instrumentPid === undefined ? {} : { instrument: instrumentPid }),
    ...(user === undefined ? {} : { user }),
  };
  const names = Object.keys(columns);
  if (names.length === 0) return;
  const differing = names.map(() => '?? is distinct from ?').join(' or ');
  await transaction<SessionLogRow>('session_log')
    .where('session_identifier', identifier)
    .whereRaw(`(${differing})`, Object.entries(columns).flat())
    .update({ ...columns, revision: transaction.raw('revision + 1') });
}

async function hasCurrentRecord(knex: Knex, identifier: string): Promise<boolean> {
  const current = await knex<RecordRow>('records')
    .where({ session_identifier: identifier, superseded_at: null, withdrawn_at: null })
    .first('id');
  return current !== undefined;
}

/** Withdraws every version of a session's record and takes it out of the search. */
async function withdrawRecords(
  transaction: Knex,
  dialect: Dialect,
  identifier: string,
): Promise<void> {
  const withdrawn = await transaction<RecordRow>('records')
    .where('session_identifier', identifier)
    .whereNull('withdrawn_at')
    // Not published: the public files still show it, until they are removed.
    .update({ withdrawn_at: transaction.raw(dialect.now), published_at: null })
    .returning('id');
  for (const { id } of withdrawn) await removeValues(transaction, id);
  await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .update({ fingerprint: null });
}
