import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { listRecords } from '../../src/db/record-store.js';
import { findSession } from '../../src/db/session-store.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';

jest.setTimeout(180_000);

describeEngines('what SQL and wrong settings do to a session', (engine) => {
  let lab: Lab;
  const find = () => lab.database.createScope(() => findSession('s-1'));

  beforeAll(async () => {
    lab = await createLab({ engine });
    await lab.log('s-1', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T12:00:00Z' });
    lab.spectrum('titan/early.msa', '2026-03-02T09:30:00Z');
    lab.spectrum('titan/late.msa', '2026-03-02T11:30:00Z');
  });

  afterAll(() => lab.remove());

  test('an unknown time zone puts it off, naming the instrument and the command', async () => {
    await lab.database.knex('instruments').update({ timezone: 'Mars/X' });
    const planned = await lab.runOnce(['--dry-run']);
    const { code, sessions } = await lab.runOnce();
    expect(code).toBe(0);
    const reason =
      "CONFIG_INVALID: The instrument titan has the unknown time zone 'Mars/X'; set another one: recordsmith instruments set titan --timezone ZONE";
    expect(planned.sessions).toMatchObject([{ outcome: 'DEFERRED', reason }]);
    expect(sessions).toMatchObject([{ outcome: 'DEFERRED', reason }]);
    expect(await find()).toMatchObject({ status: 'TO_BE_BUILT', tries: 0, deferralReason: reason });
    const { stdout } = await lab.run(['sessions', 'list']);
    expect(stdout).toContain('2026-03-02T09:00:00Z');
  });

  test('so do wrong settings', async () => {
    const settings = JSON.stringify({ build: { strategy: 5 } });
    await lab.database.knex('instruments').update({ timezone: 'UTC', settings });
    const { sessions } = await lab.runOnce(['--session', 's-1']);
    expect(sessions).toMatchObject([{ outcome: 'DEFERRED' }]);
    expect(sessions[0]?.reason).toContain('recordsmith instruments set titan --settings');
    expect(sessions[0]?.reason).toContain('build.strategy');
    await lab.database.knex('instruments').update({ timezone: 'Mars/X', settings: '{}' });
  });

  test('and it is built once the zone is right', async () => {
    await lab.run(['instruments', 'set', 'titan', '--timezone', 'Europe/Berlin']);
    const { sessions } = await lab.runOnce(['--session', 's-1']);
    expect(sessions).toMatchObject([{ outcome: 'COMPLETED', files: 2 }]);
  });

  test('a version says that a file lies outside of the session since END was moved', async () => {
    await lab.database
      .knex('session_log')
      .where('event_type', 'END')
      .update({ timestamp: '2026-03-02T10:00:00.000Z' });
    const { sessions } = await lab.runOnce();
    expect(sessions).toMatchObject([{ outcome: 'COMPLETED', version: 2 }]);
    const [latest] = await lab.database.createScope(() => listRecords('s-1'));
    expect(latest?.cause).toBe('1 file outside of the session now');
  });

  test('a session that a person cancelled stays so when its END is moved', async () => {
    await lab.run(['sessions', 'cancel', 's-1', '--reason', 'no']);
    await lab.database
      .knex('session_log')
      .where('event_type', 'END')
      .update({ timestamp: '2026-03-02T11:00:00.000Z' });
    const { sessions } = await lab.runOnce();
    expect(sessions).toEqual([]);
    expect(await find()).toMatchObject({ status: 'CANCELLED', heldByPerson: true });
    expect(lab.files(lab.records).filter((file) => !file.startsWith('versions/'))).toEqual([]);
  });

  test('a database folder that is not there is no new database', async () => {
    if (engine === 'postgres') return;
    const folder = join(lab.folder, 'not-mounted');
    const environment = { RECORDSMITH_DATABASE__FILE: join(folder, 'recordsmith.sqlite') };
    const refused = await lab.run(['--run-once'], environment);
    expect(refused).toMatchObject({ code: 69, stdout: '' });
    expect(refused.stderr).toContain(`The folder ${folder} of the database does not exist.`);
    expect(refused.stderr).toContain('recordsmith init');
    expect(existsSync(folder)).toBe(false);
    expect(await lab.run(['migrate'], environment)).toMatchObject({ code: 0 });
    expect(await lab.run(['--run-once'], environment)).toMatchObject({ code: 0 });
  });
});
