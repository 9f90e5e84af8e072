import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { readSessionFiles, requireReadable } from '../../src/daemon/read-session-files.js';
import { ReaderPool } from '../../src/extract/reader-pool.js';
import { StorePool } from '../../src/files/store-pool.js';

let folder: string;
const readers = new ReaderPool({ size: 1 });
const stores = new StorePool();

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'read-session-files-'));
  for (const name of ['data', 'output']) mkdirSync(join(folder, name));
});

afterAll(async () => {
  await readers.stop();
  await stores.stop();
  rmSync(folder, { recursive: true });
});

/** Reads two files, of which the first was written again after the look. */
function readChanged(accept: {
  readonly acceptFailures: boolean;
  readonly acceptChanges: boolean;
}) {
  const files = ['growing.txt', 'quiet.txt'].map((name, index) => {
    const path = join(folder, 'data', name);
    writeFileSync(path, 'some text\n');
    const { size, blocks, mtimeNs } = statSync(path, { bigint: true });
    return {
      location: `/${name}`,
      name,
      sizeBytes: Number(size),
      blocks: Number(blocks),
      mtimeNs: index === 0 ? mtimeNs - 1_000_000_000n : mtimeNs,
      timeNs: mtimeNs,
    };
  });
  const paths = {
    data: join(folder, 'data'),
    output: join(folder, 'output'),
    records: join(folder, 'records'),
  };
  return readSessionFiles({
    environment: {
      readers,
      stores,
      paths,
      validator: () => Promise.reject(new Error('No record is written here.')),
    },
    policy: {
      previews: false,
      stackPreviews: 'montage',
      dicomIdentity: false,
      adjustments: [],
      fileLimitBytes: 1_000_000,
    },
    attempt: { sessionKey: 'a'.repeat(16), token: 1 },
    timezone: 'UTC',
    files,
    store: 'data',
    readBefore: new Set(),
    signal: new AbortController().signal,
    ...accept,
  });
}

test('a file that changed while it was read has the session tried again', async () => {
  await expect(readChanged({ acceptFailures: false, acceptChanges: false })).rejects.toMatchObject({
    code: 'FILE_UNREADABLE',
    details: { location: '/growing.txt' },
  });
});

test.each([
  ['tries', { acceptFailures: true, acceptChanges: false }],
  ['waiting', { acceptFailures: false, acceptChanges: true }],
])(
  'after enough %s it is taken with a warning, and the rest as always',
  async (_enough, accept) => {
    const datasets = await readChanged(accept);
    expect(datasets.map(({ name, type, warnings }) => [name, type, warnings])).toEqual([
      ['growing.txt', 'Unknown', [expect.stringContaining('changed while it was read')]],
      ['quiet.txt', expect.any(String), []],
    ]);
    expect(datasets.map(({ reader }) => reader === datasets[0]?.reader)).toEqual([true, false]);
  },
);

test('what the store failed on has the session tried again, recorded before or not', () => {
  const verdict = {
    location: '/titan/a.dm3',
    verdict: 'unreadable',
    rule: 'cannot be read: EIO',
    sizeBytes: 0,
    mtimeNs: 0n,
  } as const;
  const storeFaults = ['/titan/a.dm3', '/titan/deep'];
  expect(() => requireReadable({ verdicts: [verdict], storeFaults }, [])).toThrow(
    expect.objectContaining({
      code: 'FILE_UNREADABLE',
      message: 'The store fails: /titan/a.dm3 cannot be read: EIO (and 1 more).',
    }),
  );
  expect(() => requireReadable({ verdicts: [verdict], storeFaults: [] }, [])).not.toThrow();
});
