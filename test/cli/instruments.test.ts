import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, logSession } from '../support/session-rows.js';
import { commandFolder } from './command-folder.js';

const NEW = ['--filestore-path', 'Titan', '--timezone', 'Europe/Berlin'];

describeDatabases('instruments', (fixture) => {
  const lab = commandFolder(() => fixture.url);

  test('an instrument is added, changed, shown with the origin of its settings, and removed', async () => {
    const added = await lab.current.json(
      ...['instruments', 'add', 'titan', ...NEW, '--display-name', 'FEI Titan', '--folder', 'EDS'],
      ...['--computer-ip', '2001:db8::17', '--set', 'build.strategy=inclusive'],
      ...['--set', 'build.clustering.min_gap_s=300'],
    );
    expect(added).toMatchObject({
      instrument_pid: 'titan',
      display_name: 'FEI Titan',
      filestore_path: 'Titan',
      timezone: 'Europe/Berlin',
      active: true,
      computer_ip: '2001:db8::17',
      folders: [{ path: 'Titan' }, { path: 'EDS' }],
      settings: { build: { strategy: 'inclusive', clustering: { min_gap_s: 300 } } },
    });
    await lab.current.json(
      ...['instruments', 'set', 'titan', '--active', 'no', '--computer-ip', ''],
      ...['--filestore-path', 'Titan2', '--unset', 'build.clustering.min_gap_s'],
    );
    await lab.current.json(
      ...['instruments', 'folder', 'set', 'titan', 'Titan2', '--time-basis', 'acquired'],
      ...['--clock-offset', '-3.5', '--valid-from', '2026-03-01T00:00', '--pattern', '*.emd'],
    );
    await lab.current.json('instruments', 'folder', 'remove', 'titan', 'EDS');
    await lab.current.json('instruments', 'tool', 'add', 'titan', 'nemo', '42');
    const shown = (await lab.current.json('instruments', 'show', 'titan')) as {
      readonly effective_settings: readonly { readonly key: string }[];
    };
    expect(shown).toMatchObject({
      display_name: 'FEI Titan',
      active: false,
      computer_ip: null,
      settings: { build: { strategy: 'inclusive' } },
      folders: [
        {
          path: 'Titan2',
          time_basis: 'acquired',
          clock_offsets: [{ valid_from: '2026-02-28T23:00:00.000Z', offset_ms: -3500 }],
          patterns: ['*.emd'],
        },
      ],
      tools: [{ source: 'nemo', tool_id: '42' }],
    });
    const setting = (name: string) => shown.effective_settings.find(({ key }) => key === name);
    expect(setting('build.strategy')).toMatchObject({ value: 'inclusive', origin: 'instrument' });
    expect(setting('build.clustering.min_gap_s')).toMatchObject({ value: 120, origin: 'default' });
    await lab.current.json('instruments', 'remove', 'titan');
    expect(await fixture.database.knex('instruments')).toEqual([]);
  });

  test('a folder that is not there and an awkward key are warned of; the instrument is added all the same', async () => {
    mkdirSync(join(lab.current.folder, 'data/Titan'));
    const added = await lab.current.run(
      'instruments',
      'add',
      'my titan',
      ...NEW,
      '--folder',
      'EDS',
    );
    expect(added.code).toBe(0);
    expect(added.stderr).toMatch(/The folder \S+data\/EDS does not exist: is the store mounted\?/);
    expect(added.stderr).not.toContain('data/Titan does not exist');
    expect(added.stderr).toContain('%XX for some characters of my titan');
    const folder = await lab.current.run('instruments', 'folder', 'add', 'my titan', 'Gatan');
    expect(folder.code).toBe(0);
    expect(folder.stderr).toContain('data/Gatan does not exist');
    expect(folder.stderr).not.toContain('data/EDS');
    const changed = await lab.current.run('instruments', 'set', 'my titan', '--location', 'B7');
    expect(changed.stderr).not.toContain('does not exist');
  });

  test('an instrument with sessions is not removed', async () => {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 'a', { start: '2026-03-01T10:00:00Z' });
    const refused = await lab.current.run('instruments', 'remove', 'titan');
    expect(refused.code).toBe(65);
    expect(refused.stderr).toContain('has sessions in the log');
    expect(refused.stderr).toContain('--active no');
    expect(await fixture.database.knex('instruments')).toHaveLength(1);
  });

  test('a key and an address are those of one instrument', async () => {
    await addInstrument(fixture.database, 'quanta', { apiUrl: 'https://nemo/api/tools/?id=1' });
    const same = await lab.current.run('instruments', 'add', 'quanta', ...NEW);
    expect(same.code).toBe(65);
    expect(same.stderr).toContain('There is an instrument quanta already.');
    const taken = await lab.current.run(
      ...['instruments', 'add', 'titan', ...NEW, '--api-url', 'https://nemo/api/tools/?id=1'],
    );
    expect(taken.code).toBe(65);
    expect(taken.stderr).toContain('Another instrument has the api_url given for titan.');
  });

  test('an imported file adds and changes, keeps what it does not name, and can be a dump', async () => {
    await addInstrument(fixture.database, 'quanta', { location: '-1 floor', propertyTag: '17' });
    const nexus = lab.current.write(
      'nexus.csv',
      '\uFEFFinstrument_pid;schema_name;calendar_name;filestore_path;timezone;property_tag\r\n' +
        'titan;"FEI; ""Titan""\r\nTEM";x;./Titan;America/New_York;\r\n' +
        '\r\n' +
        'quanta;Quanta;y;./Quanta;America/New_York;\r\n',
    );
    const first = await lab.current.json('instruments', 'import', nexus);
    expect(first).toEqual({ added: ['titan'], changed: ['quanta'], unchanged: [] });
    const { instruments } = (await lab.current.json('instruments', 'list')) as {
      readonly instruments: unknown;
    };
    expect(instruments).toMatchObject([
      {
        instrument_pid: 'quanta',
        display_name: 'Quanta',
        location: '-1 floor',
        property_tag: null,
      },
      { instrument_pid: 'titan', display_name: 'FEI; "Titan"\r\nTEM', filestore_path: './Titan' },
    ]);
    await lab.current.json('dump', '--out', '.', '--table', 'instruments');
    const again = await lab.current.json('instruments', 'import', 'instruments.csv');
    expect(again).toEqual({ added: [], changed: [], unchanged: ['quanta', 'titan'] });
  });

  test('every wrong row is named and nothing is written', async () => {
    await addInstrument(fixture.database, 'quanta', { computerName: 'pc7' });
    const file = lab.current.write(
      'instruments.csv',
      'instrument_pid,filestore_path,timezone,computer_name,settings\n' +
        'a,A,Europe/Berlin,,\n' +
        'b,B,Europe/Belin,,\n' +
        'a,A,Europe/Berlin,,\n' +
        'c,../C,Europe/Berlin,,\n' +
        'd,D,Europe/Berlin,pc7,\n' +
        'e,E,Europe/Berlin,,"{""build"":{""stratgy"":1}}"\n' +
        'f,F\n' +
        ',G,Europe/Berlin,,\n' +
        'h,H,,,\n',
    );
    const { code, stdout, stderr } = await lab.current.run('instruments', 'import', file);
    expect({ code, stdout }).toEqual({ code: 65, stdout: '' });
    for (const said of [
      /8 wrong rows; nothing was written/,
      /row 2 \(line 3\): 'Europe\/Belin' .* 'Europe\/Berlin'/,
      /row 3 \(line 4\): a is in row 1 already/,
      /row 4 \(line 5\): .* outside paths.data/,
      /row 5 \(line 6\): computer_name 'pc7' is that of quanta/,
      /row 6 \(line 7\): (.|\n)*did you mean 'build.strategy'/,
      /row 7 \(line 8\): it has 2 cells, the headings are 5/,
      /row 8 \(line 9\): instrument_pid is empty/,
      /row 9 \(line 10\): .* needs a timezone/,
    ]) {
      expect(stderr).toMatch(said);
    }
    expect(await fixture.database.knex('instruments')).toHaveLength(1);
  });
});
