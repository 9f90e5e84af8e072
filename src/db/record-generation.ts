import { z } from 'zod';
import { jsonColumn } from './json-column.js';
import { requireInput, TEXT, WHOLE_NUMBER } from './library-input.js';
import { sessionNotFound } from './locked-session.js';
import { scopedSession } from './scope.js';
import type { SessionLogRow, SessionRow } from './tables.js';

/** What the RECORD_GENERATION row of a build says. It is never changed later. */
export interface GenerationDetail {
  readonly outcome: string;
  readonly reason: string | null;
  readonly duration_ms: number | null;
  readonly host: string | null;
  readonly software_version: string | null;
  readonly record_version: number | null;
  /** Code of the error of an ERROR; absent: none. */
  readonly error_code?: string | undefined;
}

const detailSchema = z.object({
  outcome: z.string(),
  reason: z.string().nullable(),
  duration_ms: z.number().nullable(),
  host: z.string().nullable(),
  software_version: z.string().nullable(),
  record_version: z.number().nullable(),
  error_code: z.string().optional(),
});

export const generationDetailColumn = jsonColumn<GenerationDetail>(detailSchema);

const eventSchema = z.object({
  sessionIdentifier: TEXT,
  attempt: WHOLE_NUMBER,
  detail: detailSchema,
});

/** A RECORD_GENERATION to be logged. */
export interface RecordGenerationEvent {
  readonly sessionIdentifier: string;
  /** Number of the build attempt; there is at most one event an attempt. */
  readonly attempt: number;
  readonly detail: GenerationDetail;
}

/**
 * Logs that a record was generated (or that the attempt ended otherwise). Instrument, user and status are the session's.
 * @throws AppError SESSION_NOT_FOUND, INPUT_INVALID.
 */
export async function insertRecordGenerationEvent(
  event: RecordGenerationEvent,
): Promise<{ readonly kind: 'inserted' | 'duplicate' }> {
  requireInput(eventSchema, event, 'The event');
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await transaction<SessionRow>('sessions')
    .where('session_identifier', event.sessionIdentifier)
    .first('session_identifier');
  if (session === undefined) throw sessionNotFound(event.sessionIdentifier);
  const start = await transaction<SessionLogRow>('session_log')
    .where('session_identifier', event.sessionIdentifier)
    .whereIn('event_type', ['START', 'END'])
    .orderBy('id_session_log')
    .first('instrument', 'user', 'record_status');
  if (start === undefined) throw sessionNotFound(event.sessionIdentifier);
  const inserted: unknown[] = await transaction<SessionLogRow>('session_log')
    .insert({
      session_identifier: event.sessionIdentifier,
      instrument: start.instrument,
      user: start.user,
      record_status: start.record_status,
      event_type: 'RECORD_GENERATION',
      attempt: event.attempt,
      detail: generationDetailColumn.write(event.detail),
      revision: 1,
    })
    .onConflict(
      transaction.raw(
        "(session_identifier, attempt) where event_type = 'RECORD_GENERATION' and attempt is not null",
      ),
    )
    .ignore()
    .returning('id_session_log');
  return { kind: inserted.length === 0 ? 'duplicate' : 'inserted' };
}
