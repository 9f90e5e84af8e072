import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { insertLog } from '../../src/db/insert-log.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';
import { commandFolder } from './command-folder.js';

describeDatabases('dump', (fixture) => {
  const lab = commandFolder(() => fixture.url);
  const text = (name: string): string =>
    readFileSync(join(lab.current.folder, 'out', name), 'utf8');

  test('tables are written as CSV that a reader gives back, formulas guarded', async () => {
    await addInstrument(fixture.database, 'titan', {
      displayName: '=HYPERLINK("x"), "quoted"\nand a line',
      location: '-1 floor',
      settings: { build: { strategy: 'inclusive' } },
    });
    expect(await lab.current.json('dump', '--out', 'out')).toMatchObject({
      tables: expect.arrayContaining([
        expect.objectContaining({ table: 'instruments', rows: 1 }),
        expect.objectContaining({ table: 'session_log', rows: 0 }),
      ]),
    });
    const csv = text('instruments.csv');
    expect(csv.startsWith('instrument_pid,api_url,display_name,')).toBe(true);
    expect(csv).toMatch(/\r\n"titan",,"'=HYPERLINK\(""x""\)/);
    const [row] = parse<Record<string, string>>(csv, { columns: true });
    expect(row).toMatchObject({
      api_url: '',
      display_name: '\'=HYPERLINK("x"), "quoted"\nand a line',
      location: "'-1 floor",
      active: 'true',
    });
    expect(JSON.parse(String(row?.['settings']))).toEqual({ build: { strategy: 'inclusive' } });
    expect(text('session_log.csv')).toMatch(/^id_session_log,session_identifier,.*\r\n$/);
    expect(statSync(join(lab.current.folder, 'out', 'sessions.csv')).mode & 0o007).toBe(0);
    expect(existsSync(join(lab.current.folder, 'out', 'session_log_changes.csv'))).toBe(false);
  });

  test('many rows come in the order of the key, each once', async () => {
    await addInstrument(fixture.database, 'titan');
    const count = 1203;
    await fixture.database.createScope(async () => {
      for (let number = 0; number < count; number += 1) {
        await insertLog({
          sessionIdentifier: `session ${String((number * 7919) % count)}`,
          instrumentPid: 'titan',
          eventType: 'START',
          at: 1_772_000_000_000 + number * 1000,
        });
      }
    });
    const run = await lab.current.run(
      ...['dump', '--out', 'out', '--table', 'sessions', '--table', 'session_log', '--raw'],
    );
    expect(run.code).toBe(0);
    expect(readdirSync(join(lab.current.folder, 'out')).sort()).toEqual([
      'session_log.csv',
      'sessions.csv',
    ]);
    const read = (name: string) => parse<Record<string, string>>(text(name), { columns: true });
    const sessions = read('sessions.csv').map((row) => String(row['session_identifier']));
    expect(sessions).toEqual([...sessions].sort());
    expect(new Set(sessions).size).toBe(count);
    const ids = read('session_log.csv').map((row) => Number(row['id_session_log']));
    expect(ids).toEqual([...ids].sort((a, b) => a - b));
    expect(new Set(ids).size).toBe(count);
  });

  test('an unknown table and a dump that is there are refused; --force replaces it', async () => {
    const unknown = await lab.current.run('dump', '--out', 'out', '--table', 'instrument');
    expect(unknown).toMatchObject({ code: 65, stdout: '' });
    expect(unknown.stderr).toContain("did you mean 'instruments'?");
    expect(existsSync(join(lab.current.folder, 'out'))).toBe(false);
    await lab.current.json('dump', '--out', '.', '--table', 'projects');
    const file = join(lab.current.folder, 'projects.csv');
    lab.current.write('projects.csv', 'mine');
    const again = await lab.current.run('dump', '--out', '.', '--table', 'projects');
    expect(again.code).toBe(65);
    expect(readFileSync(file, 'utf8')).toBe('mine');
    await lab.current.json('dump', '--out', '.', '--table', 'projects', '--force');
    expect(readFileSync(file, 'utf8')).toMatch(/^id,name,/);
    expect(readdirSync(lab.current.folder).filter((name) => name.startsWith('.'))).toEqual([]);
  });
});
