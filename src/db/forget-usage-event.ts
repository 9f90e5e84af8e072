import type { Knex } from 'knex';
import { assertTransition } from '../sessions/transitions.js';
import { enterStatus, FRESH_START } from './enter-status.js';
import { instantText } from './instant.js';
import { raiseNeighbours } from './refresh-session.js';
import { scopedSession, type UnitOfWork } from './scope.js';
import type { RecordRow, SessionRow } from './tables.js';
import { shadowOf } from './usage-event-store.js';

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

/** Cancels the session unless it was built. Under its lock. */
export async function letGo(
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
