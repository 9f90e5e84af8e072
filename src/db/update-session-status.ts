import { z } from 'zod';
import { RECORD_STATUSES, type RecordStatus } from '../domain/record-status.js';
import { AppError } from '../errors.js';
import { causesOf } from '../sessions/transitions.js';
import { enterStatus } from './enter-status.js';
import { requireText } from './library-input.js';
import { sessionNotFound } from './locked-session.js';
import { scopedSession } from './scope.js';
import type { SessionRow } from './tables.js';

const statusSchema = z.enum(RECORD_STATUSES);

/**
 * Gives all rows of a session another status, when the table of transitions has such a change. A status of a built
 * record set this way says that another program built it; one set to CANCELLED is held until it is released.
 * @throws AppError INPUT_INVALID for an unknown status, SESSION_NOT_FOUND, TRANSITION_NOT_ALLOWED.
 */
export async function updateSessionStatus(
  sessionIdentifier: string,
  status: RecordStatus,
): Promise<void> {
  requireText(sessionIdentifier, 'The session identifier');
  if (!statusSchema.safeParse(status).success) {
    throw new AppError('INPUT_INVALID', `'${status}' is no status of a session.`, {
      remedy: `Use one of ${RECORD_STATUSES.join(', ')}.`,
    });
  }
  const unit = scopedSession();
  const transaction = await unit.writer();
  await unit.dialect.lockSession(transaction, sessionIdentifier);
  const session = await transaction<SessionRow>('sessions')
    .where('session_identifier', sessionIdentifier)
    .first();
  if (session === undefined) throw sessionNotFound(sessionIdentifier);
  if (session.status === status) return;
  if (causesOf(session.status, status).length === 0) {
    throw new AppError(
      'TRANSITION_NOT_ALLOWED',
      `The session ${sessionIdentifier} cannot change from ${session.status} to ${status}.`,
      { details: { sessionIdentifier, from: session.status, to: status } },
    );
  }
  await enterStatus(transaction, unit.dialect, sessionIdentifier, status, {
    attempt: { outcome: 'DISCARDED', reason: `Set to ${status}.` },
    // As by cancelSession and releaseSession.
    changes: { held_by_person: status === 'CANCELLED' },
  });
}
