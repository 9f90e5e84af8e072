import { describe, expect, test } from '@jest/globals';
import { seededRandom } from '../support/damage.js';
import {
  imageSource,
  isCurve,
  pictureOf,
  spectrumSource,
  type Picture,
  type SpectrumSource,
} from '../support/preview-picture.js';

const SIDE = 300;

function square(valueOf: (x: number, y: number) => number): Float32Array {
  return Float32Array.from({ length: SIDE * SIDE }, (_, at) =>
    valueOf(at % SIDE, Math.floor(at / SIDE)),
  );
}

function meanGrey(picture: Picture): number {
  let sum = 0;
  for (let at = 0; at < SIDE * SIDE; at += 1) {
    sum += picture.at(at % SIDE, Math.floor(at / SIDE))[0] ?? 0;
  }
  return sum / SIDE / SIDE;
}

describe('the contrast of images', () => {
  test('dark particles on an empty ground are lifted', async () => {
    // A tenth of the picture is lit: most of it faintly.
    const pixels = square((x, y) => (x >= 30 ? 0 : y < 6 ? 1000 : 40));
    const picture = await pictureOf(imageSource(SIDE, SIDE, pixels));
    expect(picture.at(150, 150)[0]).toBe(0);
    expect(picture.at(15, 3)[0]).toBe(255);
    expect(picture.at(15, 150)[0]).toBe(51);
  });

  test('where what is lit is bright, or most is, brightness stays in proportion', async () => {
    const bright = square((x, y) => (x >= 30 ? 0 : y < 6 ? 1000 : 600));
    expect((await pictureOf(imageSource(SIDE, SIDE, bright))).at(15, 150)[0]).toBe(153);
    const full = square((x, y) => (x >= 100 ? 0 : y < 6 ? 1000 : 80));
    expect((await pictureOf(imageSource(SIDE, SIDE, full))).at(15, 150)[0]).toBe(20);
  });

  test('a few bright things do not leave the rest black', async () => {
    const pixels = square((x, y) => (x < 3 ? 20_000 : x < 60 ? 400 : 100 + ((x * 7 + y) % 20)));
    const picture = await pictureOf(imageSource(SIDE, SIDE, pixels));
    expect(picture.at(1, 150)[0]).toBe(255);
    expect(picture.at(30, 150)[0]).toBeGreaterThan(25);
    expect(picture.at(200, 150)[0]).toBeLessThan(15);
  });

  test('a small thing in an empty image is not burnt out', async () => {
    // Of 90,000 pixels 144 are lit, a sixth of them four times as bright as the others.
    const pixels = square((x, y) => (x >= 12 || y >= 12 ? 0 : y < 2 ? 400 : 100));
    const picture = await pictureOf(imageSource(SIDE, SIDE, pixels));
    expect(picture.at(6, 1)[0]).toBe(255);
    expect(picture.at(6, 6)[0]).toBeGreaterThan(100);
    expect(picture.at(6, 6)[0]).toBeLessThan(160);
  });

  test('a few hot pixels do not hide what is lit in an empty image', async () => {
    const pixels = square((x, y) => (x >= 30 ? 0 : (x + y * 30) % 300 === 0 ? 60_000 : 600));
    expect((await pictureOf(imageSource(SIDE, SIDE, pixels))).at(15, 150)[0]).toBe(255);
  });

  test('a pattern of noise around a mean is not white, weak spots on little ground are seen', async () => {
    const random = seededRandom(4711);
    const noise = square(() => 1000 + random() * 100);
    const washed = await pictureOf(imageSource(SIDE, SIDE, noise, { stretch: 'log' }));
    expect(meanGrey(washed)).toBeGreaterThan(100);
    expect(meanGrey(washed)).toBeLessThan(150);
    const rising = square((x) => (x / SIDE) ** 2);
    const middle = await pictureOf(imageSource(SIDE, SIDE, rising, { stretch: 'log' }));
    expect(Math.abs((middle.at(150, 150)[0] ?? NaN) - 128)).toBeLessThanOrEqual(4);
    const spots = square((x) => (x < 30 ? 1e6 : x < 60 ? 1e4 : 0));
    const shown = await pictureOf(imageSource(SIDE, SIDE, spots, { stretch: 'log' }));
    expect(shown.at(45, 150)[0]).toBeGreaterThan(80);
  });
});

describe('the contrast of grey pictures of 8 bits', () => {
  /** Greys that rise from left to right. */
  const rising = (side: number, low: number, high: number): Uint8Array =>
    Uint8Array.from({ length: side * side }, (_, at) =>
      Math.round(low + ((at % side) / (side - 1)) * (high - low)),
    );

  test.each([
    ['small', 200],
    ['reduced', 1000],
  ])('%s ones of few greys are stretched', async (_, side) => {
    const source = imageSource(side, side, rising(side, 10, 27), { stretch: 'none' });
    const picture = await pictureOf(source);
    expect(picture.at(0, 100)[0]).toBeLessThan(5);
    expect(picture.at(picture.width - 1, 100)[0]).toBeGreaterThan(250);
    const [middle = NaN] = picture.at(picture.width / 2, 100);
    expect(Math.abs(middle - 128)).toBeLessThan(20);
  });

  test('ones of more greys, of one, and colours stay as they are', async () => {
    const many = imageSource(200, 200, rising(200, 10, 90), { stretch: 'none' });
    expect((await pictureOf(many)).at(199, 100)[0]).toBe(90);
    const one = imageSource(200, 200, new Uint8Array(200 * 200).fill(27), { stretch: 'none' });
    expect((await pictureOf(one)).at(100, 100)[0]).toBe(27);
    const dark = rising(200, 10, 27).subarray(0, 100 * 100 * 3);
    const colours = imageSource(100, 100, dark, { stretch: 'none', channels: 3 });
    const [red] = (await pictureOf(colours)).at(99, 99);
    expect(red).toBeLessThan(28);
  });
});

describe('the noise peak of X-ray spectra', () => {
  /** Counts of 2000 channels of 10 eV from -0.2 keV: at zero, in a line at 5 keV, and between. */
  function counts(atZero: number, changes: Partial<SpectrumSource> = {}): SpectrumSource {
    const values = new Uint32Array(2000).fill(10);
    values[20] = atZero;
    values[520] = 500;
    return spectrumSource(values, { origin: -0.2, scale: 0.01, xUnit: 'keV', ...changes });
  }

  /** Whether the line at 5 keV reaches the upper half of the picture. */
  async function isLineSeen(source: SpectrumSource): Promise<boolean> {
    const picture = await pictureOf(source);
    return Array.from({ length: 60 }, (_, at) => 150 + at).some((x) =>
      Array.from({ length: 140 }, (_, at) => 20 + at).some((y) => isCurve(picture.at(x, y))),
    );
  }

  /** Dark pixels in the line above the plot, where a cut is told. */
  async function inkAbove(source: SpectrumSource): Promise<number> {
    const picture = await pictureOf(source);
    return Array.from({ length: 240 * 12 }, (_, at) =>
      picture.at(250 + (at % 240), 2 + Math.floor(at / 240)),
    ).filter(([red = 255]) => red < 100).length;
  }

  test('is cut where it is ten times as high as the rest, and the picture says so', async () => {
    expect(await isLineSeen(counts(6000))).toBe(true);
    expect(await inkAbove(counts(6000))).toBeGreaterThan(50);
    expect(await inkAbove(counts(4000))).toBe(0);
  });

  test('no curve crosses what the picture says of it', async () => {
    const source = counts(6000);
    const values = Uint32Array.from(source.values, Number);
    values.fill(500, 1200, 1900);
    const picture = await pictureOf({ ...source, values });
    const crossed = Array.from({ length: picture.width * 16 }, (_, at) =>
      isCurve(picture.at(at % picture.width, Math.floor(at / picture.width))),
    );
    expect(crossed).not.toContain(true);
    expect(await inkAbove({ ...source, values })).toBeGreaterThan(50);
  });

  test('is cut down to where it ends, also far from zero', async () => {
    const source = counts(6000);
    const values = Uint32Array.from(source.values, Number).map((value, index) =>
      Math.max(value, 6000 * 0.9 ** Math.abs(index - 20)),
    );
    expect(await isLineSeen({ ...source, values })).toBe(true);
  });

  test('is shown whole beside single counts, which are no line', async () => {
    const values = new Uint32Array(2000).fill(1);
    values[20] = 3525;
    values[520] = 20;
    expect(await isLineSeen(counts(0, { values }))).toBe(false);
    expect(await inkAbove(counts(0, { values }))).toBe(0);
    // Of counts a second nobody knows how many they were.
    const rates = Float64Array.from(values, (value) => value / 8);
    expect(await inkAbove(counts(0, { values: rates }))).toBeGreaterThan(50);
  });

  test('is shown whole where it hides nothing', async () => {
    expect(await isLineSeen(counts(4000))).toBe(false);
  });

  test('is cut in spectra over eV, and where the energy falls from channel to channel', async () => {
    const source = counts(6000);
    expect(await isLineSeen({ ...source, origin: -200, scale: 10, xUnit: 'eV' })).toBe(true);
    expect(await isLineSeen({ ...source, origin: -50, scale: 2.5, xUnit: 'eV' })).toBe(true);
    expect(await isLineSeen({ ...source, xLabel: 'X-RAY ENERGY' })).toBe(true);
    const values = Uint32Array.from(source.values, Number).reverse();
    expect(await isLineSeen({ ...source, values, origin: 19.79, scale: -0.01 })).toBe(true);
  });

  test.each<[string, Partial<SpectrumSource>]>([
    ['of electron energy losses', { xLabel: 'Energy loss' }],
    ['over narrow channels in eV, as of energy losses', { origin: -40, scale: 2, xUnit: 'eV' }],
    ['over narrow channels in keV', { origin: -0.04, scale: 0.002 }],
    ['over channels', { xUnit: '' }],
    ['that begin above it', { origin: 0.5 }],
  ])('is none in spectra %s', async (_, changes) => {
    expect(await isLineSeen(counts(6000, changes))).toBe(false);
  });
});
