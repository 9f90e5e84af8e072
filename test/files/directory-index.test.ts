import { statSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import { DirectoryIndex, type DirectoryEntry } from '../../src/files/directory-index.js';

const DAY = 24 * 3_600_000;
const NOW = Date.UTC(2026, 2, 2);
const OLD = NOW - 100 * DAY;

function stats(changes: Partial<Stats> = {}): Stats {
  return Object.assign(statSync(tmpdir()), { mtimeMs: OLD, ctimeMs: OLD, ino: 7, ...changes });
}

function isKnown(entry: Partial<DirectoryEntry>, now: Partial<Stats> = {}, nearMs = 0): boolean {
  const index = new DirectoryIndex();
  index.remember('/em', {
    mtimeMs: OLD,
    ctimeMs: OLD,
    inode: 7,
    listedAtMs: NOW,
    isEmpty: false,
    subfolders: [],
    links: [],
    fileMtimesMs: Float64Array.of(OLD),
    ...entry,
  });
  return index.unchanged('/em', stats(now), NOW, (mtimeMs) => mtimeMs === nearMs) !== null;
}

test('a folder with the same times and inode is known', () => {
  expect(isKnown({})).toBe(true);
  expect(isKnown({}, { mtimeMs: OLD + 0.001 })).toBe(false);
  expect(isKnown({}, { ctimeMs: OLD + 0.001 })).toBe(false);
  expect(isKnown({}, { ino: 8 })).toBe(false);
});

test('a folder that holds a file written in the last seven days, or near the session, is listed', () => {
  expect(isKnown({ fileMtimesMs: Float64Array.of(OLD, NOW - 7 * DAY) })).toBe(false);
  expect(isKnown({ fileMtimesMs: Float64Array.of(OLD, NOW - 7 * DAY - 1) })).toBe(true);
  expect(isKnown({}, {}, OLD)).toBe(false);
});

test('a folder that had changed just before it was listed is listed again', () => {
  expect(isKnown({ listedAtMs: OLD + 9_999 })).toBe(false);
  expect(isKnown({ listedAtMs: OLD + 10_000 + DAY * 8 })).toBe(true);
});
