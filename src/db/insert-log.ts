import type { Knex } from 'knex';
import { z } from 'zod';
import { readTime } from '../domain/local-time.js';
import type { RecordStatus } from '../domain/record-status.js';
import { sessionKeyOf } from '../domain/session.js';
import { AppError } from '../errors.js';
import { boundedText, cleanOptionalText, shortened } from './clean-text.js';
import { instantMs, instantText, isStorableInstant } from './instant.js';
import { OPTIONAL_TEXT, requireInput, requireText, TEXT } from './library-input.js';
import { refreshSession } from './refresh-session.js';
import { scopedSession } from './scope.js';
import type { InstrumentRow, SessionLogRow } from './tables.js';

/** A START or END as a source reports it. */
export interface SessionEvent {
  readonly sessionIdentifier: string;
  readonly instrumentPid: string;
  readonly eventType: 'START' | 'END';
  /** ISO text as received (kept beside the instant), or epoch milliseconds. */
  readonly at: string | number;
  /** Absent or null: not said. */
  readonly user?: string | null;
  readonly source?: string | null;
  /** Zone of the source, for text without one. @default the instrument's */
  readonly zone?: string;
}

const eventSchema = z.object({
  sessionIdentifier: TEXT,
  instrumentPid: TEXT,
  eventType: z.enum(['START', 'END']),
  // Which numbers are instants is said below.
  at: z.custom(
    (at) => typeof at === 'string' || typeof at === 'number',
    'expected ISO text or milliseconds since 1970',
  ),
  user: OPTIONAL_TEXT,
  source: OPTIONAL_TEXT,
  zone: TEXT.optional(),
});

/** Options of insertLog. */
export interface InsertLogOptions {
  /** Called for a duplicate, and for a time that had to be interpreted. */
  readonly onWarning?: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** What insertLog did. */
export interface InsertLogResult {
  /** `updated`: the event was there with another time, instrument or user, and its row was changed in place. */
  readonly kind: 'inserted' | 'updated' | 'duplicate';
  readonly sessionIdentifier: string;
  readonly sessionKey: string;
  readonly status: RecordStatus;
  readonly warnings: readonly string[];
}

async function instrumentOf(knex: Knex, pid: string): Promise<InstrumentRow> {
  const row = await knex<InstrumentRow>('instruments').where('instrument_pid', pid).first();
  if (row !== undefined) return row;
  throw new AppError('INSTRUMENT_NOT_FOUND', `There is no instrument ${pid}.`, {
    remedy: 'See `recordsmith instruments list`, or add it with `recordsmith instruments add`.',
    details: { instrument: pid },
  });
}

/**
 * Writes a START or END into the session log. Idempotent: the same event again is a duplicate (with a warning), a
 * re-timed one updates its row in place. The session's status follows by the table of transitions.
 * @throws AppError INSTRUMENT_NOT_FOUND, TIME_INVALID, INPUT_INVALID.
 */
export async function insertLog(
  event: SessionEvent,
  options: InsertLogOptions = {},
): Promise<InsertLogResult> {
  requireInput(eventSchema, event, 'The event');
  const unit = scopedSession();
  const transaction = await unit.writer();
  const identifier = boundedText('The session identifier', event.sessionIdentifier, 255);
  await unit.dialect.lockSession(transaction, identifier);
  const instrument = await instrumentOf(transaction, event.instrumentPid);
  const rows = await transaction<SessionLogRow>('session_log')
    .where('session_identifier', identifier)
    .whereIn('event_type', ['START', 'END'])
    .select();
  const existing = rows.find((row) => row.event_type === event.eventType);
  const other = rows.find((row) => row.event_type !== event.eventType);
  const time = timeOf(event, event.zone ?? instrument.timezone, other);
  const user = cleanOptionalText(event.user);
  const fields = {
    instrument: instrument.instrument_pid,
    timestamp: instantText(time.epochMs),
    user:
      user === null ? (existing?.user ?? other?.user ?? null) : boundedText('The user', user, 255),
    source: cleanOptionalText(event.source) ?? existing?.source ?? null,
  };
  const warnings = time.warning === null ? [] : [time.warning];
  let kind: InsertLogResult['kind'] = 'inserted';
  if (existing === undefined) {
    await transaction<SessionLogRow>('session_log').insert({
      ...fields,
      session_identifier: identifier,
      event_type: event.eventType,
      timestamp_text: time.text,
      revision: 1,
    });
  } else if (
    existing.instrument === fields.instrument &&
    existing.timestamp === fields.timestamp &&
    existing.user === fields.user
  ) {
    kind = 'duplicate';
    warnings.push(`The ${event.eventType} of this session is in the log already.`);
  } else {
    kind = 'updated';
    await transaction<SessionLogRow>('session_log')
      .where('id_session_log', existing.id_session_log)
      .update({
        ...fields,
        timestamp_text: time.text,
        revision: transaction.raw('revision + 1'),
      });
  }
  const cause = event.eventType === 'START' ? 'start arrives' : 'end arrives';
  const refreshed = await refreshSession(transaction, unit.dialect, identifier, cause);
  const sessionKey = sessionKeyOf(identifier);
  for (const warning of warnings) {
    options.onWarning?.(warning, { session: sessionKey, sessionIdentifier: identifier });
  }
  return { kind, sessionIdentifier: identifier, sessionKey, status: refreshed.status, warnings };
}

function timeOf(
  event: SessionEvent,
  zone: string,
  other: SessionLogRow | undefined,
): { epochMs: number; text: string | null; warning: string | null } {
  if (typeof event.at === 'number') {
    if (!isStorableInstant(event.at)) throw outOfRange(event.at);
    return { epochMs: Math.trunc(event.at), text: null, warning: null };
  }
  const start = event.eventType === 'END' ? other : undefined;
  const read = readTime(event.at, {
    zone,
    ...(start === undefined ? {} : { notBeforeMs: instantMs(start.timestamp) }),
  });
  if (!isStorableInstant(read.epochMs)) throw outOfRange(event.at);
  return { epochMs: read.epochMs, text: shortened(event.at, 100), warning: read.warning };
}

function outOfRange(at: string | number): AppError {
  return new AppError('TIME_INVALID', `The time ${at} is no instant of the years 0001 to 9999.`, {
    remedy: 'Give ISO text like 2026-03-01T14:30:00+01:00, or milliseconds since 1970.',
  });
}

/**
 * Takes an END back (the source reopened the session): its row goes, and the session waits for an END again.
 * @returns false when there was no END.
 */
export async function withdrawEnd(sessionIdentifier: string): Promise<boolean> {
  requireText(sessionIdentifier, 'The session identifier');
  const unit = scopedSession();
  const transaction = await unit.writer();
  await unit.dialect.lockSession(transaction, sessionIdentifier);
  const removed = await transaction<SessionLogRow>('session_log')
    .where({ session_identifier: sessionIdentifier, event_type: 'END' })
    .del();
  if (removed === 0) return false;
  await refreshSession(transaction, unit.dialect, sessionIdentifier, 'end withdrawn');
  await transaction('session_log_changes').where('session_identifier', sessionIdentifier).del();
  return true;
}
