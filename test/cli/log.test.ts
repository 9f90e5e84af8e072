import { describe, expect, test } from '@jest/globals';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';
import { commandFolder } from './command-folder.js';
import { runCli } from './run-cli.js';

describeDatabases('log', (fixture) => {
  const lab = commandFolder(() => fixture.url);

  test('an END without a session ends the only open one of the instrument', async () => {
    await addInstrument(fixture.database, 'titan');
    await addInstrument(fixture.database, 'quanta');
    const started = await lab.current.json(
      ...['log', 'start', '--instrument', 'titan', '--user', 'ada', '--at', '2026-03-01T10:00'],
    );
    expect(started).toMatchObject({
      kind: 'inserted',
      event_type: 'START',
      session_identifier: expect.stringMatching(/^[0-9a-f-]{36}$/),
      session_key: expect.stringMatching(/^[a-z2-7]{16}$/),
      instrument: 'titan',
      user: 'ada',
      timestamp: '2026-03-01T09:00:00.000Z',
      status: 'WAITING_FOR_END',
      warnings: [],
    });
    await lab.current.json(...['log', 'start', '--instrument', 'quanta', '--session', 'other']);
    const ended = await lab.current.json(
      ...['log', 'end', '--instrument', 'titan', '--at', '2026-03-01T12:00:00+02:00'],
    );
    expect(ended).toMatchObject({
      session_identifier: (started as { session_identifier: string }).session_identifier,
      event_type: 'END',
      user: 'ada',
      timestamp: '2026-03-01T10:00:00.000Z',
      status: 'TO_BE_BUILT',
    });
  });

  test('an END without a session is refused while none or several are open', async () => {
    await addInstrument(fixture.database, 'titan');
    const none = await lab.current.run('log', 'end', '--instrument', 'titan');
    expect(none).toMatchObject({ code: 65, stdout: '' });
    expect(none.stderr).toContain('No session is open on titan.');
    const first = await lab.current.json('log', 'start', '--instrument', 'titan');
    const second = await lab.current.json('log', 'start', '--instrument', 'titan');
    const keys = [first, second].map((event) => (event as { session_key: string }).session_key);
    expect((second as { warnings: string[] }).warnings.join()).toContain(keys[0]);
    const several = await lab.current.run('log', 'end', '--instrument', 'titan');
    expect(several).toMatchObject({ code: 65, stdout: '' });
    for (const key of keys) expect(several.stderr).toContain(key);
    expect(await fixture.database.knex('session_log').where('event_type', 'END')).toEqual([]);
  });

  test('a corrected event says what changed of the session; a START to come is warned of', async () => {
    await addInstrument(fixture.database, 'titan');
    const start = ['log', 'start', '--instrument', 'titan', '--session', 'a', '--at'];
    const future = await lab.current.json(...start, '2999-03-01T10:00');
    expect(future).toMatchObject({
      warnings: [expect.stringContaining('START lies in the future')],
    });
    await lab.current.run(...start, '2026-03-01T10:00');
    const end = ['log', 'end', '--session', 'a', '--at'];
    const first = await lab.current.run(...end, '2026-03-01T12:00');
    expect(first.stdout).not.toContain('is now');
    await fixture.database.knex('session_log').update({ record_status: 'COMPLETED' });
    const again = await lab.current.run(...end, '2026-03-01T12:30');
    expect(again.stdout).toContain(
      '  end: 2026-03-01T12:00:00+01:00 is now 2026-03-01T12:30:00+01:00\n',
    );
    expect(again.stdout).toContain('  status: COMPLETED is now TO_BE_BUILT\n');
    expect(await lab.current.json(...end, '2026-03-01T12:40')).toMatchObject({
      changed: [{ field: 'end', from: '2026-03-01T11:30:00.000Z', to: '2026-03-01T11:40:00.000Z' }],
    });
  });

  test('an END before the START is written and warned of; a key finds its session', async () => {
    await addInstrument(fixture.database, 'titan');
    const start = await lab.current.json(
      ...['log', 'start', '--instrument', 'titan', '--session', 'a', '--at', '2026-03-29T02:30'],
    );
    const key = (start as { session_key: string }).session_key;
    expect(start).toMatchObject({
      timestamp: '2026-03-29T01:30:00.000Z',
      warnings: [expect.stringContaining('moved forward')],
    });
    const end = await lab.current.json('log', 'end', '--session', key, '--at', '2026-03-28T08:00');
    expect(end).toMatchObject({
      session_identifier: 'a',
      instrument: 'titan',
      warnings: [expect.stringMatching(`END lies before the START.*sessions set ${key}`)],
    });
  });
});

describe('log', () => {
  test('an event without instrument and session is wrong usage', async () => {
    const neither = await runCli('/', ['log', 'end']);
    expect(neither).toMatchObject({ code: 64, stdout: '' });
    expect(neither.stderr).toContain('needs an instrument');
  });
});
