import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/db/database.js';
import { parseDatabaseUrl } from '../../src/db/database-settings.js';
import { migrateLatest } from '../../src/db/migrate.js';
import {
  mountTypeOf,
  networkFileSystemName,
  networkFileSystemOf,
} from '../../src/db/network-file-system.js';

describe('the address of a database', () => {
  test.each([
    ['/lab/log.sqlite', { client: 'sqlite', file: '/lab/log.sqlite' }],
    ['sqlite:/lab/log.sqlite', { client: 'sqlite', file: '/lab/log.sqlite' }],
    ['sqlite:///lab/log.sqlite', { client: 'sqlite', file: '/lab/log.sqlite' }],
    ['file:///lab/a%20b.sqlite', { client: 'sqlite', file: '/lab/a b.sqlite' }],
    [
      'postgresql://u:p@db:5433/lab?schema=em&create_schema=true&sslmode=require',
      {
        client: 'postgres',
        url: 'postgresql://u:p@db:5433/lab?sslmode=require',
        schema: 'em',
        createSchema: true,
      },
    ],
  ])('%s is understood', (address, settings) => {
    expect(parseDatabaseUrl(address)).toEqual(settings);
  });

  test.each(['mysql://u@h/d', '', 'postgres://u:p@h:notaport/d'])('%j is refused', (address) => {
    expect(() => parseDatabaseUrl(address)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });
});

test('the folder of a database is made, unless it has to be there', async () => {
  const parent = mkdtempSync(join(tmpdir(), 'recordsmith-database-'));
  const folder = join(parent, 'a', 'b');
  const file = join(folder, 'recordsmith.sqlite');
  try {
    await expect(openDatabase(file, { makeFolder: false })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      details: { file, folder },
    });
    expect(readdirSync(parent)).toEqual([]);
    await (await openDatabase(file)).close();
    await (await openDatabase(file, { makeFolder: false })).close();
    expect(existsSync(folder)).toBe(true);
  } finally {
    rmSync(parent, { recursive: true, force: true });
  }
});

describe('a network file system', () => {
  test.each([
    [0x6969, null, 'NFS'],
    [0xff534d42 | 0, null, 'CIFS'],
    [0x65735546, 'fuse.sshfs', 'fuse.sshfs'],
    [0x65735546, 'fuseblk', null],
    [0xef53, null, null],
  ])('is known by magic %p and mount type %p', (magic, mountType, name) => {
    expect(networkFileSystemName(magic, mountType)).toBe(name);
  });

  test('is known by the longest mount point above the path', () => {
    const mountinfo = [
      '22 1 8:1 / / rw - ext4 /dev/sda1 rw',
      '30 22 0:40 / /mnt/my\\040lab rw shared:1 - fuse.sshfs host:/ rw',
      '31 22 0:41 / /mnt/my rw - tmpfs tmpfs rw',
    ].join('\n');
    expect(mountTypeOf('/mnt/my lab/db', mountinfo)).toBe('fuse.sshfs');
    expect(mountTypeOf('/mnt/my labs/db', mountinfo)).toBe('ext4');
  });

  test('is looked for at the nearest folder that exists', async () => {
    await expect(
      networkFileSystemOf(join(tmpdir(), 'not', 'there', 'yet.sqlite')),
    ).resolves.toBeNull();
  });
});

describe('opening SQLite', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'recordsmith-open-'));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  test('sets what the session log needs to survive a power cut', async () => {
    const database = await openDatabase(join(folder, 'new', 'log.sqlite'));
    const pragma = async (name: string): Promise<unknown> => {
      const rows: Record<string, unknown>[] = await database.knex.raw(`pragma ${name}`);
      return Object.values(rows[0] ?? {})[0];
    };
    expect(await pragma('journal_mode')).toBe('wal');
    expect(await pragma('synchronous')).toBe(2);
    expect(await pragma('foreign_keys')).toBe(1);
    expect(await pragma('busy_timeout')).toBeLessThan(100);
    await database.close();
    await database.close();
  });

  test('for reading only changes no file and makes none', async () => {
    const file = join(folder, 'log.sqlite');
    await expect(openDatabase(file, { readOnly: true })).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      remedy: expect.stringContaining('recordsmith'),
    });
    expect(existsSync(file)).toBe(false);
    const database = await openDatabase(file);
    await migrateLatest(database);
    await database.close();
    const before = [readdirSync(folder), statSync(file).mtimeMs];
    const reading = await openDatabase(file, { readOnly: true });
    expect(await reading.knex('sessions').select()).toEqual([]);
    await expect(reading.knex('pauses').del()).rejects.toMatchObject({ code: 'SQLITE_READONLY' });
    await reading.close();
    expect([readdirSync(folder), statSync(file).mtimeMs]).toEqual(before);
  });

  test('a file that is no database is named as unusable', async () => {
    const file = join(folder, 'log.sqlite');
    writeFileSync(file, 'no database '.repeat(500));
    const database = await openDatabase(file);
    await expect(database.createScope(() => migrateLatest(database))).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
    });
    await database.close();
  });
});

describe('opening PostgreSQL', () => {
  test('that nobody serves is unavailable, with what to check', async () => {
    await expect(openDatabase('postgres://u@127.0.0.1:9/lab')).rejects.toMatchObject({
      code: 'DATABASE_UNAVAILABLE',
      remedy: expect.any(String),
    });
  });
});
