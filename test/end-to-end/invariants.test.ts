import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { claimSession } from '../../src/db/build-lease-store.js';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { saveVerdicts } from '../../src/db/look-store.js';
import { insertLog, withdrawEnd } from '../../src/db/insert-log.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { cancelSession } from '../../src/db/cancel-session.js';
import { settleBuild } from '../../src/db/settle-build.js';
import { BUSY_COUNTS, cleanUpAll, makeBusyLab } from '../support/busy-lab.js';
import { describeEngines } from '../support/databases.js';
import type { Lab } from '../support/lab.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

/** A broken constraint, in the words of either engine. */
const REFUSED = { code: expect.stringMatching(/^(SQLITE_CONSTRAINT|23)/) as unknown };

const FIRST = 'session 2026-04-01';

describeEngines('The invariants of the database after real runs', (engine) => {
  let lab: Lab;
  const violations = () => lab.database.createScope(() => checkInvariants());
  const logRows = (identifier: string) =>
    lab.database.knex('session_log').where('session_identifier', identifier);

  beforeAll(async () => {
    lab = await makeBusyLab(engine);
    expect((await lab.runOnce()).counts).toEqual(BUSY_COUNTS);
  });
  afterAll(() => lab.remove());

  test('1: a re-timed END changes its row in place, a second one is refused', async () => {
    await lab.log(FIRST, { start: '2026-04-01T09:00:00Z', end: '2026-04-01T09:55:00Z' });
    expect(await logRows(FIRST).where('event_type', 'END').pluck('timestamp')).toEqual([
      '2026-04-01T09:55:00.000Z',
    ]);
    for (const event_type of ['START', 'END']) {
      const row = { session_identifier: FIRST, instrument: 'titan', event_type };
      await expect(lab.database.knex('session_log').insert(row)).rejects.toMatchObject(REFUSED);
    }
    const generation = await logRows(FIRST)
      .where('event_type', 'RECORD_GENERATION')
      .first<Record<string, unknown>>();
    await expect(
      lab.database.knex('session_log').insert({ ...generation, id_session_log: 1_000_000 }),
    ).rejects.toMatchObject(REFUSED);
  });

  test('2: all rows of a session change together', async () => {
    const agree = async (): Promise<unknown[]> =>
      logRows(FIRST).distinct('instrument', 'user', 'record_status');
    expect(await agree()).toEqual([
      { instrument: 'titan', user: 'ada', record_status: 'TO_BE_BUILT' },
    ]);
    await lab.database.createScope(async () => {
      for (const [eventType, at] of [
        ['START', '2026-04-01T09:00:00Z'],
        ['END', '2026-04-01T09:55:00Z'],
      ] as const) {
        const session = { sessionIdentifier: FIRST, instrumentPid: 'titan', user: 'grace' };
        await insertLog({ ...session, eventType, at });
      }
    });
    expect(await agree()).toEqual([
      { instrument: 'titan', user: 'grace', record_status: 'TO_BE_BUILT' },
    ]);
    await lab.runOnce();
    expect(await agree()).toEqual([
      { instrument: 'titan', user: 'grace', record_status: 'COMPLETED' },
    ]);
  });

  test('3: retry, cancel and a withdrawn END log no RECORD_GENERATION', async () => {
    const count = async (): Promise<number> =>
      (await lab.database.knex('session_log').where('event_type', 'RECORD_GENERATION')).length;
    const before = await count();
    expect(before).toBe(7);
    await lab.database.createScope(async () => {
      await retrySessions({ identifiers: ['session 2026-04-02'] });
      await cancelSession('nothing written', { who: 'grace' });
      await withdrawEnd('service visit');
    });
    expect(await count()).toBe(before);
    expect(await violations()).toEqual([]);
  });

  test('4: what is built has a current record whose file has the sha256 that the database knows', async () => {
    await lab.runOnce();
    const current = await lab.database
      .knex('records')
      .join('sessions', 'sessions.session_identifier', 'records.session_identifier')
      .where('sessions.status', 'COMPLETED')
      .whereNull('superseded_at')
      .whereNull('withdrawn_at')
      .select<{ path: string; public_path: string; sha256: string }[]>(
        ...['path', 'public_path', 'sha256'],
      );
    expect(current).toHaveLength(4);
    for (const { path, public_path, sha256 } of current) {
      for (const file of [path, public_path]) {
        const bytes = readFileSync(join(lab.records, file));
        expect([file, createHash('sha256').update(bytes).digest('hex')]).toEqual([file, sha256]);
      }
    }
  });

  test('4: a cancelled session has no record any more, and its public files go with the next start', async () => {
    const { public_path: path } = await lab.database
      .knex('records')
      .where('session_identifier', 'session 2026-04-04')
      .first<{ public_path: string }>('public_path');
    expect(lab.files(lab.records)).toContain(path);
    await lab.database.createScope(() => cancelSession('session 2026-04-04', { who: 'grace' }));
    await lab.runOnce();
    expect(lab.files(lab.records)).not.toContain(path);
    expect(await violations()).toEqual([]);
  });

  test('5: a settlement with an old token or old inputs changes nothing', async () => {
    const identifier = 'session 2026-04-03';
    await lab.database.createScope(() => retrySessions({ identifiers: [identifier] }));
    const claim = await lab.database.createScope(() =>
      claimSession({ identifier, owner: 'test', leaseSeconds: 60 }),
    );
    if (claim.kind !== 'claimed') throw new Error(claim.reason);
    const verdicts = await lab.database
      .knex('file_verdicts')
      .where({ session_identifier: identifier });
    const settle = (token: number, inputsRevision: number) =>
      lab.database.createScope(() =>
        settleBuild({
          identifier,
          token,
          inputsRevision,
          outcome: 'ERROR',
          reason: 'late',
          durationMs: 1,
          host: 'test',
          softwareVersion: '0',
          fingerprint: null,
          record: null,
        }),
      );
    expect(await settle(claim.token - 1, claim.inputsRevision)).toEqual({ kind: 'lease-lost' });
    await lab.log(identifier, {
      instrument: 'helios',
      start: '2026-04-03T09:00:00Z',
      end: '2026-04-03T09:50:00Z',
    });
    expect(await settle(claim.token, claim.inputsRevision)).toMatchObject({
      kind: 'inputs-changed',
    });
    expect(await logRows(identifier).distinct('record_status')).toEqual([
      { record_status: 'TO_BE_BUILT' },
    ]);
    expect(
      await lab.database.knex('file_verdicts').where({ session_identifier: identifier }),
    ).toEqual(verdicts);
    expect((await lab.runOnce()).counts).toEqual({ COMPLETED: 1 });
  });

  test('the checks see what is broken by hand', async () => {
    expect(await violations()).toEqual([]);
    const { knex } = lab.database;
    await knex('records')
      .where('session_identifier', FIRST)
      .update({ withdrawn_at: '2026-04-30T00:00:00.000Z' });
    await knex('session_log')
      .where({ session_identifier: 'session 2026-04-02', event_type: 'RECORD_GENERATION' })
      .del();
    await lab.database.createScope(() => saveVerdicts('nothing written', []));
    const found = await violations();
    expect(new Set(found.map((one) => `${one.invariant} ${one.sessionIdentifier}`))).toEqual(
      // What is withdrawn must not be found by searching either.
      new Set([`4 ${FIRST}`, `6 ${FIRST}`, '3 session 2026-04-02']),
    );
  });

  test('6: a clean-up of what is right removes nothing', async () => {
    const before = lab.files(lab.folder);
    await cleanUpAll(lab);
    const after = lab.files(lab.folder);
    // Versions of withdrawn records are all that may go.
    expect(before.filter((file) => !after.includes(file) && !file.includes('versions/'))).toEqual(
      [],
    );
    expect(after.filter((file) => !before.includes(file))).toEqual([]);
  });
});
