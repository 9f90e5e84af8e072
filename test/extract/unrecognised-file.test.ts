import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { extractFile } from '../../src/extract/extract-file.js';
import { extractSingleFile } from '../../src/extract/extract-single-file.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'recordsmith-unrecognised-'));
  mkdirSync(join(folder, 'data'));
});

afterAll(() => rmSync(folder, { recursive: true }));

function write(name: string, content: Buffer): string {
  const path = join(folder, 'data', name);
  writeFileSync(path, content);
  return path;
}

async function read(name: string, content: Buffer) {
  const { metadata } = await extractSingleFile(Buffer.from(write(name, content)), {
    timezone: 'utc',
  });
  return { format: metadata.format, warnings: metadata.warnings };
}

/** The first bytes of a DM3 file: version, length, byte order. */
const DM3_START = Buffer.from('000000030000020000000001', 'hex');

test.each([1, 4, 12])(
  'a DM3 file of which %d bytes are left is said to be cut off',
  async (length) => {
    const bytes = length === 1 ? '1 byte' : `${String(length)} bytes`;
    expect(await read('cut.dm3', DM3_START.subarray(0, length))).toEqual({
      format: 'unknown',
      warnings: [
        `The file is named like a DigitalMicrograph file, but its content is not one (${bytes}): perhaps cut off.`,
      ],
    });
  },
);

test.each([
  ['x.DM4', /a DigitalMicrograph file,/],
  ['x.tif', /a TIFF file,/],
  ['x.emsa', /an EMSA\/MSA spectrum,/],
  ['x.jpeg', /a picture,/],
])('%s that no format recognises names the format of its extension', async (name, promised) => {
  const { warnings } = await read(name, Buffer.alloc(5000, 1));
  expect(warnings).toEqual([expect.stringMatching(promised)]);
  expect(warnings[0]).toContain('(5000 bytes): perhaps damaged or of another format');
});

test.each(['x.txt', 'x.zzz', 'x'])('%s promises nothing', async (name) => {
  expect(await read(name, Buffer.alloc(20, 1))).toEqual({ format: 'unknown', warnings: [] });
});

test('a file that another format recognises is that format, without a warning', async () => {
  const text = await read('notes.tif', Buffer.from('Series 3, 200 kV\n'));
  expect(text.warnings).toEqual([]);
  expect(text.format).not.toBe('unknown');
});

test('an empty file is empty, whatever its name promises', async () => {
  expect((await read('empty.dm3', Buffer.alloc(0))).warnings).toEqual(['The file is empty.']);
});

test('a sidecar of an earlier version that said nothing of the file is made again', async () => {
  const path = write('old.dm3', DM3_START);
  const { size, blocks, mtimeNs } = statSync(path, { bigint: true });
  const job = {
    location: '/old.dm3',
    path: Buffer.from(path),
    sizeBytes: Number(size),
    blocks: Number(blocks),
    mtimeNs,
    timezone: 'utc',
    dicomIdentity: false,
    previews: false,
    limitBytes: 1_000_000,
    outputPath: join(folder, 'output'),
    stagingPath: join(folder, 'staging'),
  };
  const warnings = [expect.stringContaining('named like a DigitalMicrograph file')];
  expect(await extractFile(job)).toMatchObject({ kind: 'read', metadata: { warnings } });
  renameSync(job.stagingPath, job.outputPath);
  expect(await extractFile(job)).toMatchObject({ kind: 'cached', metadata: { warnings } });

  const sidecar = join(job.outputPath, 'old.dm3.json');
  const { reader, ...rest } = JSON.parse(readFileSync(sidecar, 'utf8')) as { reader: string };
  expect(reader).toMatch(/^unknown@/);
  writeFileSync(sidecar, JSON.stringify({ ...rest, reader: 'unknown@1', warnings: [] }));
  expect(await extractFile(job)).toMatchObject({ kind: 'read', metadata: { warnings } });
});
