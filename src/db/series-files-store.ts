import type { Knex } from 'knex';
import type { Activity } from '../domain/activity.js';
import type { DatasetFile } from '../domain/dataset.js';
import { groupBy } from '../domain/group-by.js';
import { insertMany, type BulkColumn, type Dialect } from './dialect.js';
import { optionalInstantMs, optionalInstantText } from './instant.js';
import type { DatasetRow, SeriesFileRow } from './tables.js';

const COLUMNS: readonly BulkColumn[] = [
  { name: 'dataset_id', kind: 'integer' },
  { name: 'position', kind: 'integer' },
  { name: 'location', kind: 'text' },
  { name: 'size_bytes', kind: 'integer' },
  { name: 'mtime_ns', kind: 'integer' },
  { name: 'time_ns', kind: 'integer' },
  { name: 'missing_since', kind: 'instant' },
];

/**
 * Writes the files of the series of a new version. Signals of one series have the same files: they are kept with the first.
 * @param datasetIds of all datasets of the activities, in their order
 */
export async function insertSeriesFiles(
  transaction: Knex,
  dialect: Dialect,
  activities: readonly Activity[],
  datasetIds: readonly number[],
): Promise<void> {
  const datasets = activities.flatMap((activity) => activity.datasets);
  for (const [index, { series, signalNumber }] of datasets.entries()) {
    if (series === undefined || signalNumber > 1) continue;
    const rows = series.map((file, position) => ({
      dataset_id: datasetIds[index] ?? 0,
      position,
      location: file.location,
      size_bytes: file.sizeBytes,
      mtime_ns: file.mtimeNs.toString(),
      time_ns: file.timeNs.toString(),
      missing_since: optionalInstantText(file.missingSinceMs),
    }));
    await insertMany(transaction, dialect, 'series_files', COLUMNS, rows);
  }
}

/** The files of each series of a version, by the location of its dataset. */
export async function seriesFilesOf(
  knex: Knex,
  recordId: number,
): Promise<ReadonlyMap<string, readonly DatasetFile[]>> {
  const rows: (SeriesFileRow & { readonly series: string })[] = await knex<SeriesFileRow>(
    'series_files',
  )
    .join<DatasetRow>('datasets', 'datasets.id', 'series_files.dataset_id')
    .where('datasets.record_id', recordId)
    .orderBy(['series_files.dataset_id', 'series_files.position'])
    .select(
      'series_files.*',
      'datasets.location as series',
      knex.raw('cast(series_files.mtime_ns as text) as mtime_ns'),
      knex.raw('cast(series_files.time_ns as text) as time_ns'),
    );
  const files = new Map<string, readonly DatasetFile[]>();
  for (const [series, rowsOfSeries] of groupBy(rows, (row) => row.series)) {
    files.set(series, rowsOfSeries.map(toDatasetFile));
  }
  return files;
}

function toDatasetFile(row: SeriesFileRow): DatasetFile {
  return {
    location: row.location,
    sizeBytes: row.size_bytes,
    mtimeNs: BigInt(row.mtime_ns),
    timeNs: BigInt(row.time_ns),
    missingSinceMs: optionalInstantMs(row.missing_since),
  };
}
