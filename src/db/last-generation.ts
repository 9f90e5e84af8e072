import { BUILD_OUTCOMES, type RecordStatus } from '../domain/record-status.js';
import type { WorkingSession } from '../domain/working-session.js';
import { generationDetailColumn } from './record-generation.js';
import { scopedSession } from './scope.js';
import type { SessionLogRow } from './tables.js';

/** The statuses that a build may give a reason for. */
const TOLD: readonly RecordStatus[] = BUILD_OUTCOMES.filter((outcome) => outcome !== 'COMPLETED');

/** Sessions asked for with one statement. */
const SESSIONS_AT_ONCE = 500;

/**
 * Why finished sessions have the status that their last build gave them, by identifier, as the session log says. Those
 * that another cause gave a status to, and those that went well, are not in the map.
 */
export async function reasonsOfStatus(
  sessions: readonly Pick<WorkingSession, 'identifier' | 'status'>[],
): Promise<ReadonlyMap<string, string>> {
  const told = sessions.filter(({ status }) => TOLD.includes(status));
  const statuses = new Map(told.map(({ identifier, status }) => [identifier, status]));
  const reasons = new Map<string, string>();
  for (let from = 0; from < told.length; from += SESSIONS_AT_ONCE) {
    const identifiers = told.slice(from, from + SESSIONS_AT_ONCE).map((one) => one.identifier);
    for (const { session_identifier, detail } of await lastGenerations(identifiers)) {
      const said = detail === null ? null : generationDetailColumn.read(detail);
      if (said?.reason == null || said.outcome !== statuses.get(session_identifier)) continue;
      reasons.set(session_identifier, said.reason);
    }
  }
  return reasons;
}

/** The RECORD_GENERATION row of the last attempt of each session. */
async function lastGenerations(
  identifiers: readonly string[],
): Promise<Pick<SessionLogRow, 'session_identifier' | 'detail'>[]> {
  const knex = scopedSession().reader();
  return knex<SessionLogRow>('session_log as row')
    .whereIn('row.session_identifier', identifiers)
    .where('row.event_type', 'RECORD_GENERATION')
    .whereRaw(
      "row.attempt = (select max(l.attempt) from session_log l where l.session_identifier = row.session_identifier and l.event_type = 'RECORD_GENERATION')",
    )
    .select('row.session_identifier', 'row.detail');
}
