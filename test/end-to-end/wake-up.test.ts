import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { postgresServerUrl } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { waitFor } from '../support/wait-for.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

const describeWithServer = postgresServerUrl() === null ? describe.skip : describe;

describeWithServer('A daemon on PostgreSQL that looks once in four years', () => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({
      engine: 'postgres',
      settings: { build: { schedule: '0 0 29 2 *', previews: false } },
    });
  });
  afterEach(() => lab.remove());

  /** Writes a session by SQL, as other programs do, and waits for its record. */
  async function buildsWhatSqlWrites(day: number): Promise<void> {
    const date = `2026-03-0${String(day)}`;
    lab.spectrum(`titan/day-${String(day)}.msa`, `${date}T09:30:00Z`);
    await lab.database.knex.raw(
      `insert into session_log (session_identifier, instrument, timestamp, event_type) values (:day, 'titan', :start, 'START'), (:day, 'titan', :end, 'END')`,
      { day: date, start: `${date}T09:00:00Z`, end: `${date}T10:00:00Z` },
    );
    await waitFor(`${date} is built`, async () => {
      const row = await lab.database
        .knex('sessions')
        .where('session_identifier', date)
        .first<{ status: string } | undefined>('status');
      return row?.status === 'COMPLETED';
    });
  }

  test('builds at once what comes in by SQL, also after its listening connection was cut', async () => {
    const daemon = lab.start([]);
    await daemon.saw('recordsmith is running.');
    // The first may still be met by the pass of the start.
    for (const day of [1, 2, 3]) await buildsWhatSqlWrites(day);
    await lab.database.knex.raw(
      "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'recordsmith wake-up' and datname = current_database()",
    );
    await daemon.saw('The database wakes the daemon again.');
    for (const day of [4, 5]) await buildsWhatSqlWrites(day);
    daemon.kill('SIGTERM');
    const { code, stderr } = await daemon.ended;
    expect(code).toBe(0);
    expect(stderr.split('The database cannot wake the daemon for now')).toHaveLength(2);
  });
});
