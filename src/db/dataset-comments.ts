import type { Knex } from 'knex';
import type { DatasetRow } from './tables.js';

/** What a comment belongs to. */
export function commentKey(location: string, signalNumber: number): string {
  return `${signalNumber} ${location}`;
}

/** People's comments on the datasets of a version, by commentKey; null: there is no such version. */
export async function commentsOf(
  knex: Knex,
  recordId: number | null,
): Promise<Map<string, string>> {
  const comments = new Map<string, string>();
  if (recordId === null) return comments;
  const rows = await knex<DatasetRow>('datasets')
    .where('record_id', recordId)
    .whereNotNull('comment')
    .select('location', 'signal_number', 'comment');
  for (const row of rows) {
    if (row.comment !== null)
      comments.set(commentKey(row.location, row.signal_number), row.comment);
  }
  return comments;
}
