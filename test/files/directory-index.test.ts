import { statSync, type Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { ContentsGatherer, DirectoryIndex } from '../../src/files/directory-index.js';

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const NOW = Date.UTC(2026, 2, 2);
const OLD = NOW - 100 * DAY;

function stats(changes: Partial<Stats> = {}): Stats {
  return Object.assign(statSync(tmpdir()), {
    mtimeMs: OLD,
    ctimeMs: OLD,
    ino: 7,
    dev: 1,
    ...changes,
  });
}

/** Has a folder listed at these times; with what the folder says of itself. */
function listedAt(listedAtMs: readonly number[], folder: Partial<Stats> = {}): DirectoryIndex {
  const index = new DirectoryIndex();
  for (const atMs of listedAtMs) {
    index.beginLook();
    index.remember('/em', stats(folder), {
      listedAtMs: atMs,
      isEmpty: false,
      subfolders: [],
      links: [],
      fileMtimesMs: Float64Array.of(OLD),
      youngFiles: [],
    });
    index.finishLook(atMs);
  }
  return index;
}

function isKnown(index: DirectoryIndex, folder: Partial<Stats>, nowMs = NOW + DAY): boolean {
  index.beginLook();
  return index.unchanged('/em', stats(folder), nowMs) !== null;
}

describe('What is remembered of a folder', () => {
  test('holds as long as its times, its inode and its device are the same', () => {
    const index = listedAt([NOW]);
    expect(isKnown(index, {})).toBe(true);
    expect(isKnown(index, { mtimeMs: OLD + 0.001 })).toBe(false);
    expect(isKnown(index, { ctimeMs: OLD + 0.001 })).toBe(false);
    expect(isKnown(index, { ino: 8 })).toBe(false);
    expect(isKnown(index, { dev: 2 })).toBe(false);
  });

  test('is believed of a folder that changed lately when a list 10 s later found the same times', () => {
    // The clock of the store may be a minute behind: its times alone do not tell what is long past.
    for (const mtimeMs of [NOW, NOW - 60_000, NOW + 60_000]) {
      const folder = { mtimeMs, ctimeMs: mtimeMs };
      expect(isKnown(listedAt([NOW], folder), folder)).toBe(false);
      expect(isKnown(listedAt([NOW, NOW + 9_999], folder), folder)).toBe(false);
      expect(isKnown(listedAt([NOW, NOW + 10_000], folder), folder)).toBe(true);
    }
    const index = listedAt([NOW], { mtimeMs: NOW, ctimeMs: NOW });
    const changed = { mtimeMs: NOW + 5000, ctimeMs: NOW + 5000 };
    index.remember('/em', stats(changed), {
      listedAtMs: NOW + 20_000,
      isEmpty: false,
      subfolders: [],
      links: [],
      fileMtimesMs: new Float64Array(),
      youngFiles: [],
    });
    expect(isKnown(index, changed)).toBe(false);
  });

  test('is not believed when the clock was set back to before it was listed', () => {
    expect(isKnown(listedAt([NOW]), {}, NOW - 1)).toBe(false);
    expect(listedAt([NOW]).isUsable(NOW - 1)).toBe(false);
  });

  test('serves for a week; then there is a full walk again', () => {
    expect(new DirectoryIndex().isUsable(NOW)).toBe(false);
    expect(listedAt([NOW]).isUsable(NOW + 7 * DAY - 1)).toBe(true);
    expect(listedAt([NOW]).isUsable(NOW + 7 * DAY)).toBe(false);
  });

  test('is forgotten when a look did not come to the folder, and only when that look was complete', () => {
    const index = listedAt([NOW]);
    index.beginLook();
    index.beginLook();
    expect(isKnown(index, {})).toBe(true);
    index.beginLook();
    index.finishLook(null);
    expect(isKnown(index, {})).toBe(false);
  });
});

test('young files are those of the last seven days and of the future; of very many none is named', () => {
  const some = new ContentsGatherer(NOW);
  for (const [index, time] of [NOW - 7 * DAY - 1, NOW - 7 * DAY, NOW + DAY].entries()) {
    some.addFile(`f${index}`, time);
  }
  expect(some.contents(false).youngFiles).toEqual([
    { name: 'f1', index: 1 },
    { name: 'f2', index: 2 },
  ]);
  const many = new ContentsGatherer(NOW);
  for (let index = 0; index <= 10_000; index += 1) many.addFile('f', NOW);
  expect(many.contents(false).youngFiles).toBeNull();
});
