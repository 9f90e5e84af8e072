import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DirectoryIndex } from '../../src/files/directory-index.js';
import { isStoreFailure } from '../../src/files/store-errors.js';
import { pathText } from '../../src/files/store-path.js';
import { FolderLister } from '../../src/files/folder-lister.js';
import { FolderWalk } from '../../src/files/walk-folder.js';
import type { WalkFolderOptions } from '../../src/files/walk-options.js';
import { FileStore, lookRequest } from '../support/file-store.js';

let store: FileStore;

beforeEach(() => {
  store = new FileStore();
});
afterEach(() => store.remove());

function makeWalk(options: Partial<WalkFolderOptions>): FolderWalk {
  return new FolderWalk({
    root: store.path,
    allowedRoots: [store.path],
    seenFolders: new Set(),
    ignoresFolder: () => false,
    isNear: () => true,
    onNearFile: () => undefined,
    onUnreadable: () => undefined,
    index: new DirectoryIndex(),
    useIndex: false,
    nowMs: Date.now(),
    signal: new AbortController().signal,
    ...options,
  });
}

test('a file that vanishes between the list and the look at it is named, the others are found', async () => {
  for (const name of ['a', 'b', 'c']) store.write(name);
  const seen: string[] = [];
  const unreadable: string[] = [];
  const walk = makeWalk({
    onNearFile: ({ name }) => {
      seen.push(pathText(name));
      // Whichever comes first takes one of the others away.
      const other = readdirSync(store.path).find((one) => !seen.includes(one));
      if (seen.length === 1 && other !== undefined) rmSync(join(store.path, other));
    },
    onUnreadable: (path, kind, reason) => unreadable.push(`${pathText(path)} ${kind} ${reason}`),
  });
  await walk.searchFolders();
  expect(seen).toHaveLength(2);
  expect(unreadable).toHaveLength(1);
  expect(unreadable[0]).toMatch(/[abc] entry it vanished while it was looked at$/);
});

test('a folder that vanishes before it is searched is named, the others are searched', async () => {
  for (const name of ['a/1', 'b/2', 'c/3']) store.write(name);
  const seen: string[] = [];
  const unreadable: string[] = [];
  const walk = makeWalk({
    onNearFile: ({ path }) => {
      seen.push(pathText(path));
      const folder = pathText(path).slice(0, -2);
      const other = readdirSync(store.path).find((one) => join(store.path, one) !== folder);
      if (seen.length === 1) rmSync(join(store.path, other ?? ''), { recursive: true });
    },
    onUnreadable: (_path, kind, reason) => unreadable.push(`${kind}: ${reason}`),
  });
  await walk.searchFolders();
  expect(seen).toHaveLength(2);
  expect(unreadable).toEqual(['folder: it does not exist']);
});

test('a folder with 100,000 entries is searched in one piece', async () => {
  const large = new FileStore(true);
  try {
    execFileSync('sh', ['-c', 'seq -f "f%06g.dm3" 100000 | xargs touch'], { cwd: large.path });
    let near = 0;
    const walk = makeWalk({
      root: large.path,
      onNearFile: () => (near += 1),
      isNear: () => near < 10,
    });
    await walk.searchFolders();
    expect([walk.fileCount, near]).toEqual([100_000, 10]);
  } finally {
    large.remove();
  }
}, 60_000);

test('a single unreadable file or folder is named and the rest is found; an unreadable root is the store away', () => {
  for (const name of ['titan/open/a.dm3', 'titan/shut/b.dm3', 'titan/c.dm3', 'titan/d.dm3']) {
    store.write(name);
  }
  chmodSync(join(store.path, 'titan/shut'), 0o000);
  chmodSync(join(store.path, 'titan/d.dm3'), 0o000);
  chmodSync(store.path, 0o755);
  const run = (): unknown => {
    const script = fileURLToPath(new URL('../support/look-as-nobody.mjs', import.meta.url));
    const input = JSON.stringify(lookRequest(store.path));
    return JSON.parse(execFileSync(process.execPath, [script], { input, encoding: 'utf8' }));
  };
  expect(run()).toMatchObject({
    kind: 'looked',
    files: ['/titan/c.dm3', '/titan/open/a.dm3'],
    unreadable: ['/titan/d.dm3', '/titan/shut'],
    warnings: [
      expect.stringMatching(/^\/titan\/\S+ cannot be read: permission denied\.$/),
      expect.stringMatching(/^\/titan\/\S+ cannot be read: permission denied\.$/),
    ],
  });
  chmodSync(join(store.path, 'titan'), 0o000);
  expect(run()).toEqual({
    kind: 'store-unavailable',
    reason: `The folder ${store.path}/titan cannot be read: permission denied.`,
  });
  chmodSync(join(store.path, 'titan'), 0o755);
  chmodSync(join(store.path, 'titan/shut'), 0o755);
});

test('what the kernel says of a store in trouble is told from what it says of one file', () => {
  for (const code of ['EIO', 'ESTALE', 'ETIMEDOUT', 'ENOTCONN', 'Unknown system error -116']) {
    expect([code, isStoreFailure(Object.assign(new Error(code), { code }))]).toEqual([code, true]);
  }
  for (const code of ['EACCES', 'ENOENT', 'ELOOP', 'ENAMETOOLONG', 'Unknown system error -1']) {
    expect([code, isStoreFailure(Object.assign(new Error(code), { code }))]).toEqual([code, false]);
  }
});

test('a walk stays in no folder of the store, neither when other work gets its turn nor at its end', async () => {
  const home = process.cwd();
  for (const name of ['0', 'a/1', 'a/2', 'b/3']) store.write(name);
  const insides: string[] = [];
  const walk = makeWalk({ onNearFile: () => insides.push(process.cwd()) });
  const walking = walk.searchFolders();
  // The walk lets others work after its first folder: here is one of them.
  expect(insides).not.toEqual([]);
  expect(process.cwd()).toBe(home);
  await walking;
  expect(insides.sort()).toEqual(['', 'a', 'a', 'b'].map((name) => join(store.path, name)));
  expect(process.cwd()).toBe(home);
  const aborted = makeWalk({ signal: AbortSignal.abort() });
  await expect(aborted.searchFolders()).rejects.toMatchObject({ code: 'ABORTED' });
  expect(process.cwd()).toBe(home);
});

test('an ignored folder is not entered', async () => {
  store.write('.git/a');
  mkdirSync(join(store.path, 'empty'));
  const walk = makeWalk({ ignoresFolder: (name) => name === '.git' });
  await walk.searchFolders();
  expect([walk.fileCount, walk.rootState]).toEqual([0, 'holds something']);
});

describe('A walk with a second thread', () => {
  /** All that a walk meets. */
  async function metBy(lister?: FolderLister): Promise<string[]> {
    const met: string[] = [];
    const walk = makeWalk({
      onNearFile: ({ path, siblings }) => met.push(`${pathText(path)} of ${siblings.length}`),
      onUnreadable: (path, kind, reason) => met.push(`${pathText(path)} ${kind} ${reason}`),
      ...(lister === undefined ? {} : { lister }),
    });
    await walk.searchFolders();
    await walk.followLinks();
    met.push(`${walk.fileCount} files, ${walk.rootState}`);
    return met.sort();
  }

  beforeEach(() => {
    for (let number = 0; number < 300; number += 1) {
      for (const name of ['a', 'b', 'deep/c']) store.write(`s${number}/${name}.dm3`);
    }
    store.write(Buffer.from('s7/gr\u00f6.dm3', 'latin1'));
    symlinkSync('../s8/a.dm3', join(store.path, 's9/link.dm3'));
    symlinkSync('nowhere', join(store.path, 's9/broken'));
  });

  test('meets what one thread meets', async () => {
    const expected = await metBy();
    expect(expected.length).toBeGreaterThan(900);
    const lister = new FolderLister();
    try {
      expect(await metBy(lister)).toEqual(expected);
      expect(lister.listedCount).toBeGreaterThan(0);
    } finally {
      lister.stop();
    }
  });

  test('goes on alone when the thread is lost', async () => {
    const expected = await metBy();
    const lister = new FolderLister();
    const offer = lister.offer.bind(lister);
    let taken = 0;
    lister.offer = (folders) => {
      if (taken === 2) return [];
      const some = offer(folders);
      if (some.length > 0) taken += 1;
      if (taken === 2) lister.stop();
      return some;
    };
    expect(await metBy(lister)).toEqual(expected);
    expect(taken).toBe(2);
  });
});
