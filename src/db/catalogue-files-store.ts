import type { Location } from '../domain/location.js';
import { scopedSession } from './scope.js';
import type { DatasetRow } from './tables.js';

/** What a dataset of a current record has below paths.output. */
export interface CatalogueFile {
  readonly datasetId: number;
  readonly sessionIdentifier: string;
  readonly location: Location;
  readonly preview: Location | null;
  /** A sidecar was kept; a file that could not be read or kept (it has a warning) may have none. */
  readonly hasSidecar: boolean;
}

/** Datasets of current records in order of their id, a page at a time: for looking whether their outputs are there. */
export async function listCatalogueFiles(
  afterDatasetId: number,
  limit: number,
): Promise<readonly CatalogueFile[]> {
  const knex = scopedSession().reader();
  const rows = await knex<DatasetRow>('datasets')
    .join('records', 'records.id', 'datasets.record_id')
    .whereNull('records.superseded_at')
    .whereNull('records.withdrawn_at')
    .where('datasets.id', '>', afterDatasetId)
    .orderBy('datasets.id')
    .limit(limit)
    .select<
      (Pick<DatasetRow, 'id' | 'location' | 'preview' | 'signal_number' | 'warnings'> & {
        session_identifier: string;
      })[]
    >(
      'datasets.id',
      'datasets.location',
      'datasets.preview',
      'datasets.signal_number',
      'datasets.warnings',
      'records.session_identifier',
    );
  return rows.map((row) => ({
    datasetId: row.id,
    sessionIdentifier: row.session_identifier,
    location: row.location,
    preview: row.preview,
    // One sidecar a file: its first signal stands for it.
    hasSidecar: row.signal_number === 1 && row.warnings === '[]',
  }));
}
