import type { Location } from '../domain/location.js';
import { instantMs, optionalInstantMs } from './instant.js';
import { scopedSession } from './scope.js';
import { ofOtherSessions } from './stale-outputs.js';
import type { OutputRemovalRow, RecordRow, SessionRow } from './tables.js';

/** What is still to be removed of a session without consent. */
export interface PendingRemoval {
  readonly sessionIdentifier: string;
  readonly sessionKey: string;
  /** START, epoch milliseconds; null: not known any more. */
  readonly startMs: number | null;
  /** The session is without consent still: nothing that is named after it is new. */
  readonly isWithheld: boolean;
  /** Files of paths.data whose sidecars go, each with the previews that are known of it. */
  readonly outputs: ReadonlyMap<Location, readonly Location[]>;
  /** XML files of withdrawn versions, relative to paths.records. */
  readonly versionPaths: readonly string[];
  /** Withdrawn versions whose public files may still be there. */
  readonly unpublishedIds: readonly number[];
  /** Ids of the notes that say so. */
  readonly noteIds: readonly number[];
}

/** How long before START and after END files were written that a build may have read, in milliseconds. */
const AROUND_MS = 2 * 86_400_000;

/** Sessions of which something is still to be removed. */
export async function sessionsToRemoveFrom(): Promise<readonly string[]> {
  const rows = await scopedSession()
    .reader()<OutputRemovalRow>('output_removals')
    .distinct('session_identifier');
  return rows.map((row) => row.session_identifier).sort();
}

/** What is to be removed of one session; what other sessions have in their records stays. Null: nothing. */
export async function findRemoval(sessionIdentifier: string): Promise<PendingRemoval | null> {
  const knex = scopedSession().reader();
  const notes = await knex<OutputRemovalRow>('output_removals')
    .where('session_identifier', sessionIdentifier)
    .select();
  const session = await knex<SessionRow>('sessions')
    .where('session_identifier', sessionIdentifier)
    .first('session_key', 'start_at', 'end_at', 'status');
  if (notes.length === 0 || session === undefined) return null;
  const startMs = optionalInstantMs(session.start_at);
  const locations = [...new Set(notes.flatMap(({ location }) => location ?? []))];
  const others = await ofOtherSessions(knex, sessionIdentifier, {
    locations,
    earliestMs: (startMs ?? 0) - AROUND_MS,
    latestMs: (session.end_at === null ? (startMs ?? 0) : instantMs(session.end_at)) + AROUND_MS,
  });
  const own = await inCurrentRecord(sessionIdentifier);
  const withdrawn = await knex<RecordRow>('records')
    .where('session_identifier', sessionIdentifier)
    .whereNotNull('withdrawn_at')
    .select('id', 'path', 'published_at');
  const outputs = new Map<Location, Location[]>();
  for (const { location, preview } of notes) {
    if (location === null || others.has(location) || own.has(location)) continue;
    const previews = outputs.get(location) ?? [];
    outputs.set(location, preview === null ? previews : [...previews, preview]);
  }
  return {
    sessionIdentifier,
    sessionKey: session.session_key,
    startMs,
    isWithheld: session.status === 'NO_CONSENT',
    outputs,
    versionPaths: withdrawn.map(({ path }) => path),
    unpublishedIds: withdrawn.filter((row) => row.published_at === null).map(({ id }) => id),
    noteIds: notes.map(({ id }) => id),
  };
}

/** The files of a session that has consent again and was built anew before everything was removed. */
async function inCurrentRecord(sessionIdentifier: string): Promise<ReadonlySet<Location>> {
  const knex = scopedSession().reader();
  const current = knex<RecordRow>('records')
    .where('session_identifier', sessionIdentifier)
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .select('id');
  const rows: { location: string }[] = await knex('datasets')
    .whereIn('record_id', current)
    .distinct('location');
  return new Set(rows.map((row) => row.location));
}

/** Notes removed at a time. */
const PAGE = 200;

/** Notes that it is done. */
export async function finishRemoval({ noteIds }: PendingRemoval): Promise<void> {
  const transaction = await scopedSession().writer();
  for (let first = 0; first < noteIds.length; first += PAGE) {
    await transaction<OutputRemovalRow>('output_removals')
      .whereIn('id', noteIds.slice(first, first + PAGE))
      .del();
  }
}
