import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { LeaseKeeper } from '../../src/daemon/lease-keeper.js';
import { waitFor } from '../support/wait-for.js';

const never = new Promise<boolean>(() => undefined);

function keeper(renew: () => Promise<boolean>, leaseMs: number): LeaseKeeper {
  return new LeaseKeeper({ renew, everyMs: leaseMs / 4, leaseMs, leasedAtMs: performance.now() });
}

function reasonOf(lease: LeaseKeeper): unknown {
  return lease.signal.reason;
}

test('a renewal that never answers ends the work when the lease runs out', async () => {
  const startedAtMs = performance.now();
  const lease = keeper(() => never, 200);
  await waitFor('the lease is lost', () => lease.signal.aborted);
  expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(195);
  expect(reasonOf(lease)).toMatchObject({ code: 'LEASE_LOST' });
});

test('a lease is counted from when it was asked for', async () => {
  const lease = new LeaseKeeper({
    renew: () => never,
    everyMs: 50,
    leaseMs: 60_000,
    leasedAtMs: performance.now() - 60_000,
  });
  await waitFor('the lease is lost', () => lease.signal.aborted);
  expect(reasonOf(lease)).toMatchObject({ code: 'LEASE_LOST' });
});

test('failed renewals end the work only when the lease runs out, with what went wrong', async () => {
  let asked = 0;
  const lease = keeper(() => {
    asked += 1;
    return Promise.reject(new Error('the database is away'));
  }, 200);
  await waitFor('the lease is lost', () => lease.signal.aborted);
  expect(asked).toBeGreaterThan(1);
  expect(reasonOf(lease)).toMatchObject({ cause: { message: 'the database is away' } });
});

test('a process that was busy for longer than the lease may still renew it, when nobody has taken it over', async () => {
  let renewed = 0;
  const lease = keeper(() => {
    renewed += 1;
    return Promise.resolve(true);
  }, 100);
  const busyUntilMs = performance.now() + 250;
  while (performance.now() < busyUntilMs);
  const before = renewed;
  await waitFor('it was renewed again', () => renewed > before + 2);
  expect(lease.signal.aborted).toBe(false);
  lease.stop();
});

test('renewals keep it; who has taken it over ends the work at once', async () => {
  let answer = true;
  let renewed = 0;
  const lease = keeper(() => {
    renewed += 1;
    return Promise.resolve(answer);
  }, 400);
  // Longer than the lease.
  await waitFor('it was renewed often', () => renewed >= 6);
  expect(lease.signal.aborted).toBe(false);
  answer = false;
  await waitFor('the lease is lost', () => lease.signal.aborted);
  expect(reasonOf(lease)).toMatchObject({ message: expect.stringContaining('taken it over') });
});

test('after stop nothing is lost any more, whatever a renewal under way answers', async () => {
  let answer: (isRenewed: boolean) => void = () => undefined;
  let asked = false;
  const lease = keeper(() => {
    asked = true;
    return new Promise((resolve) => (answer = resolve));
  }, 100);
  await waitFor('a renewal is under way', () => asked);
  lease.stop();
  answer(false);
  await sleep(150);
  expect(lease.signal.aborted).toBe(false);
});
