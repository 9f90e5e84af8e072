import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import type { SessionRow } from '../../src/db/tables.js';
import { describeEngines } from '../support/databases.js';
import { startFakeNemo, type FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';
import { createLab, type Lab, type LabSettings } from '../support/lab.js';
import type { RunningCli } from '../support/running-cli.js';
import { waitFor } from '../support/wait-for.js';

const NEVER = '0 0 1 1 *';
const SECRET = `whsec_${randomBytes(24).toString('base64')}`;

describeEngines('a session from NEMO', (engine) => {
  let nemo: FakeNemo;
  let lab: Lab;

  beforeEach(async () => {
    nemo = await startFakeNemo();
    nemo.addTool({ name: 'FEI Titan TEM' });
    nemo.addUser({ username: 'pierre' });
    nemo.addProject({ name: 'Grain boundary study' });
    lab = await createLab({
      engine,
      instruments: [{ pid: 'titan', apiUrl: `${nemo.baseUrl}tools/?id=1` }],
      settings: { http: { enabled: true, port: 0 } },
    });
  });
  afterEach(async () => {
    await lab.remove();
    await nemo.close();
  });

  /** Only what is named happens by itself: no poll but at the start, no build by the schedule. */
  function configure(source: LabSettings): void {
    const quiet = { poll_s: 3600, adjustments_s: 3600, reconcile: NEVER, consent: 'off' };
    const nemoSource = { name: 'nemo', kind: 'nemo', url: nemo.baseUrl, ...quiet, ...source };
    lab.configure({ build: { schedule: NEVER }, sources: [nemoSource] });
  }
  async function startDaemon(): Promise<{ daemon: RunningCli; address: string }> {
    const daemon = lab.start(['run'], {});
    await daemon.saw('recordsmith is running');
    const address = /"address":"([^"]+)"/.exec(daemon.stderr)?.[1];
    if (address === undefined) throw new Error(`It does not listen:\n${daemon.stderr}`);
    return { daemon, address };
  }
  async function sessions(): Promise<SessionRow[]> {
    return lab.database.knex<SessionRow>('sessions').orderBy('start_at').select();
  }
  const hasStatus = (status: string) => async (): Promise<SessionRow | undefined> =>
    (await sessions()).find((session) => session.status === status);
  const pushTo = (address: string): void => {
    nemo.addWebhook({
      url: `${address}/ingest/nemo/nemo`,
      body: 'standard-webhooks',
      secrets: [SECRET],
    });
  };

  test('goes from the push of its START to its record without waiting for any schedule', async () => {
    configure({
      token: nemo.token,
      webhook: { scheme: 'standard-webhooks', secrets: [SECRET] },
    });
    const { daemon, address } = await startDaemon();
    pushTo(address);
    nemo.enable(1, 1, 1, 1);
    await waitFor('START is logged', hasStatus('WAITING_FOR_END'));
    lab.spectrum('titan/one.msa', Date.now());
    nemo.advance(5);
    nemo.disable(1);
    await waitFor('the record is there', hasStatus('COMPLETED'));
    await waitFor('its file is published', () =>
      lab.files(lab.records).some((name) => /^\d{4}\/.*\.xml$/.test(name)),
    );
    daemon.kill('SIGTERM');
    expect(await daemon.ended).toMatchObject({ code: 0 });
  });

  test('is built when its delayed logoff is over', async () => {
    configure({
      token: nemo.token,
      webhook: { scheme: 'standard-webhooks', secrets: [SECRET] },
    });
    const { address } = await startDaemon();
    pushTo(address);
    nemo.enable(1, 1, 1, 1);
    lab.spectrum('titan/one.msa', Date.now() + 500);
    nemo.disable(1, { downtimeMinutes: 2 / 60 });
    await waitFor('END is logged', hasStatus('TO_BE_BUILT'));
    expect(await waitFor('the record is there', hasStatus('COMPLETED'))).toMatchObject({
      instrument: 'titan',
      user: 'pierre',
    });
  });

  test('is not lost when the daemon is killed after it took the message, and before it could follow it up', async () => {
    configure({
      token: nemo.token,
      webhook: { scheme: 'standard-webhooks', secrets: [SECRET] },
    });
    const { address, daemon } = await startDaemon();
    pushTo(address);
    await nemo.goDown();
    nemo.enable(1, 1, 1, 1);
    await nemo.settled();
    expect(await lab.database.knex('webhook_hints').first('event_id')).toEqual({ event_id: 1 });
    daemon.kill('SIGKILL');
    await daemon.ended;
    await nemo.comeUp();
    await startDaemon();
    expect(await waitFor('START is logged', hasStatus('WAITING_FOR_END'))).toMatchObject({
      source: 'nemo',
    });
  });

  test('is taken from the message itself where no token lets it be read', async () => {
    configure({
      token: null,
      webhook: { scheme: 'django-webhook', secrets: ['very-secret-token-1'] },
    });
    const { address } = await startDaemon();
    nemo.addWebhook({
      url: `${address}/ingest/nemo/nemo`,
      body: 'django-webhook',
      secrets: ['very-secret-token-1'],
    });
    nemo.enable(1, 1, 1, 1);
    await waitFor('START is logged', hasStatus('WAITING_FOR_END'));
    nemo.disable(1);
    await waitFor('END is logged', async () => (await sessions())[0]?.end_at);
    expect(
      (await lab.run(['sessions', 'show', `${nemo.baseUrl}usage_events/?id=1`])).stdout,
    ).toMatch(/nemo \(unconfirmed/);
  });

  test('is harvested by --run-once, and foreseen by a dry run that writes nothing', async () => {
    configure({ token: nemo.token });
    const ago = (minutes: number): string => new Date(Date.now() - minutes * 60_000).toISOString();
    nemo.backdate({ tool: 1, user: 1, project: 1, start: ago(90), end: ago(30) });
    lab.spectrum('titan/one.msa', ago(60));
    const foreseen = await lab.run(['--run-once', '--dry-run', '--json']);
    expect(JSON.parse(foreseen.stdout)).toMatchObject({
      sessions: [{ instrument: 'titan', user: 'pierre', outcome: 'COMPLETED' }],
    });
    expect(await sessions()).toEqual([]);
    expect((await lab.runOnce(['--no-harvest'])).sessions).toEqual([]);
    expect((await lab.runOnce()).counts).toEqual({ COMPLETED: 1 });
  });

  test('of one of several NEMOs is told from that of the others', async () => {
    const other = await startFakeNemo();
    try {
      other.addTool({ name: 'JEOL 2100' });
      other.addUser({ username: 'conseil' });
      other.addProject({ name: 'Corals' });
      await lab.addInstrument('jeol', { apiUrl: `${other.baseUrl}tools/?id=1` });
      nemo.enable(1, 1, 1, 1);
      other.enable(1, 1, 1, 1);
      const kind = { kind: 'nemo', consent: 'off' };
      lab.configure({
        sources: [
          { name: 'nemo', url: nemo.baseUrl, token: nemo.token, ...kind },
          { name: 'other', url: other.baseUrl, token: other.token, ...kind },
        ],
      });
      await lab.runOnce();
      const found = (await sessions()).map(({ instrument, user, source }) => [
        instrument,
        user,
        source,
      ]);
      expect(found.sort()).toEqual([
        ['jeol', 'conseil', 'other'],
        ['titan', 'pierre', 'nemo'],
      ]);
    } finally {
      await other.close();
    }
  });

  test('--run-once builds what is there and ends with 69 when NEMO does not answer', async () => {
    configure({ token: nemo.token, timeout_s: 1 });
    await nemo.goDown();
    await lab.log('by-hand', { start: '2026-03-01T10:00:00Z', end: '2026-03-01T10:00:00Z' });
    const result = await lab.runOnce();
    expect(result).toMatchObject({ code: 69, counts: { NO_FILES_FOUND: 1 } });
    expect(result.stderr).toContain('The source cannot be harvested.');
  });
});
