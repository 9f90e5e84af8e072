import { BUILD_OUTCOMES } from '../domain/record-status.js';
import { scopedSession } from './scope.js';
import type { BuildAttemptRow, RecordRow } from './tables.js';

/** A record whose public files and sidecars may not show what the database says. */
export interface PendingPublication {
  readonly recordId: number;
  readonly sessionIdentifier: string;
  readonly sessionKey: string;
  /** XML files relative to paths.records. */
  readonly path: string;
  readonly publicPath: string;
  /** Public names of other versions of the session that no current record has. */
  readonly formerPublicPaths: readonly string[];
  /** False: a newer version replaced it, or it was withdrawn; then there is nothing to show. */
  readonly isCurrent: boolean;
  /** No current record of any session has the public name. */
  readonly publicPathIsFree: boolean;
}

/** Records that are settled and not published yet, oldest first. */
export async function listUnpublished(limit: number): Promise<readonly PendingPublication[]> {
  const knex = scopedSession().reader();
  const rows = await knex<RecordRow>('records')
    .join('sessions', 'sessions.session_identifier', 'records.session_identifier')
    .whereNull('records.published_at')
    .orderBy('records.id')
    .limit(limit)
    .select<(RecordRow & { session_key: string })[]>('records.*', 'sessions.session_key');
  const pending: PendingPublication[] = [];
  for (const row of rows) pending.push(await withFormerNames(row));
  return pending;
}

/** What is left to be done for one record; null: there is no such record. */
export async function findPublication(recordId: number): Promise<PendingPublication | null> {
  const row = await scopedSession()
    .reader()<RecordRow>('records')
    .join('sessions', 'sessions.session_identifier', 'records.session_identifier')
    .where('records.id', recordId)
    .first<(RecordRow & { session_key: string }) | undefined>('records.*', 'sessions.session_key');
  return row === undefined ? null : withFormerNames(row);
}

/** What the public files of a session are to show; null: it has no current record. */
export async function findCurrentPublication(
  sessionIdentifier: string,
): Promise<PendingPublication | null> {
  const row = await scopedSession()
    .reader()<RecordRow>('records')
    .where({ session_identifier: sessionIdentifier, superseded_at: null, withdrawn_at: null })
    .first('id');
  return row === undefined ? null : findPublication(row.id);
}

async function withFormerNames(
  row: RecordRow & { session_key: string },
): Promise<PendingPublication> {
  const knex = scopedSession().reader();
  const former = await knex<RecordRow>('records')
    .where('session_identifier', row.session_identifier)
    .whereNot('public_path', row.public_path)
    .whereNotIn(
      'public_path',
      knex<RecordRow>('records')
        .whereNull('superseded_at')
        .whereNull('withdrawn_at')
        .select('public_path'),
    )
    .distinct('public_path');
  return {
    publicPathIsFree: (await ownerOfPublicPath(row.public_path)) === null,
    recordId: row.id,
    sessionIdentifier: row.session_identifier,
    sessionKey: row.session_key,
    path: row.path,
    publicPath: row.public_path,
    formerPublicPaths: former.map((entry) => entry.public_path).sort(),
    isCurrent: row.superseded_at === null && row.withdrawn_at === null,
  };
}

/** Notes that the public files show this record. */
export async function markPublished(recordId: number): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  await transaction<RecordRow>('records')
    .where('id', recordId)
    .update({ published_at: transaction.raw(unit.dialect.now) });
}

/** The session whose current record has this public name; null: the name is free. */
export async function ownerOfPublicPath(publicPath: string): Promise<string | null> {
  const row = await scopedSession()
    .reader()<RecordRow>('records')
    .where('public_path', publicPath)
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .first('session_identifier');
  return row?.session_identifier ?? null;
}

/** What became of an attempt that left staged files. */
export type StagedAttemptState =
  /** It settled and nothing newer did: its files belong into place. */
  | 'settled'
  /** It may still be at work. */
  | 'open'
  /** It ended without a result, or a newer one settled: its files are rubbish. */
  | 'over';

/** What became of the attempt with this lease token. */
export async function stagedAttemptState(
  sessionKey: string,
  token: number,
): Promise<StagedAttemptState> {
  const knex = scopedSession().reader();
  const attempts = await knex<BuildAttemptRow>('build_attempts')
    .join('sessions', 'sessions.session_identifier', 'build_attempts.session_identifier')
    .where('sessions.session_key', sessionKey)
    .where('build_attempts.token', '>=', token)
    .select<BuildAttemptRow[]>('build_attempts.*');
  const attempt = attempts.find((row) => row.token === token);
  if (attempt === undefined) return 'over';
  if (attempt.outcome === null) return 'open';
  if (!isSettledOutcome(attempt.outcome)) return 'over';
  const isLatest = attempts.every(
    (row) => row.token === token || row.outcome === null || !isSettledOutcome(row.outcome),
  );
  return isLatest ? 'settled' : 'over';
}

function isSettledOutcome(outcome: string): boolean {
  return BUILD_OUTCOMES.some((settled) => settled === outcome);
}
