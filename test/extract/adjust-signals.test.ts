import { describe, expect, test } from '@jest/globals';
import type { Adjustment, AdjustmentAction } from '../../src/domain/adjustment.js';
import type { Metadata } from '../../src/domain/file-metadata.js';
import { adjustmentsOfFile, adjustSignals } from '../../src/extract/adjust-signals.js';

const CHANGE = { kind: 'change', trueUnit: null, scale: 1, rename: null } as const;

function adjustment(
  value: Adjustment['value'],
  action: AdjustmentAction,
  changes: Partial<Adjustment> = {},
): Adjustment {
  const name = `${value} ${action.kind}`;
  return { name, formats: [], files: [], value, action, unreliable: false, ...changes };
}

function adjusted(metadata: Metadata, ...adjustments: Adjustment[]): Metadata | undefined {
  return adjustSignals([{ metadata }], 'TIFF (FEI/Thermo)', adjustments).signals[0]?.metadata;
}

const STAGE: Metadata = {
  'Stage X': { value: 12, unit: 'µm' },
  'Stage Y': { value: 7, unit: 'µm' },
};

describe('adjustSignals', () => {
  test('the true unit of a number converts it, a scale multiplies it, in that order both', () => {
    expect(adjusted(STAGE, adjustment('Stage X', { ...CHANGE, trueUnit: 'mm' }))).toMatchObject({
      'Stage X': { value: 12_000, unit: 'µm' },
    });
    expect(
      adjusted(STAGE, adjustment('Stage X', { ...CHANGE, trueUnit: 'mm', scale: -0.1 })),
    ).toMatchObject({ 'Stage X': { value: -1200, unit: 'µm' } });
  });

  test('two values can change places, since each goes by the name that the reader gave', () => {
    const swap = [
      adjustment('Stage X', { ...CHANGE, rename: 'Stage Y' }),
      adjustment('Stage Y', { ...CHANGE, rename: 'Stage X' }),
    ];
    expect(adjusted(STAGE, ...swap)).toStrictEqual({
      'Stage X': { value: 7, unit: 'µm' },
      'Stage Y': { value: 12, unit: 'µm' },
    });
  });

  test('a renamed value takes the place of another one and its unit', () => {
    expect(
      adjusted(STAGE, adjustment('Stage X', { ...CHANGE, rename: 'Working Distance' })),
    ).toStrictEqual({
      'Stage Y': STAGE['Stage Y'],
      'Working Distance': { value: 0.012, unit: 'mm' },
    });
    expect(adjusted(STAGE, adjustment('Stage X', { ...CHANGE, rename: 'Stage Y' }))).toStrictEqual({
      'Stage Y': { value: 12, unit: 'µm' },
    });
  });

  test('a constant is set also where the file says nothing, a dropped value is gone', () => {
    const to = { value: 'Ada' };
    expect(
      adjusted(
        STAGE,
        adjustment('Operator', { kind: 'set', to }),
        adjustment('Stage X', { kind: 'drop' }),
      ),
    ).toStrictEqual({ Operator: to, 'Stage Y': STAGE['Stage Y'] });
  });

  test('an unreliable value is marked, a missing one is not made up', () => {
    const marks = [
      adjustment('Stage X', CHANGE, { unreliable: true }),
      adjustment('Stage Z', { ...CHANGE, scale: 2 }, { unreliable: true }),
    ];
    expect(adjusted(STAGE, ...marks)).toStrictEqual({
      ...STAGE,
      'Stage X': { value: 12, unit: 'µm', warning: true },
    });
  });

  test('says of each signal what was done and what the reader gave', () => {
    const other = { metadata: {} };
    const set = adjustment('Stage X', { kind: 'set', to: { value: 1, unit: 'µm' } });
    expect(adjustSignals([{ metadata: STAGE }, other], 'any', [set]).applied).toStrictEqual([
      { adjustment: set.name, signal: 1, value: 'Stage X', original: STAGE['Stage X'] },
      { adjustment: set.name, signal: 2, value: 'Stage X', original: null },
    ]);
  });

  test.each([
    ['TIFF (FEI*', true],
    ['tiff (fei/thermo)', true],
    ['*Thermo*', true],
    ['TIFF', false],
    ['TIFF (Zeiss*', false],
    ['TIFF .FEI/Thermo.', false],
  ])('format %s: %s', (format, isMeant) => {
    const drop = adjustment('Stage X', { kind: 'drop' }, { formats: [format] });
    expect(adjusted(STAGE, drop)?.['Stage X'] === undefined).toBe(isMeant);
  });

  test.each([
    ['*.TIF', true],
    ['scan*', true],
    ['titan/**', true],
    ['/titan/**', false],
    ['titan/*.tif', false],
    ['*.dm4', false],
  ])('file %s: %s', (file, isMeant) => {
    const drop = adjustment('Stage X', { kind: 'drop' }, { files: [file] });
    expect(adjustmentsOfFile([drop], '/titan/day%20one/scan(1).tif')).toHaveLength(isMeant ? 1 : 0);
  });
});
