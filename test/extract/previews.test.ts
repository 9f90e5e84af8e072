import { describe, expect, test } from '@jest/globals';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import type { PixelArray } from '../../src/extract/extractor.js';
import { renderPreview } from '../../src/extract/previews/render-preview.js';
import {
  imageSource as image,
  isCurve,
  pictureOf,
  spectrumSource as spectrum,
  type Picture,
  type SpectrumSource,
} from '../support/preview-picture.js';

/** The columns that have a pixel of the curve above the lowest tenth of the plot. */
function columnsWithHighCurve(picture: Picture): number[] {
  return Array.from({ length: picture.width }, (_, x) => x).filter((x) =>
    Array.from({ length: Math.floor(picture.height * 0.7) }, (_, y) => y).some((y) =>
      isCurve(picture.at(x, y)),
    ),
  );
}

describe('previews of images', () => {
  test.each<[string, PixelArray]>([
    ['uint8', Uint8Array.of(10, 20, 30, 40)],
    ['int8', Int8Array.of(-2, -1, 0, 1)],
    ['uint16', Uint16Array.of(1000, 2000, 3000, 4000)],
    ['int16', Int16Array.of(-200, -100, 0, 100)],
    ['uint32', Uint32Array.of(0, 2 ** 30, 2 ** 31, 2 ** 31 + 2 ** 30)],
    ['int32', Int32Array.of(-2, -1, 0, 1)],
    ['int64', BigInt64Array.of(-(2n ** 61n), -(2n ** 60n), 0n, 2n ** 60n)],
    ['uint64', BigUint64Array.of(0n, 2n ** 61n, 2n ** 62n, 2n ** 61n + 2n ** 62n)],
    ['float32', Float32Array.of(-0.2, -0.1, 0, 0.1)],
    ['float64', Float64Array.of(1e300, 2e300, 3e300, 4e300)],
  ])('%s is stretched from black to white', async (_, pixels) => {
    const picture = await pictureOf(image(4, 1, pixels));
    const step = picture.width / 4;
    const shades = [0, 1, 2, 3].map((index) => picture.at(index * step, 0)[0]);
    expect(shades[0]).toBe(0);
    expect(shades[3]).toBe(255);
    expect(Math.abs((shades[1] ?? 0) - 85)).toBeLessThanOrEqual(1);
    expect(Math.abs((shades[2] ?? 0) - 170)).toBeLessThanOrEqual(1);
  });

  test('a constant image is grey, one of zeros or without any finite value black', async () => {
    const constant = await pictureOf(image(300, 200, new Int32Array(60_000).fill(7)));
    expect(constant.at(150, 100)).toStrictEqual([128, 128, 128].slice(0, constant.channels));
    const zeros = await pictureOf(image(300, 200, new Int32Array(60_000)));
    expect(zeros.at(150, 100)[0]).toBe(0);
    const nothing = await pictureOf(image(300, 200, new Float32Array(60_000).fill(Number.NaN)));
    expect(nothing.at(150, 100)[0]).toBe(0);
  });

  test('NaN and infinities neither spread nor take part in the contrast', async () => {
    const pixels = new Float32Array(1000 * 600).map((_, index) => index % 1000);
    pixels[0] = Number.NaN;
    pixels[1] = Number.POSITIVE_INFINITY;
    pixels[500_300] = Number.NEGATIVE_INFINITY;
    const picture = await pictureOf(image(1000, 600, pixels));
    expect([picture.width, picture.height]).toStrictEqual([500, 300]);
    expect(Math.abs((picture.at(250, 100)[0] ?? 0) - 128)).toBeLessThanOrEqual(2);
    expect(Math.abs((picture.at(150, 250)[0] ?? 0) - 77)).toBeLessThanOrEqual(2);
    expect(picture.at(499, 10)[0]).toBeGreaterThan(250);
  });

  test('a few hot pixels do not make the rest black', async () => {
    const pixels = new Uint16Array(400 * 400).map((_, index) => 100 + (index % 400));
    for (let index = 0; index < 20; index += 1) pixels[index * 7919] = 65_535;
    const picture = await pictureOf(image(400, 400, pixels));
    expect(picture.at(200, 201)[0]).toBeGreaterThan(110);
    expect(picture.at(200, 201)[0]).toBeLessThan(145);
  });

  test('a few bright pixels on an even ground are still seen', async () => {
    const pixels = new Uint16Array(400 * 400);
    pixels[200 * 400 + 123] = 3;
    const picture = await pictureOf(image(400, 400, pixels));
    expect(picture.at(123, 200)[0]).toBe(255);
    expect(picture.at(124, 200)[0]).toBe(0);
  });

  test('the area mean of each new pixel is shown', async () => {
    // 1000 x 1000 in cells of 2 x 2 whose means rise from left to right while single values alternate wildly.
    const pixels = new Int32Array(1000 * 1000).map((_, index) => {
      const x = index % 1000;
      const y = Math.floor(index / 1000);
      return Math.floor(x / 2) + ((x + y) % 2 === 0 ? 100_000 : -100_000);
    });
    const picture = await pictureOf(image(1000, 1000, pixels));
    const shades = [50, 150, 250, 350, 450].map((x) => picture.at(x, 333)[0] ?? 0);
    shades.forEach((shade, index) => {
      expect(Math.abs(shade - (50 + index * 100) * (255 / 499))).toBeLessThanOrEqual(3);
    });
  });

  test('a block that is cut by the edge is as bright as a whole one', async () => {
    const pixels = new Uint8Array(1025 * 601).fill(90);
    const picture = await pictureOf(image(1025, 601, pixels, { stretch: 'none' }));
    expect([picture.width, picture.height]).toStrictEqual([342, 201]);
    expect(picture.at(341, 200)[0]).toBe(90);
    const rgb = new Uint16Array(1025 * 601 * 3).map((_, index) => (index < 3 ? 0 : 900));
    const colours = await pictureOf(image(1025, 601, rgb, { channels: 3 }));
    expect(colours.at(341, 200)).toStrictEqual([255, 255, 255]);
  });

  test('the log stretch shows weak and strong alike', async () => {
    const pixels = Float32Array.from({ length: 300 * 300 }, (_, index) =>
      index % 300 < 100 ? 0 : index % 300 < 200 ? 10_000 : 1_000_000,
    );
    const linear = await pictureOf(image(300, 300, pixels));
    const log = await pictureOf(image(300, 300, pixels, { stretch: 'log' }));
    expect(linear.at(150, 150)[0]).toBeLessThan(5);
    expect(log.at(150, 150)[0]).toBeGreaterThan(70);
    expect(log.at(250, 150)[0]).toBe(255);
  });

  test('grey that is already a picture stays as it is', async () => {
    const pixels = new Uint8Array(200 * 200).fill(90);
    pixels[0] = 100;
    const picture = await pictureOf(image(200, 200, pixels, { stretch: 'none' }));
    expect(picture.at(50, 50)[0]).toBe(90);
  });

  test('colours stay as they are, opacity lies over white', async () => {
    const rgb = Uint8Array.from(
      { length: 200 * 200 * 3 },
      (_, index) => [200, 100, 50][index % 3] ?? 0,
    );
    const plain = await pictureOf(image(200, 200, rgb, { channels: 3 }));
    expect(plain.at(5, 5)).toStrictEqual([200, 100, 50]);
    const rgba = Uint8Array.from(
      { length: 200 * 200 * 4 },
      (_, index) => [200, 100, 50, 51][index % 4] ?? 0,
    );
    const clear = await pictureOf(image(200, 200, rgba, { channels: 4 }));
    expect(clear.at(5, 5)).toStrictEqual([244, 224, 214]);
  });

  test('16-bit colours are scaled together', async () => {
    const rgb = Uint16Array.from({ length: 200 * 200 * 3 }, (_, index) =>
      index < 3 ? 0 : ([4000, 2000, 1000][index % 3] ?? 0),
    );
    const picture = await pictureOf(image(200, 200, rgb, { channels: 3 }));
    const [red = 0, green = 0, blue = 0] = picture.at(100, 100);
    expect(red).toBe(255);
    expect(green).toBeGreaterThan(blue);
  });

  test.each([
    [5000, 20, 500, 16],
    [16, 9, 256, 144],
    [1, 1, 64, 64],
    [128, 128, 256, 256],
    [200, 100, 200, 100],
    [512, 471, 512, 471],
    [513, 300, 257, 150],
    [700, 1400, 234, 467],
    [4096, 4096, 512, 512],
    [1, 3000, 16, 500],
  ])('%d x %d pixels become %d x %d', async (width, height, shownWidth, shownHeight) => {
    const picture = await pictureOf(image(width, height, new Uint16Array(width * height)));
    expect([picture.width, picture.height]).toStrictEqual([shownWidth, shownHeight]);
  });

  test('a known pixel size gives a scale bar in the lower left corner and nowhere else', async () => {
    const pixels = new Uint8Array(400 * 400).fill(128);
    const bare = await renderPreview(image(400, 400, pixels, { stretch: 'none' }));
    const picture = await pictureOf(
      image(400, 400, pixels, { stretch: 'none', pixelSize: { size: 0.5, unit: 'nm' } }),
    );
    // 400 pixels of 0.5 nm: the longest nice length in 60 nm is 50 nm, which is 100 pixels.
    const barRow = Array.from({ length: 400 }, (_, x) => picture.at(x, 400 - 8 - 5 - 2)[0]);
    expect(barRow.filter((grey) => grey === 255)).toHaveLength(100);
    expect(picture.at(300, 380)[0]).toBe(128);
    for (const pixelSize of [
      { size: 0, unit: 'nm' },
      { size: Number.NaN, unit: 'nm' },
      { size: -3, unit: 'nm' },
      { size: 1, unit: '' },
    ]) {
      const same = await renderPreview(image(400, 400, pixels, { stretch: 'none', pixelSize }));
      expect(same.equals(bare)).toBe(true);
    }
  });

  test('reciprocal units are written as powers', async () => {
    const scaled = (unit: string): Promise<Buffer> =>
      renderPreview(image(300, 300, new Uint8Array(90_000), { pixelSize: { size: 0.02, unit } }));
    expect((await scaled('1/nm')).equals(await scaled('nm⁻¹'))).toBe(true);
  });

  test('a line of pixels is made high enough for its scale bar', async () => {
    const line = (pixelSize: { size: number; unit: string } | null): Promise<Picture> =>
      pictureOf(image(300, 1, new Uint16Array(300), { pixelSize }));
    expect((await line(null)).height).toBe(16);
    const picture = await line({ size: 0.5, unit: 'nm' });
    expect(picture.height).toBe(60);
    // The longest nice length in 45 nm is 20 nm, which is 40 pixels.
    const barRow = Array.from({ length: 300 }, (_, x) => picture.at(x, 60 - 8 - 5 - 2)[0]);
    expect(barRow.filter((grey) => grey === 255)).toHaveLength(40);
  });

  test('fewer pixels than promised are FORMAT_INVALID', async () => {
    await expect(renderPreview(image(100, 100, new Uint8Array(9999)))).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
    });
  });
});

describe('previews of spectra', () => {
  test('the curve is high where the peak is', async () => {
    const values = new Float32Array(1000);
    values[250] = 1000;
    const picture = await pictureOf(spectrum(values));
    expect([picture.width, picture.height]).toStrictEqual([500, 320]);
    const columns = columnsWithHighCurve(picture);
    expect(columns.length).toBeGreaterThan(0);
    const share = (Math.min(...columns) + Math.max(...columns)) / 2 / picture.width;
    expect(share).toBeGreaterThan(0.29);
    expect(share).toBeLessThan(0.4);
  });

  test('a single high channel of a million is not lost', async () => {
    const values = new Uint32Array(1_000_000);
    values[765_432] = 50_000;
    expect(columnsWithHighCurve(await pictureOf(spectrum(values)))).not.toHaveLength(0);
  });

  test('a negative scale runs from the low to the high end', async () => {
    const values = new Float32Array(1000);
    values[100] = 5;
    const [first = 0] = columnsWithHighCurve(await pictureOf(spectrum(values, { scale: -1 })));
    expect(first).toBeGreaterThan(400);
  });

  test('values that are not finite leave a gap', async () => {
    const values = new Float64Array(1000).fill(10);
    values.fill(Number.NaN, 400, 600);
    values[0] = 9;
    const picture = await pictureOf(spectrum(values));
    const columns = columnsWithHighCurve(picture);
    expect(columns.some((x) => x < 240)).toBe(true);
    expect(columns.some((x) => x > 320)).toBe(true);
    expect(columns.filter((x) => x > 250 && x < 300)).toHaveLength(0);
  });

  test.each<[string, SpectrumSource]>([
    ['no values', spectrum(new Float32Array(0))],
    ['one value', spectrum(Float32Array.of(3))],
    ['a constant', spectrum(new Int16Array(50).fill(-4))],
    ['zeros', spectrum(new Uint8Array(50))],
    ['only NaN', spectrum(new Float32Array(50).fill(Number.NaN))],
    ['the ends of double', spectrum(Float64Array.of(-Number.MAX_VALUE, Number.MAX_VALUE))],
    ['the smallest double', spectrum(Float64Array.of(0, 5e-324))],
    ['64-bit integers', spectrum(BigInt64Array.of(-5n, 9n, 2n ** 62n))],
    ['no scale', spectrum(Float32Array.of(1, 2), { scale: 0 })],
    ['a NaN origin', spectrum(Float32Array.of(1, 2), { origin: Number.NaN })],
    ['a huge origin', spectrum(Float32Array.of(1, 2), { origin: 1e300, scale: 1e-300 })],
    [
      'hostile labels',
      spectrum(Float32Array.of(1, 2), { xLabel: '</text>&\u0000\ud800'.repeat(99) }),
    ],
  ])('%s make a picture', async (_, source) => {
    const picture = await pictureOf(source);
    expect([picture.width, picture.height]).toStrictEqual([500, 320]);
  });

  test('another label is another picture', async () => {
    const values = Float32Array.of(1, 2, 3);
    const energy = await renderPreview(spectrum(values));
    const loss = await renderPreview(spectrum(values, { xLabel: 'Energy loss' }));
    expect(energy.equals(loss)).toBe(false);
  });
});

describe('other previews', () => {
  test('a spectrum image shows its map on the left and its spectrum on the right', async () => {
    const map = Uint16Array.from({ length: 100 * 100 }, (_, index) => index % 100);
    const values = new Float32Array(500);
    values[250] = 9;
    const picture = await pictureOf({
      kind: 'spectrum-image',
      navigation: image(100, 100, map),
      spectrum: spectrum(values),
    });
    expect([picture.width, picture.height]).toStrictEqual([500, 270]);
    expect(picture.at(12, 135)[0]).toBeLessThan(20);
    expect(picture.at(205, 135)[0]).toBeGreaterThan(235);
    expect(columnsWithHighCurve(picture).every((x) => x > 220)).toBe(true);
    expect(columnsWithHighCurve(picture)).not.toHaveLength(0);
  });

  test('the map of a spectrum image is outlined, so that its white does not run into the page', async () => {
    const map = Uint16Array.from({ length: 100 * 100 }, (_, at) => (at % 100 < 50 ? 0 : 1));
    const picture = await pictureOf({
      kind: 'spectrum-image',
      navigation: image(100, 100, map),
      spectrum: spectrum(new Float32Array(500)),
    });
    const isLine = (x: number, y: number): boolean => {
      const [grey = 0] = picture.at(x, y);
      return grey > 100 && grey < 160;
    };
    const across = Array.from({ length: 220 }, (_, x) => x).filter((x) => isLine(x, 135));
    const down = Array.from({ length: 270 }, (_, y) => y).filter((y) => isLine(180, y));
    // The map of 100 x 100 pixels is drawn twice as large between the lines.
    expect(across.map((x) => x - (across[0] ?? 0))).toStrictEqual([0, 201]);
    expect(down.map((y) => y - (down[0] ?? 0))).toStrictEqual([0, 201]);
  });

  test('a text shows its lines; control characters and long lines do no harm', async () => {
    const lines = ['first', '\u0000\u0007<script>&amp;', 'x'.repeat(100_000), 'Привет µm'];
    const picture = await pictureOf({ kind: 'text', lines });
    // As high as its lines, but no strip.
    expect([picture.width, picture.height]).toStrictEqual([500, 120]);
    const long = await pictureOf({ kind: 'text', lines: Array.from({ length: 400 }, String) });
    expect([long.width, long.height]).toStrictEqual([500, 500]);
    const inkIn = (top: number): number =>
      Array.from({ length: 500 * 12 }, (_, index) =>
        picture.at(index % 500, top + Math.floor(index / 500)),
      ).filter(([grey = 255]) => grey < 128).length;
    for (const line of [0, 1, 2, 3]) expect(inkIn(10 + line * 12)).toBeGreaterThan(10);
    expect(inkIn(10 + 5 * 12)).toBe(0);
    expect(picture.at(495, 40)[0]).toBe(255);
  });

  test('the columns of a table with tabs stand below their headings', async () => {
    const drawn = (...lines: string[]): Promise<Buffer> => renderPreview({ kind: 'text', lines });
    const prose = 'prose that goes on and on';
    const tabs = await drawn(
      'a\tb',
      'none',
      'n\ttime\tmW',
      '0\t',
      '1\t13:54:37.68\t0.02',
      `${prose}\tc`,
    );
    const blanks = await drawn(
      'a   b',
      'none',
      'n   time         mW',
      '0',
      '1   13:54:37.68  0.02',
      `${prose} c`,
    );
    expect(tabs.equals(blanks)).toBe(true);
  });

  test('two processes make the same bytes', async () => {
    const program = `
      import { createHash } from 'node:crypto';
      import { renderPreview } from ${JSON.stringify(new URL('../../dist/extract/previews/render-preview.js', import.meta.url).href)};
      const values = Float32Array.from({ length: 3000 }, (_, i) => 1000 / (1 + (i - 900) ** 2 / 99));
      const spectrum = { kind: 'spectrum', values, origin: -0.2, scale: 0.01, xLabel: 'Energy', xUnit: 'keV', yLabel: 'Intensity', yUnit: 'counts' };
      const pixels = Uint16Array.from({ length: 600 * 400 }, (_, i) => (i * 7919) % 4093);
      const navigation = { kind: 'image', width: 600, height: 400, pixels, channels: 1, stretch: 'percentile', pixelSize: { size: 0.3, unit: 'nm' } };
      const stack = { kind: 'stack', count: 40, frameBytes: 480000, frameAt: (index) => ({ ...navigation, pixels: pixels.map((value) => value + index * 50) }) };
      const sources = [stack, spectrum, navigation, { kind: 'spectrum-image', navigation, spectrum }, { kind: 'text', lines: ['one', 'µ Å'] }];
      const hash = createHash('sha256');
      for (const source of sources) hash.update(await renderPreview(source));
      process.stdout.write(hash.digest('hex'));`;
    const run = (): string =>
      execFileSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' });
    const first = run();
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(first).not.toBe(createHash('sha256').digest('hex'));
    expect(run()).toBe(first);
  });
});
