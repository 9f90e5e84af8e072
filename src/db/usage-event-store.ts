import type { Knex } from 'knex';
import { BUILD_OUTCOMES } from '../domain/record-status.js';
import { assertTransition } from '../sessions/transitions.js';
import { cleanOptionalText, shortened } from './clean-text.js';
import { enterStatus, FRESH_START } from './enter-status.js';
import { instantMs, instantText, optionalInstantMs, optionalInstantText } from './instant.js';
import { putSessionEvents, type ReportedTime } from './put-session-events.js';
import { raiseInputs, raiseNeighbours } from './refresh-session.js';
import { scopedSession, type UnitOfWork } from './scope.js';
import type { RecordRow, SessionRow, UsageEventRow } from './tables.js';

/** A usage event as its source has it now. */
export interface ObservedUsageEvent {
  readonly source: string;
  readonly eventId: number;
  readonly sessionIdentifier: string;
  readonly toolId: number;
  /** That of the tool; null: the tool is none of ours. */
  readonly instrumentPid: string | null;
  readonly start: ReportedTime;
  /** Null: in progress; may lie in the future. */
  readonly end: ReportedTime | null;
  readonly hasEnded: number | null;
  readonly userId: number;
  readonly operatorId: number;
  /** User names; null: not known. */
  readonly customer: string | null;
  readonly operator: string | null;
  /** Whose session it is: the customer or the operator. */
  readonly user: string | null;
  readonly projectId: number;
  readonly project: string | null;
  readonly training: boolean;
  readonly remoteWork: boolean;
  readonly waived: boolean;
  readonly validated: boolean;
  /** SHA-256 of the answers given at the tool, in hexadecimal; null: none. */
  readonly answersSha256: string | null;
  /** Whether it was read from the source, and not only pushed by it. */
  readonly isConfirmed: boolean;
}

/** What became of an observed usage event. */
export type UsageEventEffect =
  /** A new session. */
  | 'started'
  | 'changed'
  | 'unchanged'
  /** Its tool is none of ours (any more): see `forgetUsageEvent`. */
  | 'moved away'
  | 'not ours';

/** What of a usage event a record depends on besides the rows of the session log. */
const RECORDED = [
  'operator_id',
  'operator',
  'project_id',
  'project',
  'training',
  'remote_work',
  'answers_sha256',
] as const satisfies readonly (keyof UsageEventRow)[];

/**
 * Takes in a usage event as its source has it now: its shadow, START and END of its session, and the inputs of a record
 * that was built. The same event again changes nothing.
 * @param nowMs when it was read, epoch milliseconds
 */
export async function takeUsageEvent(
  event: ObservedUsageEvent,
  nowMs: number,
): Promise<UsageEventEffect> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const identifier = event.sessionIdentifier;
  await unit.dialect.lockSession(transaction, identifier);
  const shadow = await shadowOf(transaction, event.source, event.eventId);
  if (event.instrumentPid === null && shadow === undefined) return 'not ours';
  const withheld = await withheldSessions(transaction, [identifier]);
  const row = rowOf(event, nowMs, withheld.has(identifier));
  if (shadow === undefined) {
    await transaction('usage_events').insert({ ...row, first_seen_at: row.last_seen_at });
  } else {
    await transaction('usage_events')
      .where({ source: event.source, event_id: event.eventId })
      .update({ ...row, vanished_at: null, problem: null });
  }
  const { instrumentPid } = event;
  if (instrumentPid === null) {
    await letGo(unit, transaction, identifier, 'Its tool is no longer one of an instrument.');
    return 'moved away';
  }
  const revision = await revisionOf(transaction, identifier);
  const put = await putSessionEvents(unit, transaction, { ...event, instrumentPid });
  if (shadow === undefined) return put.changed ? 'started' : 'unchanged';
  const isOther = RECORDED.some((column) => !isSame(shadow[column], row[column]));
  if (isOther && (await revisionOf(transaction, identifier)) === revision) {
    await raiseInputs(transaction, unit.dialect, identifier, null);
  }
  const isBack = shadow.vanished_at !== null;
  return put.changed || isOther || isBack ? 'changed' : 'unchanged';
}

/** What of a shadow is compared with the source. */
const COMPARED = [
  ...RECORDED,
  'session_identifier',
  'tool_id',
  'instrument',
  'start_at',
  'end_at',
  'has_ended',
  'user_id',
  'username',
  'waived',
  'validated',
  'is_confirmed',
] as const satisfies readonly (keyof UsageEventRow)[];

/**
 * Of usage events of one source those that say something new; of the others it is noted that they were seen.
 * @param nowMs when they were read, epoch milliseconds
 */
export async function newsOf(
  source: string,
  events: readonly ObservedUsageEvent[],
  nowMs: number,
): Promise<readonly ObservedUsageEvent[]> {
  const unit = scopedSession();
  const ids = events.map((event) => event.eventId);
  const shadows = await unit
    .reader()<UsageEventRow>('usage_events')
    .where('source', source)
    .whereIn('event_id', ids)
    .select();
  const byId = new Map(shadows.map((shadow) => [shadow.event_id, shadow]));
  const identifiers = shadows.map((shadow) => shadow.session_identifier);
  const withheld = await withheldSessions(unit.reader(), identifiers);
  const isNews = (event: ObservedUsageEvent): boolean => {
    const shadow = byId.get(event.eventId);
    if (shadow === undefined) return event.instrumentPid !== null;
    const row = rowOf(event, nowMs, withheld.has(event.sessionIdentifier));
    return (
      shadow.vanished_at !== null || COMPARED.some((column) => !isSame(shadow[column], row[column]))
    );
  };
  const news = new Set(events.filter(isNews));
  const seen = events.filter((event) => !news.has(event) && byId.has(event.eventId));
  if (seen.length > 0 && !unit.readOnly) {
    const transaction = await unit.writer();
    await transaction('usage_events')
      .where('source', source)
      .whereIn(
        'event_id',
        seen.map((event) => event.eventId),
      )
      .update({ last_seen_at: instantText(nowMs), last_checked_at: instantText(nowMs) });
  }
  return [...news];
}

/** Flags are 0 and 1 in SQLite. */
function isSame(stored: unknown, given: unknown): boolean {
  return typeof given === 'boolean' ? Boolean(stored) === given : stored === given;
}

async function revisionOf(knex: Knex, identifier: string): Promise<number | undefined> {
  const row = await knex<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .first('inputs_revision');
  return row?.inputs_revision;
}

/** Those of the sessions whose content may not be kept; a project is content. */
async function withheldSessions(
  knex: Knex,
  identifiers: readonly string[],
): Promise<ReadonlySet<string>> {
  const rows = await knex<SessionRow>('sessions')
    .whereIn('session_identifier', [...identifiers])
    .where('status', 'NO_CONSENT')
    .select('session_identifier');
  return new Set(rows.map((row) => row.session_identifier));
}

function rowOf(event: ObservedUsageEvent, nowMs: number, isWithheld: boolean) {
  const text = (value: string | null, longest: number): string | null =>
    value === null ? null : shortened(value, longest);
  const now = instantText(nowMs);
  return {
    source: event.source,
    event_id: event.eventId,
    session_identifier: event.sessionIdentifier,
    tool_id: event.toolId,
    instrument: event.instrumentPid,
    start_at: instantText(event.start.epochMs),
    end_at: optionalInstantText(event.end?.epochMs ?? null),
    start_text: text(event.start.text, 100),
    end_text: text(event.end?.text ?? null, 100),
    has_ended: event.hasEnded,
    user_id: event.userId,
    username: text(cleanOptionalText(event.customer), 255),
    operator_id: event.operatorId,
    operator: text(cleanOptionalText(event.operator), 255),
    project_id: isWithheld ? null : event.projectId,
    project: isWithheld ? null : text(cleanOptionalText(event.project), 255),
    training: event.training,
    remote_work: event.remoteWork,
    waived: event.waived,
    validated: event.validated,
    answers_sha256: event.answersSha256,
    is_confirmed: event.isConfirmed,
    last_seen_at: now,
    last_checked_at: now,
  };
}

/** The last word of a source on a usage event; undefined: it was never taken in. */
async function shadowOf(
  knex: Knex,
  source: string,
  eventId: number,
): Promise<UsageEventRow | undefined> {
  return knex<UsageEventRow>('usage_events').where({ source, event_id: eventId }).first();
}

/** What became of the session of a usage event that its source has no more. */
export type ForgottenSession =
  /** It had no record. */
  | 'cancelled'
  /** Its record stays until a person decides; it is listed as a problem. */
  | 'kept'
  /** There is none, or it was cancelled before. */
  | 'nothing to do';

/**
 * The source has a usage event no more: its session is cancelled, unless it was built.
 * @param nowMs when that was found, epoch milliseconds
 */
export async function forgetUsageEvent(
  source: string,
  eventId: number,
  nowMs: number,
): Promise<ForgottenSession> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const known = await shadowOf(transaction, source, eventId);
  if (known === undefined) return 'nothing to do';
  await unit.dialect.lockSession(transaction, known.session_identifier);
  const shadow = await shadowOf(transaction, source, eventId);
  if (shadow?.vanished_at !== null) return 'nothing to do';
  const now = instantText(nowMs);
  await transaction('usage_events')
    .where({ source, event_id: eventId })
    .update({ vanished_at: now, last_checked_at: now });
  return letGo(unit, transaction, shadow.session_identifier, 'Its source has it no more.');
}

async function letGo(
  unit: UnitOfWork,
  transaction: Knex,
  identifier: string,
  reason: string,
): Promise<ForgottenSession> {
  const session = await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .first();
  if (session === undefined || session.status === 'CANCELLED') return 'nothing to do';
  const isUnbuilt = session.status === 'WAITING_FOR_END' || session.status === 'TO_BE_BUILT';
  if (!isUnbuilt || (await hasRecord(transaction, session))) {
    await transaction('usage_events')
      .where('session_identifier', identifier)
      .update({ problem: 'SOURCE_FORGOT' });
    return 'kept';
  }
  assertTransition('source forgot', session.status, 'CANCELLED', identifier);
  await enterStatus(transaction, unit.dialect, identifier, 'CANCELLED', {
    attempt: { outcome: 'DISCARDED', reason: 'The session was cancelled by its source.' },
    changes: {
      ...FRESH_START,
      inputs_revision: transaction.raw('inputs_revision + 1'),
      deferral_reason: reason,
    },
  });
  await raiseNeighbours(transaction, unit.dialect, identifier);
  return 'cancelled';
}

async function hasRecord(knex: Knex, session: SessionRow): Promise<boolean> {
  if (session.built_elsewhere) return true;
  const record = await knex<RecordRow>('records')
    .where('session_identifier', session.session_identifier)
    .whereNull('withdrawn_at')
    .first('id');
  return record !== undefined;
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

/** The source answers otherwise than the last build was told: the session is to be built again. */
export async function raiseForAnswers(sessionIdentifier: string): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  await unit.dialect.lockSession(transaction, sessionIdentifier);
  await raiseInputs(transaction, unit.dialect, sessionIdentifier, null);
}
