import { deflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import sharp, { type Sharp, type TiffOptions } from 'sharp';
import { isAppError } from '../../src/errors.js';
import type { ExtractedFile, PreviewSource } from '../../src/extract/extractor.js';
import { tiffExtractor } from '../../src/extract/formats/tiff.js';
import { buildTiff, greyTags, type TiffTag } from '../support/build-tiff.js';
import { sniffableFile, type SniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'Europe/Berlin', previews: true };

async function read(bytes: Buffer, name = 'a.tif'): Promise<ExtractedFile> {
  const file = sniffableFile(name, bytes);
  expect(tiffExtractor.sniff(file.head)).toBe(true);
  return tiffExtractor.extract(file, CONTEXT);
}

function imageOf(extracted: ExtractedFile, signal = 0): Extract<PreviewSource, { kind: 'image' }> {
  const source = extracted.signals[signal]?.previewOf?.();
  if (source?.kind !== 'image') throw new Error(`No image but ${source?.kind ?? 'nothing'}.`);
  return source;
}

/** The bytes of typed values: Buffer.from(values) would cut each to 8 bits. */
function bytesOf(values: ArrayBufferView): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

const ramp16 = Buffer.from(Uint16Array.from({ length: 12 }, (_, index) => index * 5000).buffer);

describe('container', () => {
  test.each([
    { bigTiff: false, littleEndian: true },
    { bigTiff: false, littleEndian: false },
    { bigTiff: true, littleEndian: true },
    { bigTiff: true, littleEndian: false },
  ])('a page is read exactly: %j', async (options) => {
    const strip = options.littleEndian ? ramp16 : Buffer.from(ramp16).swap16();
    const extracted = await read(buildTiff([{ tags: greyTags(4, 3, 16), strip }], options));
    expect(extracted.format).toBe(options.bigTiff ? 'BigTIFF' : 'TIFF');
    expect(extracted.signals).toMatchObject([
      { type: 'Image', shape: [3, 4], dtype: 'uint16', calibration: [] },
    ]);
    expect([...imageOf(extracted).pixels]).toEqual([
      ...new Uint16Array(ramp16.buffer.slice(ramp16.byteOffset, ramp16.byteOffset + 24)),
    ]);
    expect(extracted.warnings).toEqual([]);
  });

  test('pages of one size are a stack, pages of another size a further signal', async () => {
    const page = { tags: greyTags(4, 3, 16), strip: ramp16 };
    const small = { tags: greyTags(2, 2, 8), strip: Buffer.from([1, 2, 3, 4]) };
    const extracted = await read(buildTiff([page, page, small, page]));
    expect(extracted.signals.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual([
      { shape: [3, 3, 4], dtype: 'uint16' },
      { shape: [2, 2], dtype: 'uint8' },
    ]);
    expect([...imageOf(extracted, 1).pixels]).toEqual([1, 2, 3, 4]);
  });

  test('reduced copies of a page are no signals', async () => {
    const page = { tags: greyTags(4, 3, 16), strip: ramp16 };
    const thumbnail = { tags: greyTags(2, 2, 8, [[254, 'long', [1]]]), strip: Buffer.alloc(4) };
    expect((await read(buildTiff([page, thumbnail]))).signals).toHaveLength(1);
  });

  test('a chain of directories that returns to its start ends with a warning', async () => {
    const page = { tags: greyTags(4, 3, 16), strip: ramp16 };
    const bytes = buildTiff([page, page]);
    const looped = buildTiff([page, page], { lastLink: bytes.readUInt32LE(4) });
    const extracted = await read(looped);
    expect(extracted.signals).toMatchObject([{ shape: [2, 3, 4] }]);
    expect(extracted.warnings).toEqual([expect.stringContaining('returns')]);
  });

  test('a later directory outside the file costs only the later pages', async () => {
    const page = { tags: greyTags(4, 3, 16), strip: ramp16 };
    const extracted = await read(buildTiff([page], { lastLink: 900_000_000 }));
    expect(extracted.signals).toMatchObject([{ shape: [3, 4] }]);
    expect(extracted.warnings).toEqual([expect.stringContaining('outside the file')]);
    expect(imageOf(extracted).width).toBe(4);
  });

  test.each([
    ['no directory', Buffer.from('49492a0000000000', 'hex')],
    ['first directory outside the file', Buffer.from('49492a00ffffff7f', 'hex')],
    ['BigTIFF offset beyond 2^53', Buffer.from('49492b0008000000ffffffffffffffff', 'hex')],
    ['header only', Buffer.from('49492a00', 'hex')],
  ])('%s: FORMAT_INVALID', async (_, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
  });

  test('a value count beyond the file is left out, the rest stays', async () => {
    const bytes = buildTiff([
      { tags: greyTags(4, 3, 16, [[305, 'ascii', 'a program of long name\0']]), strip: ramp16 },
    ]);
    const at = bytes.indexOf(Buffer.from([0x31, 0x01, 0x02, 0x00]));
    bytes.writeUInt32LE(0xffffffff, at + 4);
    const extracted = await read(bytes);
    expect(extracted.signals).toMatchObject([{ shape: [3, 4], dtype: 'uint16' }]);
    expect(extracted.warnings).toEqual(['The values of TIFF tag 305 lie outside the file.']);
  });

  test('strips outside the file cost the preview only', async () => {
    const bytes = buildTiff([{ tags: greyTags(4, 3, 16), strip: ramp16 }]);
    bytes.writeUInt32LE(0x7fffffff, bytes.indexOf(Buffer.from([0x11, 0x01, 0x04, 0x00])) + 8);
    const extracted = await read(bytes);
    expect(extracted.signals).toMatchObject([{ shape: [3, 4], previewOf: null }]);
    expect(extracted.warnings).toEqual([expect.stringMatching(/^No preview: Strip or tile 1 /)]);
  });

  test('a page that claims far more pixels than the file can hold allocates nothing', async () => {
    const tags = greyTags(1_000_000, 1_000_000, 16).filter(([tag]) => tag !== 259);
    const bytes = buildTiff([{ tags: [...tags, [259, 'short', [8]]], strip: ramp16 }]);
    const extracted = await read(bytes);
    const before = process.memoryUsage().arrayBuffers;
    expect(() => extracted.signals[0]?.previewOf?.()).toThrow();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(16 * 1024 * 1024);
  });

  test('control characters and NUL in text stay as they are in the tags', async () => {
    const tags = greyTags(4, 3, 16, [[305, 'ascii', 'a\u0001b\u0000hidden']]);
    const extracted = await read(buildTiff([{ tags, strip: ramp16 }]));
    expect(extracted.tags).toMatchObject({ TIFF: { Software: 'a\u0001b' } });
  });

  test('the time of tag 306 is read in the zone of the instrument', async () => {
    const tags = greyTags(4, 3, 16, [[306, 'ascii', '2018:11:15 19:42:31\0']]);
    expect((await read(buildTiff([{ tags, strip: ramp16 }]))).signals).toMatchObject([
      {
        acquiredMs: Date.UTC(2018, 10, 15, 18, 42, 31),
        metadata: { 'Acquisition Time': { value: '2018-11-15T19:42:31+01:00' } },
      },
    ]);
  });
});

describe('sample types', () => {
  test.each<[string, number, number, Buffer, number[]]>([
    ['int8', 8, 2, Buffer.from(Int8Array.of(-5, 7).buffer), [-5, 7]],
    ['int16', 16, 2, Buffer.from(Int16Array.of(-500, 7).buffer), [-500, 7]],
    ['uint32', 32, 1, Buffer.from(Uint32Array.of(4_000_000_000, 7).buffer), [4_000_000_000, 7]],
    ['int32', 32, 2, Buffer.from(Int32Array.of(-4, 7).buffer), [-4, 7]],
    ['float32', 32, 3, Buffer.from(Float32Array.of(0.5, -7).buffer), [0.5, -7]],
    ['float64', 64, 3, Buffer.from(Float64Array.of(0.1, -7).buffer), [0.1, -7]],
    ['float16', 16, 3, Buffer.from(Uint16Array.of(0x3800, 0xc000).buffer), [0.5, -2]],
    ['complex64', 64, 6, Buffer.from(Float32Array.of(3, 4, 0, -2).buffer), [5, 2]],
  ])('%s', async (dtype, bits, format, strip, values) => {
    const tags = greyTags(2, 1, bits, [[339, 'short', [format]]]);
    const extracted = await read(buildTiff([{ tags, strip }]));
    expect(extracted.signals).toMatchObject([{ dtype, shape: [1, 2] }]);
    expect([...imageOf(extracted).pixels].map(Number)).toEqual(values);
  });

  test('white as zero is turned round for the preview', async () => {
    const tags = greyTags(2, 1, 8).map(([tag, type, value]): TiffTag => [
      tag,
      type,
      tag === 262 ? [0] : value,
    ]);
    expect([
      ...imageOf(await read(buildTiff([{ tags, strip: Buffer.from([0, 255]) }]))).pixels,
    ]).toEqual([255, 0]);
  });

  test.each([
    ['grey', [0, 10, 20, 30], 1, [20, 10]],
    ['coloured', [0, 10, 99, 30], 3, [99, 20, 20, 10, 10, 10]],
  ] as const)('a %s palette is applied', async (_, reds, channels, values) => {
    const map = [...reds, 0, 10, 20, 30, 0, 10, 20, 30].map((value) => value * 257);
    const full = [0, 1, 2].flatMap((colour) =>
      Array.from({ length: 256 }, (__, index) => (index < 4 ? (map[colour * 4 + index] ?? 0) : 0)),
    );
    const tags = greyTags(2, 1, 8, [[320, 'short', full]]).map(([tag, type, value]): TiffTag => [
      tag,
      type,
      tag === 262 ? [3] : value,
    ]);
    const image = imageOf(await read(buildTiff([{ tags, strip: Buffer.from([2, 1]) }])));
    expect(image.channels).toBe(channels);
    expect([...image.pixels]).toEqual(values);
  });
});

test.each([
  { strips: 3, rows: 2 },
  { strips: 6, rows: 1 },
])('a plane for each colour in $strips strips is woven into pixels', async ({ rows }) => {
  const planes = Uint8Array.from({ length: 3 * 2 * 2 }, (_, index) => index);
  const length = rows * 2;
  const tags: TiffTag[] = [
    [256, 'long', [2]],
    [257, 'long', [2]],
    [258, 'short', [8, 8, 8]],
    [259, 'short', [1]],
    [262, 'short', [2]],
    [277, 'short', [3]],
    [278, 'long', [rows]],
    [284, 'short', [2]],
  ];
  const strips = Array.from({ length: planes.length / length }, (_, index) =>
    Buffer.from(planes.subarray(index * length, (index + 1) * length)),
  );
  const extracted = await read(buildTiff([{ tags, strip: strips }]));
  expect(extracted.signals).toMatchObject([{ shape: [2, 2], dtype: 'rgb8' }]);
  expect([...imageOf(extracted).pixels]).toEqual([0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]);
});

describe('resolution tags', () => {
  const resolution = (perUnit: [number, number], unit: number): TiffTag[] => [
    [282, 'rational', perUnit],
    [283, 'rational', perUnit],
    [296, 'short', [unit]],
  ];

  test('a resolution that only a specimen can have is the calibration', async () => {
    const tags = greyTags(4, 3, 16, resolution([10_000_000, 2], 3));
    expect((await read(buildTiff([{ tags, strip: ramp16 }]))).signals).toMatchObject([
      {
        calibration: [
          { scale: 2, origin: 0, unit: 'nm' },
          { scale: 2, origin: 0, unit: 'nm' },
        ],
      },
    ]);
  });

  test.each([
    [[72, 1], 2],
    [[1200, 1], 2],
    [[118, 1], 3],
    [[10_000_000, 2], 1],
    [[0, 1], 3],
    [[5, 0], 3],
  ] as const)('%j in unit %i says nothing of the specimen', async (perUnit, unit) => {
    const tags = greyTags(4, 3, 16, resolution([...perUnit], unit));
    expect((await read(buildTiff([{ tags, strip: ramp16 }]))).signals).toMatchObject([
      { calibration: [] },
    ]);
  });
});

describe('compressed pages, written by libtiff', () => {
  const width = 300;
  const height = 200;
  const values = Uint16Array.from({ length: width * height }, (_, index) => (index * 7919) % 3000);
  const grey16 = (): Sharp =>
    sharp(values, { raw: { width, height, channels: 1 } }).toColourspace('grey16');

  test.each<TiffOptions>([
    { compression: 'none' },
    { compression: 'none', tile: true, tileWidth: 64, tileHeight: 48 },
    { compression: 'lzw', predictor: 'none' },
    { compression: 'lzw', predictor: 'horizontal' },
    { compression: 'lzw', predictor: 'horizontal', tile: true, tileWidth: 64, tileHeight: 64 },
    { compression: 'deflate', predictor: 'none' },
    { compression: 'deflate', predictor: 'horizontal' },
    { compression: 'packbits' },
  ])('16 bit: %j', async (options) => {
    const extracted = await read(await grey16().tiff(options).toBuffer());
    expect(extracted.signals).toMatchObject([{ shape: [height, width], dtype: 'uint16' }]);
    expect(bytesOf(imageOf(extracted).pixels).equals(bytesOf(values))).toBe(true);
  });

  test('RGB with LZW and predictor', async () => {
    const rgb = Uint8Array.from({ length: width * height * 3 }, (_, index) => (index * 31) % 251);
    const bytes = await sharp(rgb, { raw: { width, height, channels: 3 } })
      .tiff({ compression: 'lzw', predictor: 'horizontal' })
      .toBuffer();
    const extracted = await read(bytes);
    expect(extracted.signals).toMatchObject([{ shape: [height, width], dtype: 'rgb8' }]);
    const image = imageOf(extracted);
    expect(image).toMatchObject({ channels: 3, stretch: 'none' });
    expect(bytesOf(image.pixels).equals(bytesOf(rgb))).toBe(true);
  });

  test('JPEG compression is left to a common decoder', async () => {
    const bytes = await sharp({ create: { width: 64, height: 64, channels: 3, background: 'red' } })
      .tiff({ compression: 'jpeg' })
      .toBuffer();
    const extracted = await read(bytes);
    expect(extracted.signals).toMatchObject([{ shape: [64, 64], dtype: 'rgb8' }]);
    expect(extracted.signals[0]?.previewOf?.()).toMatchObject({ kind: 'encoded', bytes });
  });

  test('cut compressed data cost the preview, with FORMAT_INVALID', async () => {
    const bytes = await grey16().tiff({ compression: 'deflate' }).toBuffer();
    bytes.fill(0x55, 100, 400);
    const extracted = await read(bytes);
    expect(extracted.signals).toMatchObject([{ shape: [height, width] }]);
    let code: unknown;
    try {
      extracted.signals[0]?.previewOf?.();
    } catch (error) {
      code = isAppError(error) ? error.code : error;
    }
    expect(code).toBe('FORMAT_INVALID');
  });
});

test('the floating point predictor is undone (Adobe TIFF technical note 3)', async () => {
  const values = Float32Array.of(1.5, -2.25, 1e-7, 3e8);
  const big = bytesOf(Float32Array.from(values)).swap32();
  const planes = Buffer.from(
    [0, 1, 2, 3].flatMap((byte) => [0, 4, 8, 12].map((at) => big[at + byte] ?? 0)),
  );
  const differences = planes.map((value, index) =>
    index === 0 ? value : value - (planes[index - 1] ?? 0),
  );
  const tags = greyTags(4, 1, 32, [
    [317, 'short', [3]],
    [339, 'short', [3]],
  ]).map(([tag, type, value]): TiffTag => [tag, type, tag === 259 ? [8] : value]);
  const extracted = await read(buildTiff([{ tags, strip: deflateSync(differences) }]));
  expect([...imageOf(extracted).pixels]).toEqual([...values]);
});

test('of a huge picture every second row and column is read for the preview', async () => {
  const strip = Buffer.alloc(6000 * 6000);
  for (let row = 0; row < 6000; row += 1) strip.fill(row % 251, row * 6000, (row + 1) * 6000);
  const file = sniffableFile('a.tif', buildTiff([{ tags: greyTags(6000, 6000, 8), strip }]));
  const image = imageOf(await tiffExtractor.extract(file, CONTEXT));
  expect(image).toMatchObject({ width: 3000, height: 3000 });
  expect([image.pixels[0], image.pixels[3000 * 7], image.pixels.at(-1)]).toEqual([
    0,
    14,
    5998 % 251,
  ]);
  expect(file.bytesRead).toBeLessThan(20_000_000);
});

test('metadata of a large picture are read without its pixels', async () => {
  const strip = Buffer.alloc(8 * 1024 * 1024, 7);
  const file: SniffableFile = sniffableFile(
    'big.tif',
    buildTiff([{ tags: greyTags(2048, 2048, 16), strip }]),
  );
  const extracted = await tiffExtractor.extract(file, CONTEXT);
  expect(extracted.signals).toMatchObject([{ shape: [2048, 2048] }]);
  expect(file.bytesRead).toBeLessThan(10_000);
});

test.each([Buffer.from('II*'), Buffer.from('MM*\0'), Buffer.from('II\0*'), Buffer.alloc(0)])(
  'other first bytes are no TIFF: %p',
  (bytes) => {
    expect(tiffExtractor.sniff(sniffableFile('a.tif', bytes).head)).toBe(false);
  },
);
