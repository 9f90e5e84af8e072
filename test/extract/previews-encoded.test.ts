import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { renderPreview } from '../../src/extract/previews/render-preview.js';

async function pixelsOf(
  bytes: Buffer,
): Promise<{ width: number; height: number; at: (x: number, y: number) => number[] }> {
  const { data, info } = await sharp(await renderPreview({ kind: 'encoded', bytes }))
    .raw()
    .toBuffer({ resolveWithObject: true });
  return {
    width: info.width,
    height: info.height,
    at: (x, y) => {
      const from = (y * info.width + x) * info.channels;
      return [...data.subarray(from, from + info.channels)];
    },
  };
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
  test('a large picture fits into 512 pixels, a small one keeps its size', async () => {
    const large = await pixelsOf(await flat(1600, 800, '#3060c0').jpeg().toBuffer());
    expect([large.width, large.height]).toStrictEqual([512, 256]);
    const small = await pixelsOf(await flat(40, 30, '#3060c0').png().toBuffer());
    expect([small.width, small.height]).toStrictEqual([40, 30]);
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
