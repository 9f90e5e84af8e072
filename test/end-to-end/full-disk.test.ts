import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, jest } from '@jest/globals';
import { parseDatabaseUrl } from '../../src/db/database-settings.js';
import { openDatabase } from '../../src/db/database.js';
import { createLab, type Lab, type ReportedSession, type RunOnceResult } from '../support/lab.js';
import {
  runOnceWithPermissions,
  runWithPermissions,
  SmallDisk,
  testWith,
  whyNoPermissions,
  whyNoSmallDisk,
} from '../support/mounts.js';
import { readXmlRecord } from '../support/read-record.js';

jest.setTimeout(180_000);

const START = '2026-03-02T09:00:00Z';
const MIDDLE = '2026-03-02T09:30:00Z';
const END = '2026-03-02T10:00:00Z';
const FILES = 12;
const MIB = 1024 * 1024;

const noDisk = whyNoSmallDisk();

function sessionOf(result: RunOnceResult): ReportedSession {
  const [session] = result.sessions;
  if (session === undefined) throw new Error(`No session was taken up:\n${result.stderr}`);
  return session;
}

/** Fills a disk up to the last byte but `left`. @returns the file that takes the space. */
function fill(disk: SmallDisk, left: number): string {
  const { bavail, bsize } = statfsSync(disk.path);
  const ballast = join(disk.path, 'ballast');
  writeFileSync(ballast, Buffer.alloc(Math.max(0, bavail * bsize - left)));
  return ballast;
}

describe('a place that cannot be written to', () => {
  let lab: Lab;
  const disks: SmallDisk[] = [];

  beforeEach(async () => {
    lab = await createLab({ engine: 'sqlite', settings: { build: { lease_seconds: 2 } } });
    await lab.log('session', { start: START, end: END });
    for (let count = 0; count < FILES; count += 1) lab.spectrum(`titan/${count}.msa`, MIDDLE);
  });
  afterEach(async () => {
    for (const disk of disks.splice(0)) disk.unmount();
    await lab.remove();
  });

  function mountDisk(path: string, bytes = 8 * MIB): SmallDisk {
    const disk = new SmallDisk(path, bytes);
    disks.push(disk);
    return disk;
  }

  async function generations(): Promise<number> {
    const rows = await lab.database
      .knex('session_log')
      .where({ event_type: 'RECORD_GENERATION' })
      .select('id_session_log');
    return rows.length;
  }

  /** The session waits, nothing is half-written, and the tries it may have are not used up. */
  async function expectPutOff(
    result: RunOnceResult,
    reason: RegExp,
    exitCode: number,
  ): Promise<void> {
    expect(sessionOf(result)).toMatchObject({ outcome: 'DEFERRED', record: null, version: null });
    expect(sessionOf(result).reason).toMatch(reason);
    expect(result.code).toBe(exitCode);
    expect(await generations()).toBe(0);
    expect(await lab.database.knex('sessions').pluck('tries')).toEqual([0]);
    const left = [...lab.files(lab.records), ...lab.files(lab.output)];
    expect(left.filter((name) => name !== 'ballast')).toEqual([]);
  }

  async function expectBuilt(): Promise<void> {
    const result = await lab.runOnce(['--session', 'session']);
    const session = sessionOf(result);
    expect(session).toMatchObject({ outcome: 'COMPLETED', files: FILES, version: 1 });
    const { datasets } = readXmlRecord(session.record ?? '');
    expect(datasets.length).toBe(FILES);
    for (const { preview } of datasets) {
      expect(existsSync(join(lab.output, preview ?? 'none'))).toBe(true);
    }
    expect(await generations()).toBe(1);
  }

  for (const [title, folderOf, left] of [
    ['paths.records', (): string => lab.records, 4 * 1024],
    ['paths.output', (): string => lab.output, 64 * 1024],
  ] as const) {
    testWith(
      noDisk,
      `full, then read-only ${title}: deferred with the reason and 75 or 77, then built`,
      async () => {
        const folder = folderOf();
        const disk = mountDisk(folder);
        const ballast = fill(disk, left);
        const full = new RegExp(`^FILE_NOT_WRITABLE: ${folder}/.* cannot be written.*ENOSPC`);
        await expectPutOff(await lab.runOnce(), full, 75);
        rmSync(ballast);

        await lab.database.knex('sessions').update({ next_attempt_at: null });
        disk.readOnly(true);
        const readOnly = new RegExp(`^FILE_NOT_WRITABLE: ${folder}/.*EROFS`);
        await expectPutOff(await lab.runOnce(), readOnly, 77);
        disk.readOnly(false);
        await expectBuilt();
      },
    );
  }

  testWith(
    whyNoPermissions(),
    'paths.output or paths.records without the right to write: deferred with 77, then built',
    async () => {
      // The account that ran before may have been another one.
      const staging = join(lab.output, '.recordsmith');
      for (const folder of [lab.output, lab.records, staging]) {
        mkdirSync(folder, { recursive: true });
        await lab.database.knex('sessions').update({ next_attempt_at: null });
        chmodSync(folder, 0o555);
        await expectPutOff(await runOnceWithPermissions(lab), /^FILE_NOT_WRITABLE: .*EACCES/, 77);
        chmodSync(folder, 0o755);
      }
      await expectBuilt();
    },
  );

  testWith(
    whyNoPermissions(),
    'a SQLite database without rights to its file or folder: 77, naming the file and the user',
    async () => {
      const address = parseDatabaseUrl(lab.databaseUrl);
      const file = address.client === 'sqlite' ? address.file : '';
      for (const [path, mode, usual, args] of [
        [file, 0o444, 0o644, ['--run-once']],
        [file, 0, 0o644, ['--run-once', '--dry-run']],
        [dirname(file), 0o555, 0o755, ['--run-once']],
        [dirname(file), 0, 0o755, ['sessions', 'list']],
      ] as const) {
        chmodSync(path, mode);
        const { code, stderr } = await runWithPermissions(lab, args);
        chmodSync(path, usual);
        expect(stderr).toMatch(
          new RegExp(`remedy: Give the user ${userInfo().username} the right .* ${file} and the`),
        );
        expect(code).toBe(77);
      }
      await expectBuilt();
    },
  );

  testWith(
    whyNoPermissions(),
    'a version that may not be read: put off, and nothing counted on the session',
    async () => {
      await runOnceWithPermissions(lab);
      const version = lab.files(lab.records).find((name) => /^versions.*xml$/.test(name)) ?? 'none';
      chmodSync(join(lab.records, version), 0);
      await lab.run(['sessions', 'retry', 'session']);
      const result = await runOnceWithPermissions(lab);
      expect(sessionOf(result)).toMatchObject({
        outcome: 'DEFERRED',
        reason: expect.stringMatching(
          /^FILE_NOT_WRITABLE: The records folder is not usable.*EACCES/,
        ),
      });
      expect(await lab.database.knex('sessions').select('tries')).toEqual([{ tries: 0 }]);
      chmodSync(join(lab.records, version), 0o644);
    },
  );

  testWith(
    noDisk,
    'full after the version was written: the record counts, its public file follows with the next pass',
    async () => {
      const disk = mountDisk(lab.records);
      await lab.runOnce();
      const sizes = lab.files(join(lab.records, 'versions'));
      expect(sizes.length).toBe(2);
      const { bavail: before, bsize, blocks } = statfsSync(disk.path);
      const versionsAndPublic = (blocks - before) * bsize;

      await lab.log('second', { start: '2026-03-03T09:00:00Z', end: '2026-03-03T10:00:00Z' });
      for (let count = 0; count < FILES; count += 1) {
        lab.spectrum(`titan/b${count}.msa`, '2026-03-03T09:30:00Z');
      }
      // Room for the version and a little more, not for the public copy of it.
      const ballast = fill(disk, Math.round(versionsAndPublic * 0.6));
      const result = await lab.runOnce();
      const session = sessionOf(result);
      expect(session).toMatchObject({ outcome: 'COMPLETED', version: 1 });
      expect(result.stderr).toContain('public files could not be written');
      expect(lab.files(lab.records).filter((name) => name.includes('.unfinished'))).toEqual([]);
      expect(existsSync(session.record ?? '')).toBe(false);

      rmSync(ballast);
      await lab.runOnce();
      expect(readXmlRecord(session.record ?? '').datasets.length).toBe(FILES);
    },
  );

  for (const [title, left] of [
    ['from the start', 0],
    ['when a build is to be settled', 120 * 1024],
  ] as const) {
    testWith(noDisk, `a database on a full disk, ${title}: said so, nothing lost`, async () => {
      const disk = mountDisk(join(lab.folder, 'database'));
      const file = join(disk.path, 'recordsmith.sqlite');
      await lab.database.knex.raw('pragma wal_checkpoint(truncate)');
      copyFileSync(lab.databaseUrl.replace(/^sqlite:/, ''), file);
      lab.configure({ database: { client: 'sqlite', file } });
      const ballast = fill(disk, left);

      const full = await lab.run(['--run-once', '--json']);
      const said = `${full.stdout}\n${full.stderr}`;
      expect(said).toMatch(
        /The database cannot be used: (database or disk is full|disk I\/O error)/,
      );
      expect(said).toMatch(/DATABASE_UNAVAILABLE|free space/);
      expect([0, 69]).toContain(full.code);
      expect(lab.files(lab.records).filter((name) => !name.startsWith('versions/'))).toEqual([]);

      rmSync(ballast);
      const database = await openDatabase(`sqlite:${file}`);
      try {
        const generated = await database
          .knex('session_log')
          .where('event_type', 'RECORD_GENERATION');
        expect(generated).toEqual([]);
        // A process that could not even give the session back: its lease ends by itself.
        await database.knex('sessions').whereNotNull('lease_owner').update({
          lease_expires_at: '2026-03-02T10:00:00.000Z',
        });
      } finally {
        await database.close();
      }
      const result = await lab.runOnce(['--session', 'session']);
      expect(sessionOf(result)).toMatchObject({ outcome: 'COMPLETED', files: FILES, version: 1 });
      expect(lab.files(join(lab.records, 'versions')).length).toBe(2);
    });
  }
});
