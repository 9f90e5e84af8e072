import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { writeDm3 } from '../../src/demo/write-dm3.js';
import { OpenFile } from '../../src/extract/file-source.js';
import { readFile, type ReadFile } from '../../src/extract/read-file.js';
import { EXTRACTORS } from '../../src/extract/registry.js';
import { buildTiff, greyTags, type TiffTag } from '../support/build-tiff.js';
import { mibBytes } from '../support/mib-bytes.js';
import { mrcBytes } from '../support/mrc-bytes.js';
import { decodedPng, isCurve, type Picture } from '../support/preview-picture.js';

let folder: string;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'previews-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

async function readNamed(
  name: string,
  limitBytes = 256 * 1024 * 1024,
): Promise<ReadFile & { readonly bytesRead: number }> {
  const file = OpenFile.open(Buffer.from(join(folder, name)), limitBytes);
  try {
    const read = await readFile(file, { timezone: 'UTC', previews: true, extractors: EXTRACTORS });
    return { ...read, bytesRead: file.bytesRead };
  } finally {
    file.close();
  }
}

/** The preview that a build makes of a file. */
async function previewOf(name: string, content: Buffer | string): Promise<Picture> {
  writeFileSync(join(folder, name), content);
  const { previews, warnings } = await readNamed(name);
  const [png] = previews;
  if (png == null) throw new Error(`No preview: ${warnings.join(' ')}`);
  return decodedPng(png);
}

function bytesOf(values: ArrayBufferView): Buffer {
  return Buffer.from(values.buffer, values.byteOffset, values.byteLength);
}

/** An MRC file of one image. */
function mrc(
  width: number,
  height: number,
  mode: number,
  values: ArrayBufferView,
  cell?: readonly [number, number, number],
): Buffer {
  const pixels = bytesOf(values);
  return mrcBytes({
    size: [width, height, 1],
    mode,
    pixels,
    ...(cell === undefined ? {} : { cell }),
  });
}

/** The grey (or red) along the middle row at shares of the width. */
function alongRow(picture: Picture, ...shares: readonly number[]): number[] {
  return shares.map((share) => {
    const x = Math.min(picture.width - 1, Math.floor(share * picture.width));
    return picture.at(x, picture.height >> 1)[0] ?? NaN;
  });
}

const SIDE = 200;
/** A value for each pixel of a square, by its column. */
function columns(valueOf: (x: number) => number): number[] {
  return Array.from({ length: SIDE * SIDE }, (_, at) => valueOf(at % SIDE));
}

describe('a file of pixels becomes a picture:', () => {
  test('8 bits are shown as they are', async () => {
    const strip = Buffer.from(columns((x) => 50 + (x >> 1)));
    const picture = await previewOf(
      'u8.tif',
      buildTiff([{ tags: greyTags(SIDE, SIDE, 8), strip }]),
    );
    expect(alongRow(picture, 0, 0.5)).toEqual([50, 100]);
  });

  test.each<[string, number, ArrayBufferView]>([
    ['16 bits', 6, Uint16Array.from(columns((x) => 30_000 + x))],
    ['negative numbers', 1, Int16Array.from(columns((x) => x - 30_000))],
    ['floating-point numbers', 2, Float32Array.from(columns((x) => x / 1e6 - 1))],
  ])('%s are stretched from black to white', async (name, mode, values) => {
    const picture = await previewOf(`${name}.mrc`, mrc(SIDE, SIDE, mode, values));
    const [left = NaN, middle = NaN, right = NaN] = alongRow(picture, 0, 0.5, 1);
    expect(left).toBeLessThanOrEqual(1);
    expect(Math.abs(middle - 128)).toBeLessThanOrEqual(2);
    expect(right).toBeGreaterThanOrEqual(254);
  });

  test('32 bits are stretched from black to white', async () => {
    const values = Uint32Array.from(columns((x) => 4_000_000_000 + x));
    const strip = bytesOf(values);
    const picture = await previewOf(
      'u32.tif',
      buildTiff([{ tags: greyTags(SIDE, SIDE, 32), strip }]),
    );
    const [left = NaN, right = NaN] = alongRow(picture, 0, 1);
    expect([left <= 1, right >= 254]).toEqual([true, true]);
  });

  const colourTags = (samples: number): TiffTag[] => [
    ...greyTags(SIDE, SIDE, 8).filter(([tag]) => ![258, 262, 277].includes(tag)),
    [258, 'short', Array.from({ length: samples }, () => 8)],
    [262, 'short', [2]],
    [277, 'short', [samples]],
  ];

  test.each([
    ['RGB', [200, 100, 50], [200, 100, 50]],
    ['RGBA', [200, 100, 50, 51], [244, 224, 214]],
  ])('%s is shown in its colours, opacity over white', async (name, pixel, shown) => {
    const strip = Buffer.from(columns(() => 0).flatMap(() => pixel));
    const tiff = buildTiff([{ tags: colourTags(pixel.length), strip }]);
    expect((await previewOf(`${name}.tif`, tiff)).at(100, 100)).toEqual(shown);
  });

  test('a palette is shown in its colours', async () => {
    const map = [0, 1, 2].flatMap((channel) =>
      Array.from({ length: 256 }, (_, index) => (index % 3 === channel ? 0xffff : 0)),
    );
    const tags: TiffTag[] = [
      ...greyTags(SIDE, SIDE, 8).filter(([tag]) => tag !== 262),
      [262, 'short', [3]],
      [320, 'short', map],
    ];
    const strip = Buffer.from(columns((x) => (x < 100 ? 0 : 2)));
    const picture = await previewOf('palette.tif', buildTiff([{ tags, strip }]));
    expect([picture.at(50, 50), picture.at(150, 50)]).toEqual([
      [255, 0, 0],
      [0, 0, 255],
    ]);
  });

  test('complex numbers are shown by their magnitude, strong and weak alike', async () => {
    // Turned by any angle a number stays as bright: 1, 100 and 10000.
    const values = Float32Array.from(
      columns((x) => 100 ** Math.floor(x / 67)).flatMap((size, at) => [
        size * Math.cos(at),
        size * Math.sin(at),
      ]),
    );
    const picture = await previewOf('complex.mrc', mrc(SIDE, SIDE, 4, values));
    const [weak = NaN, middle = NaN, strong = NaN] = alongRow(picture, 0.1, 0.5, 0.9);
    expect(weak).toBeLessThan(5);
    expect(middle).toBeGreaterThan(60);
    expect(strong).toBe(255);
    expect(picture.at(10, 11)).toEqual(picture.at(40, 73));
  });

  test('a diffraction pattern shows weak spots beside a strong beam', async () => {
    const frame = Buffer.alloc(SIDE * SIDE * 4);
    columns((x) => (x > 95 && x < 105 ? 1e6 : x > 150 && x < 160 ? 1e4 : 0)).forEach((value, at) =>
      frame.writeUInt32BE(value, at * 4),
    );
    const bytes = mibBytes({ width: SIDE, height: SIDE, kind: 'U32', frames: [frame] });
    const [beam = NaN, spot = NaN, empty = NaN] = alongRow(
      await previewOf('pattern.mib', bytes),
      0.5,
      0.775,
      0.3,
    );
    expect([beam, empty]).toEqual([255, 0]);
    expect(spot).toBeGreaterThan(70);
  });

  test('what is the same everywhere is grey, what was never measured black', async () => {
    const constant = await previewOf(
      'constant.mrc',
      mrc(SIDE, SIDE, 1, new Int16Array(SIDE * SIDE).fill(-7)),
    );
    expect(alongRow(constant, 0, 0.5, 1)).toEqual([128, 128, 128]);
    const nothing = await previewOf(
      'nothing.mrc',
      mrc(SIDE, SIDE, 2, new Float32Array(SIDE * SIDE).fill(Number.NaN)),
    );
    expect(alongRow(nothing, 0, 0.5, 1)).toEqual([0, 0, 0]);
  });

  test.each([
    [1, 1, 64, 64],
    [1, 4000, 16, 500],
    [4000, 1, 500, 16],
  ])('%d x %d pixels become %d x %d', async (width, height, shownWidth, shownHeight) => {
    const bytes = mrc(width, height, 1, new Int16Array(width * height).fill(3));
    const picture = await previewOf(`${width}-${height}.mrc`, bytes);
    expect([picture.width, picture.height]).toEqual([shownWidth, shownHeight]);
  });

  test('20000 x 20000 pixels are thinned out: a part of them is read', async () => {
    const tags = greyTags(20_000, 20_000, 8);
    const bytes = buildTiff([{ tags, strip: Buffer.alloc(0) }]);
    // The strip begins behind the header, is longer than the file so far, and overlaps its directory.
    writeFileSync(join(folder, 'large.tif'), bytes);
    truncateSync(join(folder, 'large.tif'), 20_000 * 20_000 + bytes.length);
    const { previews, warnings, bytesRead } = await readNamed('large.tif');
    const [png] = previews;
    if (png == null) throw new Error(`No preview: ${warnings.join(' ')}`);
    const { width, height } = await decodedPng(png);
    expect([width, height]).toEqual([500, 500]);
    expect(bytesRead).toBeLessThan(100 * 1024 * 1024);
  });

  test('a scale bar is drawn only where the calibration is known', async () => {
    const values = new Int16Array(SIDE * SIDE).fill(5);
    const bare = await previewOf('bare.mrc', mrc(SIDE, SIDE, 1, values));
    const barred = await previewOf('barred.mrc', mrc(SIDE, SIDE, 1, values, [400, 400, 1]));
    const whites = (picture: Picture): number =>
      Array.from({ length: SIDE * SIDE }, (_, at) =>
        picture.at(at % SIDE, Math.floor(at / SIDE)),
      ).filter(([grey]) => grey === 255).length;
    expect(whites(bare)).toBe(0);
    // 0.2 nm a pixel: 10 nm are 50 pixels, 4 high.
    expect(whites(barred)).toBeGreaterThanOrEqual(200);
    expect(barred.at(SIDE - 1, 0)[0]).toBe(128);
  });
});

describe('a file of something else becomes a drawing:', () => {
  /** The columns where the curve of a spectrum reaches the upper half of the picture. */
  function highColumns(picture: Picture): number[] {
    return Array.from({ length: picture.width }, (_, x) => x).filter((x) =>
      Array.from({ length: picture.height >> 1 }, (_, y) => y).some((y) =>
        isCurve(picture.at(x, y)),
      ),
    );
  }

  function msa(unit: string): string {
    return [
      '#FORMAT      : EMSA/MAS Spectral Data File',
      '#VERSION     : 1.0',
      '#NPOINTS     : 1000.',
      '#NCOLUMNS    : 1.',
      `#XUNITS      : ${unit}`,
      '#XPERCHAN    : 0.01',
      '#OFFSET      : 0.',
      '#DATATYPE    : Y',
      '#SPECTRUM    : Spectral Data Starts Here',
      ...Array.from({ length: 1000 }, (_, at) => `${at === 500 ? 900 : 10}.0,`),
      '#ENDOFDATA   : ',
    ].join('\r\n');
  }

  test('a spectrum, its peak in place, with the unit of its axis', async () => {
    const picture = await previewOf('a.msa', msa('keV'));
    expect([picture.width, picture.height]).toEqual([500, 320]);
    const high = highColumns(picture);
    const share = ((high[0] ?? NaN) + (high.at(-1) ?? NaN)) / 2 / picture.width;
    expect(share).toBeGreaterThan(0.5);
    expect(share).toBeLessThan(0.6);
    const label = (shown: Picture): string =>
      JSON.stringify(
        Array.from(
          { length: 500 * 16 },
          (_, at) => shown.at(at % 500, 302 + Math.floor(at / 500))[0],
        ),
      );
    expect(label(await previewOf('b.msa', msa('nm')))).not.toBe(label(picture));
  });

  test('a spectrum image: its map beside the sum of its spectra', async () => {
    const axis = (length: number, unit: string) => ({ length, unit, scale: 1, origin: 100 });
    const pixels = Float32Array.from({ length: 10 * 10 * 60 }, (_, at) => {
      const isPeak = Math.floor(at / 100) === 30;
      return at % 10 < 5 ? 0 : isPeak ? 100 : 1;
    });
    const acquired = DateTime.fromMillis(0, { zone: 'utc' });
    if (!acquired.isValid) throw new Error('No time.');
    const picture = await previewOf(
      'image.dm3',
      writeDm3({
        name: 'image',
        axes: [axis(10, 'nm'), axis(10, 'nm'), axis(60, 'eV')],
        pixels,
        intensityUnit: 'e-',
        acquired,
        tags: { 'Meta Data': { Format: 'Spectrum image', Signal: 'EELS' } },
      }),
    );
    expect([picture.width, picture.height]).toEqual([500, 270]);
    expect(picture.at(40, 100)[0]).toBe(0);
    expect(picture.at(180, 100)[0]).toBe(255);
    const high = highColumns(picture);
    expect(high.length).toBeGreaterThan(0);
    expect(high.every((x) => x > 360 && x < 400)).toBe(true);
  });

  test('a text', async () => {
    const picture = await previewOf('notes.txt', 'first line\nsecond line\n');
    const dark = Array.from({ length: 500 * 12 }, (_, at) =>
      picture.at(at % 500, 10 + Math.floor(at / 500)),
    ).filter(([grey = 255]) => grey < 128);
    expect(picture.width).toBe(500);
    expect(dark.length).toBeGreaterThan(20);
  });
});
