import { sessionKeyOf } from '../domain/session.js';
import { takeUpLogChanges } from './due-sessions.js';
import { instantMs, instantText } from './instant.js';
import { generationDetailColumn } from './record-generation.js';
import { scopedSession } from './scope.js';
import type { LoggedEvent } from './session-store.js';
import type { SessionLogRow } from './tables.js';

/** Which rows of the session log are listed. */
export interface LogFilters {
  readonly instrumentPid?: string;
  /** Identifier or key. */
  readonly session?: string;
  readonly eventType?: LoggedEvent['eventType'];
  /** Events in [fromMs, toMs), epoch milliseconds. */
  readonly fromMs?: number;
  readonly toMs?: number;
}

/** A row of the session log with what it belongs to. */
export interface ListedLogEvent extends LoggedEvent {
  readonly id: number;
  readonly sessionIdentifier: string;
  readonly sessionKey: string;
  /** Epoch milliseconds. */
  readonly createdAtMs: number;
}

/** A page of rows, in the order they were written: what is written later comes on later pages. */
export interface LogPage {
  readonly events: readonly ListedLogEvent[];
  /** For the next page; null: this was the last. */
  readonly nextAfterId: number | null;
}

/** Lists rows of the session log in the order they were written. @param page.afterId that of the last row of the page before */
export async function listLog(
  filters: LogFilters,
  page: { readonly afterId: number; readonly limit: number },
): Promise<LogPage> {
  const unit = scopedSession();
  if (!unit.readOnly) await takeUpLogChanges();
  const { instrumentPid, session, eventType, fromMs, toMs } = filters;
  const query = unit
    .reader()<SessionLogRow>('session_log')
    .where('id_session_log', '>', page.afterId)
    .orderBy('id_session_log')
    .limit(page.limit + 1);
  if (instrumentPid !== undefined) void query.where('instrument', instrumentPid);
  if (eventType !== undefined) void query.where('event_type', eventType);
  if (fromMs !== undefined) void query.where('timestamp', '>=', instantText(fromMs));
  if (toMs !== undefined) void query.where('timestamp', '<', instantText(toMs));
  if (session !== undefined) {
    const ofKey = unit
      .reader()('sessions')
      .where('session_key', session.toLowerCase())
      .select('session_identifier');
    void query.where((either) => {
      void either.where('session_identifier', session).orWhereIn('session_identifier', ofKey);
    });
  }
  const rows = await query.select();
  const events = rows.slice(0, page.limit).map(toListedLogEvent);
  const last = events.at(-1);
  return {
    events,
    nextAfterId: rows.length > page.limit && last !== undefined ? last.id : null,
  };
}

function toListedLogEvent(row: SessionLogRow): ListedLogEvent {
  return {
    id: row.id_session_log,
    sessionIdentifier: row.session_identifier,
    sessionKey: sessionKeyOf(row.session_identifier),
    eventType: row.event_type,
    atMs: instantMs(row.timestamp),
    timestampText: row.timestamp_text,
    instrumentPid: row.instrument,
    user: row.user,
    status: row.record_status,
    source: row.source,
    attempt: row.attempt,
    detail: row.detail === null ? null : generationDetailColumn.read(row.detail),
    createdAtMs: instantMs(row.created_at),
  };
}
