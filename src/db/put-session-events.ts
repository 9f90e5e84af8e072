import type { Knex } from 'knex';
import type { RecordStatus } from '../domain/record-status.js';
import { cleanOptionalText, shortened } from './clean-text.js';
import { instantText } from './instant.js';
import { refreshSession } from './refresh-session.js';
import type { UnitOfWork } from './scope.js';
import type { SessionLogRow } from './tables.js';

/** An instant of a session with the text that it was received as. */
export interface ReportedTime {
  readonly epochMs: number;
  readonly text: string | null;
}

/** All that a source says of a session. */
export interface ReportedSession {
  readonly sessionIdentifier: string;
  readonly instrumentPid: string;
  readonly user: string | null;
  readonly source: string;
  readonly start: ReportedTime;
  /** Null: in progress, or again in progress. */
  readonly end: ReportedTime | null;
}

/** What putting a session's events changed. */
export interface PutSessionEvents {
  /** Whether a row of the log was written. */
  readonly changed: boolean;
  readonly status: RecordStatus;
}

/**
 * Makes START and END of a session what its source says now: inserted, changed in place, or (END) withdrawn, both in one
 * step, so that a session that was moved to another instrument never names two. The status follows by the table of
 * transitions; corrections by people stay in force. In the caller's transaction and under the session's lock.
 */
export async function putSessionEvents(
  unit: UnitOfWork,
  transaction: Knex,
  session: ReportedSession,
): Promise<PutSessionEvents> {
  const identifier = session.sessionIdentifier;
  const rows = await transaction<SessionLogRow>('session_log')
    .where('session_identifier', identifier)
    .whereIn('event_type', ['START', 'END'])
    .select();
  const start = rows.find((row) => row.event_type === 'START');
  const end = rows.find((row) => row.event_type === 'END');
  let changed = await putEvent(transaction, session, 'START', session.start, start);
  if (session.end !== null) {
    changed = (await putEvent(transaction, session, 'END', session.end, end)) || changed;
  } else if (end !== undefined) {
    await transaction<SessionLogRow>('session_log')
      .where('id_session_log', end.id_session_log)
      .del();
    // The note that a row was deleted is for those deleted by hand.
    await transaction('session_log_changes').where('session_identifier', identifier).del();
    changed = true;
  }
  const { status } = await refreshSession(transaction, unit.dialect, identifier, 'start arrives');
  return { changed, status };
}

async function putEvent(
  transaction: Knex,
  session: ReportedSession,
  eventType: 'START' | 'END',
  time: ReportedTime,
  existing: SessionLogRow | undefined,
): Promise<boolean> {
  const fields = {
    instrument: session.instrumentPid,
    timestamp: instantText(time.epochMs),
    user: cleanOptionalText(session.user),
    source: session.source,
  };
  const timestamp_text = time.text === null ? null : shortened(time.text, 100);
  if (existing === undefined) {
    await transaction<SessionLogRow>('session_log').insert({
      ...fields,
      session_identifier: session.sessionIdentifier,
      event_type: eventType,
      timestamp_text,
      revision: 1,
    });
    return true;
  }
  const isSame =
    existing.instrument === fields.instrument &&
    existing.timestamp === fields.timestamp &&
    existing.user === fields.user &&
    existing.source === fields.source;
  if (isSame) return false;
  await transaction<SessionLogRow>('session_log')
    .where('id_session_log', existing.id_session_log)
    .update({ ...fields, timestamp_text, revision: transaction.raw('revision + 1') });
  return true;
}
