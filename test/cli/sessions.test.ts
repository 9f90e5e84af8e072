import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { listVerdicts, saveVerdicts } from '../../src/db/look-store.js';
import { pause, resume } from '../../src/db/pause-store.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { claim, settle } from '../support/session-rows.js';
import { runInProcess } from './run-in-process.js';

jest.setTimeout(180_000);

interface ListedSession {
  readonly session_identifier: string;
  readonly session_key: string;
  readonly start: string;
  readonly end: string | null;
  readonly user: string | null;
  readonly status: string;
  readonly waiting: { readonly reason: string; readonly until: string | null } | null;
}

const VERBS = [
  ...['list', 'show', 'explain', 'set', 'include', 'exclude', 'retry', 'cancel', 'release'],
  ...['note', 'problems'],
] as const;

test('the help of every verb has an example', async () => {
  for (const verb of VERBS) {
    const { code, stdout } = await runInProcess('/', ['sessions', verb, '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`Examples?:\\n  recordsmith sessions ${verb}`));
  }
});

describeEngines('The sessions command', (engine) => {
  let lab: Lab;

  const run = (...args: string[]) =>
    runInProcess(lab.folder, ['sessions', ...args, '--config', lab.configFile]);
  const json = async <T>(...args: string[]): Promise<T> => {
    const result = await run(...args, '--json');
    if (result.stdout === '') throw new Error(`exit ${String(result.code)}: ${result.stderr}`);
    return JSON.parse(result.stdout) as T;
  };
  const show = (id: string) => json<ListedSession>('show', id);
  const listed = async (...args: string[]) =>
    (await json<{ sessions: ListedSession[] }>('list', ...args)).sessions.map(
      (session) => session.session_identifier,
    );

  beforeAll(async () => {
    lab = await createLab({
      engine,
      instruments: ['titan', { pid: 'nova', timezone: 'America/New_York' }],
      settings: { build: { limits: { session_files: 1 } } },
    });
    for (const day of [1, 2, 3, 4]) {
      await lab.log(`titan-${String(day)}`, {
        start: `2026-03-0${String(day)}T09:00:00Z`,
        end: `2026-03-0${String(day)}T10:00:00Z`,
        user: day % 2 === 0 ? 'bob' : 'ada',
      });
    }
    await lab.log('open', { start: '2026-03-05T09:00:00Z', instrument: 'nova' });
  });
  afterAll(() => lab.remove());

  test('an unknown session is refused by every verb with exit code 65', async () => {
    const operands: Partial<Record<(typeof VERBS)[number], string[]>> = {
      set: ['--user', 'eve'],
      include: ['titan/a.msa'],
      exclude: ['titan/a.msa'],
    };
    for (const verb of VERBS) {
      if (verb === 'list' || verb === 'problems') continue;
      const result = await run(verb, 'nobody', ...(operands[verb] ?? []));
      expect([verb, result.code]).toEqual([verb, 65]);
      expect(result.stderr).toContain('There is no session nobody.');
      expect(result.stdout).toBe('');
    }
  });

  test('list shows the latest first, page by page, and takes filters', async () => {
    const all = ['open', 'titan-4', 'titan-3', 'titan-2', 'titan-1'];
    const first = await json<{ sessions: ListedSession[]; next: string | null }>(
      ...['list', '--limit', '3'],
    );
    expect(first.sessions.map((session) => session.session_identifier)).toEqual(all.slice(0, 3));
    expect(first.next).toBe(sessionKeyOf('titan-3'));
    expect(await listed('--limit', '3', '--after', first.next ?? '')).toEqual(all.slice(3));

    expect(await listed('--user', 'bob')).toEqual(['titan-4', 'titan-2']);
    expect(await listed('--status', 'WAITING_FOR_END', '--status', 'ERROR')).toEqual(['open']);
    expect(await listed('AN-3')).toEqual(['titan-3']);
    expect(await listed('--from', '2026-03-02T09:00', '--to', '2026-03-04')).toEqual([
      'titan-3',
      'titan-2',
    ]);
    // In the zone of the named instrument: 09:00 UTC is 10:00 in Berlin.
    expect(
      await listed(
        '--instrument',
        'titan',
        '--from',
        '2026-03-02T10:00',
        '--to',
        '2026-03-02T10:01',
      ),
    ).toEqual(['titan-2']);
    expect((await run('list', '--instrument', 'nowhere')).code).toBe(65);
    expect((await run('list', '--from', 'noon')).code).toBe(65);
    expect((await run('list', '--status', 'DONE')).code).toBe(64);
    expect((await run('list', '--limit', '0')).code).toBe(64);

    const people = await run('list', 'open');
    expect(people.stdout).toContain('2026-03-05T04:00:00-05:00');
    expect(people.stdout).toContain('no END yet');
  });

  test('a session that was logged by SQL is listed at once', async () => {
    const row = { session_identifier: 'by sql', instrument: 'titan', user: 'grace' };
    await lab.database.knex('session_log').insert({
      ...row,
      timestamp: '2026-02-01T09:00:00.000Z',
      event_type: 'START',
      record_status: 'WAITING_FOR_END',
    });
    expect(await listed('by sql')).toEqual(['by sql']);
  });

  test('show says what a session waits for', async () => {
    const reason = async () => (await show('titan-1')).waiting?.reason;
    expect(await reason()).toBe('the next pass builds it');

    const { knex } = lab.database;
    const titan1 = () => knex('sessions').where('session_identifier', 'titan-1');
    await titan1().update({
      next_attempt_at: '2999-01-01T00:00:00.000Z',
      deferral_reason: 'waiting: scan_07.emd, 41 GB, still growing',
    });
    expect((await show('titan-1')).waiting).toEqual({
      reason: 'waiting: scan_07.emd, 41 GB, still growing',
      until: '2999-01-01T00:00:00.000Z',
    });
    await titan1().update({ next_attempt_at: null, deferral_reason: null });

    const brake = { reason: 'moving', untilMs: null, author: 'eve' };
    const hold = () =>
      lab.database.createScope(() => pause({ ...brake, scope: 'instrument', target: 'titan' }));
    const letGo = () => lab.database.createScope(() => resume('instrument', 'titan'));
    await hold();
    expect(await reason()).toBe('paused by eve: moving');
    await letGo();

    await claim(lab.database, 'titan-1', 'host-a:7');
    expect(await reason()).toBe('being built now by host-a:7');
    await titan1().update({ lease_expires_at: '2026-03-06T00:00:00.000Z' });
    expect(await reason()).toContain('stopped building it midway');
    await hold();
    expect(await reason()).toBe('paused by eve: moving');
    await letGo();
    await titan1().update({ lease_owner: null, lease_expires_at: null });

    await lab.log('future', { start: '2026-03-05T09:00:00Z', end: '2999-03-05T09:00:00Z' });
    expect((await show('future')).waiting).toMatchObject({ until: '2999-03-05T09:00:00.000Z' });
    await run('cancel', 'future');

    const people = (await run('show', sessionKeyOf('titan-1').toUpperCase())).stdout;
    expect(people).toContain('2026-03-01T10:00:00+01:00');
    expect(people).toMatch(/still going +- +- +host-a:7/);
  });

  test('set corrects in the local time of the instrument; clear takes corrections back', async () => {
    const set = await json<ListedSession>('set', 'open', '--end', '2026-03-05T05:00', '--no-user');
    expect(set).toMatchObject({
      end: '2026-03-05T10:00:00.000Z',
      user: null,
      status: 'TO_BE_BUILT',
    });
    await run('set', 'open', '--user', 'eve', '--as', 'grace', '--why', 'asked her');
    const people = (await run('show', 'open')).stdout;
    expect(people).toMatch(/user +eve +ada +grace .*asked her/);
    expect(await json('set', 'open', '--clear', 'user')).toMatchObject({ user: 'ada' });
    expect(await json('set', 'open', '--clear')).toMatchObject({
      end: null,
      status: 'WAITING_FOR_END',
    });
  });

  test('set refuses what cannot be meant and changes nothing', async () => {
    const before = await json<object>('show', 'titan-2');
    const cases: [number, ...string[]][] = [
      [64],
      [64, '--clear', '--user', 'eve'],
      [64, '--clear', 'colour'],
      [64, '--clear', '--why', 'no reason'],
      [64, '--user', ''],
      [65, '--end', '2026-03-02T08:00:00Z'],
      [65, '--start', 'noon'],
      [65, '--instrument', 'nowhere'],
      [65, '--user', 'x'.repeat(256)],
    ];
    for (const [code, ...args] of cases) {
      expect([args, (await run('set', 'titan-2', ...args)).code]).toEqual([args, code]);
    }
    expect(await json<object>('show', 'titan-2')).toEqual(before);
  });

  test('notes are added, listed and removed', async () => {
    const added = await json<{ notes: { id: number; note: string; author: string }[] }>(
      ...['note', 'titan-2', 'drift in series 2', '--as', 'eve'],
    );
    expect(added.notes).toMatchObject([{ note: 'drift in series 2', author: 'eve' }]);
    expect((await run('note', 'titan-2')).stdout).toContain('drift in series 2');
    expect((await run('note', 'titan-2', '--remove', '999999')).code).toBe(65);
    expect((await run('note', 'titan-2', 'x'.repeat(1025))).code).toBe(65);
    expect((await run('note', 'titan-2', 'more', '--remove', '1')).code).toBe(64);
    const number = String(added.notes[0]?.id);
    expect(await json('note', 'titan-2', '--remove', number)).toMatchObject({ notes: [] });
  });

  test('retry needs a selection, refuses sessions without END and finds errors by their code', async () => {
    expect((await run('retry')).code).toBe(64);
    expect((await run('retry', '--code', 'NO_SUCH_CODE')).code).toBe(64);
    const open = await run('retry', 'open', '--json');
    expect(open.code).toBe(65);
    expect(JSON.parse(open.stdout)).toMatchObject({
      retried: [],
      refused: [
        { session_identifier: 'open', from: 'WAITING_FOR_END', reason: 'It has no END yet.' },
      ],
    });

    lab.spectrum('titan/one.msa', '2026-03-03T09:10:00Z');
    lab.spectrum('titan/two.msa', '2026-03-03T09:20:00Z');
    const built = await lab.runOnce(['--session', 'titan-3']);
    expect(built).toMatchObject({ code: 1, sessions: [{ outcome: 'ERROR' }] });
    const byCode = ['--status', 'ERROR', '--code', 'LIMIT_EXCEEDED', '--since', '2026-03-03'];
    expect(await json('retry', '--code', 'RECORD_INVALID')).toMatchObject({ retried: [] });
    expect(await json('retry', ...byCode, '--dry-run')).toEqual({
      dry_run: true,
      retried: [
        {
          session_identifier: 'titan-3',
          session_key: sessionKeyOf('titan-3'),
          from: 'ERROR',
          not_before: null,
        },
      ],
      refused: [],
    });
    expect((await show('titan-3')).status).toBe('ERROR');
    await run('retry', ...byCode);
    expect((await show('titan-3')).status).toBe('TO_BE_BUILT');
  });

  test('a session that is steered while it is being built is built anew', async () => {
    for (const verb of [['retry'], ['retry', '--fresh'], ['set', '--user', 'eve'], ['note', 'x']]) {
      const [name = '', ...rest] = verb;
      const claimed = await claim(lab.database, 'titan-4');
      expect((await run(name, 'titan-4', ...rest)).code).toBe(0);
      expect(await settle(lab.database, 'titan-4', claimed)).toEqual({ kind: 'inputs-changed' });
      expect((await show('titan-4')).status).toBe('TO_BE_BUILT');
      await lab.database
        .knex('sessions')
        .where('session_identifier', 'titan-4')
        .update({ next_attempt_at: null });
    }
    const claimed = await claim(lab.database, 'titan-4');
    expect((await run('cancel', 'titan-4')).code).toBe(0);
    expect(await settle(lab.database, 'titan-4', claimed)).toEqual({ kind: 'lease-lost' });
    expect((await run('retry', 'titan-4')).code).toBe(65);
    expect((await run('release', 'titan-4')).stdout).toContain('TO_BE_BUILT');
    expect((await run('release', 'titan-4')).code).toBe(65);
  });

  test('problems come with the command that mends them', async () => {
    await lab.log('backwards', { start: '2026-03-03T10:00:00Z', end: '2026-03-03T09:00:00Z' });
    const { problems } = await json<{
      problems: { session_identifier: string; problem: string; remedy: string }[];
    }>('problems');
    const remedies = new Map(problems.map((one) => [one.session_identifier, one]));
    expect(remedies.get('open')).toMatchObject({ problem: 'START_WITHOUT_END' });
    expect(remedies.get('open')?.remedy).toContain(`sessions cancel ${sessionKeyOf('open')}`);
    expect(remedies.get('backwards')).toMatchObject({ problem: 'END_BEFORE_START' });
    expect(remedies.get('backwards')?.remedy).toContain(`set ${sessionKeyOf('backwards')} --start`);
    expect(remedies.has('titan-1')).toBe(false);

    lab.configure({ build: { problem_age_hours: 1_000_000 } });
    expect((await run('problems')).stdout).not.toContain('START_WITHOUT_END');
    const people = (await run('show', 'backwards')).stdout;
    expect(people).toContain('The END lies before the START.');
  });

  test('control characters of others do not reach the terminal', async () => {
    const escape = '\u001b[2J';
    await run('set', 'titan-2', '--user', `e${escape}ve`);
    const verdict = { verdict: 'in', rule: escape, sizeBytes: 1, mtimeNs: 1n } as const;
    await lab.database.createScope(() =>
      saveVerdicts('titan-2', [{ location: '/titan/a.msa', ...verdict }]),
    );
    expect(await lab.database.createScope(() => listVerdicts('titan-2'))).toHaveLength(1);
    for (const args of [
      ['show', 'titan-2'],
      ['list', 'titan-2'],
      ['explain', 'titan-2'],
      ['set', 'titan-2', '--user', `e${escape}`],
    ]) {
      const { code, stdout } = await run(...args);
      expect(code).toBe(0);
      expect(stdout).not.toContain('\u001b');
    }
  });
});
