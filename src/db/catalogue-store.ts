import type { Knex } from 'knex';
import { z } from 'zod';
import type { Activity } from '../domain/activity.js';
import {
  DATASET_ROLES,
  DATASET_TYPES,
  type AxisCalibration,
  type Metadata,
  type MetadataValue,
} from '../domain/file-metadata.js';
import type { Dataset } from '../domain/dataset.js';
import { toBaseUnit } from '../domain/units.js';
import { AppError } from '../errors.js';
import { cleanText, shortened } from './clean-text.js';
import { insertMany, type BulkColumn, type Dialect } from './dialect.js';
import { instantMs, instantText, optionalInstantMs, optionalInstantText } from './instant.js';
import { cleanJsonText, jsonColumn } from './json-column.js';
import { commentKey, commentsOf } from './dataset-comments.js';
import { scopedSession } from './scope.js';
import { insertSeriesFiles, seriesFilesOf } from './series-files-store.js';
import type { ActivityRow, DatasetRow } from './tables.js';

const metadataValue = z.object({
  value: z.union([z.string(), z.number(), z.boolean(), z.array(z.number()), z.array(z.string())]),
  unit: z.string().optional(),
  warning: z.boolean().optional(),
});

const metadataText = jsonColumn(z.record(z.string(), metadataValue));
const shapeColumn = jsonColumn<readonly number[]>(z.array(z.number()));
const warningsColumn = jsonColumn<readonly string[]>(z.array(z.string()));
const calibrationColumn = jsonColumn<readonly AxisCalibration[]>(
  z.array(z.object({ scale: z.number(), origin: z.number(), unit: z.string() })),
);

/** The metadata of an activity or dataset row. */
function readMetadata(text: string): Metadata {
  const entries: [string, MetadataValue][] = Object.entries(metadataText.read(text)).map(
    ([name, { value, unit, warning }]) => [
      name,
      {
        value,
        ...(unit === undefined ? {} : { unit }),
        ...(warning === undefined ? {} : { warning }),
      },
    ],
  );
  // jsonb orders keys in its own way; the record's order is that of lower-cased code points.
  return Object.fromEntries(entries.sort(([a], [b]) => compareNames(a, b)));
}

function compareNames(a: string, b: string): number {
  const [lowerA, lowerB] = [a.toLowerCase(), b.toLowerCase()];
  if (lowerA !== lowerB) return lowerA < lowerB ? -1 : 1;
  return a < b ? -1 : a > b ? 1 : 0;
}

const DATASET_COLUMNS: readonly BulkColumn[] = [
  { name: 'record_id', kind: 'integer' },
  { name: 'activity_id', kind: 'integer' },
  { name: 'seqno', kind: 'integer' },
  { name: 'location', kind: 'text' },
  { name: 'name', kind: 'text' },
  { name: 'format', kind: 'text' },
  { name: 'type', kind: 'text' },
  { name: 'role', kind: 'text' },
  { name: 'description', kind: 'text' },
  { name: 'preview', kind: 'text' },
  { name: 'size_bytes', kind: 'integer' },
  { name: 'mtime_ns', kind: 'integer' },
  { name: 'time_ns', kind: 'integer' },
  { name: 'acquired_at', kind: 'instant' },
  { name: 'metadata', kind: 'json' },
  { name: 'shape', kind: 'json' },
  { name: 'calibration', kind: 'json' },
  { name: 'dtype', kind: 'text' },
  { name: 'reader', kind: 'text' },
  { name: 'signal_number', kind: 'integer' },
  { name: 'signal_count', kind: 'integer' },
  { name: 'warnings', kind: 'json' },
  { name: 'missing_since', kind: 'instant' },
  { name: 'comment', kind: 'text' },
];

const VALUE_COLUMNS: readonly BulkColumn[] = [
  { name: 'dataset_id', kind: 'integer' },
  { name: 'name', kind: 'text' },
  { name: 'position', kind: 'integer' },
  { name: 'number', kind: 'number' },
  { name: 'text', kind: 'text' },
];

type BulkRow = Record<string, string | number | boolean | null>;

/** Values of a list that can be searched; longer lists (spectra of settings) stay whole in the metadata. */
const SEARCHED_LIST = 20;

/** Rows gathered before they are written: bounds memory for records of many thousand files. */
const GATHERED_ROWS = 5000;

function datasetRow(
  dataset: Dataset,
  recordId: number,
  activityId: number,
  seqno: number,
  comment: string | null,
): BulkRow {
  return {
    record_id: recordId,
    activity_id: activityId,
    seqno,
    location: dataset.location,
    name: shortened(dataset.name, 1000),
    format: shortened(dataset.format, 255),
    type: dataset.type,
    role: dataset.role,
    description: dataset.description === null ? null : cleanText(dataset.description),
    preview: dataset.preview,
    size_bytes: dataset.sizeBytes,
    mtime_ns: dataset.mtimeNs.toString(),
    time_ns: dataset.timeNs.toString(),
    acquired_at: optionalInstantText(dataset.acquiredMs),
    metadata: cleanJsonText(dataset.metadata),
    shape: shapeColumn.write(dataset.shape),
    calibration: cleanJsonText(dataset.calibration),
    dtype: dataset.dtype,
    reader: shortened(dataset.reader, 100),
    signal_number: dataset.signalNumber,
    signal_count: dataset.signalCount,
    warnings: warningsColumn.write(dataset.warnings),
    missing_since: optionalInstantText(dataset.missingSinceMs),
    comment,
  };
}

function valueRows(datasetId: number, metadata: Metadata): BulkRow[] {
  const rows: BulkRow[] = [];
  const positions = new Map<string, number>();
  for (const [wholeName, { value, unit }] of Object.entries(metadata)) {
    const name = shortened(wholeName, 255);
    if (name === '') continue;
    const values = Array.isArray(value) ? value.slice(0, SEARCHED_LIST) : [value];
    for (const single of values) {
      const number = typeof single === 'number' && Number.isFinite(single) ? single : null;
      // Names that differ only in what the column cannot hold share their positions: all their values can be found.
      const position = positions.get(name) ?? 0;
      positions.set(name, position + 1);
      rows.push({
        dataset_id: datasetId,
        name,
        position,
        number: number === null ? null : toBaseUnit(number, unit),
        text: shortened(unit === undefined ? String(single) : `${String(single)} ${unit}`, 500),
      });
    }
  }
  return rows;
}

/**
 * Writes the activities, datasets and searchable values of a new version. The values of the version it supersedes go,
 * so that searching finds current records only; people's comments on datasets move over.
 */
export async function insertActivities(
  transaction: Knex,
  dialect: Dialect,
  recordId: number,
  activities: readonly Activity[],
  supersededId: number | null,
): Promise<void> {
  const comments = await commentsOf(transaction, supersededId);
  if (supersededId !== null) await removeValues(transaction, supersededId);
  const datasets: BulkRow[] = [];
  let seqno = 0;
  for (const activity of activities) {
    const [row] = await transaction<ActivityRow>('activities')
      .insert({
        record_id: recordId,
        seqno: activity.seqno,
        start_at: instantText(activity.startMs),
        end_at: instantText(activity.endMs),
        setup: cleanJsonText(activity.setup),
      })
      .returning('id');
    if (row === undefined) throw new AppError('INTERNAL', 'The new activity has no row.');
    for (const dataset of activity.datasets) {
      const comment = comments.get(commentKey(dataset.location, dataset.signalNumber)) ?? null;
      datasets.push(datasetRow(dataset, recordId, row.id, seqno, comment));
      seqno += 1;
      if (datasets.length >= GATHERED_ROWS) {
        await insertMany(transaction, dialect, 'datasets', DATASET_COLUMNS, datasets.splice(0));
      }
    }
  }
  await insertMany(transaction, dialect, 'datasets', DATASET_COLUMNS, datasets);
  await insertValues(transaction, dialect, recordId, activities);
}

async function insertValues(
  transaction: Knex,
  dialect: Dialect,
  recordId: number,
  activities: readonly Activity[],
): Promise<void> {
  const ids = await transaction<DatasetRow>('datasets')
    .where('record_id', recordId)
    .orderBy('seqno')
    .select('id');
  await insertSeriesFiles(
    transaction,
    dialect,
    activities,
    ids.map(({ id }) => id),
  );
  const rows: BulkRow[] = [];
  let seqno = 0;
  for (const activity of activities) {
    for (const dataset of activity.datasets) {
      const id = ids[seqno]?.id;
      seqno += 1;
      if (id === undefined) throw new AppError('INTERNAL', 'A new dataset has no row.');
      rows.push(...valueRows(id, { ...activity.setup, ...dataset.metadata }));
      if (rows.length >= GATHERED_ROWS) {
        await insertMany(transaction, dialect, 'dataset_values', VALUE_COLUMNS, rows.splice(0));
      }
    }
  }
  await insertMany(transaction, dialect, 'dataset_values', VALUE_COLUMNS, rows);
}

/** Takes a version's datasets out of the search. */
export async function removeValues(transaction: Knex, recordId: number): Promise<void> {
  await transaction('dataset_values')
    .whereIn('dataset_id', transaction('datasets').where('record_id', recordId).select('id'))
    .del();
}

const datasetNames = z.object({ type: z.enum(DATASET_TYPES), role: z.enum(DATASET_ROLES) });

function toDataset(row: DatasetRow, series: Dataset['series']): Dataset {
  return {
    ...(series === undefined ? {} : { series }),
    ...datasetNames.parse({ type: row.type, role: row.role }),
    name: row.name,
    location: row.location,
    format: row.format,
    description: row.description,
    preview: row.preview,
    metadata: readMetadata(row.metadata),
    sizeBytes: row.size_bytes,
    mtimeNs: BigInt(row.mtime_ns),
    timeNs: BigInt(row.time_ns),
    acquiredMs: optionalInstantMs(row.acquired_at),
    shape: shapeColumn.read(row.shape),
    calibration: calibrationColumn.read(row.calibration),
    dtype: row.dtype,
    reader: row.reader,
    signalNumber: row.signal_number,
    signalCount: row.signal_count,
    warnings: warningsColumn.read(row.warnings),
    missingSinceMs: optionalInstantMs(row.missing_since),
  };
}

/** The activities of a record's version as they are in the catalogue, with their datasets. */
export async function recordActivities(recordId: number): Promise<readonly Activity[]> {
  const knex = scopedSession().reader();
  const activities = await knex<ActivityRow>('activities')
    .where('record_id', recordId)
    .orderBy('seqno')
    .select();
  const rows: DatasetRow[] = await knex<DatasetRow>('datasets')
    .where('record_id', recordId)
    .orderBy('seqno')
    .select(
      'datasets.*',
      knex.raw('cast(mtime_ns as text) as mtime_ns'),
      knex.raw('cast(time_ns as text) as time_ns'),
    );
  const series = await seriesFilesOf(knex, recordId);
  const byActivity = new Map<number, Dataset[]>(activities.map((activity) => [activity.id, []]));
  for (const row of rows) {
    byActivity.get(row.activity_id)?.push(toDataset(row, series.get(row.location)));
  }
  return activities.map((activity) => ({
    seqno: activity.seqno,
    startMs: instantMs(activity.start_at),
    endMs: instantMs(activity.end_at),
    setup: readMetadata(activity.setup),
    datasets: byActivity.get(activity.id) ?? [],
  }));
}
