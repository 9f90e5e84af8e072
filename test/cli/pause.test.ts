import { expect, test } from '@jest/globals';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';
import { commandFolder } from './command-folder.js';

describeDatabases('pause and resume', (fixture) => {
  const lab = commandFolder(() => fixture.url);

  test('a pause holds until it is resumed', async () => {
    await addInstrument(fixture.database, 'titan');
    await lab.current.json('pause', '--reason', 'store is away');
    const until = ['--until', '2999-07-01T00:00'];
    await lab.current.json('pause', '--instrument', 'titan', '--reason', 'clock', ...until);
    expect(await lab.current.json('pause', '--list')).toMatchObject({
      pauses: [
        { scope: 'all', target: null, reason: 'store is away', until: null },
        {
          scope: 'instrument',
          target: 'titan',
          reason: 'clock',
          until: '2999-06-30T22:00:00.000Z',
        },
      ],
    });
    expect(await lab.current.json('resume')).toMatchObject({
      resumed: true,
      pauses: [{ target: 'titan' }],
    });
    const left = await lab.current.json('resume', '--instrument', 'titan');
    expect(left).toEqual({ resumed: true, instrument: 'titan', pauses: [] });
  });

  test('a pause needs a reason, an instrument that exists and an end to come', async () => {
    const [bare, unknown, over] = await Promise.all([
      lab.current.run('pause'),
      lab.current.run('pause', '--instrument', 'nix', '--reason', 'x'),
      lab.current.run('pause', '--reason', 'x', '--until', '2020-01-01'),
    ]);
    expect([bare.code, unknown.code, over.code]).toEqual([64, 65, 65]);
    expect(over.stderr).toContain('is over already');
    expect(await fixture.database.knex('pauses')).toEqual([]);
  });
});
