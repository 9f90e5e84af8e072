import type { BuildOutcome } from '../domain/record-status.js';
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
  /** Only a current record has anything to show. */
  readonly state: 'current' | 'superseded' | 'withdrawn';
  /** No current record of any session has the public name. */
  readonly publicPathIsFree: boolean;
}

/** A record whose public files show it. */
export interface PublishedRecord {
  readonly recordId: number;
  readonly sessionIdentifier: string;
  /** XML files relative to paths.records. */
  readonly path: string;
  readonly publicPath: string;
  /** Of the XML file, lower-case hex. */
  readonly sha256: string;
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

/** Highest id of a record; null: there is none. */
export async function highestRecordId(): Promise<number | null> {
  const row = await scopedSession()
    .reader()<RecordRow>('records')
    .orderBy('id', 'desc')
    .first('id');
  return row?.id ?? null;
}

/** Current records that are published, in order of their id: those whose public files have to be there. */
export async function listPublished(
  afterRecordId: number,
  limit: number,
): Promise<readonly PublishedRecord[]> {
  const rows = await scopedSession()
    .reader()<RecordRow>('records')
    .where('id', '>', afterRecordId)
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .whereNotNull('published_at')
    .orderBy('id')
    .limit(limit)
    .select('id', 'session_identifier', 'path', 'public_path', 'sha256');
  return rows.map((row) => ({
    recordId: row.id,
    sessionIdentifier: row.session_identifier,
    path: row.path,
    publicPath: row.public_path,
    sha256: row.sha256,
  }));
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

/**
 * The current records whose public files may have been written over or removed by publishing this one from what was read
 * before: those that have one of its public names by now, of whatever session, and that of its own session.
 */
export async function findOverlapping(
  published: PendingPublication,
): Promise<readonly PendingPublication[]> {
  const rows = await scopedSession()
    .reader()<RecordRow>('records')
    .join('sessions', 'sessions.session_identifier', 'records.session_identifier')
    .whereNull('records.superseded_at')
    .whereNull('records.withdrawn_at')
    .whereNot('records.id', published.recordId)
    .where((either) => {
      void either
        .where('records.session_identifier', published.sessionIdentifier)
        .orWhereIn('records.public_path', [published.publicPath, ...published.formerPublicPaths]);
    })
    .orderBy('records.id')
    .select<(RecordRow & { session_key: string })[]>('records.*', 'sessions.session_key');
  const overlapping: PendingPublication[] = [];
  for (const row of rows) overlapping.push(await withFormerNames(row));
  return overlapping;
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
    state: stateOf(row),
  };
}

function stateOf(row: RecordRow): PendingPublication['state'] {
  if (row.withdrawn_at !== null) return 'withdrawn';
  return row.superseded_at === null ? 'current' : 'superseded';
}

/**
 * Notes that the public files show this record as it was read.
 * @returns false, and notes nothing, when it was superseded or withdrawn meanwhile.
 */
export async function markPublished(published: PendingPublication): Promise<boolean> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const unchanged = transaction<RecordRow>('records').where('id', published.recordId);
  if (published.state === 'withdrawn') unchanged.whereNotNull('withdrawn_at');
  else unchanged.whereNull('withdrawn_at');
  if (published.state === 'current') unchanged.whereNull('superseded_at');
  if (published.state === 'superseded') unchanged.whereNotNull('superseded_at');
  const touched = await unchanged.update({ published_at: transaction.raw(unit.dialect.now) });
  return touched === 1;
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
  /** The current record is its work: its files belong into place. */
  | 'settled'
  /** It may still be at work. */
  | 'open'
  /** It made a record, and a newer one did so too: its files are rubbish. */
  | 'overtaken'
  /** It ended without a record, or the record was withdrawn: its files are rubbish. */
  | 'over'
  /** This database never had such an attempt: it is another database's, or of one that was restored. */
  | 'unknown';

/** The outcomes of attempts whose sidecars belong to a record. */
const RECORD_OUTCOMES: readonly string[] = [
  'COMPLETED',
  'BUILT_NOT_EXPORTED',
] satisfies readonly BuildOutcome[];

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
  if (attempt === undefined) return 'unknown';
  if (attempt.outcome === null) return 'open';
  if (!madeRecord(attempt)) return 'over';
  if (attempts.some((row) => row.token > token && madeRecord(row))) return 'overtaken';
  const current = await knex<RecordRow>('records')
    .where('session_identifier', attempt.session_identifier)
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .first('id');
  return current === undefined ? 'over' : 'settled';
}

function madeRecord({ outcome }: BuildAttemptRow): boolean {
  return outcome !== null && RECORD_OUTCOMES.includes(outcome);
}
