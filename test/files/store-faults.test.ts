import * as realFs from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';

/** What the file system answers at these paths instead of the truth; `opendir PATH`: to that call only. */
const failing = new Map<string, string>();

function failingAt<Call extends (path: never, ...rest: never[]) => unknown>(
  call: Call,
  prefix = '',
): Call {
  const guarded = (path: never, ...rest: never[]): unknown => {
    const code = failing.get(`${prefix}${resolve(String(path))}`);
    if (code !== undefined) throw Object.assign(new Error(`${code}: refused`), { code });
    return call(path, ...rest);
  };
  return guarded as Call;
}

jest.unstable_mockModule('node:fs', () => ({
  ...realFs,
  lstatSync: failingAt(realFs.lstatSync as never),
  statSync: failingAt(realFs.statSync as never),
  accessSync: failingAt(realFs.accessSync),
  readdirSync: failingAt(realFs.readdirSync as never),
  opendirSync: failingAt(realFs.opendirSync, 'opendir '),
}));
const { DirectoryIndex } = await import('../../src/files/directory-index.js');
const { findSessionFiles } = await import('../../src/files/find-session-files.js');
const { FileStore, look, lookRequest } = await import('../support/file-store.js');

let store: InstanceType<typeof FileStore>;

beforeEach(() => {
  store = new FileStore();
  for (const name of ['a.dm3', 'b.dm3', 'deep/c.dm3']) store.write(`titan/${name}`);
});
afterEach(() => {
  failing.clear();
  store.remove();
});

const pathOf = (name: string): string => join(store.path, 'titan', name);

test.each([
  ['EIO', 'a.dm3', ['/titan/b.dm3', '/titan/deep/c.dm3']],
  ['ESTALE', 'deep', ['/titan/a.dm3', '/titan/b.dm3']],
  ['ETIMEDOUT', 'deep/c.dm3', ['/titan/a.dm3', '/titan/b.dm3']],
])('%s at one file or folder is told, and the rest is found', async (code, name, found) => {
  failing.set(pathOf(name), code);
  const result = await look(lookRequest(store.path));
  expect(result.files.map(({ location }) => location)).toEqual(found);
  expect(result.storeFaults).toEqual([`/titan/${name}`]);
  expect(result.warnings).toEqual([`/titan/${name} cannot be read: ${code}.`]);
  expect(result.verdicts).toContainEqual(
    expect.objectContaining({ location: `/titan/${name}`, verdict: 'unreadable' }),
  );
});

test('a store whose root does not answer any more once something failed is away', async () => {
  const options = {
    signal: new AbortController().signal,
    indexOf: () => new DirectoryIndex(),
    nowMs: Date.now(),
  };
  failing.set(pathOf('a.dm3'), 'EIO');
  failing.set(`opendir ${join(store.path, 'titan')}`, 'ESTALE');
  expect(await findSessionFiles(lookRequest(store.path), options)).toMatchObject({
    kind: 'store-unavailable',
    reason: expect.stringContaining('titan cannot be read: ESTALE'),
  });
});

test('what the store fails on does not matter when a person excluded it, or its name says that it is no file of ours', async () => {
  store.write('titan/copy.part');
  failing.set(pathOf('a.dm3'), 'EIO');
  failing.set(pathOf('copy.part'), 'EIO');
  const result = await look(lookRequest(store.path, { excluded: ['/titan/a.dm3'] }));
  expect([result.storeFaults, result.warnings]).toEqual([[], []]);
});

test('a folder in which the store failed on something is not taken from memory the next time', async () => {
  failing.set(pathOf('a.dm3'), 'EIO');
  const index = new DirectoryIndex();
  const remembered = jest.spyOn(index, 'remember');
  await look(lookRequest(store.path), index);
  expect(remembered.mock.calls.map(([folder]) => folder)).toEqual([pathOf('deep')]);
});
