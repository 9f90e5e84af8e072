import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { Extractor, FileSource, PreviewSource } from '../../src/extract/extractor.js';
import { OpenFile } from '../../src/extract/file-source.js';
import { dicomExtractor } from '../../src/extract/formats/dicom.js';
import { dmExtractor } from '../../src/extract/formats/dm.js';
import { empadExtractor } from '../../src/extract/formats/empad.js';
import { hdf5Extractor } from '../../src/extract/formats/hdf5.js';
import { mibExtractor } from '../../src/extract/formats/mib.js';
import { mrcExtractor } from '../../src/extract/formats/mrc.js';
import { serExtractor } from '../../src/extract/formats/ser.js';
import { tiffExtractor } from '../../src/extract/formats/tiff.js';
import { tvipsStreamExtractor } from '../../src/extract/formats/tvips-stream.js';
import { readFile } from '../../src/extract/read-file.js';
import { EXTRACTORS } from '../../src/extract/registry.js';
import { buildDicom, greyElements, type DicomElement } from '../support/build-dicom.js';
import { buildHdf5 } from '../support/build-hdf5.js';
import { buildTiff, greyTags } from '../support/build-tiff.js';
import { dmArray, dmBytes, dmImage } from '../support/dm-bytes.js';
import { fileWithSiblings } from '../support/file-with-siblings.js';
import { mibBytes, mibSettings } from '../support/mib-bytes.js';
import { mrcBytes } from '../support/mrc-bytes.js';
import { decodedPng } from '../support/preview-picture.js';
import { sampleFile } from '../support/sample-file.js';
import { describeWithSamples, sampleReference } from '../support/samples.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'UTC', previews: true };
const WIDTH = 3;
const HEIGHT = 2;
const PIXELS = WIDTH * HEIGHT;
const FRAMES = 5;
/** Five frames of 3 x 2 pixels: 10 to 15, 20 to 25... */
const values = Uint16Array.from(
  { length: FRAMES * PIXELS },
  (_, at) => 10 * (1 + Math.floor(at / PIXELS)) + (at % PIXELS),
);
const words = Buffer.from(values.buffer);

function frameWords(frame: number): Buffer {
  return words.subarray(frame * PIXELS * 2, (frame + 1) * PIXELS * 2);
}

async function previewOf(extractor: Extractor, file: FileSource): Promise<PreviewSource | null> {
  const { signals } = await extractor.extract(file, CONTEXT);
  return signals[0]?.previewOf?.() ?? null;
}

/** The pixels of all frames, the last one first: readers must not count on an order. */
function framesOf(source: PreviewSource | null): number[][] {
  if (source?.kind !== 'stack') throw new Error(`No stack but ${source?.kind ?? 'nothing'}.`);
  const frames: number[][] = [];
  for (let index = source.count - 1; index >= 0; index -= 1) {
    const frame = source.frameAt(index);
    if (frame.kind !== 'image') throw new Error('No image.');
    frames.unshift(Array.from(frame.pixels, Number));
  }
  return frames;
}

const ALL = Array.from({ length: FRAMES }, (_, frame) => [
  ...values.subarray(frame * PIXELS, (frame + 1) * PIXELS),
]);

const dicomStack: DicomElement[] = [
  ['00280008', 'IS', String(FRAMES)],
  ...greyElements(HEIGHT, WIDTH, [...values]),
];

/** Encapsulated items: a table of places (or an empty one), then fragments. */
function encapsulated(table: readonly number[], fragments: readonly Buffer[]): Buffer {
  const item = (content: Buffer): Buffer => {
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(content.length, 4);
    return Buffer.concat([head, content]);
  };
  const places = Buffer.alloc(table.length * 4);
  table.forEach((place, at) => places.writeUInt32LE(place, at * 4));
  const end = Buffer.from([0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]);
  return Buffer.concat([item(places), ...fragments.map(item), end]);
}

/** A frame of 16-bit grey as RLE (PS3.5 annex G) without any run. */
function rleFrame(frame: number): Buffer {
  const plane = (byte: number): Buffer =>
    Buffer.from([
      PIXELS - 1,
      ...Array.from({ length: PIXELS }, (_, at) => frameWords(frame)[2 * at + byte] ?? 0),
      0x80,
    ]);
  const header = Buffer.alloc(64);
  const [high, low] = [plane(1), plane(0)];
  [2, 64, 64 + high.length].forEach((number, at) => header.writeUInt32LE(number, at * 4));
  return Buffer.concat([header, high, low]);
}

function rleDicom(table: readonly number[], fragments: readonly Buffer[]): Buffer {
  const elements = dicomStack.filter(([tag]) => tag !== '7fe00010');
  return buildDicom(
    [...elements, ['7fe00010', 'OB', encapsulated(table, fragments)]],
    '1.2.840.10008.1.2.5',
  );
}

describe('the frames of', () => {
  test('a DigitalMicrograph stack', async () => {
    const image = dmImage(10, [WIDTH, HEIGHT, FRAMES], dmArray(4, 2, words));
    const bytes = dmBytes(4, { ImageList: [image] });
    expect(framesOf(await previewOf(dmExtractor, sniffableFile('a.dm4', bytes)))).toEqual(ALL);
  });

  test('an MRC stack', async () => {
    const bytes = mrcBytes({ size: [WIDTH, HEIGHT, FRAMES], mode: 6, pixels: words });
    expect(framesOf(await previewOf(mrcExtractor, sniffableFile('a.mrc', bytes)))).toEqual(ALL);
  });

  test('a Merlin file; of a scan the first pattern', async () => {
    const frames = ALL.map((_, frame) => Buffer.from(frameWords(frame)).swap16());
    const bytes = mibBytes({ width: WIDTH, height: HEIGHT, kind: 'U16', frames });
    expect(framesOf(await previewOf(mibExtractor, sniffableFile('a.mib', bytes)))).toEqual(ALL);
    const four = mibBytes({ width: WIDTH, height: HEIGHT, kind: 'U16', frames: frames.slice(1) });
    const scan = fileWithSiblings('a.mib', four, {
      'a.hdr': mibSettings({ 'Frames per Trigger (Number)': '2' }),
    });
    expect(await previewOf(mibExtractor, scan)).toMatchObject({ kind: 'image' });
  });

  test.each(['scan_resolution_x', 'series_count'])('an EMPAD file: %s', async (name) => {
    const frameBytes = 130 * 128 * 4;
    const raw = Buffer.alloc(4 * frameBytes);
    for (let frame = 0; frame < 4; frame += 1) raw.writeFloatLE(frame + 1, frame * frameBytes);
    const size =
      name === 'series_count'
        ? '<series_count>4</series_count>'
        : '<scan_resolution_x>2</scan_resolution_x><scan_resolution_y>2</scan_resolution_y>';
    const text = `<root name="1"><raw_file filename="a.raw"/><scan_parameters mode="acquire">${size}</scan_parameters></root>`;
    const file = fileWithSiblings('a.xml', Buffer.from(text), { 'a.raw': raw });
    const source = await previewOf(empadExtractor, file);
    if (name !== 'series_count') expect(source).toMatchObject({ kind: 'image' });
    else expect(framesOf(source).map(([first]) => first)).toEqual([1, 2, 3, 4]);
  });

  test('pages of one size of a TIFF, wherever others lie between them', async () => {
    const page = (frame: number) => ({
      tags: greyTags(WIDTH, HEIGHT, 16),
      strip: frameWords(frame),
    });
    const other = { tags: greyTags(2, 2, 8), strip: Buffer.from([1, 2, 3, 4]) };
    const bytes = buildTiff([page(0), other, page(1), page(2), page(3), other, page(4)]);
    expect(framesOf(await previewOf(tiffExtractor, sniffableFile('a.tif', bytes)))).toEqual(ALL);
  });

  test('planes behind one directory, as ImageJ writes them', async () => {
    const description = `ImageJ=1.53t\nimages=${FRAMES}\nslices=${FRAMES}\n`;
    const tags = greyTags(WIDTH, HEIGHT, 16, [[270, 'ascii', `${description}\0`]]);
    // The strip is the first plane; the others follow it.
    const bytes = buildTiff([{ tags, strip: words }]);
    expect(framesOf(await previewOf(tiffExtractor, sniffableFile('a.tif', bytes)))).toEqual(ALL);
  });

  test('pages of a TIFF that a common decoder reads: the file is read once', async () => {
    const file = sniffableFile(
      'a.tif',
      await sharp(Buffer.from([255, 0, 0, 0, 255, 0, 0, 0, 255]), {
        raw: { width: 1, height: 3, channels: 3, pageHeight: 1 },
      })
        .tiff({ compression: 'webp' })
        .toBuffer(),
    );
    const source = await previewOf(tiffExtractor, file);
    const before = file.bytesRead;
    if (source?.kind !== 'stack') throw new Error(`No stack but ${source?.kind ?? 'nothing'}.`);
    expect([0, 1, 2].map((frame) => source.frameAt(frame))).toMatchObject([
      { kind: 'encoded', page: 0 },
      { kind: 'encoded', page: 1 },
      { kind: 'encoded', page: 2 },
    ]);
    expect(file.bytesRead).toBe(before);
  });

  test.each<[string, Buffer]>([
    ['as they are', buildDicom(dicomStack)],
    [
      'in RLE, without a table of places',
      rleDicom(
        [],
        ALL.map((_, frame) => rleFrame(frame)),
      ),
    ],
    [
      'in RLE, by its table of places',
      rleDicom(
        ALL.map((_, frame) => frame * (rleFrame(0).length + 16)),
        // Each frame in two fragments.
        ALL.flatMap((_, frame) => {
          const bytes = rleFrame(frame);
          return [bytes.subarray(0, 64), bytes.subarray(64)];
        }),
      ),
    ],
  ])('a DICOM object, %s', async (_, bytes) => {
    expect(framesOf(await previewOf(dicomExtractor, sniffableFile('a.dcm', bytes)))).toEqual(ALL);
  });

  test('a DICOM object whose pixels end early, up to there', async () => {
    const whole = rleDicom(
      [],
      ALL.map((_, frame) => rleFrame(frame)),
    );
    const cut = sniffableFile('a.dcm', whole.subarray(0, whole.length - 20));
    const source = await previewOf(dicomExtractor, cut);
    if (source?.kind !== 'stack') throw new Error('No stack.');
    expect(source.frameAt(3)).toMatchObject({ kind: 'image' });
    expect(() => source.frameAt(4)).toThrow(/end early/);
  });

  test('a DICOM object of single bits, which share bytes', async () => {
    const bits = [1, 0, 1, 1, 0, 0, 0, 1, 1, 0, 1, 0, 1, 1, 1, 0, 0, 0];
    const packed = Buffer.alloc(4);
    bits.forEach((bit, at) => {
      packed[at >> 3] = (packed[at >> 3] ?? 0) | (bit << (at & 7));
    });
    const elements: DicomElement[] = [
      ['00280002', 'US', 1],
      ['00280004', 'CS', 'MONOCHROME2'],
      ['00280008', 'IS', '3'],
      ['00280010', 'US', HEIGHT],
      ['00280011', 'US', WIDTH],
      ['00280100', 'US', 1],
      ['00280101', 'US', 1],
      ['7fe00010', 'OB', packed],
    ];
    const file = sniffableFile('a.dcm', buildDicom(elements));
    expect(framesOf(await previewOf(dicomExtractor, file)).flat()).toEqual(bits);
  });

  test('an HDF5 dataset of three axes, of four as well', async () => {
    const written = (shape: number[], chunks: number[] | null): Promise<Buffer> =>
      buildHdf5((file) => {
        file.create_dataset({ name: 'data', data: values, shape, dtype: '<H', chunks });
      });
    const plain = await written([FRAMES, HEIGHT, WIDTH], null);
    expect(framesOf(await previewOf(hdf5Extractor, sniffableFile('a.h5', plain)))).toEqual(ALL);
    const chunked = await written([1, FRAMES, HEIGHT, WIDTH], [1, 2, HEIGHT, WIDTH]);
    const source = await previewOf(hdf5Extractor, sniffableFile('a.h5', chunked));
    expect(framesOf(source)).toEqual(ALL);
    // Chunks are unpacked whole: two frames each.
    expect(source).toMatchObject({ frameBytes: 2 * PIXELS * 2 });
  });
});

describeWithSamples('the frames of samples:', () => {
  /** The value that frames of one ramp begin with. */
  const firstValues = (source: PreviewSource | null): (number | undefined)[] =>
    framesOf(source).map(([first]) => first);

  test('a TVIPS stream, through all of its parts', async () => {
    const whole = await previewOf(
      tvipsStreamExtractor,
      sampleFile('tvips_files/test_tvips_2345_000.tvips'),
    );
    const split = await previewOf(
      tvipsStreamExtractor,
      sampleFile('tvips_files/test_tvips_2345_split_000.tvips'),
    );
    expect(framesOf(split)).toEqual(framesOf(whole));
    expect(new Set(firstValues(split)).size).toBe(6);
  });

  test.each([
    ['FEI_old/16x16x5_STEM_BF_DF_preview_2.ser', serExtractor],
    ['FEI_old/03_Scanning Preview_1.ser', serExtractor],
    ['emd_files/fei_example_tem_stack.emd', hdf5Extractor],
    ['emd_files/fei_emd_files/fei_SI_SuperX-HAADF_20frames_10x50.emd', hdf5Extractor],
    ['dm_stackbuilder_plugin/test_stackbuilder_imagestack.dm3', dmExtractor],
  ])('%s: all frames together have the sum that hyperspy reads', async (name, extractor) => {
    const [[, signals] = ['', []]] = sampleReference((candidate) => candidate === name);
    const sum = Number(signals[0]?.sum);
    const frames = framesOf(await previewOf(extractor, sampleFile(name)));
    expect(frames).toHaveLength(signals[0]?.shape[0] ?? NaN);
    const found = frames.flat().reduce((total, value) => total + value, 0);
    expect(Math.abs(found - sum)).toBeLessThanOrEqual(1e-6 * Math.abs(sum));
  });
});

describe('a file with a stack', () => {
  const side = 128;
  const frames = 20;
  const pixels = Buffer.from(
    Uint8Array.from({ length: frames * side * side }, (_, at) => 12 * Math.floor(at / side / side)),
  );
  let folder: string;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'stacks-'));
    writeFileSync(join(folder, 'a.mrc'), mrcBytes({ size: [side, side, frames], mode: 0, pixels }));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  async function read(limitBytes: number, stackPreviews?: 'last') {
    const file = OpenFile.open(Buffer.from(join(folder, 'a.mrc')), limitBytes);
    try {
      const answer = await readFile(file, {
        ...{ timezone: 'UTC', previews: true, extractors: EXTRACTORS },
        ...(stackPreviews === undefined ? {} : { stackPreviews }),
      });
      return { ...answer, bytesRead: file.bytesRead };
    } finally {
      file.close();
    }
  }

  test.each([
    [1_000_000, 3, 3],
    // A quarter of it is five frames, in three columns.
    [350_000, 3, 2],
    [190_000, 2, 1],
  ])(
    'of which %d bytes may be read has %d x %d frames in its preview',
    async (limit, across, down) => {
      const { previews, warnings, bytesRead } = await read(limit);
      const [png] = previews;
      if (png == null) throw new Error('No preview.');
      const { width, height } = await decodedPng(png);
      expect(warnings).toEqual([]);
      expect(width / across).toBeCloseTo(height / down, 5);
      expect(bytesRead).toBeLessThan(limit);
    },
  );

  test('shows the one that the configuration names', async () => {
    const [montage] = (await read(1_000_000)).previews;
    const [last] = (await read(1_000_000, 'last')).previews;
    if (montage == null || last == null) throw new Error('No preview.');
    const picture = await decodedPng(last);
    expect([picture.width, picture.height]).toEqual([256, 256]);
    expect(last.equals(montage)).toBe(false);
  });
});
