import type { Knex } from 'knex';
import { BUILD_OUTCOMES } from '../domain/record-status.js';
import { instantMs, instantText, optionalInstantMs } from './instant.js';
import { scopedSession } from './scope.js';
import type { UsageEventRow } from './tables.js';

/** The last word of a source on a usage event; undefined: it was never taken in. For the stores of usage events. */
export async function shadowOf(
  knex: Knex,
  source: string,
  eventId: number,
): Promise<UsageEventRow | undefined> {
  return knex<UsageEventRow>('usage_events').where({ source, event_id: eventId }).first();
}

/** A usage event that the source had when it was last asked, and whose session nobody cancelled. */
export interface LiveUsageEvent {
  readonly eventId: number;
  readonly startMs: number;
}

/** Which usage events are compared with the source. */
export interface LiveUsageEventFilter {
  /** Only those in progress. */
  readonly isOpen?: true;
  /** Only those that began or ended since, epoch milliseconds. */
  readonly fromMs?: number;
}

/** The usage events of a source that it had when it was last asked, with the sessions that nobody cancelled. */
export async function liveUsageEvents(
  source: string,
  filter: LiveUsageEventFilter,
): Promise<readonly LiveUsageEvent[]> {
  const query = scopedSession()
    .reader()<UsageEventRow>('usage_events')
    .join('sessions', 'sessions.session_identifier', 'usage_events.session_identifier')
    .where('usage_events.source', source)
    .whereNull('usage_events.vanished_at')
    .whereNotNull('usage_events.instrument')
    .whereNot('sessions.status', 'CANCELLED')
    .orderBy('usage_events.event_id')
    .select<{ event_id: number; start_at: string }[]>(
      'usage_events.event_id',
      'usage_events.start_at',
    );
  if (filter.isOpen === true) void query.whereNull('usage_events.end_at');
  if (filter.fromMs !== undefined) {
    const from = instantText(filter.fromMs);
    void query.where((either) => {
      void either
        .where('usage_events.start_at', '>=', from)
        .orWhere('usage_events.end_at', '>=', from);
    });
  }
  return (await query).map((row) => ({
    eventId: row.event_id,
    startMs: instantMs(row.start_at),
  }));
}

/** Which of these usage events have been taken in before. */
export async function knownUsageEvents(
  source: string,
  eventIds: readonly number[],
): Promise<ReadonlySet<number>> {
  const rows = await scopedSession()
    .reader()<UsageEventRow>('usage_events')
    .where('source', source)
    .whereIn('event_id', [...eventIds])
    .select('event_id');
  return new Set(rows.map((row) => row.event_id));
}

/** The latest uses of instruments that are looked at for overlaps. */
const MOST_USES = 5000;

/** The sessions of usage events during which their source has another use of the same instrument. */
export function overlappingUse(knex: Knex): Knex.QueryBuilder {
  const latest = knex('usage_events')
    .whereNull('vanished_at')
    .whereNotNull('instrument')
    .orderBy('start_at', 'desc')
    .limit(MOST_USES)
    .select('session_identifier', 'event_id', 'source', 'instrument', 'start_at', 'end_at');
  return (
    knex
      .from(latest.as('later'))
      .join('usage_events as earlier', (on) => {
        on.on('earlier.instrument', 'later.instrument')
          .andOn('earlier.start_at', '<=', 'later.start_at')
          .andOn(knex.raw('(earlier.end_at is null or earlier.end_at > later.start_at)'))
          .andOn(knex.raw('earlier.vanished_at is null'))
          .andOn(knex.raw('earlier.session_identifier <> later.session_identifier'));
      })
      // A use without length overlaps nothing.
      .whereRaw('(later.end_at is null or later.end_at > later.start_at)')
      .select('later.session_identifier')
  );
}

/** What was last known of a usage event. */
export interface KnownUsageEvent {
  readonly hasEnded: number | null;
  /** Epoch milliseconds; null: in progress. */
  readonly endMs: number | null;
  readonly hasVanished: boolean;
}

/** What was last known of a usage event; null: it was never taken in. */
export async function knownUsageEvent(
  source: string,
  eventId: number,
): Promise<KnownUsageEvent | null> {
  const shadow = await shadowOf(scopedSession().reader(), source, eventId);
  if (shadow === undefined) return null;
  return {
    hasEnded: shadow.has_ended,
    endMs: optionalInstantMs(shadow.end_at),
    hasVanished: shadow.vanished_at !== null,
  };
}

/** A usage event whose session was built by what the source answered then. */
export interface AnsweredUsageEvent {
  readonly eventId: number;
  readonly sessionIdentifier: string;
  /** Epoch milliseconds. */
  readonly endMs: number;
  /** Of consent and details as the last build had them. */
  readonly detailsSha256: string;
}

/** The usage events whose sessions were built, that ended since `endFromMs` (epoch milliseconds); the latest first. */
export async function answeredUsageEvents(
  source: string,
  { endFromMs, limit }: { readonly endFromMs: number; readonly limit: number },
): Promise<readonly AnsweredUsageEvent[]> {
  const rows = await scopedSession()
    .reader()<UsageEventRow>('usage_events')
    .join('sessions', 'sessions.session_identifier', 'usage_events.session_identifier')
    .where('usage_events.source', source)
    .where('usage_events.end_at', '>=', instantText(endFromMs))
    .whereNull('usage_events.vanished_at')
    .whereNotNull('usage_events.details_sha256')
    .whereIn('sessions.status', BUILD_OUTCOMES)
    .orderBy('usage_events.end_at', 'desc')
    .limit(limit)
    .select<
      { event_id: number; session_identifier: string; end_at: string; details_sha256: string }[]
    >(
      'usage_events.event_id',
      'usage_events.session_identifier',
      'usage_events.end_at',
      'usage_events.details_sha256',
    );
  return rows.map((row) => ({
    eventId: row.event_id,
    sessionIdentifier: row.session_identifier,
    endMs: instantMs(row.end_at),
    detailsSha256: row.details_sha256,
  }));
}
