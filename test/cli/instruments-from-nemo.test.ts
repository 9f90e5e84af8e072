import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, expect, test } from '@jest/globals';
import { parse, stringify } from 'yaml';
import { listTools, setTool } from '../../src/db/instrument-store.js';
import { lab } from '../sources/nemo-lab.js';
import { describeDatabases } from '../support/databases.js';
import type { FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';
import { addInstrument } from '../support/session-rows.js';
import { commandFolder } from './command-folder.js';
import { runInProcess } from './run-in-process.js';

interface Listed {
  readonly tools: readonly Readonly<Record<string, unknown>>[];
  readonly applied: readonly number[];
}

describeDatabases('instruments import --from-nemo', (fixture) => {
  const folder = commandFolder(() => fixture.url);
  let nemo: FakeNemo;

  const run = (...args: string[]) =>
    runInProcess(folder.current.folder, [
      ...['instruments', 'import', ...args, '--config', 'recordsmith.yaml'],
    ]);
  const listed = async (...args: string[]): Promise<Listed> => {
    const { code, stdout, stderr } = await run('--from-nemo', 'nemo', ...args, '--json');
    if (code !== 0) throw new Error(stderr);
    return JSON.parse(stdout) as Listed;
  };
  const mapped = async () =>
    (await fixture.database.createScope(() => listTools())).map(
      ({ source, toolId, instrumentPid }) => `${source}:${toolId} ${instrumentPid}`,
    );

  beforeEach(async () => {
    ({ nemo } = await lab());
    nemo.addTool({ id: 10, name: 'JEOL JEM3010', _category: 'TEM' });
    nemo.addTool({ id: 11, name: 'JEM3010 with heater', parent_tool: 10, visible: false });
    nemo.addTool({ id: 12, name: 'Quanta 200', _category: 'SEM' });
    nemo.addTool({ id: 13, name: '=Plasma: cleaner/ä', _category: 'Preparation' });
    nemo.addTool({ id: 14, name: 'Helios' });
    nemo.addTool({ id: 15, name: 'Hidden', visible: false });
    nemo.addTool({ id: 16, name: 'Quanta 250', _category: 'SEM' });
    await addInstrument(fixture.database, 'jeol', { apiUrl: `${nemo.baseUrl}tools/?id=10` });
    await addInstrument(fixture.database, 'FEI-Quanta', { displayName: 'quanta 200 ' });
    await addInstrument(fixture.database, 'FEI-Titan-TEM');
    await addInstrument(fixture.database, 'helios-1');
    await fixture.database.createScope(() =>
      setTool({ source: 'nemo', toolId: '14', instrumentPid: 'helios-1' }),
    );
    const before: unknown = parse(
      readFileSync(join(folder.current.folder, 'recordsmith.yaml'), 'utf8'),
    );
    const source = { name: 'nemo', kind: 'nemo', url: nemo.baseUrl, token: nemo.token };
    const sources = [
      { ...source, consent: 'off', timezone: 'America/New_York' },
      { name: 'pcs', kind: 'instrument-pc' },
    ];
    folder.current.write('recordsmith.yaml', stringify({ ...(before as object), sources }));
  });

  test('says which instrument each tool means or could mean, and why, and writes nothing', async () => {
    const before = await mapped();
    const { tools } = await listed();
    expect(
      tools.map((tool) => [
        tool['tool_id'],
        tool['certainty'],
        tool['instrument_pid'],
        tool['why'],
      ]),
    ).toEqual([
      [13, 'new', null, 'no instrument is called like it'],
      [1, 'likely', 'FEI-Titan-TEM', 'called like FEI-Titan-TEM'],
      [14, 'set', 'helios-1', 'set already'],
      [10, 'certain', 'jeol', 'same api_url'],
      [11, 'likely', 'jeol', 'alternate of JEOL JEM3010'],
      [12, 'certain', 'FEI-Quanta', 'same name'],
      // Nearly the name of an instrument that another tool means.
      [16, 'new', null, 'no instrument is called like it'],
    ]);
    expect(tools[0]).toMatchObject({ proposed_pid: 'Plasma-cleaner-a', category: 'Preparation' });
    expect(tools[4]).toMatchObject({ parent: 'JEOL JEM3010', category: 'TEM' });
    expect(await mapped()).toEqual(before);
    const { stdout } = await run('--from-nemo', 'nemo');
    expect(stdout).toMatch(/JEM3010 with heater \(alternate of JEOL JEM3010\)/);
    expect(stdout).toMatch(/new: Plasma-cleaner-a\s+to be filled in/);
  });

  test('a name that two instruments have is not certain', async () => {
    await addInstrument(fixture.database, 'other', { displayName: 'Quanta 200' });
    const { tools, applied } = await listed('--apply');
    expect(applied).toEqual([10]);
    expect(tools).toContainEqual(
      expect.objectContaining({ tool_id: 12, why: 'same name, as FEI-Quanta and other' }),
    );
    expect(await mapped()).toEqual(['nemo:10 jeol', 'nemo:14 helios-1']);
  });

  test('--apply sets what is certain and touches nothing else', async () => {
    expect(await listed('--apply', '--dry-run')).toMatchObject({ applied: [10, 12] });
    expect(await mapped()).toEqual(['nemo:14 helios-1']);
    expect(await listed('--apply')).toMatchObject({ applied: [10, 12] });
    const after = ['nemo:10 jeol', 'nemo:12 FEI-Quanta', 'nemo:14 helios-1'];
    expect(await mapped()).toEqual(after);
    expect(await listed('--apply')).toMatchObject({ applied: [] });
  });

  test('--csv writes missing instruments for a person to complete and import, over no file', async () => {
    const file = join(folder.current.folder, 'new.csv');
    await listed('--csv', 'new.csv', '--dry-run');
    expect(existsSync(file)).toBe(false);
    await listed('--csv', 'new.csv');
    expect((await run('--from-nemo', 'nemo', '--csv', 'new.csv')).code).toBe(77);
    const incomplete = await run('new.csv');
    expect(incomplete).toMatchObject({ code: 65 });
    expect(incomplete.stderr).toContain('needs a filestore_path');
    const text = readFileSync(file, 'utf8');
    folder.current.write('done.csv', text.replaceAll(/-(a|250)(,[^,]*),,/g, '-$1$2,Folder-$1,'));
    expect((await run('done.csv')).code).toBe(0);
    expect(
      await fixture.database.knex('instruments').where('filestore_path', 'Folder-a'),
    ).toMatchObject([
      {
        instrument_pid: 'Plasma-cleaner-a',
        display_name: '=Plasma: cleaner/ä',
        timezone: 'America/New_York',
        harvester: 'nemo',
        api_url: `${nemo.baseUrl}tools/?id=13`,
      },
    ]);
    expect((await listed()).tools[0]).toMatchObject({ certainty: 'certain', why: 'same api_url' });
    expect(await listed('--csv', 'none.csv')).toMatchObject({ csv: null });
    expect(existsSync(join(folder.current.folder, 'none.csv'))).toBe(false);
  });

  test.each([
    [['--from-nemo', 'nmo'], 65, /did you mean nemo\?/],
    [['--from-nemo', 'pcs'], 65, /is no NEMO/],
    [['a.csv', '--from-nemo', 'nemo'], 64, /either a CSV file or a NEMO/],
    [[], 64, /a CSV file or a NEMO/],
    [['a.csv', '--apply'], 64, /--apply works only together with --from-nemo/],
  ])('%j ends with %d', async (args, code, message) => {
    const result = await run(...args);
    expect(result).toMatchObject({ code, stderr: expect.stringMatching(message) });
  });

  test('a NEMO that refuses the token ends with 77 and does not show it', async () => {
    nemo.tokens.remove(nemo.token);
    const { code, stderr } = await run('--from-nemo', 'nemo');
    expect(code).toBe(77);
    expect(stderr).toContain('Check the token');
    expect(stderr).not.toContain(nemo.token);
  });
});
