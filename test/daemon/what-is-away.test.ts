import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statfsSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { stagingPath } from '../../src/daemon/staging.js';
import { isOutOfSpace, whatIsAway } from '../../src/daemon/what-is-away.js';
import { AppError } from '../../src/errors.js';
import { SmallDisk, testWith, whyNoSmallDisk } from '../support/mounts.js';

const ATTEMPT = { sessionKey: 'a'.repeat(16), token: 1 };
let folder: string;
let disk: SmallDisk | null = null;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'what-is-away-'));
  for (const name of ['output', 'records']) mkdirSync(join(folder, name));
});
afterEach(() => {
  disk?.unmount();
  disk = null;
  rmSync(folder, { recursive: true });
});

function refused(systemCode: string): AppError {
  return new AppError('FILE_NOT_WRITABLE', 'No.', { details: { systemCode } });
}
const folders = () => ({ output: join(folder, 'output'), records: join(folder, 'records') });
const away = (error: unknown) => whatIsAway(error, folders(), ATTEMPT);

/** Fills the disk: so many bytes by the session itself, the rest by others. */
function fillBy(session: number): string {
  disk = new SmallDisk(folders().output, 8 * 1024 * 1024);
  const staged = stagingPath(folders().output, ATTEMPT);
  mkdirSync(staged, { recursive: true });
  writeFileSync(join(staged, 'preview.png'), Buffer.alloc(session));
  const { bavail, bsize } = statfsSync(disk.path);
  writeFileSync(join(disk.path, 'ballast'), Buffer.alloc(bavail * bsize));
  return staged;
}

testWith(
  whyNoSmallDisk(),
  'a session that filled the disk with its own previews stops no others',
  async () => {
    const staged = fillBy(5 * 1024 * 1024);
    expect(await away(refused('ENOSPC'))).toBeNull();
    expect(existsSync(join(staged, 'preview.png'))).toBe(false);
  },
);

testWith(whyNoSmallDisk(), 'a disk that others filled stops all', async () => {
  fillBy(50_000);
  expect(await away(refused('ENOSPC'))).toBe('folders');
});

testWith(whyNoSmallDisk(), 'a read-only file system stops all', async () => {
  disk = new SmallDisk(folders().records, 8 * 1024 * 1024);
  disk.readOnly(true);
  expect(await away(refused('EROFS'))).toBe('folders');
});

test('a folder that is gone stops all; one path that cannot be written, and other errors, stop nobody', async () => {
  expect(await away(refused('EACCES'))).toBeNull();
  expect(await away(refused('ENAMETOOLONG'))).toBeNull();
  expect(await away(new AppError('RECORD_INVALID', 'No.'))).toBeNull();
  expect(await away(new AppError('STORE_UNAVAILABLE', 'No.'))).toBe('store');
  rmSync(folders().records, { recursive: true });
  expect(await away(refused('ENOENT'))).toBe('folders');
  expect(existsSync(folders().records)).toBe(false);
  mkdirSync(folders().records);
});

test('no file is left of the trial', async () => {
  await away(refused('EIO'));
  const left = readdirSync(folder, { recursive: true, withFileTypes: true });
  expect(left.filter((entry) => entry.isFile())).toEqual([]);
});

test('want of space is told from other refusals', () => {
  expect([refused('ENOSPC'), refused('EDQUOT'), refused('EROFS')].map(isOutOfSpace)).toEqual([
    true,
    true,
    false,
  ]);
});
