import { z } from 'zod';
import type { LastLook, WorkingSession } from '../domain/working-session.js';
import { OVERRIDE_FIELDS, type LogEvent, type Override } from '../sessions/assemble-sessions.js';
import { readFrozenOffsets } from './frozen-clock-offsets.js';
import { instantMs, optionalInstantMs } from './instant.js';
import { jsonColumn } from './json-column.js';
import type { SessionLogRow, SessionRow } from './tables.js';

export const overridesColumn = jsonColumn<Override[]>(
  z.array(
    z.object({
      field: z.enum(OVERRIDE_FIELDS),
      value: z.string().nullable(),
      sourceValue: z.string().nullable(),
      who: z.string(),
      at: z.string(),
      why: z.string().nullable(),
    }),
  ),
);

export const lastLookColumn = jsonColumn<LastLook>(
  z.object({ digest: z.string(), waitingSinceMs: z.number() }),
);

/** A row of `sessions` as the domain knows it. */
export function toWorkingSession(row: SessionRow): WorkingSession {
  return {
    identifier: row.session_identifier,
    key: row.session_key,
    instrumentPid: row.instrument,
    user: row.user,
    startMs: optionalInstantMs(row.start_at),
    endMs: optionalInstantMs(row.end_at),
    source: row.source,
    status: row.status,
    problem: row.problem,
    inputsRevision: row.inputs_revision,
    lease:
      row.lease_owner === null || row.lease_expires_at === null
        ? null
        : { owner: row.lease_owner, expiresAtMs: instantMs(row.lease_expires_at) },
    attempts: row.attempts,
    tries: row.tries,
    firstFailedAtMs: optionalInstantMs(row.first_failed_at),
    diedBuilds: row.died_builds,
    nextAttemptAtMs: optionalInstantMs(row.next_attempt_at),
    deferralReason: row.deferral_reason,
    heldByPerson: Boolean(row.held_by_person),
    builtElsewhere: Boolean(row.built_elsewhere),
    rebuildFresh: Boolean(row.rebuild_fresh),
    fingerprint: row.fingerprint,
    lastLook: row.last_look === null ? null : lastLookColumn.read(row.last_look),
    clockOffsets: readFrozenOffsets(row.clock_offsets),
    storeAwayMs: row.store_away_ms,
    storeAwaySinceMs: optionalInstantMs(row.store_away_since),
  };
}

/** The START and END rows as the assembling rules take them. */
export function toLogEvents(rows: readonly SessionLogRow[]): LogEvent[] {
  const events: LogEvent[] = [];
  for (const row of rows) {
    if (row.event_type === 'RECORD_GENERATION') continue;
    events.push({
      eventType: row.event_type,
      instrumentPid: row.instrument,
      user: row.user,
      atMs: instantMs(row.timestamp),
      status: row.record_status,
      source: row.source,
    });
  }
  return events;
}
