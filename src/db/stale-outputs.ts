import type { Knex } from 'knex';
import type { Location } from '../domain/location.js';
import { instantText } from './instant.js';
import { scopedSession } from './scope.js';
import type { DatasetRow, RecordRow } from './tables.js';

/** Files below paths.output. */
export interface OutputNames {
  /** Files of paths.data, whose sidecars are meant. */
  readonly locations: readonly Location[];
  readonly previews: readonly Location[];
}

export const NO_OUTPUTS: OutputNames = { locations: [], previews: [] };

/** How far the times of a file may differ between two sessions, in milliseconds: by the offsets of their clocks. */
const TIME_SLACK_MS = 86_400_000;
/** Locations asked about at a time. */
const PAGE = 200;

type EarlierRow = Pick<DatasetRow, 'location' | 'preview'> & { readonly time_ms: number };

/**
 * Sidecars and previews that earlier versions of a session's record name, and its current version does not: files that
 * left it, and signals that a file has no more. What another session has, or takes over, is left out.
 */
export async function staleOutputs(version: {
  readonly recordId: number;
  readonly sessionIdentifier: string;
}): Promise<OutputNames> {
  const { recordId, sessionIdentifier } = version;
  const knex = scopedSession().reader();
  const earlier = knex<RecordRow>('records')
    .where('session_identifier', sessionIdentifier)
    .where('id', '<', recordId)
    .select('id');
  const rows: EarlierRow[] = await knex('datasets')
    .whereIn('record_id', earlier)
    .distinct('location', 'preview', knex.raw('time_ns / 1000000 as time_ms'));
  if (rows.length === 0) return NO_OUTPUTS;
  const named = await knex<DatasetRow>('datasets')
    .where('record_id', recordId)
    .select('location', 'preview');
  const locations = new Set(named.map((row) => row.location));
  const previews = new Set(named.map((row) => row.preview));
  const left = rows.filter((row) => !locations.has(row.location) || !previews.has(row.preview));
  if (left.length === 0) return NO_OUTPUTS;
  const kept = await ofOtherSessions(knex, sessionIdentifier, {
    locations: left.map(({ location }) => location),
    earliestMs: left.reduce((least, row) => Math.min(least, row.time_ms), Infinity),
    latestMs: left.reduce((most, row) => Math.max(most, row.time_ms), -Infinity),
  });
  const stale = left.filter(({ location }) => !kept.has(location));
  return {
    locations: [
      ...new Set(stale.flatMap(({ location }) => (locations.has(location) ? [] : [location]))),
    ],
    previews: [
      ...new Set(
        stale.flatMap(({ preview }) =>
          preview === null || previews.has(preview) ? [] : [preview],
        ),
      ),
    ],
  };
}

/** Files and the times, epoch milliseconds, between which they were written. */
interface TimedLocations {
  readonly locations: readonly Location[];
  readonly earliestMs: number;
  readonly latestMs: number;
}

/** Those of the locations that another session has in its record, or may be about to take into it. */
export async function ofOtherSessions(
  knex: Knex,
  sessionIdentifier: string,
  { locations, earliestMs, latestMs }: TimedLocations,
): Promise<ReadonlySet<Location>> {
  const wanted = new Set(locations);
  const kept = new Set<Location>();
  const keep = (found: readonly { readonly location: string }[]): void => {
    for (const { location } of found) if (wanted.has(location)) kept.add(location);
  };
  keep(
    await knex('file_verdicts')
      .where({ session_identifier: sessionIdentifier, verdict: 'other session' })
      .select<{ location: string }[]>('location'),
  );
  const nearby = knex('sessions')
    .where('start_at', '<=', instantText(latestMs + TIME_SLACK_MS))
    .where('end_at', '>=', instantText(earliestMs - TIME_SLACK_MS))
    .whereNot('session_identifier', sessionIdentifier)
    .select('session_identifier');
  const included = knex('session_files')
    .where('rule', 'include')
    .whereNot('session_identifier', sessionIdentifier)
    .select('session_identifier');
  const theirs = knex<RecordRow>('records')
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .where((either) => {
      void either.whereIn('session_identifier', nearby).orWhereIn('session_identifier', included);
    })
    .select('id');
  const all = [...wanted];
  for (let start = 0; start < all.length; start += PAGE) {
    const page = all.slice(start, start + PAGE);
    keep(
      await knex('datasets')
        .whereIn('record_id', theirs.clone())
        .whereIn('location', page)
        .distinct<{ location: string }[]>('location'),
    );
    keep(
      await knex('session_files')
        .where('rule', 'include')
        .whereNot('session_identifier', sessionIdentifier)
        .whereIn('location', page)
        .select<{ location: string }[]>('location'),
    );
  }
  return kept;
}
