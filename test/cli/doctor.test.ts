import {
  appendFileSync,
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { checkClocks } from '../../src/cli/doctor/check-clocks.js';
import { checkInstruments } from '../../src/cli/doctor/check-instruments.js';
import type { CheckResult } from '../../src/cli/doctor/check-result.js';
import { deepChecks } from '../../src/cli/doctor/deep-checks.js';
import { systemClock } from '../../src/clock.js';
import { loadConfig } from '../../src/config/load-config.js';
import type { DoctorEnvironment } from '../../src/cli/doctor/doctor-environment.js';
import { currentRecord } from '../../src/db/record-store.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { StorePool } from '../../src/files/store-pool.js';
import { createLog } from '../../src/log.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';

/** The command starts processes of its own, on a machine that is busy with other tests. */
jest.setTimeout(180_000);

async function doctor(lab: Lab, ...args: string[]) {
  const { code, stdout, stderr } = await lab.run(['doctor', '--json', ...args]);
  if (stdout === '') throw new Error(stderr);
  const { checks } = JSON.parse(stdout) as { checks: CheckResult[] };
  return { code, checks, notOk: checks.filter(({ state }) => state !== 'ok') };
}

async function notOkOf(results: AsyncIterable<CheckResult>): Promise<CheckResult[]> {
  const found: CheckResult[] = [];
  for await (const result of results) if (result.state !== 'ok') found.push(result);
  return found;
}

describeEngines('recordsmith doctor', (engine) => {
  let lab: Lab;
  const stores = new StorePool();

  beforeAll(async () => {
    lab = await createLab({ engine, instruments: ['titan', 'quanta'] });
    await lab.log('first', { start: '2026-03-01T09:00:00Z', end: '2026-03-01T10:00:00Z' });
    lab.spectrum('titan/a.msa', '2026-03-01T09:30:00Z');
    lab.spectrum('quanta/b.msa', '2026-03-02T09:30:00Z');
    const { sessions } = await lab.runOnce();
    if (sessions[0]?.outcome !== 'COMPLETED') throw new Error(JSON.stringify(sessions));
  });

  afterAll(async () => {
    await stores.stop();
    await lab.remove();
  });

  function environment(): DoctorEnvironment {
    const { config } = loadConfig({
      file: lab.configFile,
      environment: {},
      workingFolder: lab.folder,
      flags: [],
    });
    return { config, stores, mountinfo: '' };
  }

  /** The checks of instruments alone, without the cost of starting the command. */
  async function instruments() {
    return [
      ...(await notOkOf(checkInstruments(environment(), lab.database))),
      ...(await notOkOf(checkClocks(lab.database))),
    ];
  }

  /** The deep checks alone. */
  async function deepWith(given: DoctorEnvironment, repair = false): Promise<CheckResult[]> {
    const log = createLog(
      { level: 'error', format: 'json', file: null },
      { stream: new PassThrough().resume() },
    );
    const { database, data, output, records } = lab;
    const needs = { database, log, clock: systemClock, paths: { data, output, records }, repair };
    const checks: CheckResult[] = [];
    for await (const check of deepChecks(given, needs)) checks.push(check);
    await log.close();
    return checks;
  }

  async function deep(repair = false) {
    const checks = await deepWith(environment(), repair);
    return { checks, notOk: checks.filter(({ state }) => state !== 'ok') };
  }

  /** The files of the current record, absolute. */
  async function recordFiles() {
    const record = await lab.database.createScope(() => currentRecord('first'));
    if (record === null) throw new Error('There is no record.');
    const [version, target] = [record.path, record.publicPath].map((path) =>
      join(lab.records, path),
    );
    if (version === undefined || target === undefined) throw new Error('There is no path.');
    return { version, target };
  }

  test('a lab that is well: 0, a line each, nothing changed', async () => {
    const before = lab.files(lab.folder);
    const { code, checks, notOk } = await doctor(lab, '--deep');
    expect(notOk).toStrictEqual([]);
    expect(code).toBe(0);
    expect(checks.map(({ check }) => check)).toStrictEqual(
      expect.arrayContaining([
        ...['node', 'configuration', 'readers', 'previews', 'record schema'],
        ...['folder paths.output', 'folder paths.records', 'mode'],
        ...['space paths.records', 'store paths.data', 'database', 'database schema'],
        ...['database rights', 'database clock', 'instrument titan', 'store titan'],
        ...['store quanta', 'clocks', 'invariants', 'staged files', 'unfinished files'],
        ...['orphans', 'record files', 'sidecars and previews'],
      ]),
    );
    expect(lab.files(lab.folder)).toStrictEqual(before);
    const { stdout } = await lab.run(['doctor', '--deep', '--repair']);
    expect(stdout).toMatch(/^ok {4}node [^]*\n\d+ ok, 0 warnings, 0 failed\n$/);
  });

  test('stores that are away or empty, wrong settings and a session in the future are named, with remedies', async () => {
    renameSync(join(lab.data, 'titan'), join(lab.data, 'away'));
    renameSync(join(lab.data, 'quanta'), join(lab.data, 'aside'));
    mkdirSync(join(lab.data, 'quanta'));
    const future = new Date(Date.now() + 86_400_000).toISOString();
    await lab.addInstrument('arm', {
      settings: { build: { stategy: 'inclusive' } },
      folders: [
        {
          path: '../outside',
          timeBasis: 'mtime',
          clockOffsets: [],
          patterns: [],
          rootSeenNonemptyAtMs: null,
        },
      ],
    });
    await lab.log('later', { start: future, instrument: 'quanta' });
    try {
      const notOk = await instruments();
      expect(notOk.every(({ remedy }) => remedy !== null)).toBe(true);
      expect(
        notOk.map(({ check, state, message }) => `${state} ${check}: ${message}`).sort(),
      ).toStrictEqual([
        expect.stringMatching(/^fail instrument arm: .*[^]*stategy/),
        expect.stringMatching(/^fail store arm: .*outside paths\.data/),
        expect.stringMatching(/^fail store titan: .*does not exist/),
        expect.stringMatching(/^warn clock quanta: .*future/),
        expect.stringMatching(/^warn store quanta: .* is empty/),
      ]);
    } finally {
      await lab.database.knex('session_log').where('session_identifier', 'later').del();
      await lab.database.knex('instrument_folders').where('instrument_pid', 'arm').del();
      await lab.database.knex('sessions').where('instrument', 'arm').del();
      await lab.database.knex('instruments').where('instrument_pid', 'arm').del();
      rmSync(join(lab.data, 'quanta'), { recursive: true });
      rmSync(join(lab.data, 'outside'), { recursive: true, force: true });
      renameSync(join(lab.data, 'aside'), join(lab.data, 'quanta'));
      renameSync(join(lab.data, 'away'), join(lab.data, 'titan'));
    }
  });

  test('a folder that is empty and held files before is a failure', async () => {
    renameSync(join(lab.data, 'titan'), join(lab.data, 'away'));
    mkdirSync(join(lab.data, 'titan'));
    try {
      expect(await instruments()).toMatchObject([
        { check: 'store titan', state: 'fail', message: expect.stringContaining('held files') },
      ]);
    } finally {
      rmSync(join(lab.data, 'titan'), { recursive: true });
      renameSync(join(lab.data, 'away'), join(lab.data, 'titan'));
    }
  });

  test('a store that hangs fails by its time limit, and nothing else with it; what it holds is not looked at', async () => {
    const pids: (number | undefined)[] = [];
    const pool = new StorePool({
      probeTimeLimitMs: 2000,
      onEvent: ({ kind, pid }) => {
        if (kind === 'started') pids.push(pid);
      },
    });
    const nfs = (path: string): string => `40 30 0:50 / ${path} rw - nfs4 nas:/em rw\n`;
    const hanging = {
      ...environment(),
      stores: pool,
      mountinfo: nfs(join(lab.data, 'titan')) + nfs(lab.records),
    };
    try {
      for (const path of [join(lab.data, 'titan'), lab.records]) {
        await pool.probe(path, path);
        process.kill(pids.at(-1) ?? 0, 'SIGSTOP');
      }
      expect(await notOkOf(checkInstruments(hanging, lab.database))).toMatchObject([
        {
          check: 'store titan',
          state: 'fail',
          message: expect.stringContaining('did not answer'),
          remedy: expect.stringContaining('Mount'),
        },
      ]);
      expect(await deepWith(hanging)).toMatchObject([
        { check: 'invariants', state: 'ok' },
        { check: 'deep checks', state: 'fail', message: expect.stringContaining('not done') },
      ]);
    } finally {
      await pool.stop();
    }
  });

  test('public files that differ or are gone are told, and published again by --repair', async () => {
    const { target } = await recordFiles();
    const content = lab.read(target);
    appendFileSync(target, ' ');
    const told = await deep();
    expect(told.notOk).toMatchObject([{ check: 'record files', state: 'fail' }]);
    rmSync(target.replace(/xml$/, 'json'));

    const repaired = await deep(true);
    expect(repaired.notOk).toStrictEqual([]);
    expect(repaired.checks.filter(({ mended }) => mended)).toMatchObject([
      { check: 'record files' },
    ]);
    expect(lab.read(target)).toBe(content);
    expect((await deep()).notOk).toStrictEqual([]);
  });

  test('a lost version is restored from the public file; a damaged pair is told, and a retry makes a new version', async () => {
    const { version, target } = await recordFiles();
    const content = lab.read(version);
    rmSync(version);
    rmSync(version.replace(/xml$/, 'json'));
    expect((await deep()).notOk).toMatchObject([{ check: 'record files' }]);
    const repaired = await deep(true);
    expect(repaired.notOk).toStrictEqual([]);
    expect(lab.read(version)).toBe(content);
    expect(existsSync(version.replace(/xml$/, 'json'))).toBe(true);

    chmodSync(version, 0o644);
    appendFileSync(version, ' ');
    appendFileSync(target, ' ');
    const { notOk } = await deep(true);
    expect(notOk).toMatchObject([
      { state: 'fail', remedy: expect.stringMatching(/backup.*sessions retry [a-z2-7]{16}/) },
    ]);

    await lab.database.createScope(() => retrySessions({ identifiers: ['first'] }));
    const { sessions } = await lab.runOnce();
    expect(sessions).toMatchObject([{ outcome: 'COMPLETED', version: 2 }]);
    expect((await deep()).notOk).toStrictEqual([]);
  });

  test('what crashes left is counted once it is old, and removed by --repair', async () => {
    const { version } = await recordFiles();
    const orphan = join(dirname(version), 'lost_0000.0123456789abcdef.xml');
    const unfinished = join(lab.records, '.unfinished-0123');
    const staged = join(lab.output, '.recordsmith', `${'a'.repeat(16)}-7`);
    mkdirSync(staged, { recursive: true });
    writeFileSync(orphan, '');
    writeFileSync(unfinished, '');
    expect((await deep()).notOk).toStrictEqual([]);

    for (const path of [orphan, unfinished, staged]) utimesSync(path, 1000, 1000);
    const told = await deep();
    expect(told.notOk).toMatchObject([
      { check: 'staged files', state: 'warn' },
      { check: 'unfinished files', state: 'warn' },
      { check: 'orphans', state: 'warn' },
    ]);
    const repaired = await deep(true);
    expect(repaired.notOk).toStrictEqual([]);
    expect(repaired.checks.filter(({ mended }) => mended)).toHaveLength(3);
    for (const path of [orphan, unfinished, staged]) expect(existsSync(path)).toBe(false);
    expect(existsSync(version)).toBe(true);
  });

  test('sidecars and previews that are gone, and violated invariants, are told', async () => {
    for (const name of readdirSync(join(lab.output, 'titan'))) {
      rmSync(join(lab.output, 'titan', name));
    }
    await lab.database
      .knex('session_log')
      .where({ session_identifier: 'first', event_type: 'END' })
      // With a new revision, as recordsmith writes; what a person changes is taken up instead.
      .update({ record_status: 'ERROR', revision: 1000 });
    const { notOk } = await deep();
    expect(notOk).toMatchObject([
      { check: 'invariant 2', state: 'fail' },
      ...(notOk.some(({ message }) => message.includes('working row'))
        ? [{ check: 'invariant 2', state: 'fail' }]
        : []),
      { check: 'sidecars and previews', message: expect.stringMatching(/: 2 missing/) },
    ]);
  });
});

describeEngines('recordsmith doctor without its database', (engine) => {
  test('a database that is away is 69, and the other checks are done all the same', async () => {
    const lab = await createLab({ engine });
    try {
      lab.configure(
        engine === 'sqlite'
          ? { database: { file: join(lab.folder, 'none.sqlite') } }
          : { database: { url: 'postgres://nobody:hidden@127.0.0.1:9/none' } },
      );
      const { code, checks, notOk } = await doctor(lab);
      expect(code).toBe(69);
      expect(notOk).toMatchObject([{ check: 'database', state: 'fail' }]);
      expect(JSON.stringify(checks)).not.toContain('hidden');
      expect(checks.map(({ check }) => check)).toContain('folder paths.records');
      expect(existsSync(join(lab.folder, 'none.sqlite'))).toBe(false);
    } finally {
      await lab.remove();
    }
  });
});

test('recordsmith doctor: a failure is 1; --repair needs --deep: 64; a wrong configuration is 78 with every fault', async () => {
  const lab = await createLab({ engine: 'sqlite' });
  try {
    expect((await lab.run(['doctor', '--repair'])).code).toBe(64);
    rmSync(lab.data, { recursive: true });
    expect(await doctor(lab)).toMatchObject({
      code: 1,
      notOk: [{ check: 'store paths.data' }, { check: 'store titan' }],
    });
    lab.configure({ mode: 'lve', build: { typo: 1 } });
    const { code, notOk } = await doctor(lab);
    expect(code).toBe(78);
    expect(notOk).toMatchObject([
      { check: 'configuration', message: expect.stringMatching(/mode[^]*typo/) },
    ]);
  } finally {
    await lab.remove();
  }
});
