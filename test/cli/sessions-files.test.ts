import { mkdirSync, renameSync, rmSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { listVerdicts } from '../../src/db/look-store.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { runInProcess } from './run-in-process.js';

jest.setTimeout(180_000);

interface Explained {
  readonly fresh_look: boolean;
  readonly files: readonly { readonly location: string; readonly verdict: string }[];
  readonly written_elsewhen: readonly { readonly location: string }[];
  readonly hints: readonly { readonly text: string; readonly command: string | null }[];
}

describeEngines('Files of a session', (engine) => {
  let lab: Lab;

  const run = (...args: string[]) =>
    runInProcess(lab.folder, ['sessions', ...args, '--config', lab.configFile]);
  const explain = async (...args: string[]): Promise<Explained> => {
    const result = await run('explain', ...args, '--json');
    if (result.stdout === '') throw new Error(`exit ${String(result.code)}: ${result.stderr}`);
    return JSON.parse(result.stdout) as Explained;
  };
  const verdictsOf = ({ files }: Explained) =>
    Object.fromEntries(files.map(({ location, verdict }) => [location, verdict]));
  /** The rules of session `s`: location to rule. */
  const rules = async () => {
    const rows: { location: string; rule: string }[] = await lab.database
      .knex('session_files')
      .where('session_identifier', 's')
      .orderBy('location')
      .select('location', 'rule');
    return Object.fromEntries(rows.map(({ location, rule }) => [location, rule]));
  };

  beforeAll(async () => {
    lab = await createLab({ engine, instruments: [{ pid: 'titan', timezone: 'UTC' }] });
    lab.spectrum('titan/a b.msa', '2026-03-02T09:10:00Z');
    lab.spectrum('titan/gone.msa', '2026-03-02T09:20:00Z');
    lab.spectrum('titan/early.msa', '2026-03-02T08:50:00Z');
    lab.spectrum('titan/late.msa', '2026-03-02T10:05:00Z');
    lab.spectrum('titan/next.msa', '2026-03-02T10:15:00Z');
    lab.write('titan/notes.xyz', '2026-03-02T09:30:00Z');
    lab.spectrum('elsewhere/far.msa', '2026-02-01T09:00:00Z');
    await lab.log('s', { start: '2026-03-02T09:00:00Z', end: '2026-03-02T10:00:00Z' });
    await lab.log('after', { start: '2026-03-02T10:10:00Z', end: '2026-03-02T10:20:00Z' });
    await lab.runOnce();
    rmSync(join(lab.data, 'titan/gone.msa'));
  });
  afterAll(() => lab.remove());

  test('explain says of every file near the session what it is, and what to do', async () => {
    const explained = await explain('s');
    expect(verdictsOf(explained)).toEqual({
      '/titan/a%20b.msa': 'in',
      '/titan/gone.msa': 'in',
      '/titan/early.msa': 'before start',
      '/titan/late.msa': 'after end',
      '/titan/next.msa': 'after end',
      '/titan/notes.xyz': 'no format',
    });
    const key = sessionKeyOf('s');
    // next.msa belongs to the session after.
    expect(explained.hints).toMatchObject([
      {
        text: '1 file written within 30 min after END belongs to no session: extend?',
        command: `recordsmith sessions set ${key} --end 2026-03-02T10:05:01Z`,
      },
      {
        text: '1 file written within 30 min before START belongs to no session: begin earlier?',
        command: `recordsmith sessions set ${key} --start 2026-03-02T08:49:59Z`,
      },
      { command: `recordsmith sessions include ${key} PATH` },
    ]);
    const people = (await run('explain', key)).stdout;
    expect(people).toMatch(/in: 2\nFILE.*\n\/titan\/a%20b\.msa +2026-03-02T09:10:00Z/);
    expect(people).toContain('hint: 1 file written within 30 min after END');
  });

  test('a fresh look sees the store as it is now and writes nothing', async () => {
    const kept = () => lab.database.createScope(() => listVerdicts('s'));
    const before = await kept();
    const explained = await explain('s', '--look');
    expect(explained.fresh_look).toBe(true);
    expect(verdictsOf(explained)).not.toHaveProperty(['/titan/gone.msa']);
    expect(verdictsOf(explained)).toHaveProperty(['/titan/a%20b.msa'], 'in');
    expect(await kept()).toEqual(before);
    expect(before.map(({ location }) => location)).toContain('/titan/gone.msa');
  });

  test('a fresh look finds files that a copy job gave new times', async () => {
    const copied = lab.spectrum('titan/copied.msa', '2026-03-02T09:40:00Z');
    utimesSync(
      copied,
      Date.parse('2026-03-03T01:13:00Z') / 1000,
      Date.parse('2026-03-03T01:13:00Z') / 1000,
    );
    const explained = await explain('s', '--look');
    expect(explained.written_elsewhen).toMatchObject([{ location: '/titan/copied.msa' }]);
    expect(explained.hints.map(({ text }) => text)).toContainEqual(
      expect.stringMatching(
        /^1 file was acquired in this session but written at 2026-03-03T01:13:00Z: the copy job/,
      ),
    );
    rmSync(copied);
  });

  test('no fresh look of a session that is open, or while the store is away', async () => {
    await lab.log('open', { start: '2026-03-05T09:00:00Z' });
    expect((await run('explain', 'open', '--look')).code).toBe(65);
    expect((await run('explain', 'open')).stdout).toContain('add --look');
    renameSync(join(lab.data, 'titan'), join(lab.data, 'unmounted'));
    const away = await run('explain', 's', '--look');
    renameSync(join(lab.data, 'unmounted'), join(lab.data, 'titan'));
    expect(away.code).toBe(69);
    expect(away.stderr).toContain('is the store mounted?');
  });

  test('include takes absolute paths, paths from paths.data and locations, and clear takes them back', async () => {
    const paths = [join(lab.data, 'titan/early.msa'), 'titan/late.msa', '/titan/a%20b.msa'];
    const locations = ['/titan/early.msa', '/titan/late.msa', '/titan/a%20b.msa'];
    const included = await run('include', 's', ...paths, '--as', 'eve', '--json');
    expect(JSON.parse(included.stdout)).toMatchObject({
      changed: locations,
      status: 'TO_BE_BUILT',
    });
    expect(await rules()).toEqual(Object.fromEntries(locations.map((at) => [at, 'include'])));

    await run('exclude', 's', 'titan/late.msa');
    expect(await rules()).toHaveProperty(['/titan/late.msa'], 'exclude');
    // An exclusion is not taken back by include --clear.
    const cleared = await run('include', 's', ...paths, '--clear', '--json');
    expect(JSON.parse(cleared.stdout)).toMatchObject({
      changed: ['/titan/early.msa', '/titan/a%20b.msa'],
    });
    expect(await rules()).toEqual({ '/titan/late.msa': 'exclude' });
    await run('exclude', 's', 'titan/late.msa', '--clear');
    expect(await rules()).toEqual({});
  });

  test('a path that the shell completed in the working folder is taken, also beside paths.data', async () => {
    const from = (folder: string, ...args: string[]) =>
      runInProcess(folder, ['sessions', ...args, '--config', lab.configFile]);
    await from(join(lab.data, 'titan'), 'include', 's', 'early.msa', './late.msa');
    expect(await rules()).toEqual({ '/titan/early.msa': 'include', '/titan/late.msa': 'include' });
    await from(lab.folder, 'include', 's', '--clear', 'data/titan/early.msa');
    await from(join(lab.data, 'titan'), 'include', 's', '--clear', 'titan/late.msa');
    expect(await rules()).toEqual({});
    const outside = await from(lab.folder, 'include', 's', 'recordsmith.yaml');
    expect(outside.code).toBe(65);
    expect(outside.stderr).toContain('lies outside paths.data');
  });

  test('paths that are no file of the store are refused, and then none is taken', async () => {
    const outside = join(lab.folder, 'outside.msa');
    symlinkSync(lab.configFile, join(lab.data, 'titan/link.msa'));
    mkdirSync(join(lab.data, 'titan/folder'), { recursive: true });
    const refused = {
      '/etc/hostname': 'lies outside paths.data',
      '../outside.msa': 'lies outside paths.data',
      '/titan/../../outside.msa': 'lies outside paths.data',
      [outside]: 'does not exist in paths.data',
      'titan/link.msa': 'is a symbolic link that leads out of paths.data',
      'titan/folder': 'is no file',
      'titan/nothing.msa': 'does not exist in paths.data',
    };
    for (const [path, why] of Object.entries(refused)) {
      const result = await run('include', 's', 'titan/late.msa', path);
      expect([path, result.code]).toEqual([path, 65]);
      expect(result.stderr).toContain(why);
    }
    expect(await rules()).toEqual({});
    rmSync(join(lab.data, 'titan/link.msa'));
  });

  test('one file has one location, whatever links lead to it', async () => {
    symlinkSync(join(lab.data, 'elsewhere'), join(lab.data, 'shortcut'));
    await run('include', 's', 'shortcut/far.msa');
    expect(await rules()).toEqual({ '/elsewhere/far.msa': 'include' });
    await run('include', 's', 'elsewhere/far.msa', '--clear');
  });

  test('a file that is gone can be excluded when the session knows it, and not included', async () => {
    expect((await run('include', 's', 'titan/gone.msa')).code).toBe(65);
    expect((await run('exclude', 's', 'titan/gone.msa')).code).toBe(0);
    expect(await rules()).toEqual({ '/titan/gone.msa': 'exclude' });
    expect((await run('exclude', 's', 'titan/never.msa')).code).toBe(65);
    const clear = ['sessions', 'exclude', 's', 'gone.msa', '--clear', '--config', lab.configFile];
    expect((await runInProcess(join(lab.data, 'titan'), clear)).code).toBe(0);
    expect(await rules()).toEqual({});
  });

  test('an included file counts whatever its time', async () => {
    await run('include', 's', 'elsewhere/far.msa', 'titan/late.msa');
    const report = await lab.runOnce();
    expect(report.sessions).toMatchObject([{ session_identifier: 's', outcome: 'COMPLETED' }]);
    expect(verdictsOf(await explain('s'))).toMatchObject({
      '/elsewhere/far.msa': 'included',
      '/titan/late.msa': 'included',
      '/titan/a%20b.msa': 'in',
    });
  });
});
