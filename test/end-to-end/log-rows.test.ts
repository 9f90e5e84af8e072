import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { listProblems } from '../../src/db/session-store.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type RunOnceResult } from '../support/lab.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

/** A broken constraint, in the words of either engine. */
const REFUSED = { code: expect.stringMatching(/^(SQLITE_CONSTRAINT|23)/) as unknown };

const HOUR_MS = 3_600_000;
const AWKWARD = 'https://nemo.example/api/usage_events/?id=42&tool=1/2=#x y%2F';

describeEngines('The rows of the session log', (engine) => {
  let lab: Lab;
  let first: RunOnceResult;
  let futureEndMs: number;

  beforeAll(async () => {
    lab = await createLab({
      engine,
      instruments: ['titan', 'helios'],
      settings: { build: { file_delay_days: 1 } },
    });
    futureEndMs = Date.now() + 24 * HOUR_MS;
    const iso = (ms: number): string => DateTime.fromMillis(ms, { zone: 'utc' }).toISO() ?? '';

    lab.spectrum('titan/good.msa', '2026-03-02T09:30:00Z');
    await lab.log('good', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });

    await lab.log('no end', { start: '2026-03-02T11:00:00Z' });

    lab.spectrum('titan/backwards.msa', '2026-03-03T09:30:00Z');
    await lab.log('backwards', { start: '2026-03-03T10:00:00Z', end: '2026-03-03T09:00:00Z' });

    lab.spectrum('titan/no-time.msa', '2026-03-04T09:00:00Z');
    await lab.log('no time', { start: '2026-03-04T09:00:00Z', end: '2026-03-04T09:00:00Z' });

    lab.spectrum('helios/now.msa', futureEndMs - 2 * HOUR_MS);
    await lab.log('future', {
      instrument: 'helios',
      start: iso(futureEndMs - 48 * HOUR_MS),
      end: iso(futureEndMs),
    });

    lab.spectrum('titan/awkward.msa', '2026-03-05T09:30:00Z');
    await lab.log(AWKWARD, { start: '2026-03-05T09:00:00Z', end: '2026-03-05T10:00:00Z' });

    // As people and NexusLIMS write them: only its columns, statuses of either row as it came.
    lab.spectrum('titan/by-sql.msa', '2026-03-06T09:30:00Z');
    const { knex } = lab.database;
    const row = { session_identifier: 'by sql', instrument: 'titan', user: 'grace' };
    await knex('session_log').insert({
      ...row,
      timestamp: '2026-03-06T09:00:00.000Z',
      event_type: 'START',
      record_status: 'TO_BE_BUILT',
    });
    await knex('session_log').insert({
      ...row,
      timestamp: '2026-03-06T10:00:00.000Z',
      event_type: 'END',
      record_status: 'TO_BE_BUILT',
    });
    await knex('session_log').insert({
      session_identifier: 'end only',
      instrument: 'titan',
      user: null,
      timestamp: '2026-03-07T10:00:00.000Z',
      event_type: 'END',
    });

    first = await lab.runOnce();
  });
  afterAll(() => lab.remove());

  const outcomeOf = (result: RunOnceResult, identifier: string) =>
    result.sessions.find((session) => session.session_identifier === identifier);

  test('what can be built is built, whatever lies beside it, and nothing failed', () => {
    expect(first.code).toBe(0);
    expect(first.counts).toEqual({ COMPLETED: 3, NO_FILES_FOUND: 1 });
    expect(outcomeOf(first, 'good')).toMatchObject({
      outcome: 'COMPLETED',
      files: 1,
      activities: 1,
      user: 'ada',
      start: '2026-03-02T09:00:00.000Z',
      version: 1,
    });
  });

  test('each session that cannot be built is named with its problem and the remedy', async () => {
    const problems = await lab.database.createScope(() => listProblems(Date.now() - 24 * HOUR_MS));
    const byIdentifier = new Map(
      problems.map((one) => [one.session.identifier, [one.problem, one.remedy]]),
    );
    expect([...byIdentifier.keys()].sort()).toEqual(['backwards', 'end only', 'no end']);
    expect(byIdentifier.get('backwards')?.[0]).toBe('END_BEFORE_START');
    expect(byIdentifier.get('end only')?.[0]).toBe('END_WITHOUT_START');
    expect(byIdentifier.get('no end')?.[0]).toBe('START_WITHOUT_END');
    for (const [, remedy] of byIdentifier.values()) expect(remedy).toContain('recordsmith ');
  });

  test('a session that ends when it starts has no files', () => {
    expect(outcomeOf(first, 'no time')).toMatchObject({ outcome: 'NO_FILES_FOUND', record: null });
  });

  test('rows inserted by SQL with the columns of NexusLIMS are a session', async () => {
    expect(outcomeOf(first, 'by sql')).toMatchObject({ outcome: 'COMPLETED', user: 'grace' });
    const statuses = await lab.database
      .knex('session_log')
      .where('session_identifier', 'by sql')
      .pluck('record_status');
    expect(statuses).toEqual(['COMPLETED', 'COMPLETED', 'COMPLETED']);
  });

  test('an identifier with / ? = and % names its record by the key', () => {
    const built = outcomeOf(first, AWKWARD);
    expect(built?.outcome).toBe('COMPLETED');
    const path = built?.record ?? '';
    expect(existsSync(path)).toBe(true);
    expect(path.slice(lab.records.length + 1)).toMatch(/^[\w./+-]+\.xml$/);
  });

  test('a key or an identifier selects one session, an unknown one ends with 65', async () => {
    const unknown = await lab.run(['--run-once', '--session', 'nobody knows']);
    expect(unknown.code).toBe(65);
    expect(unknown.stderr).toContain('nobody knows');
    const again = await lab.runOnce(['--session', AWKWARD]);
    expect(again.sessions).toMatchObject([
      { outcome: 'COMPLETED', reason: expect.stringContaining('it is finished') },
    ]);
  });

  test('an END in the future is due as soon as it has passed', async () => {
    expect(outcomeOf(first, 'future')).toBeUndefined();
    const past = futureEndMs - 47 * HOUR_MS;
    lab.spectrum('helios/now.msa', past - HOUR_MS / 2);
    await lab.log('future', {
      instrument: 'helios',
      start: DateTime.fromMillis(futureEndMs - 48 * HOUR_MS, { zone: 'utc' }).toISO() ?? '',
      end: DateTime.fromMillis(past, { zone: 'utc' }).toISO() ?? '',
    });
    const second = await lab.runOnce();
    expect(second.sessions).toHaveLength(1);
    expect(outcomeOf(second, 'future')).toMatchObject({ outcome: 'COMPLETED', files: 1 });
  });

  describe('are guarded by the database itself', () => {
    const expectRefused = async (changes: Readonly<Record<string, unknown>>): Promise<void> => {
      const row = {
        session_identifier: 'refused',
        instrument: 'titan',
        timestamp: '2026-03-08T10:00:00.000Z',
        event_type: 'START',
        record_status: 'TO_BE_BUILT',
        ...changes,
      };
      await expect(lab.database.knex('session_log').insert(row)).rejects.toMatchObject(REFUSED);
      expect(
        await lab.database.knex('session_log').where('session_identifier', 'refused'),
      ).toHaveLength(0);
    };

    test('a status that nobody knows', () => expectRefused({ record_status: 'NEARLY_DONE' }));
    test('an event that nobody knows', () => expectRefused({ event_type: 'PAUSE' }));
    test('an instrument that nobody knows', () => expectRefused({ instrument: 'nobody' }));
    test('a second START', async () => {
      const row = { session_identifier: 'good', instrument: 'titan', event_type: 'START' };
      await expect(lab.database.knex('session_log').insert(row)).rejects.toMatchObject(REFUSED);
    });
  });

  test('an instrument whose time zone nobody knows is refused', async () => {
    await expect(
      lab.addInstrument('mars', { timezone: 'Mars/Olympus_Mons' }),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
  });
});
