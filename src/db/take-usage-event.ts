import type { Knex } from 'knex';
import { cleanOptionalText, shortened } from './clean-text.js';
import { letGo } from './forget-usage-event.js';
import { instantText, optionalInstantText } from './instant.js';
import { putSessionEvents, type ReportedTime } from './put-session-events.js';
import { raiseInputs } from './refresh-session.js';
import { scopedSession } from './scope.js';
import type { SessionRow, UsageEventRow } from './tables.js';
import { shadowOf } from './usage-event-store.js';

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

/** The source answers otherwise than the last build was told: the session is to be built again. */
export async function raiseForAnswers(sessionIdentifier: string): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  await unit.dialect.lockSession(transaction, sessionIdentifier);
  await raiseInputs(transaction, unit.dialect, sessionIdentifier, null);
}
