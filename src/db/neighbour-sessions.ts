import type { WorkingSession } from '../domain/working-session.js';
import { instantText } from './instant.js';
import { scopedSession } from './scope.js';
import { toWorkingSession } from './session-mapper.js';
import type { SessionRow } from './tables.js';

/** Sessions of these instruments whose time touches [fromMs, toMs] (epoch milliseconds); open ones last until now. */
export async function sessionsNear(window: {
  readonly instrumentPids: readonly string[];
  readonly fromMs: number;
  readonly toMs: number;
}): Promise<readonly WorkingSession[]> {
  const knex = scopedSession().reader();
  const from = instantText(window.fromMs);
  const to = instantText(window.toMs);
  const ended = knex<SessionRow>('sessions')
    .whereIn('instrument', window.instrumentPids)
    .where('end_at', '>=', from)
    .where('start_at', '<=', to)
    .orderBy('start_at')
    .select();
  const open = knex<SessionRow>('sessions')
    .whereRaw("status = 'WAITING_FOR_END'")
    .whereIn('instrument', window.instrumentPids)
    .whereNull('end_at')
    .where('start_at', '<=', to)
    .orderBy('start_at')
    .select();
  return [...(await ended), ...(await open)].map(toWorkingSession);
}

/** Epoch milliseconds of the first START after an instant on any of these instruments; null: none. */
export async function nextStartMs(
  instrumentPids: readonly string[],
  afterMs: number,
): Promise<number | null> {
  const row = await scopedSession()
    .reader()<SessionRow>('sessions')
    .whereIn('instrument', instrumentPids)
    .where('start_at', '>', instantText(afterMs))
    .whereNot('status', 'CANCELLED')
    .orderBy('start_at')
    .first('start_at');
  return row?.start_at == null ? null : Date.parse(row.start_at);
}
