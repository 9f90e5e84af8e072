import type { Dataset } from '../domain/dataset.js';
import { recordActivities } from './catalogue-store.js';
import { instantMs, optionalInstantMs } from './instant.js';
import { scopedSession } from './scope.js';
import type { RecordRow } from './tables.js';

/** A version of a session's record. */
export interface RecordVersion {
  readonly recordId: number;
  readonly sessionIdentifier: string;
  /** From 1. */
  readonly version: number;
  /** Its immutable XML file, relative to paths.records. */
  readonly path: string;
  /** The XML file that shows it while it is current, relative to paths.records. */
  readonly publicPath: string;
  /** Of the XML file, lower-case hex. */
  readonly sha256: string;
  /** Of the inputs it was made from. */
  readonly fingerprint: string;
  readonly cause: string;
  /** Version it followed; null: none. */
  readonly supersedes: number | null;
  /** Epoch milliseconds. */
  readonly createdAtMs: number;
  readonly supersededAtMs: number | null;
  readonly withdrawnAtMs: number | null;
}

function toRecordVersion(row: RecordRow): RecordVersion {
  return {
    recordId: row.id,
    sessionIdentifier: row.session_identifier,
    version: row.version,
    path: row.path,
    publicPath: row.public_path,
    sha256: row.sha256,
    fingerprint: row.fingerprint,
    cause: row.cause,
    supersedes: row.supersedes,
    createdAtMs: instantMs(row.created_at),
    supersededAtMs: optionalInstantMs(row.superseded_at),
    withdrawnAtMs: optionalInstantMs(row.withdrawn_at),
  };
}

/** The current version of a session's record; null: it has none. */
export async function currentRecord(sessionIdentifier: string): Promise<RecordVersion | null> {
  const row = await scopedSession()
    .reader()<RecordRow>('records')
    .where('session_identifier', sessionIdentifier)
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .first();
  return row === undefined ? null : toRecordVersion(row);
}

/** Every version of a session's record, newest first. */
export async function listRecords(sessionIdentifier: string): Promise<readonly RecordVersion[]> {
  const rows = await scopedSession()
    .reader()<RecordRow>('records')
    .where('session_identifier', sessionIdentifier)
    .orderBy('version', 'desc')
    .select();
  return rows.map(toRecordVersion);
}

/** Current records of all sessions in order of their id, a page at a time: for repairing public files. */
export async function listCurrentRecords(
  afterRecordId: number,
  limit: number,
): Promise<readonly RecordVersion[]> {
  const rows = await scopedSession()
    .reader()<RecordRow>('records')
    .where('id', '>', afterRecordId)
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .orderBy('id')
    .limit(limit)
    .select();
  return rows.map(toRecordVersion);
}

/**
 * Which of these paths (at most a few hundred) are files of versions that are not withdrawn: a clean-up keeps them.
 */
export async function knownRecordPaths(paths: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await scopedSession()
    .reader()<RecordRow>('records')
    .whereIn('path', paths)
    .whereNull('withdrawn_at')
    .select('path');
  return new Set(rows.map((row) => row.path));
}

/**
 * The datasets of a version with all their metadata, that of the activity's setup included: what a rebuild regroups.
 */
export async function recordDatasets(recordId: number): Promise<readonly Dataset[]> {
  const activities = await recordActivities(recordId);
  return activities.flatMap((activity) =>
    activity.datasets.map((dataset) => ({
      ...dataset,
      metadata: { ...activity.setup, ...dataset.metadata },
    })),
  );
}
