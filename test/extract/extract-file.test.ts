import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FileMetadata } from '../../src/domain/file-metadata.js';
import { extractFile, type ExtractFileJob } from '../../src/extract/extract-file.js';
import type { ExtractFileResult } from '../../src/extract/extract-result.js';
import { extractSingleFile } from '../../src/extract/extract-single-file.js';
import type {
  ExtractedFile,
  ExtractedSignal,
  Extractor,
  FileSource,
} from '../../src/extract/extractor.js';
import { AppError } from '../../src/errors.js';
import { extractJob } from '../support/extract-job.js';

let folder: string;
let data: string;
let run = 0;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'extract-file-'));
});

beforeEach(() => {
  run += 1;
  data = join(folder, String(run), 'data');
  mkdirSync(data, { recursive: true });
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string | Buffer, content: string | Buffer): Buffer {
  const path = Buffer.concat([Buffer.from(`${data}/`), Buffer.from(name)]);
  writeFileSync(path, content);
  // Long ago: folders seen to be at rest may be remembered, young ones may not.
  utimesSync(path, 1_600_000_000, 1_600_000_000.25);
  return path;
}

function jobFor(path: Buffer, changes: Partial<ExtractFileJob> = {}): ExtractFileJob {
  return extractJob(path, data, join(data, '..'), { limitBytes: 10 * 1024 * 1024, ...changes });
}

function signal(changes: Partial<ExtractedSignal> = {}): ExtractedSignal {
  return {
    title: null,
    type: 'Image',
    role: 'Experimental',
    metadata: { 'Acceleration Voltage': { value: 300, unit: 'kV' } },
    shape: [2, 2],
    calibration: [],
    dtype: 'uint8',
    acquiredMs: 1_600_000_000_000,
    previewOf: () => ({
      kind: 'image',
      width: 2,
      height: 2,
      pixels: Uint8Array.of(1, 2, 3, 4),
      channels: 1,
      stretch: 'percentile',
      pixelSize: null,
    }),
    ...changes,
  };
}

function extracted(changes: Partial<ExtractedFile> = {}): ExtractedFile {
  return { format: 'Test', signals: [signal()], warnings: [], tags: { b: 1, a: 2 }, ...changes };
}

function reader(
  extract: (file: FileSource) => ExtractedFile,
  changes: Partial<Extractor> = {},
): Extractor {
  return { id: 'test', version: 1, extensions: ['.tst'], sniff: () => true, extract, ...changes };
}

function metadataOf(result: ExtractFileResult): FileMetadata {
  if (result.kind === 'changed') throw new Error('the file changed');
  return result.metadata;
}

function readSidecar(name: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(data, '../staging', name), 'utf8')) as Record<
    string,
    unknown
  >;
}

/** As the build does once it has settled. */
function settle(): void {
  rmSync(join(data, '../output'), { recursive: true, force: true });
  renameSync(join(data, '../staging'), join(data, '../output'));
}

describe('extractFile', () => {
  test('stages a sidecar and a preview in the mirrored tree', async () => {
    mkdirSync(join(data, 'tem'));
    const job = jobFor(write('tem/map & 1.tst', 'content'));
    const result = await extractFile(job, [reader(() => extracted())]);
    expect(result).toMatchObject({
      kind: 'read',
      staged: ['/tem/map%20%26%201.tst.thumb.png', '/tem/map%20%26%201.tst.json'],
      metadata: {
        location: '/tem/map%20%26%201.tst',
        format: 'Test',
        reader: 'test@1',
        warnings: [],
        signals: [{ previewName: 'map%20%26%201.tst.thumb.png', shape: [2, 2] }],
      },
    });
    expect(readdirSync(join(data, '../staging/tem')).sort()).toStrictEqual([
      'map & 1.tst.json',
      'map & 1.tst.thumb.png',
    ]);
    expect(readSidecar('tem/map & 1.tst.json')).toMatchObject({
      schema: 1,
      location: '/tem/map%20%26%201.tst',
      sizeBytes: 7,
      mtimeNs: '1600000000250000000',
      tags: { a: 2, b: 1 },
    });
  });

  test('the preview of each of several signals has its number', async () => {
    const job = jobFor(write('two.tst', 'content'));
    const both = extracted({ signals: [signal({ previewOf: null }), signal()] });
    const result = await extractFile(job, [reader(() => both)]);
    expect(metadataOf(result).signals.map(({ previewName }) => previewName)).toStrictEqual([
      null,
      'two.tst_signal2.thumb.png',
    ]);
    expect(existsSync(join(data, '../staging/two.tst_signal2.thumb.png'))).toBe(true);
  });

  test('any file name works', async () => {
    const names = [
      Buffer.from('caf\u00e9.tst', 'latin1'),
      Buffer.from('new\nline \u{1f52c} "quote" %25.tst'),
      Buffer.from(`${'n'.repeat(251)}.tst`),
    ];
    for (const name of names) {
      const result = await extractFile(jobFor(write(name, 'content')), [reader(() => extracted())]);
      expect(result).toMatchObject({ kind: 'read', metadata: { warnings: [] } });
    }
    const staged = readdirSync(join(data, '../staging'), { encoding: 'buffer' });
    expect(staged).toHaveLength(6);
    expect(staged.some((name) => name.equals(Buffer.from('caf\u00e9.tst.json', 'latin1')))).toBe(
      true,
    );
  });

  test('the first reader that recognises the file reads it; one that fails to look counts as no', async () => {
    const job = jobFor(write('x.tst', 'magic'));
    const result = await extractFile(job, [
      reader(() => extracted(), {
        id: 'broken',
        sniff: () => {
          throw new Error('sniff');
        },
      }),
      reader(() => extracted(), { id: 'other', sniff: () => false }),
      reader(() => extracted(), {
        id: 'right',
        sniff: ({ bytes }) => bytes.toString() === 'magic',
      }),
      reader(() => extracted(), { id: 'late' }),
    ]);
    expect(metadataOf(result).reader).toBe('right@1');
    expect(metadataOf(result).warnings).toStrictEqual([]);
  });

  test.each<[string, () => ExtractedFile, string]>([
    [
      'an error',
      () => {
        throw new AppError('FORMAT_INVALID', 'tag 7 is torn');
      },
      'tag 7 is torn',
    ],
    [
      'a text',
      () => {
        AbortSignal.abort('thrown text').throwIfAborted();
        return extracted();
      },
      'thrown text',
    ],
    ['no signal', () => extracted({ signals: [] }), 'found no data'],
  ])('a reader that gives %s leaves file facts and a warning', async (_, extract, warning) => {
    const result = await extractFile(jobFor(write('x.tst', 'content')), [reader(extract)]);
    expect(result).toMatchObject({
      kind: 'read',
      staged: ['/x.tst.json'],
      metadata: { format: 'unknown', reader: 'unknown@2', signals: [{ type: 'Unknown' }] },
    });
    expect(metadataOf(result).warnings).toStrictEqual([expect.stringContaining(warning)]);
  });

  test('a preview that fails costs the preview only', async () => {
    const failing = signal({
      previewOf: () => {
        throw new RangeError('no pixels');
      },
    });
    const job = jobFor(write('x.tst', 'content'));
    const result = await extractFile(job, [reader(() => extracted({ signals: [failing] }))]);
    expect(metadataOf(result)).toMatchObject({
      format: 'Test',
      warnings: ['The preview could not be made: no pixels'],
      signals: [{ previewName: null, metadata: { 'Acceleration Voltage': { value: 300 } } }],
    });
  });

  test('without previews none is asked for', async () => {
    const asked = signal({
      previewOf: () => {
        throw new Error('asked');
      },
    });
    const job = jobFor(write('x.tst', 'content'), { previews: false });
    const result = await extractFile(job, [reader(() => extracted({ signals: [asked] }))]);
    expect(metadataOf(result).warnings).toStrictEqual([]);
  });

  test('numbers that no record can hold are left out with a warning', async () => {
    const wrong = signal({
      metadata: {
        Defocus: { value: Number.NaN, unit: 'µm' },
        'Dwell Time': { value: [1, Number.POSITIVE_INFINITY] },
        Operator: { value: 'kept' },
      },
      shape: [2, -1],
      calibration: [{ scale: Number.NaN, origin: 0, unit: 'nm' }],
      acquiredMs: Number.NaN,
    });
    const job = jobFor(write('x.tst', 'content'));
    const result = await extractFile(job, [reader(() => extracted({ signals: [wrong] }))]);
    const { signals, warnings } = metadataOf(result);
    expect(signals[0]).toMatchObject({
      metadata: { Operator: { value: 'kept' } },
      shape: [],
      calibration: [],
      acquiredMs: null,
    });
    expect(Object.keys(signals[0]?.metadata ?? {})).toStrictEqual(['Operator']);
    expect(warnings).toHaveLength(5);
  });

  test('a stub without blocks is not opened', async () => {
    const stub = { blocks: 0, sizeBytes: 1_000_000, path: Buffer.from('/nowhere') };
    const job = jobFor(write('x.tst', 'content'), stub);
    const result = await extractFile(job, [reader(() => extracted())]);
    expect(result).toMatchObject({ kind: 'read', staged: [], metadata: { format: 'unknown' } });
    expect(metadataOf(result).warnings).toStrictEqual([expect.stringContaining('tape')]);
  });

  test('a small file that is kept without blocks of its own is read', async () => {
    const job = jobFor(write('x.tst', 'content'), { blocks: 0 });
    const result = await extractFile(job, [reader(() => extracted())]);
    expect(metadataOf(result).reader).toBe('test@1');
  });

  test('an empty file is file facts, and the record says that it is empty', async () => {
    const result = await extractFile(jobFor(write('x.tst', '')), [reader(() => extracted())]);
    const warnings = ['The file is empty.'];
    expect(result).toMatchObject({ kind: 'read', metadata: { format: 'unknown', warnings } });
  });

  test('a file that is not as it was found is changed, and nothing is staged', async () => {
    const job = jobFor(write('x.tst', 'content'));
    for (const other of [{ sizeBytes: 6 }, { mtimeNs: job.mtimeNs + 1n }]) {
      expect(await extractFile({ ...job, ...other }, [reader(() => extracted())])).toStrictEqual({
        kind: 'changed',
        location: '/x.tst',
      });
    }
    expect(existsSync(job.stagingPath)).toBe(false);
  });

  test('a file or companion that changes while it is read is changed', async () => {
    const path = write('x.tst', 'content');
    write('x.hdr', 'header');
    for (const [victim, text] of [
      ['x.tst', 'still being written'],
      ['x.tst', 'STILL BEING WRITTEN'],
      ['x.hdr', 'HEADER'],
    ] as const) {
      const growing = reader((file) => {
        file.sibling('x.hdr');
        writeFileSync(join(data, victim), text);
        return extracted();
      });
      expect(await extractFile(jobFor(path), [growing])).toMatchObject({ kind: 'changed' });
    }
  });

  test('a file that is gone or is no file is unreadable, with the code of the file system', async () => {
    const gone = jobFor(write('gone.tst', 'content'));
    unlinkSync(join(data, 'gone.tst'));
    expect(await extractFile(gone, [reader(() => extracted())])).toMatchObject({
      kind: 'unreadable',
      systemCode: 'ENOENT',
      metadata: { location: '/gone.tst', warnings: [expect.stringContaining('ENOENT')] },
    });
    execFileSync('mkfifo', [join(data, 'pipe')]);
    const pipe = { ...gone, location: '/pipe', path: Buffer.from(join(data, 'pipe')) };
    expect(await extractFile(pipe, [reader(() => extracted())])).toMatchObject({
      kind: 'unreadable',
      systemCode: null,
    });
  });

  test('more than the limit is not read', async () => {
    const job = jobFor(write('x.tst', Buffer.alloc(300_000)), { limitBytes: 200_000 });
    const greedy = reader((file) => {
      file.read(0, 250_000);
      return extracted();
    });
    expect(metadataOf(await extractFile(job, [greedy])).warnings).toStrictEqual([
      expect.stringContaining('More than 200000 bytes'),
    ]);
  });

  test('a name that the output tree cannot have costs the preview and the sidecar only', async () => {
    const job = jobFor(write('x.tst', 'content'));
    mkdirSync(join(job.stagingPath, 'x.tst.json'), { recursive: true });
    const result = await extractFile(job, [reader(() => extracted())]);
    expect(result).toMatchObject({ kind: 'read', staged: [] });
    expect(metadataOf(result).signals[0]?.previewName).toBeNull();
    expect(metadataOf(result).warnings).toStrictEqual([expect.stringContaining('EISDIR')]);
    expect(readdirSync(job.stagingPath)).toStrictEqual(['x.tst.json']);
  });

  test('the same file gives the same bytes in two attempts', async () => {
    const job = jobFor(write('x.tst', 'content'));
    const other = { ...job, stagingPath: join(data, '../staging2') };
    await extractFile(job, [reader(() => extracted({ tags: { a: 1, b: 2 } }))]);
    await extractFile(other, [reader(() => extracted({ tags: { b: 2, a: 1 } }))]);
    for (const name of ['x.tst.json', 'x.tst.thumb.png']) {
      const [first, second] = [job, other].map((one) => readFileSync(join(one.stagingPath, name)));
      expect(first).toStrictEqual(second);
    }
  });
});

describe('results of an earlier build', () => {
  const neverRead = reader(() => {
    throw new Error('was read again');
  });

  async function build(
    job: ExtractFileJob,
    extractors: readonly Extractor[],
  ): Promise<FileMetadata> {
    const metadata = metadataOf(await extractFile(job, extractors));
    settle();
    return metadata;
  }

  test('are used again, equal to the first', async () => {
    const job = jobFor(write('x.tst', 'content'));
    const first = await build(job, [reader(() => extracted({ warnings: ['odd \u0000'] }))]);
    expect(await extractFile(job, [neverRead])).toStrictEqual({
      kind: 'cached',
      metadata: first,
      reused: ['/x.tst.thumb.png', '/x.tst.json'],
    });
    expect(existsSync(job.stagingPath)).toBe(false);
  });

  test.each<[string, (job: ExtractFileJob) => ExtractFileJob]>([
    ['time zone', (job) => ({ ...job, timezone: 'America/Denver' })],
    ['limit', (job) => ({ ...job, limitBytes: job.limitBytes + 1 })],
    ['DICOM identity', (job) => ({ ...job, dicomIdentity: true })],
    ['previews setting', (job) => ({ ...job, previews: false })],
    ['choice of frames', (job) => ({ ...job, stackPreviews: 'last' })],
    [
      'size',
      (job) => {
        writeFileSync(Buffer.from(job.path), 'longer content');
        utimesSync(Buffer.from(job.path), 1_600_000_000, 1_600_000_000.25);
        return { ...job, sizeBytes: 14 };
      },
    ],
    [
      'time',
      (job) => {
        utimesSync(Buffer.from(job.path), 1_600_000_000, 1_600_000_000.5);
        return { ...job, mtimeNs: 1_600_000_000_500_000_000n };
      },
    ],
  ])('are not used with another %s', async (_, change) => {
    const job = jobFor(write('x.tst', 'content'));
    await build(job, [reader(() => extracted())]);
    const again = await extractFile(change(job), [reader(() => extracted({ format: 'again' }))]);
    expect(again).toMatchObject({ kind: 'read', metadata: { format: 'again' } });
  });

  test('are not used with another version of a reader, or a new reader asked before it', async () => {
    const job = jobFor(write('x.tst', 'content'));
    await build(job, [reader(() => extracted())]);
    const newer = reader(() => extracted(), { version: 2 });
    expect(await extractFile(job, [newer])).toMatchObject({ kind: 'read' });
    const before = reader(() => extracted(), { id: 'before', sniff: () => false });
    expect(await extractFile(job, [before, neverRead])).toMatchObject({ kind: 'read' });
    const after = reader(() => extracted(), { id: 'after' });
    expect(await extractFile(job, [neverRead, after])).toMatchObject({ kind: 'cached' });
  });

  test('of a file that no reader knew are not used once there is a new reader', async () => {
    const job = jobFor(write('x.tst', 'content'));
    const other = reader(() => extracted(), { id: 'other', sniff: () => false });
    await build(job, [other]);
    expect(await extractFile(job, [other])).toMatchObject({ kind: 'cached' });
    expect(await extractFile(job, [other, reader(() => extracted())])).toMatchObject({
      kind: 'read',
      metadata: { reader: 'test@1' },
    });
  });

  test('are not used when a preview is gone or the sidecar is damaged', async () => {
    const job = jobFor(write('x.tst', 'content'));
    const fine = reader(() => extracted());
    await build(job, [fine]);
    unlinkSync(join(job.outputPath, 'x.tst.thumb.png'));
    expect(await extractFile(job, [fine])).toMatchObject({ kind: 'read' });
    settle();
    const sidecar = join(job.outputPath, 'x.tst.json');
    for (const damaged of ['', '{"schema":1}', readFileSync(sidecar, 'utf8').slice(0, -9)]) {
      writeFileSync(sidecar, damaged);
      expect(await extractFile(job, [fine])).toMatchObject({ kind: 'read' });
    }
  });

  test('are not used when a companion came, changed or went', async () => {
    const job = jobFor(write('x.tst', 'content'));
    const withHeader = reader((file) => {
      const header = file.sibling('X.HDR');
      return extracted({ format: header === null ? 'alone' : header.read(0, 3).toString() });
    });
    expect((await build(job, [withHeader])).format).toBe('alone');
    expect(await extractFile(job, [withHeader])).toMatchObject({ kind: 'cached' });
    write('x.hdr', 'one');
    expect((await build(job, [withHeader])).format).toBe('one');
    expect(await extractFile(job, [withHeader])).toMatchObject({ kind: 'cached' });
    writeFileSync(join(data, 'x.hdr'), 'two');
    expect((await build(job, [withHeader])).format).toBe('two');
    unlinkSync(join(data, 'x.hdr'));
    expect(await build(job, [withHeader])).toMatchObject({ format: 'alone' });
  });
});

describe('the source that readers read from', () => {
  async function inside(
    path: Buffer,
    look: (file: FileSource) => void,
  ): Promise<readonly string[]> {
    const looking = reader((file) => {
      look(file);
      return extracted();
    });
    return metadataOf(await extractFile(jobFor(path), [looking])).warnings;
  }

  test('gives the exact bytes in any order and size', async () => {
    const content = Buffer.from(
      Uint8Array.from({ length: 500_000 }, (_, index) => (index * 7) % 251),
    );
    const warnings = await inside(write('x.tst', content), (file) => {
      for (const [offset, length] of [
        [0, 10],
        [499_990, 10],
        [65_530, 20],
        [65_550, 4],
        [3, 200_000],
        [70_000, 65_535],
        [0, 0],
        [400_000, 1],
      ] as const) {
        const bytes = file.read(offset, length);
        if (!bytes.equals(content.subarray(offset, offset + length))) {
          throw new Error(`wrong bytes at ${offset}`);
        }
      }
      if (file.readUpTo(499_999, 100).length !== 1) throw new Error('end');
      if (file.readUpTo(600_000, 100).length !== 0) throw new Error('behind the end');
    });
    expect(warnings).toStrictEqual([]);
  });

  test.each([
    [0, 100, 'ends at byte 7'],
    [2 ** 52, 2 ** 52, 'ends at byte 7'],
    [-1, 2, 'impossible'],
    [0, Number.NaN, 'impossible'],
    [0.5, 1, 'impossible'],
    [0, 2 ** 60, 'impossible'],
  ])('%d + %d bytes of 7 are FORMAT_INVALID', async (offset, length, message) => {
    const warnings = await inside(write('x.tst', 'content'), (file) => file.read(offset, length));
    expect(warnings).toStrictEqual([expect.stringContaining(message)]);
  });

  test('a companion is found by exact name first, then ignoring case, and never outside the folder', async () => {
    const path = write(Buffer.from('caf\u00e9.SER', 'latin1'), 'content');
    write(Buffer.from('CAF\u00e9.emi', 'latin1'), 'latin');
    write('a.hdr', 'exact');
    write('A.HDR', 'other');
    writeFileSync(join(data, '../outside.hdr'), 'secret');
    symlinkSync(join(data, '../outside.hdr'), join(data, 'link.hdr'));
    mkdirSync(join(data, 'folder.hdr'));
    const seen: Record<string, string | null> = {};
    await inside(path, (file) => {
      const derived = file.fileName.replace('.SER', '.emi');
      for (const name of [
        'a.hdr',
        'A.HDR',
        'a.Hdr',
        derived,
        'link.hdr',
        'folder.hdr',
        '../outside.hdr',
        '..',
        'a.hdr\0',
        'missing',
        'n'.repeat(300),
      ]) {
        seen[name.slice(0, 20)] = file.sibling(name)?.read(0, 5).toString() ?? null;
      }
    });
    expect(seen).toStrictEqual({
      'a.hdr': 'exact',
      'A.HDR': 'other',
      'a.Hdr': 'other',
      'caf%E9.emi': 'latin',
      'link.hdr': null,
      'folder.hdr': null,
      '../outside.hdr': null,
      '..': null,
      'a.hdr\0': null,
      missing: null,
      ['n'.repeat(20)]: null,
    });
  });
});

describe('extractSingleFile', () => {
  test('gives metadata, and tags and a preview where wanted', async () => {
    const path = write('x.tst', 'content');
    const extractors = [reader(() => extracted())];
    const plain = await extractSingleFile(path, { timezone: 'UTC', extractors });
    expect(plain).toMatchObject({ metadata: { format: 'Test', reader: 'test@1' }, tags: null });
    const previewPath = join(data, '../preview.png');
    const full = await extractSingleFile(path, {
      timezone: 'UTC',
      allTags: true,
      previewPath,
      extractors,
    });
    expect(full.tags).toStrictEqual({ a: 2, b: 1 });
    expect(readFileSync(previewPath).toString('latin1', 1, 4)).toBe('PNG');
  });

  test('a file that is not there is FILE_UNREADABLE; nothing to draw is said', async () => {
    await expect(
      extractSingleFile(Buffer.from(join(data, 'missing')), { timezone: 'UTC' }),
    ).rejects.toMatchObject({ code: 'FILE_UNREADABLE' });
    const extractors = [reader(() => extracted({ signals: [signal({ previewOf: null })] }))];
    const previewPath = join(data, '../preview.png');
    await expect(
      extractSingleFile(write('x.tst', 'c'), { timezone: 'UTC', previewPath, extractors }),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    expect(existsSync(previewPath)).toBe(false);
  });
});
