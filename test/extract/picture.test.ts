import { describe, expect, test } from '@jest/globals';
import sharp, { type Sharp } from 'sharp';
import { isAppError } from '../../src/errors.js';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { pictureExtractor } from '../../src/extract/formats/picture.js';
import { damaged } from '../support/damage.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'Europe/Berlin', previews: true };

async function read(bytes: Buffer, name = 'a.bin'): Promise<ExtractedFile> {
  const file = sniffableFile(name, bytes);
  expect(pictureExtractor.sniff(file.head)).toBe(true);
  return pictureExtractor.extract(file, CONTEXT);
}

const EXIF = {
  IFD0: { Software: 'camera 1.0' },
  IFD2: { DateTimeOriginal: '2024:07:01 10:20:30' },
};

function picture(channels: 3 | 4 = 3): Sharp {
  return sharp({ create: { width: 30, height: 20, channels, background: '#3366cc' } });
}

/** A BMP of 3 x 2 pixels from the layout of the format. */
function bmp(
  bits: number,
  rows: readonly Buffer[],
  palette: readonly number[] = [],
  height = 2,
): Buffer {
  const head = Buffer.alloc(54);
  head.write('BM', 'latin1');
  head.writeUInt32LE(54 + palette.length * 4, 10);
  head.writeUInt32LE(40, 14);
  head.writeInt32LE(3, 18);
  head.writeInt32LE(height, 22);
  head.writeUInt16LE(1, 26);
  head.writeUInt16LE(bits, 28);
  const colours = Buffer.alloc(palette.length * 4);
  for (const [index, colour] of palette.entries()) colours.writeUInt32LE(colour, index * 4);
  const padded = rows.map((row) => Buffer.concat([row, Buffer.alloc((4 - (row.length % 4)) % 4)]));
  return Buffer.concat([head, colours, ...padded]);
}

describe('headers', () => {
  test.each<[string, string, () => Sharp]>([
    ['PNG', 'rgb8', () => picture().png()],
    ['PNG', 'rgba8', () => picture(4).png()],
    ['PNG', 'rgb8', () => picture().png({ palette: true })],
    ['PNG', 'uint8', () => picture().toColourspace('b-w').png()],
    ['PNG', 'rgb16', () => picture().toColourspace('rgb16').png()],
    ['PNG', 'uint16', () => picture().toColourspace('grey16').png()],
    ['JPEG', 'rgb8', () => picture().jpeg()],
    ['JPEG', 'rgb8', () => picture().jpeg({ progressive: true })],
    ['JPEG', 'uint8', () => picture().toColourspace('b-w').jpeg()],
    ['GIF', 'rgb8', () => picture().gif()],
    ['WebP', 'rgb8', () => picture().webp()],
    ['WebP', 'rgba8', () => picture(4).webp({ lossless: true })],
  ])('%s, %s: size and type without decoding', async (kind, dtype, make) => {
    const bytes = await make().toBuffer();
    const extracted = await read(bytes);
    expect(extracted).toMatchObject({
      format: `${kind} picture`,
      signals: [{ type: 'Image', shape: [20, 30], calibration: [], acquiredMs: null }],
      warnings: [],
    });
    if (kind !== 'WebP') expect(extracted.signals[0]?.dtype).toBe(dtype);
    expect(extracted.signals[0]?.previewOf?.()).toMatchObject({ kind: 'encoded', bytes });
  });

  test.each<[string, (made: Sharp) => Sharp]>([
    ['JPEG', (made) => made.jpeg()],
    ['PNG', (made) => made.png()],
    ['WebP', (made) => made.webp()],
  ])('%s: EXIF says when it was taken, in the zone of the instrument', async (_, encode) => {
    const extracted = await read(await encode(picture().withExif(EXIF)).toBuffer());
    expect(extracted.signals).toMatchObject([
      {
        acquiredMs: Date.UTC(2024, 6, 1, 8, 20, 30),
        metadata: {
          'Acquisition Time': { value: '2024-07-01T10:20:30+02:00' },
          'Acquisition Software': { value: 'camera 1.0' },
        },
      },
    ]);
  });

  test('damaged EXIF costs its facts only', async () => {
    const bytes = await picture().withExif(EXIF).jpeg().toBuffer();
    bytes.write('XXXX', bytes.indexOf('Exif\0\0') + 6, 'latin1');
    const extracted = await read(bytes);
    expect(extracted.signals).toMatchObject([{ shape: [20, 30], acquiredMs: null }]);
    expect(extracted.warnings).toEqual(['The EXIF data are damaged.']);
  });

  test('a picture that would need gigabytes has no preview, and says so', async () => {
    const bytes = await picture().png().toBuffer();
    bytes.writeUInt32BE(100_000, 16);
    bytes.writeUInt32BE(100_000, 20);
    const extracted = await read(bytes);
    expect(extracted.signals).toMatchObject([{ shape: [100_000, 100_000], previewOf: null }]);
    expect(extracted.warnings).toEqual([expect.stringContaining('too large')]);
  });

  test.each([
    ['PNG', Buffer.from('89504e470d0a1a0a', 'hex')],
    ['JPEG', Buffer.from('ffd8ffe00010', 'hex')],
    ['GIF', Buffer.from('GIF89a')],
    ['WebP', Buffer.from('RIFF\0\0\0\0WEBP')],
  ])('a cut %s is FORMAT_INVALID', async (_, bytes) => {
    await expect(read(bytes)).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
  });

  test('a text that begins with BM is no picture', () => {
    const head = sniffableFile('a.bmp', 'BM: the beam was moved, then measured again').head;
    expect(pictureExtractor.sniff(head)).toBe(false);
  });
});

describe('BMP pixels', () => {
  const RED = [255, 0, 0];
  const BLACK = [0, 0, 0];
  const BLUE = [0, 0, 255];
  const expected = [...RED, ...BLACK, ...BLUE, ...BLUE, ...BLUE, ...RED];
  const palette = [0x000000, 0xff0000, 0x0000ff];

  test.each<[string, Buffer]>([
    ['8 bit, palette', bmp(8, [Buffer.from([2, 2, 1]), Buffer.from([1, 0, 2])], palette)],
    ['4 bit, palette', bmp(4, [Buffer.from([0x22, 0x10]), Buffer.from([0x10, 0x20])], palette)],
    ['from the top', bmp(8, [Buffer.from([1, 0, 2]), Buffer.from([2, 2, 1])], palette, -2)],
    [
      '24 bit',
      bmp(24, [
        Buffer.from([255, 0, 0, 255, 0, 0, 0, 0, 255]),
        Buffer.from([0, 0, 255, 0, 0, 0, 255, 0, 0]),
      ]),
    ],
    [
      '32 bit',
      bmp(32, [
        Buffer.from([255, 0, 0, 9, 255, 0, 0, 9, 0, 0, 255, 9]),
        Buffer.from([0, 0, 255, 9, 0, 0, 0, 9, 255, 0, 0, 9]),
      ]),
    ],
  ])('%s', async (_, bytes) => {
    const extracted = await read(bytes);
    expect(extracted.signals).toMatchObject([{ shape: [2, 3] }]);
    const source = extracted.signals[0]?.previewOf?.();
    if (source?.kind !== 'image') throw new Error('No image.');
    expect([...source.pixels]).toEqual(expected);
  });

  test('missing rows are FORMAT_INVALID', async () => {
    const extracted = await read(bmp(24, [Buffer.alloc(9)]));
    let code: unknown;
    try {
      extracted.signals[0]?.previewOf?.();
    } catch (error) {
      code = isAppError(error) ? error.code : error;
    }
    expect(code).toBe('FORMAT_INVALID');
  });
});

test('damaged copies of every kind give a result or an AppError', async () => {
  const kinds = [
    await picture().withExif(EXIF).png().toBuffer(),
    await picture().withExif(EXIF).jpeg().toBuffer(),
    await picture().withExif(EXIF).webp().toBuffer(),
    await picture().gif().toBuffer(),
    bmp(8, [Buffer.from([2, 2, 1]), Buffer.from([1, 0, 2])], [0, 0xff0000, 0xff]),
  ];
  for (const bytes of kinds) {
    for (let seed = 1; seed <= 300; seed += 1) {
      const file = sniffableFile('a', damaged(bytes, seed));
      try {
        const { signals } = await pictureExtractor.extract(file, CONTEXT);
        signals[0]?.previewOf?.();
      } catch (error) {
        if (!isAppError(error)) throw new Error(`Seed ${seed}`, { cause: error });
      }
    }
  }
  expect(kinds).toHaveLength(5);
});
