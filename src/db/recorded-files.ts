import type { Location } from '../domain/location.js';
import { scopedSession } from './scope.js';
import type { FileVerdictRow, RecordRow } from './tables.js';

/** When a file that a record holds, or held, was written and acquired. */
export interface RecordedFileTimes {
  readonly location: Location;
  /** Epoch milliseconds, cut off. */
  readonly mtimeMs: number;
  /** The time that decided when it was recorded, epoch milliseconds. */
  readonly timeMs: number;
}

/**
 * The files of the current version of a session's record, and those that the latest look left to other sessions: what the
 * record once held and gave away is among them.
 */
export async function recordedFileTimes(
  sessionIdentifier: string,
): Promise<readonly RecordedFileTimes[]> {
  const knex = scopedSession().reader();
  const toMs = (column: string, name: string) => knex.raw(`?? / 1000000 as ??`, [column, name]);
  const current = knex<RecordRow>('records')
    .where('session_identifier', sessionIdentifier)
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .select('id');
  const datasets = await knex('datasets')
    .whereIn('record_id', current)
    .distinct<{ location: string; mtime_ms: number; time_ms: number }[]>(
      'location',
      toMs('mtime_ns', 'mtime_ms'),
      toMs('time_ns', 'time_ms'),
    );
  const inSeries = await knex('series_files')
    .join('datasets', 'datasets.id', 'series_files.dataset_id')
    .whereIn('datasets.record_id', current.clone())
    .select<{ location: string; mtime_ms: number; time_ms: number }[]>(
      'series_files.location',
      toMs('series_files.mtime_ns', 'mtime_ms'),
      toMs('series_files.time_ns', 'time_ms'),
    );
  const series = new Set(inSeries.map((row) => row.location));
  const others = await knex<FileVerdictRow>('file_verdicts')
    .where({ session_identifier: sessionIdentifier, verdict: 'other session' })
    .select<{ location: string; mtime_ms: number }[]>('location', toMs('mtime_ns', 'mtime_ms'));
  return [
    ...[...datasets.filter((row) => !series.has(row.location)), ...inSeries].map((row) => ({
      location: row.location,
      mtimeMs: row.mtime_ms,
      timeMs: row.time_ms,
    })),
    ...others.map((row) => ({
      location: row.location,
      mtimeMs: row.mtime_ms,
      timeMs: row.mtime_ms,
    })),
  ];
}
