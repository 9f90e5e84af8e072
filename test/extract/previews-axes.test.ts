import { describe, expect, test } from '@jest/globals';
import { axisTicks, powerOfTenText } from '../../src/extract/previews/axis-ticks.js';
import { niceLength } from '../../src/extract/previews/scale-bar.js';

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

  test('a power of ten is written with raised digits', () => {
    expect([powerOfTenText(6), powerOfTenText(-12)]).toStrictEqual(['×10⁶', '×10⁻¹²']);
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
    [0.021, 'mrad', 0.02, 'mrad'],
  ])('of at most %d %s: %d %s', (longest, unit, value, shownUnit) => {
    expect(niceLength(longest, unit)).toStrictEqual({ value, unit: shownUnit });
  });
});
