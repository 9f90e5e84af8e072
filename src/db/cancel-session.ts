import type { RecordStatus } from '../domain/record-status.js';
import { assertTransition } from '../sessions/transitions.js';
import { shortened } from './clean-text.js';
import { enterStatus, FRESH_START } from './enter-status.js';
import { lockedSession } from './locked-session.js';
import { raiseNeighbours, refreshSession } from './refresh-session.js';
import { scopedSession } from './scope.js';

/**
 * Cancels a session for good: its record is withdrawn, a build that goes on is discarded, and no source brings it back
 * before releaseSession.
 * @throws AppError SESSION_NOT_FOUND.
 */
export async function cancelSession(
  idOrKey: string,
  options: { readonly who: string; readonly why?: string | null },
): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const identifier = session.session_identifier;
  assertTransition('cancel', session.status, 'CANCELLED', identifier);
  const why = options.why == null ? '' : `: ${options.why}`;
  await enterStatus(transaction, unit.dialect, identifier, 'CANCELLED', {
    attempt: { outcome: 'DISCARDED', reason: 'The session was cancelled.' },
    changes: {
      ...FRESH_START,
      held_by_person: true,
      inputs_revision: transaction.raw('inputs_revision + 1'),
      deferral_reason: shortened(`Cancelled by ${options.who}${why}`, 1000),
    },
  });
  await raiseNeighbours(transaction, unit.dialect, identifier);
}

/**
 * Takes a cancelling back: the session is again what its rows say.
 * @throws AppError SESSION_NOT_FOUND, TRANSITION_NOT_ALLOWED when it is not cancelled.
 */
export async function releaseSession(idOrKey: string): Promise<RecordStatus> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  assertTransition(
    'release',
    session.status,
    session.end_at === null ? 'WAITING_FOR_END' : 'TO_BE_BUILT',
    session.session_identifier,
  );
  const { status } = await refreshSession(
    transaction,
    unit.dialect,
    session.session_identifier,
    'release',
  );
  return status;
}
