import type { Database } from '../../db/database.js';
import { activePauses } from '../../db/pause-store.js';
import { ok, warn, type CheckResult } from './check-result.js';

/** Is the brake on. */
export async function* checkPauses(
  database: Database,
  nowMs: number,
): AsyncGenerator<CheckResult, void, undefined> {
  const pauses = await database.createScope(() => activePauses(nowMs));
  for (const { scope, target, author, reason } of pauses) {
    yield warn(
      'pause',
      `${target === null ? scope : `${scope} ${target}`} is paused by ${author}: ${reason}`,
      'recordsmith resume',
    );
  }
  if (pauses.length === 0) yield ok('pause', 'nothing is paused');
}
