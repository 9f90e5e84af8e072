import { describe, expect, test } from '@jest/globals';
import { axisTicks, powerOfTenText } from '../../src/extract/previews/axis-ticks.js';
import { renderPreview } from '../../src/extract/previews/render-preview.js';
import { niceLength } from '../../src/extract/previews/scale-bar.js';
import { pictureOf, spectrumSource, type SpectrumSource } from '../support/preview-picture.js';

describe('marks of an axis', () => {
  test.each([
    [0, 20, 5, ['0', '5', '10', '15', '20'], 0],
    [-0.2, 1.1, 5, ['0.0', '0.5', '1.0'], 0],
    [-3, 3, 3, ['−2', '0', '2'], 0],
    [0, 1_100_000, 5, ['0.00', '0.25', '0.50', '0.75', '1.00'], 6],
    [0, 0.004, 4, ['0', '1', '2', '3', '4'], -3],
    [1000.1, 1000.4, 3, ['1000.1', '1000.2', '1000.3', '1000.4'], 0],
  ])('from %d to %d, about %d', (low, high, wanted, texts, exponent) => {
    const axis = axisTicks(low, high, wanted);
    expect(axis.ticks.map(({ text }) => text)).toStrictEqual(texts);
    expect(axis.exponent).toBe(exponent);
  });

  test.each([
    [5, 5],
    [Number.NaN, 1],
    [0, Number.POSITIVE_INFINITY],
    [1e300, 1e300],
    // Neighbouring marks are the same number: counting them would not end.
    [-1.522e22, -1.522e22 + 2 ** 22],
  ])('an axis from %d to %d has none', (low, high) => {
    expect(axisTicks(low, high, 5).ticks).toStrictEqual([]);
  });

  test.each([
    [-0.47, 19.99, 2.9, ['0', '5', '10', '15']],
    [-1, 19.5, 2.2, ['0', '5', '10', '15']],
    [0.3, 7.2, 2.9, ['2', '4', '6']],
    [0, 3, 1, ['0', '1', '2', '3']],
  ])('from %d to %d are three or more, though %d would do', (low, high, wanted, texts) => {
    expect(axisTicks(low, high, wanted).ticks.map(({ text }) => text)).toStrictEqual(texts);
  });

  test.each([
    [0, 1, 5, ['0', '1']],
    [0, 2, 6, ['0', '1', '2']],
    [0, 9, 4, ['0', '2', '4', '6', '8']],
    [0, 99, 4, ['0', '25', '50', '75']],
  ])('from %d to %d, where it counts, are whole numbers', (low, high, wanted, texts) => {
    const { ticks } = axisTicks(low, high, wanted, 'whole');
    expect(ticks.map(({ text }) => text)).toStrictEqual(texts);
  });

  test('a power of ten is written with raised digits', () => {
    expect([powerOfTenText(6), powerOfTenText(-12)]).toStrictEqual(['×10⁶', '×10⁻¹²']);
  });
});

describe('the axis of a spectrum', () => {
  /** The marks below its axis. */
  async function marksOf(source: SpectrumSource): Promise<number> {
    const picture = await pictureOf(source);
    const darkIn = (y: number): number =>
      Array.from({ length: picture.width }, (_, x) => picture.at(x, y)[0] ?? 255).filter(
        (red) => red < 128,
      ).length;
    const rows = Array.from({ length: picture.height }, (_, y) => y);
    const axis = rows.findLast((y) => darkIn(y) > 300) ?? NaN;
    // Their lower ends: between the numbers of both axes.
    return darkIn(axis + 4);
  }

  test('has no marks between two channels', async () => {
    const values = Float32Array.of(1, 2, 3);
    const changes = { xLabel: 'Channel', xUnit: '' };
    expect(await marksOf(spectrumSource(values, changes))).toBe(3);
    expect(await marksOf(spectrumSource(values, { ...changes, scale: 0 }))).toBe(3);
    expect(await marksOf(spectrumSource(values, { ...changes, scale: 0.5 }))).toBeGreaterThan(3);
  });

  test('is in keV for X-rays beyond 5000 eV', async () => {
    const values = Float32Array.from({ length: 4000 }, (_, index) => index % 100);
    const [shown, inKilo] = await Promise.all([
      renderPreview(spectrumSource(values, { xUnit: 'eV', origin: 10, scale: 10 })),
      renderPreview(spectrumSource(values, { xUnit: 'keV', origin: 0.01, scale: 0.01 })),
    ]);
    expect(shown.equals(inKilo)).toBe(true);
  });

  test('stays in eV for X-rays of less energy and for energy losses', async () => {
    const values = Float32Array.from({ length: 4000 }, (_, index) => index % 100);
    for (const [xLabel, scale] of [
      ['Energy', 1],
      ['Energy loss', 2],
    ] as const) {
      const [shown, inKilo] = await Promise.all([
        renderPreview(spectrumSource(values, { xLabel, xUnit: 'eV', scale })),
        renderPreview(spectrumSource(values, { xLabel, scale: scale / 1000 })),
      ]);
      expect(shown.equals(inKilo)).toBe(false);
    }
  });
});

describe('lengths of scale bars', () => {
  test.each([
    [61.7, 'nm', 50, 'nm'],
    [49.9, 'nm', 20, 'nm'],
    [10, 'nm', 10, 'nm'],
    [9.99999, 'nm', 5, 'nm'],
    [2400, 'nm', 2, 'µm'],
    [0.03, 'µm', 20, 'nm'],
    [1_500_000, 'nm', 1, 'mm'],
    [0.7, 'pm', 0.5, 'pm'],
    [3456, '1/nm', 2000, '1/nm'],
    [0.3, '1/nm', 0.2, '1/nm'],
    [130, '1/µm', 0.1, '1/nm'],
    [0.04, '1/nm', 20, '1/µm'],
    [7e9, '1/m', 5, '1/nm'],
    [0.021, 'mrad', 0.02, 'mrad'],
  ])('of at most %d %s: %d %s', (longest, unit, value, shownUnit) => {
    expect(niceLength(longest, unit)).toMatchObject({ value, unit: shownUnit });
  });
});
