import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { encodeLocation } from '../../src/domain/location.js';
import type { FileMetadata } from '../../src/domain/file-metadata.js';
import type { ExtractFileJob } from '../../src/extract/extract-file.js';
import { ReaderPool } from '../../src/extract/reader-pool.js';
import {
  describeWithDicomSamples,
  describeWithSamples,
  DICOM_SAMPLES,
  samplePath,
  sampleReference,
} from '../support/samples.js';

/** What no reader reads, and why: such a file is in the record with its name, size and time. */
const UNREAD: readonly (readonly [why: string, files: RegExp])[] = [
  ['formats that no reader knows', /\.(elid|sur|pro|unf|apb)$/i],
  ['raw numbers, described by a .rpl file', /^ripple_files\/.*\.raw$/],
  ['arrays of numpy, made for tests', /\.np[yz]$/],
  ['archives', /\.(zip|gz)$/],
  ['parts of a TVIPS stream: the first file reads them', /_split_00[12]\.tvips$/],
  ['not what the name says: twenty bytes of text; only zeros', /Nope\.bcf$|_zeroed\.emi$/],
  ['data sets of DICOM without any header', /(BigEndNoMeta|no_meta)\.dcm$/],
];
/** A file that was cut off: its metadata are there, its picture is not. */
const WITHOUT_PICTURE = ['test_files/MR_truncated.dcm'];

let output: string;
let pool: ReaderPool;

beforeAll(() => {
  output = mkdtempSync(join(tmpdir(), 'every-sample-'));
  pool = new ReaderPool({ size: 1 });
});

afterAll(async () => {
  await pool.stop();
  rmSync(output, { recursive: true, force: true });
});

function jobOf(folder: string, name: string): ExtractFileJob {
  const file = join(folder, name);
  const stats = statSync(file, { bigint: true });
  return {
    location: `/${encodeLocation(name)}`,
    path: Buffer.from(file),
    sizeBytes: Number(stats.size),
    blocks: Number(stats.blocks),
    mtimeNs: stats.mtimeNs,
    ...{ timezone: 'Europe/Berlin', previews: true, dicomIdentity: false },
    limitBytes: 268_435_456,
    outputPath: join(output, 'output'),
    stagingPath: join(output, 'staging'),
  };
}

/** What becomes of each file below a folder, in the real reader processes. */
async function readAll(folder: string): Promise<ReadonlyMap<string, FileMetadata>> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== '.complete')
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  const read = new Map<string, FileMetadata>();
  let index = 0;
  for await (const result of pool.extractFiles(names.map((name) => jobOf(folder, name)))) {
    const name = names[index] ?? '';
    index += 1;
    if (result.kind !== 'read') throw new Error(`${name} is ${result.kind}.`);
    read.set(name, result.metadata);
  }
  return read;
}

/** Files that ended otherwise than as read, or as unknown without a defect. */
function notInOrder(read: ReadonlyMap<string, FileMetadata>): readonly string[] {
  return [...read].flatMap(([name, { reader, warnings, signals }]) => {
    const isUnread = reader.startsWith('unknown');
    const mayBeUnread = UNREAD.some(([, files]) => files.test(name));
    const failed = warnings.find((text) => /could not be (read|made)|could not read/.test(text));
    if (isUnread !== mayBeUnread) return [`${name}: read by ${reader}`];
    if (failed !== undefined && !WITHOUT_PICTURE.includes(name)) return [`${name}: ${failed}`];
    return signals.length === 0 ? [`${name}: no dataset`] : [];
  });
}

/** Shapes and types of all signals. */
function arraysOf(
  signals: readonly { readonly shape: readonly number[]; readonly dtype: string | null }[],
): readonly string[] {
  return signals.map(({ shape, dtype }) => `${shape.join(' x ')} ${String(dtype)}`);
}

describeWithSamples('every file that comes with hyperspy', () => {
  let read: ReadonlyMap<string, FileMetadata>;

  beforeAll(async () => {
    read = await readAll(samplePath(''));
  }, 60_000);

  test('is read, or in the record with its facts for a known reason', () => {
    expect(read.size).toBeGreaterThan(400);
    expect(notInOrder(read)).toEqual([]);
  });

  test('has the signals, shapes and types that hyperspy finds', () => {
    const compared = sampleReference(
      // The data of an .emi file are in its .ser files; hyperspy finds nothing without NX_class, where h5py does.
      (name) => !name.endsWith('.emi') && name !== 'nexus_files/nexus_test_datakey.nxs',
    );
    expect(compared.length).toBeGreaterThan(240);
    const other = compared.flatMap(([name, expected]) => {
      const ours = arraysOf(read.get(name)?.signals ?? []);
      const theirs = arraysOf(expected);
      return ours.join() === theirs.join() ? [] : [{ name, ours, theirs }];
    });
    expect(other).toEqual([]);
  });
});

describeWithDicomSamples('every file that comes with pydicom', () => {
  let read: ReadonlyMap<string, FileMetadata>;

  beforeAll(async () => {
    read = await readAll(DICOM_SAMPLES);
  }, 60_000);

  test('is read with its metadata, or in the record with its facts for a known reason', () => {
    expect(read.size).toBeGreaterThan(150);
    expect(notInOrder(read)).toEqual([]);
  });

  test('has the shape that pydicom finds', () => {
    const reference = JSON.parse(
      readFileSync(new URL('../samples/pydicom-reference.json', import.meta.url), 'utf8'),
    ) as { readonly files: Readonly<Record<string, { readonly shape: readonly number[] | null }>> };
    const compared = Object.entries(reference.files).filter(([name]) => !isUnread(name));
    const other = compared.flatMap(([name, { shape }]) => {
      const ours = read.get(name)?.signals[0]?.shape;
      return shape === null || ours?.join() === shape.join() ? [] : [{ name, ours, shape }];
    });
    expect(other).toEqual([]);
  });
});

function isUnread(name: string): boolean {
  return UNREAD.some(([, files]) => files.test(name));
}
