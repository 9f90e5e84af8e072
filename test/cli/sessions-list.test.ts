import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { insertLog } from '../../src/db/insert-log.js';
import { pause, resume } from '../../src/db/pause-store.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { runInProcess } from './run-in-process.js';

jest.setTimeout(180_000);

interface Page {
  readonly sessions: readonly {
    readonly session_identifier: string;
    readonly start: string | null;
    readonly end: string | null;
    readonly status: string;
    readonly reason: string | null;
  }[];
  readonly next: string | null;
}

describeEngines('What sessions list and retry say', (engine) => {
  let lab: Lab;

  const run = (...args: string[]) =>
    runInProcess(lab.folder, ['sessions', ...args, '--config', lab.configFile]);
  const list = async (...args: string[]) =>
    JSON.parse((await run('list', '--json', ...args)).stdout) as Page;
  const named = async (...args: string[]) =>
    (await list(...args)).sessions.map((session) => session.session_identifier);

  const logEnd = (id: string, at: string) =>
    lab.database.createScope(() =>
      insertLog({
        ...{ sessionIdentifier: id, instrumentPid: 'titan', user: 'ada', source: 'test' },
        ...{ eventType: 'END', at },
      }),
    );

  beforeAll(async () => {
    lab = await createLab({
      engine,
      settings: {
        build: { limits: { session_files: 1 } },
        rules: [{ name: 'tests', action: 'skip', match: { user: 'tester' } }],
      },
    });
    await lab.log('early', { start: '2026-03-01T09:00:00Z', end: '2026-03-01T10:00:00Z' });
    await logEnd('startless', '2026-03-02T10:00:00Z');
    await lab.log('skipped', {
      ...{ start: '2026-03-03T09:00:00Z', end: '2026-03-03T10:00:00Z', user: 'tester' },
    });
    await lab.log('failed', { start: '2026-03-04T09:00:00Z', end: '2026-03-04T10:00:00Z' });
  });
  afterAll(() => lab.remove());

  test('a session without START is listed where its END is, on every page and with filters', async () => {
    const all = ['failed', 'skipped', 'startless', 'early'];
    expect(await named()).toEqual(all);
    const paged: string[] = [];
    for (let after: string[] = []; ;) {
      const { sessions, next } = await list('--limit', '1', ...after);
      expect(sessions).toHaveLength(1);
      paged.push(...sessions.map((session) => session.session_identifier));
      if (next === null) break;
      after = ['--after', next];
    }
    expect(paged).toEqual(all);

    const page = await list('--status', 'WAITING_FOR_END');
    expect(page.sessions).toMatchObject([
      { session_identifier: 'startless', start: null, end: '2026-03-02T10:00:00.000Z' },
    ]);
    expect(await named('startl')).toEqual(['startless']);
    expect(await named('--from', '2026-03-02', '--to', '2026-03-03')).toEqual(['startless']);
    expect(await named('--from', '2026-03-03')).toEqual(['failed', 'skipped']);
    const { stdout } = await run('list', 'startless');
    expect(stdout).toMatch(
      /ada +- +2026-03-02T11:00:00\+01:00 +WAITING_FOR_END +END_WITHOUT_START/,
    );
    for (const verb of ['show', 'explain']) {
      expect(await run(verb, 'startless')).toMatchObject({ code: 0, stderr: '' });
    }
  });

  test('a session without START and END is listed last', async () => {
    const { knex } = lab.database;
    const startless = () => knex('sessions').where('session_identifier', 'startless');
    await startless().update({ end_at: null });
    expect(await named()).toEqual(['failed', 'skipped', 'early', 'startless']);
    expect(await named('--after', sessionKeyOf('early'))).toEqual(['startless']);
    expect(await named('--after', sessionKeyOf('startless'))).toEqual([]);
    await startless().update({ end_at: '2026-03-02T10:00:00.000Z' });
  });

  test('an END without a session goes to the one open session, however many lack a START', async () => {
    for (let index = 0; index < 12; index += 1) {
      const day = String(index + 10);
      await logEnd(`lost-${day}`, `2026-03-${day}T10:00:00Z`);
    }
    await lab.log('open', { start: '2026-03-05T09:00:00Z' });
    const logged = await runInProcess(lab.folder, [
      ...['log', 'end', '--instrument', 'titan', '--at', '2026-03-05T10:00:00Z'],
      ...['--config', lab.configFile],
    ]);
    expect(logged.stdout).toContain(`END of ${sessionKeyOf('open')} logged`);
  });

  test('the reason of a finished session is what its last build said', async () => {
    lab.spectrum('titan/one.msa', '2026-03-04T09:10:00Z');
    lab.spectrum('titan/two.msa', '2026-03-04T09:20:00Z');
    await lab.runOnce();
    const { sessions } = await list();
    const reasonOf = (id: string) =>
      sessions.find((session) => session.session_identifier === id)?.reason;
    expect(reasonOf('skipped')).toBe('rule: tests');
    expect(reasonOf('early')).toMatch(/file/);
    expect(reasonOf('failed')).toMatch(/session_files/);
    expect((await run('list', 'skipped')).stdout).toMatch(/SKIPPED +\S*.*tests/);

    // Cancelled since then: what the build said is history.
    await run('cancel', 'failed', '--reason', 'wrong sample');
    expect((await list('failed')).sessions[0]?.reason).toMatch(/^Cancelled by .*wrong sample/);
  });

  test('retry says when the session is built', async () => {
    const retry = async (id: string, ...args: string[]) => (await run('retry', id, ...args)).stdout;
    await lab.log('future', { start: '2026-03-05T09:00:00Z', end: '2999-03-05T09:00:00Z' });
    expect(await retry('future', '--dry-run')).toContain(
      'would be built again after its END, 2999-03-05T10:00:00+01:00',
    );
    expect(JSON.parse(await retry('future', '--json'))).toMatchObject({
      retried: [{ session_identifier: 'future', not_before: '2999-03-05T09:00:00.000Z' }],
    });
    expect(await retry('early')).toContain('is built again by the next pass');
    const brake = { reason: 'moving', untilMs: null, author: 'eve' };
    await lab.database.createScope(() => pause({ ...brake, scope: 'instrument', target: 'titan' }));
    expect(await retry('early')).toContain('is built again when its pause ends (eve: moving)');
    await lab.database.createScope(() => resume('instrument', 'titan'));
    await lab.log('backwards', { start: '2026-03-05T10:00:00Z', end: '2026-03-05T09:00:00Z' });
    expect(await retry('backwards')).toContain(
      'is built again when its problem is mended (END_BEFORE_START)',
    );
  });
});
