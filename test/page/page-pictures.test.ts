import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import { PagePictures } from '../../src/page/page-pictures.js';

/** A picture that cannot be compressed well. */
async function noise(side: number): Promise<Buffer> {
  let state = 1;
  const pixels = Uint8Array.from({ length: side * side }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return state % 256;
  });
  return sharp(pixels, { raw: { width: side, height: side, channels: 1 } })
    .png()
    .toBuffer();
}

async function picturesOf(png: Buffer, count: number, mostBytes: number) {
  const previews = Array.from({ length: count }, (_, key) => ({ key, sizeBytes: png.length }));
  const pictures = new PagePictures({ previews, read: () => Promise.resolve(png) }, mostBytes);
  const made = [];
  for (const { key } of previews) made.push(await pictures.pictureOf(key));
  return { made, pictures };
}

describe('the pictures of a page', () => {
  test('a few stay as they are', async () => {
    const png = await noise(64);
    const { made, pictures } = await picturesOf(png, 3, png.length * 10);
    expect(made.map((picture) => picture?.bytes)).toStrictEqual([png, png, png]);
    expect(pictures.leftOut).toBe(0);
  });

  test('many are made smaller, so that all have room', async () => {
    const png = await noise(256);
    const most = png.length * 4;
    const { made, pictures } = await picturesOf(png, 20, most);
    expect(pictures.leftOut).toBe(0);
    const bytes = made.reduce((sum, picture) => sum + (picture?.bytes.length ?? 0), 0);
    expect(bytes).toBeLessThanOrEqual(most * 1.4);
    const { width } = await sharp(made[0]?.bytes).metadata();
    expect(width).toBeGreaterThanOrEqual(200);
  });

  test('what has no room all the same is left out and counted', async () => {
    const png = await noise(256);
    const { made, pictures } = await picturesOf(png, 40, png.length);
    const leftOut = made.filter((picture) => picture === null).length;
    expect(leftOut).toBeGreaterThan(0);
    expect(made[0]).not.toBeNull();
    expect(pictures.leftOut).toBe(leftOut);
  });
});
