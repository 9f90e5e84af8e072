import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { PreviewSource } from '../../src/extract/extractor.js';
import { renderPreview } from '../../src/extract/previews/render-preview.js';
import { pictureOf, type Picture } from '../support/preview-picture.js';

async function pixelsOf(
  bytes: Buffer,
  more: Partial<Extract<PreviewSource, { kind: 'encoded' }>> = {},
): Promise<Picture> {
  return pictureOf({ kind: 'encoded', bytes, ...more });
}

/** The longest white line in a dark picture, or in its columns from one to before another, in pixels of its preview. */
function barLength(picture: Picture, from = 0, to = picture.width): number {
  let longest = 0;
  for (let y = 0; y < picture.height; y += 1) {
    let length = 0;
    for (let x = from; x < to; x += 1) {
      length = picture.at(x, y)[0] === 255 ? length + 1 : 0;
      longest = Math.max(longest, length);
    }
  }
  return longest;
}

function flat(width: number, height: number, background: string) {
  return sharp({ create: { width, height, channels: 3, background } });
}

/** A bitmap file; rows as they are stored, each padded to 4 bytes. */
function bitmap(
  width: number,
  storedHeight: number,
  bits: number,
  rows: readonly Buffer[],
  palette: readonly (readonly [red: number, green: number, blue: number])[] = [],
): Buffer {
  const header = Buffer.alloc(54);
  header.write('BM', 0, 'latin1');
  header.writeUInt32LE(54 + palette.length * 4, 10);
  header.writeUInt32LE(40, 14);
  header.writeInt32LE(width, 18);
  header.writeInt32LE(storedHeight, 22);
  header.writeUInt16LE(1, 26);
  header.writeUInt16LE(bits, 28);
  const colours = palette.map(([red, green, blue]) => Buffer.from([blue, green, red, 0]));
  const padded = rows.map((row) => Buffer.concat([row, Buffer.alloc((4 - (row.length % 4)) % 4)]));
  return Buffer.concat([header, ...colours, ...padded]);
}

describe('previews of picture files', () => {
  test('a large picture fits into 512 pixels, a small one is enlarged by whole pixels', async () => {
    const large = await pixelsOf(await flat(1600, 800, '#3060c0').jpeg().toBuffer());
    expect([large.width, large.height]).toStrictEqual([512, 256]);
    const small = await pixelsOf(await flat(40, 30, '#3060c0').png().toBuffer());
    expect([small.width, small.height]).toStrictEqual([240, 180]);
    expect(small.at(3, 3)).toStrictEqual([0x30, 0x60, 0xc0]);
  });

  test('a photograph is turned as its EXIF says', async () => {
    const left = await flat(100, 60, '#ff0000').png().toBuffer();
    const bytes = await flat(200, 60, '#0000ff')
      .composite([{ input: left, left: 0, top: 0 }])
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    const turned = await pixelsOf(bytes);
    expect([turned.width, turned.height]).toStrictEqual([60, 200]);
    expect(turned.at(30, 20)[0]).toBeGreaterThan(200);
    expect(turned.at(30, 180)[2]).toBeGreaterThan(200);
  });

  test.each([
    ['reduced', 1024, 200],
    ['shown as it is', 256, 50],
    ['enlarged', 64, 10],
  ])('%s, a picture with a pixel size has a scale bar', async (_, width, nanometres) => {
    const bytes = await flat(width, width / 2, '#333333')
      .png()
      .toBuffer();
    const picture = await pixelsOf(bytes, { pixelSize: { size: 1, unit: 'nm' } });
    const length = barLength(picture);
    expect(Math.abs(length - (nanometres * picture.width) / width)).toBeLessThanOrEqual(1);
    expect(barLength(await pixelsOf(bytes))).toBe(0);
  });

  test('a turned photograph is measured along its shown width', async () => {
    const bytes = await flat(1024, 512, '#333333')
      .withMetadata({ orientation: 6 })
      .jpeg({ quality: 100 })
      .toBuffer();
    const picture = await pixelsOf(bytes, { pixelSize: { size: 1, unit: 'nm' } });
    expect([picture.width, picture.height]).toStrictEqual([256, 512]);
    // 512 nm wide: 100 nm are 50 of the 256 pixels.
    expect(Math.abs(barLength(picture) - 50)).toBeLessThanOrEqual(1);
  });

  test('a negative is turned round', async () => {
    const bytes = await flat(300, 200, '#10e0ff').png().toBuffer();
    expect((await pixelsOf(bytes, { isNegative: true })).at(9, 9)).toStrictEqual([239, 31, 0]);
  });

  test('of a stack the first picture carries the scale bar', async () => {
    const bytes = await flat(160, 160, '#333333').png().toBuffer();
    const frame = { kind: 'encoded', bytes, pixelSize: { size: 1, unit: 'nm' } } as const;
    const picture = await pictureOf({
      ...{ kind: 'stack', count: 2, frameBytes: 1 },
      frameAt: () => frame,
    });
    // Between them is a white line of 2 pixels.
    expect(barLength(picture, 0, 150)).toBe(20);
    expect(barLength(picture, 170, 320)).toBeLessThan(10);
  });

  test('what is transparent is white', async () => {
    const bytes = await sharp({
      create: { width: 30, height: 30, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect((await pixelsOf(bytes)).at(10, 10)).toStrictEqual([255, 255, 255]);
  });

  test('grey of 16 bits is stretched', async () => {
    const values = Uint16Array.from({ length: 300 * 200 }, (_, index) => index % 300);
    const bytes = await sharp(values, { raw: { width: 300, height: 200, channels: 1 } })
      .toColourspace('grey16')
      .png()
      .toBuffer();
    const picture = await pixelsOf(bytes);
    expect(picture.at(0, 100)[0]).toBe(0);
    expect(picture.at(299, 100)[0]).toBe(255);
    expect(Math.abs((picture.at(150, 100)[0] ?? 0) - 128)).toBeLessThanOrEqual(2);
  });

  test('a bitmap of 24 bits has its colours and its lowest row first', async () => {
    const rows = [Buffer.from([255, 0, 0, 255, 0, 0]), Buffer.from([0, 0, 255, 0, 0, 255])];
    const picture = await pixelsOf(bitmap(2, 2, 24, rows));
    expect(picture.at(0, 0)).toStrictEqual([255, 0, 0]);
    expect(picture.at(0, picture.height - 1)).toStrictEqual([0, 0, 255]);
  });

  test('a bitmap of negative height is stored from the top down', async () => {
    const rows = [Buffer.from([255, 0, 0, 255, 0, 0]), Buffer.from([0, 0, 255, 0, 0, 255])];
    const picture = await pixelsOf(bitmap(2, -2, 24, rows));
    expect(picture.at(0, 0)).toStrictEqual([0, 0, 255]);
    expect(picture.at(0, picture.height - 1)).toStrictEqual([255, 0, 0]);
  });

  test('a bitmap of 8 bits has the colours of its palette', async () => {
    const palette = Array.from({ length: 256 }, (_, index) => [index, 255 - index, 7] as const);
    const picture = await pixelsOf(bitmap(4, 1, 8, [Buffer.from([9, 9, 9, 9])], palette));
    expect(picture.at(0, 0)).toStrictEqual([9, 246, 7]);
  });

  test('a bitmap that claims more than it has is FORMAT_INVALID', async () => {
    const bytes = bitmap(2_000_000, 2_000_000, 24, [Buffer.alloc(64)]);
    await expect(renderPreview({ kind: 'encoded', bytes })).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
    });
  });

  test('bytes that are no picture are an error', async () => {
    const bytes = Buffer.from('no picture at all, but long enough to be looked at: '.repeat(9));
    await expect(renderPreview({ kind: 'encoded', bytes })).rejects.toHaveProperty('message');
  });

  test.each([
    ['wider than the decoder has memory for', 2_097_184, 24, 0],
    ['interlaced and too large to be decoded whole', 14_000, 14_000, 1],
  ])(
    'a picture that says it is %s is refused by its header',
    async (_, width, height, interlaced) => {
      const bytes = await flat(8, 8, '#3060c0').png().toBuffer();
      bytes.writeUInt32BE(width, 16);
      bytes.writeUInt32BE(height, 20);
      bytes[28] = interlaced;
      bytes.writeUInt32BE(crc32(bytes.subarray(12, 29)), 29);
      await expect(renderPreview({ kind: 'encoded', bytes })).rejects.toMatchObject({
        code: 'LIMIT_EXCEEDED',
      });
    },
  );
});
