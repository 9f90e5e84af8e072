import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { AppError } from '../../src/errors.js';
import { extractFile, type ExtractFileJob } from '../../src/extract/extract-file.js';
import type { Extractor } from '../../src/extract/extractor.js';
import { dicomExtractor } from '../../src/extract/formats/dicom.js';
import { emiExtractor } from '../../src/extract/formats/emi.js';
import { tiffExtractor } from '../../src/extract/formats/tiff.js';
import { buildDicom } from '../support/build-dicom.js';
import { buildTiff, greyTags, type TiffTag } from '../support/build-tiff.js';
import { sampleFile } from '../support/sample-file.js';
import { describeWithSamples } from '../support/samples.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'UTC', previews: true };

/** The tags of a page in one tile, deflated. */
function tileTags(size: number, tile: number): TiffTag[] {
  const tags = greyTags(size, size, 8).filter(([tag]) => tag !== 278 && tag !== 259);
  return [...tags, [259, 'short', [8]], [322, 'long', [tile]], [323, 'long', [tile]]];
}

/** One page in one tile: the builder writes strips, which differ by the numbers of two tags only. */
function tiledTiff(size: number, tile: number, content: Buffer): Buffer {
  const bytes = buildTiff([{ tags: tileTags(size, tile), strip: content }]);
  const directory = bytes.readUInt32LE(4);
  for (let entry = 0; entry < bytes.readUInt16LE(directory); entry += 1) {
    const at = directory + 2 + 12 * entry;
    const tag = bytes.readUInt16LE(at);
    if (tag === 273) bytes.writeUInt16LE(324, at);
    if (tag === 279) bytes.writeUInt16LE(325, at);
  }
  return bytes;
}

describe('deflated tiles of a TIFF', () => {
  test('are drawn, however much of a tile at the edge is padding', async () => {
    const picture = sharp(Buffer.alloc(32 * 24 * 3, 200), {
      raw: { width: 32, height: 24, channels: 3 },
    });
    const bytes = await picture.tiff({ compression: 'deflate', tile: true }).toBuffer();
    const { signals } = await tiffExtractor.extract(sniffableFile('a.tif', bytes), CONTEXT);
    expect(signals[0]?.previewOf?.()).toMatchObject({ kind: 'image', width: 32, height: 24 });
  });

  test('that inflate to far more than the page needs cost the preview, without being inflated', async () => {
    const bytes = tiledTiff(64, 16_000, deflateSync(Buffer.alloc(16_000 * 16_000), { level: 1 }));
    const { signals } = await tiffExtractor.extract(sniffableFile('a.tif', bytes), CONTEXT);
    const before = process.memoryUsage.rss();
    expect(() => signals[0]?.previewOf?.()).toThrow(/tile of the TIFF/);
    expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024);
  });
});

test('a DICOM file that ends within a sequence says so, and what comes before is read', async () => {
  const cut = Buffer.concat([
    buildDicom([], '1.2.840.10008.1.2.1'),
    // Explicit: tag, representation, length, value; in an item of 30 bytes a sequence and an item of undefined length.
    Buffer.from('08006000', 'hex'),
    Buffer.from('CS\u0002\0MR', 'latin1'),
    Buffer.from('08004011', 'hex'),
    Buffer.from('SQ\0\0', 'latin1'),
    Buffer.from('fffffffffeff00e01e00000008009911', 'hex'),
    Buffer.from('SQ\0\0', 'latin1'),
    Buffer.from('fffffffffeff00e0ffffffff', 'hex'),
    Buffer.from('08005011', 'hex'),
    Buffer.from('UI\u0002\u00001.', 'latin1'),
  ]);
  const { tags, warnings } = await dicomExtractor.extract(sniffableFile('a.dcm', cut), CONTEXT);
  expect(warnings).toContain(
    'The DICOM elements end in damage: the file ends within a sequence, or its elements contradict.',
  );
  expect(tags).toMatchObject({ Modality: 'MR' });
});

test('what comes before DICOM sequences nested a thousandfold is read, and the warning says why it ends there', async () => {
  const sequence = Buffer.from('08004011fffffffffeff00e0ffffffff', 'hex');
  const deep = Buffer.concat(Array.from({ length: 50_000 }, () => sequence));
  const whole = Buffer.concat([
    buildDicom([], '1.2.840.10008.1.2'),
    // Implicit: tag, length, value.
    Buffer.from('0800600002000000', 'hex'),
    Buffer.from('MR'),
    deep,
  ]);
  const { tags, warnings } = await dicomExtractor.extract(sniffableFile('a.dcm', whole), CONTEXT);
  expect(warnings).toContain(
    'The DICOM elements end in damage: its sequences are nested too deeply.',
  );
  expect(tags).toMatchObject({ Modality: 'MR' });
});

describeWithSamples('a TIA document', () => {
  test('read by itself says that its data are in the .ser files, where these are', async () => {
    const file = sampleFile('FEI_old/64x64_TEM_images_acquire.emi');
    const { warnings } = await emiExtractor.extract(file, CONTEXT);
    expect(warnings).toEqual([
      'The data are in the .ser files beside it (64x64_TEM_images_acquire_1.ser).',
    ]);
  });
});

test('a file that a reader refuses for its size is in the record as any other that cannot be read', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-regressions-'));
  try {
    const content = Buffer.from('<?xml version="1.0"?><root/>');
    const refusing: Extractor = {
      ...{ id: 'refusing', version: 1, extensions: [] },
      sniff: () => true,
      extract: () => {
        throw new AppError('LIMIT_EXCEEDED', 'a.xml is far larger than any description.');
      },
    };
    const result = await extractFile(jobOf(folder, 'a.xml', content), [refusing]);
    expect(result).toMatchObject({ kind: 'read', staged: ['/a.xml.json'] });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a decoder that complains a thousandfold makes one line of a warning', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'fuzz-regressions-'));
  try {
    const complaining: Extractor = {
      ...{ id: 'complaining', version: 1, extensions: [] },
      sniff: () => true,
      extract: () => {
        throw new Error('Invalid SOS parameters\n'.repeat(1000));
      },
    };
    const job = jobOf(folder, 'a.jpg', Buffer.from('any'));
    const result = await extractFile(job, [complaining]);
    const [warning = ''] = result.kind === 'read' ? result.metadata.warnings : [];
    expect(warning).toMatch(/^The reader complaining could not read the file: Invalid SOS.*…$/);
    expect(warning.length).toBeLessThan(600);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

function jobOf(folder: string, name: string, content: Buffer): ExtractFileJob {
  const path = join(folder, name);
  writeFileSync(path, content);
  const stats = statSync(path, { bigint: true });
  return {
    ...{ location: `/${name}`, path: Buffer.from(path), mtimeNs: stats.mtimeNs },
    ...{ sizeBytes: Number(stats.size), blocks: Number(stats.blocks), limitBytes: 2 ** 28 },
    ...{ timezone: 'UTC', previews: true, dicomIdentity: false },
    outputPath: join(folder, 'output'),
    stagingPath: join(folder, 'staging'),
  };
}
