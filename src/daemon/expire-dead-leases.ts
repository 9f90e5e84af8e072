import { expireLease, heldLeases, type HeldLease } from '../db/build-lease-store.js';
import type { BuildEnvironment } from './build-environment.js';
import { isDeadOwner } from './lease-owner.js';

/**
 * The leases whose owners were processes of this machine that are dead for certain. Costs one look at the sessions that
 * are to be built; reads only.
 */
export async function deadLeases({
  database,
}: Pick<BuildEnvironment, 'database'>): Promise<readonly HeldLease[]> {
  const dead: HeldLease[] = [];
  for (const lease of await database.createScope(heldLeases)) {
    if (await isDeadOwner(lease.owner)) dead.push(lease);
  }
  return dead;
}

/** Has the leases of dead processes expire, so that their sessions need not wait for the rest of the lease. */
export async function expireDeadLeases({
  database,
  log,
}: Pick<BuildEnvironment, 'database' | 'log'>): Promise<void> {
  for (const { sessionIdentifier, sessionKey, owner, token } of await deadLeases({ database })) {
    if (await database.createScope(() => expireLease(sessionIdentifier, token))) {
      log.info('The process that built a session is dead; the session is taken over.', {
        session: sessionKey,
        owner,
      });
    }
  }
}
