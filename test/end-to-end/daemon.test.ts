import { writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { sleep } from '../../src/clock.js';
import { openDatabase } from '../../src/db/database.js';
import { migrateLatest } from '../../src/db/migrate.js';
import { scopedSession } from '../../src/db/scope.js';
import { addLongSession, waitForClaim } from '../support/busy-lab.js';
import { describeEngines, postgresServerUrl } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { startPostgres } from '../support/postgres-server.js';
import { addInstrument, logSession } from '../support/session-rows.js';
import { unnumberedName } from '../support/unnumbered-name.js';
import { waitFor } from '../support/wait-for.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

const EVERY_SECOND = '* * * * * *';

async function statusOf(lab: Lab, identifier: string): Promise<string | undefined> {
  const row = await lab.database
    .knex('sessions')
    .where('session_identifier', identifier)
    .first<{ status: string } | undefined>('status');
  return row?.status;
}

function builtAs(lab: Lab, identifier: string, status: string): Promise<boolean> {
  return waitFor(
    `${identifier} is ${status}`,
    async () => (await statusOf(lab, identifier)) === status,
  );
}

describeEngines('The daemon', (engine) => {
  const labs: Lab[] = [];
  const makeLab = async (): Promise<Lab> => {
    const lab = await createLab({
      engine,
      settings: { build: { schedule: EVERY_SECOND, previews: false } },
    });
    labs.push(lab);
    for (const day of [2, 3, 4, 5]) {
      lab.spectrum(`titan/day-${day}.msa`, `2026-03-0${day}T09:30:00Z`);
    }
    return lab;
  };
  const logDay = (lab: Lab, day: number): Promise<void> =>
    lab.log(`day ${day}`, {
      start: `2026-03-0${day}T09:00:00Z`,
      end: `2026-03-0${day}T10:00:00Z`,
    });
  afterEach(async () => {
    for (const lab of labs.splice(0)) await lab.remove();
  });

  test('drains and ends with 78 when a newer version changes the schema under it', async () => {
    const lab = await makeLab();
    await logDay(lab, 2);
    const daemon = lab.start([]);
    await builtAs(lab, 'day 2', 'COMPLETED');
    await lab.database.knex('schema_migrations').insert({
      name: '20990101000000_all_new_breaking.js',
      batch: 2,
      migration_time: new Date(),
    });
    const { code, stderr } = await daemon.ended;
    expect(code).toBe(78);
    expect(stderr).toContain('20990101000000_all_new_breaking.js');
    expect(stderr).toContain('Install that newer version');
  });

  test('builds what is due when it starts and what comes while it runs; SIGTERM ends it with 0', async () => {
    const lab = await makeLab();
    await logDay(lab, 2);
    const daemon = lab.start([]);
    await builtAs(lab, 'day 2', 'COMPLETED');
    await logDay(lab, 3);
    await builtAs(lab, 'day 3', 'COMPLETED');
    // It finishes what it is at.
    await addLongSession(lab);
    await waitForClaim(lab, 'long');
    daemon.kill('SIGTERM');
    const { code, stderr } = await daemon.ended;
    expect(code).toBe(0);
    expect(stderr).toContain('recordsmith has stopped.');
    expect(await statusOf(lab, 'long')).toBe('COMPLETED');
    expect(await lab.database.knex('records').whereNull('published_at')).toEqual([]);
  });

  test('takes a new configuration at SIGHUP, and keeps the old one when that has faults', async () => {
    const lab = await makeLab();
    const daemon = lab.start([]);
    await daemon.saw('recordsmith is running.');

    const right = lab.read(lab.configFile);
    writeFileSync(lab.configFile, `${right}\nspeed: fast\n`);
    daemon.kill('SIGHUP');
    await daemon.saw('The new configuration has faults; the old one stays in force.');
    await logDay(lab, 2);
    await builtAs(lab, 'day 2', 'COMPLETED');

    lab.configure({ rules: [{ name: 'by ada', action: 'skip', match: { user: 'ada' } }] });
    daemon.kill('SIGHUP');
    await daemon.saw('The configuration was read again.');
    await logDay(lab, 3);
    await builtAs(lab, 'day 3', 'SKIPPED');

    // Wrong settings of one instrument concern that instrument alone.
    await lab.addInstrument('odd', { settings: { build: { speed: 'fast' } } });
    lab.configure({ rules: [] });
    daemon.kill('SIGHUP');
    await daemon.saw('The configuration was read again.', 2);
    await daemon.saw('The settings of an instrument are wrong; its sessions are put off.');
    await logDay(lab, 4);
    await builtAs(lab, 'day 4', 'COMPLETED');

    // Several at once are no more than one.
    for (let time = 0; time < 5; time += 1) daemon.kill('SIGHUP');
    await daemon.saw('The configuration was read again.', 3);
    await logDay(lab, 5);
    await builtAs(lab, 'day 5', 'COMPLETED');
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
  });

  test('starts although the settings of one instrument are wrong: that one waits, the others are built', async () => {
    const lab = await makeLab();
    await lab.addInstrument('odd', { settings: { build: { speed: 'fast' } } });
    lab.spectrum('odd/a.msa', '2026-03-02T09:30:00Z');
    await lab.log('odd', {
      start: '2026-03-02T09:00:00Z',
      end: '2026-03-02T10:00:00Z',
      instrument: 'odd',
    });
    await logDay(lab, 2);
    const daemon = lab.start([]);
    await daemon.saw('The settings of an instrument are wrong; its sessions are put off.');
    await builtAs(lab, 'day 2', 'COMPLETED');
    await waitFor('it is put off', async () => {
      const row = await lab.database
        .knex('sessions')
        .where('session_identifier', 'odd')
        .first<{ deferral_reason: string | null }>('deferral_reason');
      return row.deferral_reason?.includes('speed') === true;
    });
    daemon.kill('SIGTERM');
    const { code, stderr } = await daemon.ended;
    expect(code).toBe(0);
    expect(stderr).toMatch(/"instrument":"odd".*recordsmith instruments set odd --settings/);
  });

  test('goes on after somebody locked the tables for a while', async () => {
    const lab = await makeLab();
    const daemon = lab.start([]);
    await daemon.saw('recordsmith is running.');
    await lab.database.createScope(async () => {
      const transaction = await scopedSession().writer();
      if (engine === 'postgres') await transaction.raw('lock table sessions, session_log');
      // Some passes of the daemon meet the lock.
      await sleep(2500);
    });
    await logDay(lab, 2);
    await builtAs(lab, 'day 2', 'COMPLETED');
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
  });

  test.each([['--run-once'], ['run']])(
    '%s ends with 69 and says why when the database is away at the start',
    async (command) => {
      const lab = await makeLab();
      lab.configure({
        database:
          engine === 'postgres'
            ? { url: 'postgres://nobody:secret-word@127.0.0.1:1/none' }
            : { file: lab.data },
      });
      const { code, stderr } = await lab.run([command]);
      expect(code).toBe(69);
      expect(stderr).toContain(engine === 'postgres' ? '127.0.0.1:1' : lab.data);
      expect(stderr).not.toContain('secret-word');
    },
  );
});

const describeWithServer = postgresServerUrl() === null ? describe.skip : describe;

describeWithServer('A restart of the PostgreSQL server', () => {
  let server: Awaited<ReturnType<typeof startPostgres>> = null;
  let lab: Lab;

  beforeAll(async () => {
    server = await startPostgres();
    if (server === null) throw new Error('No PostgreSQL server can be started here.');
    // The lab's own database stays aside: the command line works on that of the server that restarts.
    lab = await createLab({
      engine: 'postgres',
      settings: {
        database: { url: server.url },
        build: { schedule: EVERY_SECOND, previews: false, concurrency: 1 },
      },
    });
  });
  afterAll(async () => {
    await lab.remove();
    await server?.stop();
  });

  test('in the middle of a build costs nothing but time', async () => {
    if (server === null) return;
    const url = server.url;
    const onServer = async <Result>(
      work: (database: Awaited<ReturnType<typeof openDatabase>>) => Promise<Result>,
    ): Promise<Result> => {
      const database = await openDatabase(url);
      try {
        return await work(database);
      } finally {
        await database.close();
      }
    };
    for (let second = 1; second <= 400; second += 1) {
      lab.spectrum(`titan/long/${unnumberedName(second)}.msa`, Date.UTC(2026, 4, 1, 9, 0, second));
    }
    await onServer(async (database) => {
      await migrateLatest(database);
      await addInstrument(database, 'titan');
      await logSession(database, 'long', {
        start: '2026-05-01T09:00:00Z',
        end: '2026-05-01T10:00:00Z',
      });
    });
    const daemon = lab.start([]);
    await waitFor('its files are being read', () =>
      lab.files(lab.output).some((name) => name.includes('/long/')),
    );
    await server.restart();
    await waitFor(
      'it is built or put off',
      () =>
        onServer(async ({ knex }) => {
          const row = await knex('sessions').first<{ lease_owner: string | null }>('lease_owner');
          return row.lease_owner === null;
        }),
      40_000,
    );
    // What was put off is tried again a minute later; here at once.
    await onServer(({ knex }) => knex('sessions').update({ next_attempt_at: null }));
    await waitFor('it is built', () =>
      onServer(
        async ({ knex }) => (await knex('records').whereNotNull('published_at')).length === 1,
      ),
    );
    daemon.kill('SIGTERM');
    expect((await daemon.ended).code).toBe(0);
    const { session, outcomes } = await onServer(async ({ knex }) => ({
      session: await knex('sessions').first<Record<string, unknown>>(
        'status',
        'died_builds',
        'tries',
      ),
      outcomes: (await knex('session_log')
        .where('event_type', 'RECORD_GENERATION')
        .select('record_status')) as unknown,
    }));
    expect(session).toEqual({ status: 'COMPLETED', died_builds: 0, tries: 0 });
    expect(outcomes).toEqual([{ record_status: 'COMPLETED' }]);
  });
});
