import type { Knex } from 'knex';
import { AppError } from '../errors.js';
import { requireText } from './library-input.js';
import type { UnitOfWork } from './scope.js';
import type { SessionRow } from './tables.js';

/** The error for an identifier or key that no session has. */
export function sessionNotFound(idOrKey: string): AppError {
  return new AppError('SESSION_NOT_FOUND', `There is no session ${idOrKey.slice(0, 300)}.`, {
    remedy: 'See `recordsmith sessions list`.',
    details: { session: idOrKey },
  });
}

/** Locks a session by identifier or key and gives its row. @throws AppError SESSION_NOT_FOUND, INPUT_INVALID. */
export async function lockedSession(
  unit: UnitOfWork,
  transaction: Knex,
  idOrKey: string,
): Promise<SessionRow> {
  requireText(idOrKey, 'The session');
  const found = await transaction<SessionRow>('sessions')
    .where('session_identifier', idOrKey)
    .orWhere('session_key', idOrKey.toLowerCase())
    .first('session_identifier');
  if (found === undefined) throw sessionNotFound(idOrKey);
  await unit.dialect.lockSession(transaction, found.session_identifier);
  const row = await transaction<SessionRow>('sessions')
    .where('session_identifier', found.session_identifier)
    .first();
  if (row === undefined) throw sessionNotFound(idOrKey);
  return row;
}
