import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { openDatabase, type Database } from '../../src/db/database.js';
import { migrateLatest } from '../../src/db/migrate.js';
import { sessionKeyOf } from '../../src/domain/session.js';
import { addInstrument, logSession } from '../support/session-rows.js';
import { CLI, type CliResult } from './run-cli.js';

jest.setTimeout(180_000);

/** The account without rights on most systems; root is refused nothing. */
const NOBODY = 65_534;

let folder: string;
let database: Database;

/** Runs the command line as an account that may read the folder and its files, and write nothing. */
function runWithoutRights(...args: string[]): Promise<CliResult> {
  const account = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [CLI, ...args, '--config', join(folder, 'recordsmith.yaml')],
      { cwd: folder, env: { PATH: process.env['PATH'], HOME: folder }, ...account },
      (error, stdout, stderr) => {
        const code = typeof error?.code === 'number' ? error.code : error === null ? 0 : null;
        resolve({ code, stdout, stderr });
      },
    );
  });
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-read-only-'));
  writeFileSync(join(folder, 'recordsmith.yaml'), 'database: {file: lab.sqlite}\n');
  database = await openDatabase(join(folder, 'lab.sqlite'));
  await migrateLatest(database);
  await addInstrument(database, 'titan');
  await logSession(database, 's', { start: '2026-03-01T09:00:00Z' });
  chmodSync(folder, 0o555);
});

afterEach(async () => {
  chmodSync(folder, 0o755);
  await database.close();
  rmSync(folder, { recursive: true });
});

test('while another process has the database open, what only shows works without rights to write', async () => {
  const before = readdirSync(folder);
  expect(before).toContain('lab.sqlite-wal');
  const key = sessionKeyOf('s');
  for (const [args, shown] of [
    [['sessions', 'list'], key],
    [['sessions', 'show', 's'], key],
    [['sessions', 'explain', 's'], key],
    [['sessions', 'problems'], 'START_WITHOUT_END'],
    [['--run-once', '--dry-run'], 'Nothing is due.'],
  ] as const) {
    const { code, stdout, stderr } = await runWithoutRights(...args);
    expect([args, code, stderr]).toEqual([args, 0, '']);
    expect(stdout).toContain(shown);
  }
  const refused = await runWithoutRights('sessions', 'cancel', 's');
  expect(refused).toMatchObject({ code: 77, stdout: '' });
  expect(readdirSync(folder)).toEqual(before);
});

test('alone with the database, the error says which rights SQLite needs, and why', async () => {
  chmodSync(folder, 0o755);
  await database.close();
  chmodSync(folder, 0o555);
  for (const args of [
    ['--run-once', '--dry-run'],
    ['sessions', 'list'],
  ]) {
    const { code, stderr } = await runWithoutRights(...args);
    expect([args, code]).toEqual([args, 77]);
    expect(stderr).toMatch(/may read the database .*lab\.sqlite, but not write into its folder/);
    expect(stderr).toContain('lab.sqlite-wal and -shm');
    expect(stderr).toMatch(/remedy: .*while a daemon runs/);
  }
});

test('a database that may not be read is said to be that', async () => {
  chmodSync(join(folder, 'lab.sqlite'), 0o200);
  const { code, stderr } = await runWithoutRights('sessions', 'list');
  expect(code).toBe(77);
  expect(stderr).toContain('may not read the database');
});
