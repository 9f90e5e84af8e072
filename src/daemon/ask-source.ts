import { listRecords } from '../db/record-store.js';
import { findUsageEvent, type SettledAnswer } from '../db/source-answer-store.js';
import type { Database } from '../db/database.js';
import type { Session } from '../domain/session.js';
import type { SourceDetails, SourceFacts } from '../domain/source-answer.js';
import { isAppError } from '../errors.js';
import type { NemoSource } from '../event-sources.js';
import { askNemo, digestOfReply, type NemoReply } from '../sources/nemo/ask-nemo.js';

/** What the source of a session says when a build asks it. */
export type SourceAnswer =
  | {
      readonly kind: 'answered';
      readonly facts: SourceFacts;
      readonly details: SourceDetails;
      /** As it is settled. */
      readonly settled: SettledAnswer;
    }
  /** No configured source has the notion: rows by hand, an instrument PC, a NEMO that is not configured or has no token. */
  | { readonly kind: 'not-asked'; readonly facts: SourceFacts | null }
  | {
      readonly kind: 'refused';
      readonly outcome: 'NO_CONSENT' | 'NO_RESERVATION';
      /** In words, for people. */
      readonly reason: string;
      readonly facts: SourceFacts;
      readonly settled: SettledAnswer;
    }
  /** The source does not know the event (any more). */
  | { readonly kind: 'gone'; readonly reason: string }
  /** Nothing is known: an old answer never counts. */
  | {
      readonly kind: 'away';
      readonly reason: string;
      /** Milliseconds after which the source wants to be asked again; null: it named no time. */
      readonly retryAfterMs: number | null;
      /** Its other sessions need not be tried either. */
      readonly isWholeSource: boolean;
    };

/** Asks the sources of sessions. */
export interface SourceAsker {
  /** Name of the configured source that a session is of; null: none. */
  readonly sourceOf: (session: Pick<Session, 'identifier' | 'source'>) => string | null;
  /** Asks afresh. @throws AppError when the database cannot be reached, or ABORTED. */
  readonly ask: (session: Session, signal: AbortSignal) => Promise<SourceAnswer>;
}

interface SourceEvent {
  readonly source: NemoSource;
  /** Null: the source never told of the session, and its identifier does not say either. */
  readonly eventId: number | null;
  /** What the source last told by itself. */
  readonly facts: SourceFacts | null;
}

/** Asks the configured NEMO instances. Importing and making it asks nothing. */
export function sourceAsker(database: Database, sources: readonly NemoSource[]): SourceAsker {
  const named = (session: Pick<Session, 'identifier' | 'source'>): NemoSource | null =>
    sources.find(({ name }) => name === session.source) ??
    sources.find(({ baseUrl }) => eventIdBelow(baseUrl, session.identifier) !== null) ??
    null;
  return {
    sourceOf: (session) => named(session)?.name ?? null,
    ask: async (session, signal) => {
      const source = named(session);
      if (source === null) return { kind: 'not-asked', facts: null };
      return answerOf(database, session, await eventOf(database, source, session), signal);
    },
  };
}

/** The id in an identifier of a NEMO: `{base_url}usage_events/?id=42`; null: it is none of this one. */
function eventIdBelow(baseUrl: string, identifier: string): number | null {
  if (!URL.canParse(identifier)) return null;
  const url = new URL(identifier);
  const path = url.href.slice(0, url.href.length - url.search.length - url.hash.length);
  if (path.replace(/\/?$/, '/') !== `${baseUrl}usage_events/`) return null;
  const id = url.searchParams.get('id') ?? '';
  return /^[1-9]\d{0,14}$/.test(id) ? Number(id) : null;
}

async function eventOf(
  database: Database,
  source: NemoSource,
  { identifier }: Session,
): Promise<SourceEvent> {
  const row = await database.createScope(() => findUsageEvent(identifier));
  if (row?.source !== source.name) {
    return { source, eventId: eventIdBelow(source.baseUrl, identifier), facts: null };
  }
  return {
    source,
    eventId: row.event_id,
    facts: {
      project: row.project,
      group: null,
      training: Boolean(row.training),
      remoteWork: Boolean(row.remote_work),
    },
  };
}

async function answerOf(
  database: Database,
  session: Session,
  { source, eventId, facts }: SourceEvent,
  signal: AbortSignal,
): Promise<SourceAnswer> {
  const { name, baseUrl, client, settings } = source;
  if (client === null) return withoutToken(source, facts);
  if (eventId === null) {
    return { kind: 'gone', reason: `${name}: which usage event the session is is not known.` };
  }
  let reply: NemoReply;
  try {
    const asked = { eventId, endMs: session.end.toMillis() };
    reply = await askNemo({ baseUrl, client, settings }, asked, { signal });
  } catch (error) {
    if (signal.aborted || !isAppError(error) || !error.code.startsWith('SOURCE_')) throw error;
    const { retryAfterMs } = error.details;
    return {
      kind: 'away',
      reason: `${name}: ${error.message}${error.remedy === undefined ? '' : ` ${error.remedy}`}`,
      retryAfterMs: typeof retryAfterMs === 'number' ? retryAfterMs : null,
      // A wrong row says nothing of others.
      isWholeSource: error.code !== 'SOURCE_ANSWER_INVALID',
    };
  }
  if (reply.kind === 'gone') {
    return { kind: 'gone', reason: `${name} has no usage event ${eventId} any more.` };
  }
  const hasRecord =
    reply.kind === 'no-consent' &&
    (await database.createScope(() => hasRecordOf(session.identifier)));
  return toAnswer(source, eventId, reply, hasRecord);
}

/** Whether a version of the record holds content. */
async function hasRecordOf(sessionIdentifier: string): Promise<boolean> {
  const versions = await listRecords(sessionIdentifier);
  return versions.some(({ withdrawnAtMs }) => withdrawnAtMs === null);
}

/** What only pushes its sessions cannot be asked. */
function withoutToken({ name, settings }: NemoSource, facts: SourceFacts | null): SourceAnswer {
  const { consent, reservation } = settings;
  if (consent === 'off' && reservation === 'optional') return { kind: 'not-asked', facts };
  const what = consent === 'off' ? 'reservations' : 'consent';
  return {
    kind: 'away',
    reason: `${name}: ${what} cannot be asked for without a token. Give the source a token.`,
    retryAfterMs: null,
    isWholeSource: true,
  };
}

function toAnswer(
  { name, settings }: NemoSource,
  eventId: number,
  reply: Exclude<NemoReply, { kind: 'gone' }>,
  hasRecord: boolean,
): SourceAnswer {
  const { facts } = reply;
  const event = { source: name, eventId, sha256: digestOfReply(reply) };
  if (reply.kind === 'answered') {
    const { details } = reply;
    return {
      kind: 'answered',
      facts,
      details,
      settled: { ...event, outcome: 'answered', details },
    };
  }
  // Where the reservation that lacks would have had the question, what lacks is the reservation; not so of what is to go.
  const lacksReservation =
    reply.kind === 'no-reservation' ||
    (reply.why === 'unanswered' &&
      !reply.hasReservation &&
      !hasRecord &&
      settings.reservation === 'required');
  if (lacksReservation) {
    return {
      kind: 'refused',
      outcome: 'NO_RESERVATION',
      reason: `${name} has no reservation for the session`,
      facts,
      settled: { ...event, outcome: 'no reservation', details: null },
    };
  }
  return {
    kind: 'refused',
    outcome: 'NO_CONSENT',
    reason: `${name}: ${WHY_WITHHELD[reply.why]}`,
    facts,
    settled: { ...event, outcome: 'no consent', details: null },
  };
}

const WHY_WITHHELD = {
  refused: 'consent was refused',
  unanswered: 'consent was not given: the question has no answer',
  unreadable: 'consent is not known: answers cannot be read',
} as const;
