import type { Knex } from 'knex';

/** Selects the instruments that write to a folder of this one, itself included. */
export function sharingInstruments(knex: Knex, instrumentPid: string): Knex.QueryBuilder {
  // Rows made by SQL may name their folder in `instruments` only.
  const foldersOfIt = (): Knex.QueryBuilder =>
    knex('instruments')
      .where('instrument_pid', instrumentPid)
      .select('filestore_path')
      .union(knex('instrument_folders').where('instrument_pid', instrumentPid).select('path'));
  return knex('instruments')
    .whereIn('filestore_path', foldersOfIt())
    .orWhereIn(
      'instrument_pid',
      knex('instrument_folders').whereIn('path', foldersOfIt()).select('instrument_pid'),
    )
    .select('instrument_pid');
}
