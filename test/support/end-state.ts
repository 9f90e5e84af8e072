import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Lab } from './lab.js';

/** What a lab came to: what people can see in its database, and all its files by their sha256. */
export interface EndState {
  readonly log: readonly unknown[];
  readonly sessions: readonly unknown[];
  readonly records: readonly unknown[];
  readonly datasets: readonly unknown[];
  readonly values: readonly unknown[];
  readonly verdicts: readonly unknown[];
  readonly recordFiles: Readonly<Record<string, string>>;
  readonly outputFiles: Readonly<Record<string, string>>;
}

function sorted(rows: readonly unknown[]): unknown[] {
  return rows.map((row) => JSON.stringify(row)).sort();
}

function hashes(lab: Lab, folder: string): Record<string, string> {
  return Object.fromEntries(
    lab.files(folder).map((file) => [
      file,
      createHash('sha256')
        .update(readFileSync(join(folder, file)))
        .digest('hex'),
    ]),
  );
}

/** The end state without what differs from run to run: ids, times, tokens, attempts. */
export async function endStateOf(lab: Lab): Promise<EndState> {
  const { knex } = lab.database;
  const log = await knex('session_log').select<
    { detail: string | Record<string, unknown> | null; event_type: string }[]
  >('session_identifier', 'instrument', 'event_type', 'record_status', 'user', 'detail');
  const sessions = await knex('sessions').select(
    ...['session_identifier', 'session_key', 'instrument', 'user', 'start_at', 'end_at'],
    ...['status', 'problem', 'inputs_revision', 'lease_owner', 'tries', 'died_builds'],
    ...['deferral_reason', 'fingerprint', 'last_look', 'store_away_ms'],
  );
  const records = await knex('records').select<{ published_at: unknown }[]>(
    ...['session_identifier', 'version', 'path', 'public_path', 'sha256', 'fingerprint', 'cause'],
    'published_at',
  );
  const datasets = await knex('datasets')
    .join('activities', 'activities.id', 'datasets.activity_id')
    .join('records', 'records.id', 'datasets.record_id')
    .select(
      ...['records.session_identifier', 'records.version', 'activities.seqno as activity'],
      ...['activities.setup', 'datasets.location', 'datasets.type', 'datasets.preview'],
      ...['datasets.metadata', 'datasets.warnings', 'datasets.missing_since'],
    );
  const values = await knex('dataset_values')
    .join('datasets', 'datasets.id', 'dataset_values.dataset_id')
    .select('datasets.location', 'dataset_values.name', 'dataset_values.text');
  const verdicts = await knex('file_verdicts').select(
    ...['session_identifier', 'location', 'verdict', 'rule'],
  );
  return {
    log: sorted(
      log.map((row) => {
        const detail: unknown =
          typeof row.detail === 'string' ? JSON.parse(row.detail) : row.detail;
        const { outcome, reason, record_version } = Object(detail) as Record<string, unknown>;
        return { ...row, detail: { outcome, reason, record_version } };
      }),
    ),
    sessions: sorted(sessions),
    records: sorted(records.map((row) => ({ ...row, published_at: row.published_at !== null }))),
    datasets: sorted(datasets),
    values: sorted(values),
    verdicts: sorted(verdicts),
    recordFiles: hashes(lab, lab.records),
    outputFiles: hashes(lab, lab.output),
  };
}
