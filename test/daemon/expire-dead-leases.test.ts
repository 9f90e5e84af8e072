import { existsSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { beforeEach, expect, test } from '@jest/globals';
import { checkLeases } from '../../src/cli/doctor/check-leases.js';
import { expireDeadLeases } from '../../src/daemon/expire-dead-leases.js';
import { leaseOwnerName } from '../../src/daemon/lease-owner.js';
import { claimSession, heldLeases } from '../../src/db/build-lease-store.js';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { sessionHistory } from '../../src/db/session-store.js';
import { createLog } from '../../src/log.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, claim, logSession, settle } from '../support/session-rows.js';

const linuxTest = existsSync('/proc/self/stat') ? test : test.skip;

describeDatabases('leases of dead processes', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);
  const log = createLog(
    { level: 'error', format: 'json', file: null },
    { stream: new PassThrough().resume() },
  );
  const expire = () => expireDeadLeases({ database: fixture.database, log });
  /** This process started at another time: the owner is dead, its process id in use again. */
  const deadOwner = async () => (await leaseOwnerName('lab')).replace(/\d+$/, '1');
  const doctorSays = async () => {
    const results = [];
    for await (const { state, message } of checkLeases(fixture.database)) {
      results.push({ state, message });
    }
    return results;
  };

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 's-1', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T11:00:00Z',
    });
  });

  linuxTest('are taken over at once, and count as dead builds', async () => {
    const owner = await deadOwner();
    const late = await claim(fixture.database, 's-1', owner);
    expect(await doctorSays()).toEqual([
      { state: 'warn', message: expect.stringContaining(`is held by ${owner}`) },
    ]);
    await expire();
    expect(await claim(fixture.database, 's-1')).toMatchObject({ attempt: 2, diedBuilds: 1 });
    const { attempts } = await scoped(() => sessionHistory('s-1'));
    expect(attempts.map(({ outcome }) => outcome)).toEqual(['DIED', null]);
    expect(await settle(fixture.database, 's-1', late)).toEqual({ kind: 'lease-lost' });
    expect(await scoped(checkInvariants)).toEqual([]);
  });

  test('those of living processes and of other machines stay', async () => {
    for (const owner of [await leaseOwnerName('lab'), `other:${String(process.pid)}`]) {
      const { token } = await claim(fixture.database, 's-1', owner);
      await expire();
      expect(
        await scoped(() => claimSession({ identifier: 's-1', owner: 'next', leaseSeconds: 60 })),
      ).toEqual({ kind: 'not-claimed', reason: 'leased' });
      expect(await scoped(heldLeases)).toMatchObject([{ sessionIdentifier: 's-1', owner, token }]);
      expect(await doctorSays()).toEqual([
        { state: 'ok', message: '1 held, none by a dead process of this machine' },
      ]);
      await fixture.database
        .knex('sessions')
        .update({ lease_expires_at: new Date(0).toISOString() });
    }
  });
});
