import { isDeadOwner } from '../../daemon/lease-owner.js';
import { heldLeases } from '../../db/build-lease-store.js';
import type { Database } from '../../db/database.js';
import { ok, warn, type CheckResult } from './check-result.js';

/** Are sessions held by processes of this machine that are dead. */
export async function* checkLeases(
  database: Database,
): AsyncGenerator<CheckResult, void, undefined> {
  const leases = await database.createScope(heldLeases);
  let dead = 0;
  for (const { sessionKey, owner } of leases) {
    if (!(await isDeadOwner(owner))) continue;
    dead += 1;
    yield warn(
      'lease',
      `session ${sessionKey} is held by ${owner}, a process that is dead`,
      'Nothing has to be done: the next pass takes the session over.',
    );
  }
  if (dead === 0)
    yield ok('lease', `${leases.length} held, none by a dead process of this machine`);
}
