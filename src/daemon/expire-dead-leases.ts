import { expireLease, heldLeases } from '../db/build-lease-store.js';
import type { BuildEnvironment } from './build-environment.js';
import { isDeadOwner } from './lease-owner.js';

/**
 * Has the leases expire whose owners were processes of this machine that are dead for certain, so that their sessions
 * need not wait for the rest of the lease. Costs one look at the sessions that are to be built.
 */
export async function expireDeadLeases({
  database,
  log,
}: Pick<BuildEnvironment, 'database' | 'log'>): Promise<void> {
  const leases = await database.createScope(heldLeases);
  for (const { sessionIdentifier, sessionKey, owner, token } of leases) {
    if (!(await isDeadOwner(owner))) continue;
    if (await database.createScope(() => expireLease(sessionIdentifier, token))) {
      log.info('The process that built a session is dead; the session is taken over.', {
        session: sessionKey,
        owner,
      });
    }
  }
}
