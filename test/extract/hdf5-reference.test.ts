import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { hdf5Extractor } from '../../src/extract/formats/hdf5.js';
import type { ExtractedFile, PreviewSource } from '../../src/extract/extractor.js';
import { firstFrame } from '../support/first-frame.js';
import { sniffableFile } from '../support/sniffable-file.js';
import {
  describeWithSamples,
  samplePath,
  sampleReference,
  type ReferenceSignal,
} from '../support/samples.js';

const reference = sampleReference((name) => /\.(emd|hspy|hdf5|nxs)$/.test(name));
/** hyperspy finds no NXdata there: its groups have no NX_class. */
const known = reference.filter(([, signals]) => signals.length > 0);

async function read(
  name: string,
  previews = false,
): Promise<ExtractedFile & { bytesRead: number }> {
  const file = sniffableFile(name, readFileSync(samplePath(name)));
  expect(hdf5Extractor.sniff(file.head)).toBe(true);
  const found = await hdf5Extractor.extract(file, { timezone: 'Europe/Vienna', previews });
  return { ...found, bytesRead: file.bytesRead };
}

function sumOf(values: Iterable<number | bigint>): number {
  let sum = 0;
  for (const value of values) sum += Number(value);
  return sum;
}

function previewSum(shown: PreviewSource | null | undefined): number {
  const source = firstFrame(shown);
  if (source?.kind === 'image') return sumOf(source.pixels);
  if (source?.kind === 'spectrum') return sumOf(source.values);
  if (source?.kind === 'spectrum-image') return sumOf(source.navigation.pixels);
  throw new Error('no preview');
}

/** What the preview of a signal shows, as hyperspy adds it up. */
function shownSum(expected: ReferenceSignal, kind: string): number {
  const { sum, frameSum, pictureSum, xraySum } = expected;
  return Number(kind === 'image' ? (pictureSum ?? frameSum ?? sum) : (xraySum ?? sum));
}

describeWithSamples('the HDF5 samples', () => {
  test('are all known to the reference', () => {
    expect(reference).toHaveLength(40);
    expect(known).toHaveLength(39);
  });

  test.each(known)('%s has the shapes and types that hyperspy reads', async (name, expected) => {
    const { signals, warnings } = await read(name);
    expect(signals.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
      expected.map(({ shape, dtype }) => ({ shape, dtype })),
    );
    // hyperspy does not notice what Prismatic's units are.
    expect(warnings.filter((text) => !text.endsWith('Prismatic wrote them so.'))).toEqual([]);
  });

  test.each(known)('%s has the calibration that hyperspy reads', async (name, expected) => {
    const { signals } = await read(name);
    for (const [index, { calibration }] of signals.entries()) {
      const wanted = expected[index]?.calibration ?? [];
      expect(calibration).toHaveLength(wanted.length);
      for (const [axis, { scale, origin, unit }] of calibration.entries()) {
        const { scale: wantedScale = NaN, origin: wantedOrigin = NaN } = wanted[axis] ?? {};
        // Axes of Prismatic are lists of 32-bit numbers, whose mean step hyperspy forms with 32 bits.
        expect(Math.abs(scale / wantedScale - 1)).toBeLessThan(1e-7);
        expect(Math.abs(origin - wantedOrigin)).toBeLessThanOrEqual(1e-12 * Math.abs(wantedOrigin));
        // A unit without brackets is not understood by hyperspy.
        if (unit !== 'test_units') expect(unit).toBe(wanted[axis]?.unit.replace('1 / ', '1/'));
      }
    }
  });

  test.each(known.filter(([name]) => !name.includes('fei_')))(
    '%s has the titles that hyperspy reads',
    async (name, expected) => {
      const { signals } = await read(name);
      const titles = expected.map(({ title }) => title?.trim() ?? null);
      expect(signals.map(({ title }) => title)).toEqual(
        titles.map((title) => (title === '__unnamed__' ? null : title)),
      );
    },
  );

  test.each(known.filter(([name]) => !/rgba16|4D|complex_fft/.test(name)))(
    '%s has previews with the pixel sums that hyperspy reads',
    async (name, expected) => {
      const { signals } = await read(name, true);
      for (const [index, { previewOf, shape }] of signals.entries()) {
        const wanted = expected[index] ?? { shape: [], dtype: '', calibration: [] };
        if (shape.every((length) => length === 1)) {
          expect(previewOf).toBeNull();
          continue;
        }
        const source = firstFrame(previewOf?.());
        const sum = shownSum(wanted, source?.kind ?? '');
        expect(Math.abs(previewSum(source) - sum)).toBeLessThanOrEqual(1e-6 * Math.abs(sum));
      }
    },
  );

  test('diffraction patterns of a scan are shown as the sum of patterns spread over it', async () => {
    const { signals } = await read('emd_files/Si100_4D.emd', true);
    const source = signals[0]?.previewOf?.();
    // Of 11 x 11 positions every second one is taken, at both depths.
    expect(source).toMatchObject({ kind: 'image', width: 8, height: 8, stretch: 'log' });
    expect(previewSum(source)).toBeCloseTo((221.2757 * 36) / 121, -1);
  });

  test('colours of 16 bits are shown with 8', async () => {
    const { signals } = await read('hdf5_files/test_rgba16.hdf5', true);
    const source = firstFrame(signals[0]?.previewOf?.());
    expect(source).toMatchObject({ kind: 'image', width: 128, height: 128, channels: 4 });
    expect(Math.abs(previewSum(source) - 2_197_519_620 / 257)).toBeLessThan(128 * 128 * 4);
  });

  test('a file without NXdata shows its largest dataset', async () => {
    const { format, signals } = await read('nexus_files/nexus_test_datakey.nxs');
    expect(format).toBe('HDF5');
    expect(signals).toMatchObject([{ shape: [4, 5, 6], dtype: 'float64', calibration: [] }]);
  });

  test('text as data has a shape and no preview', async () => {
    const { signals } = await read('emd_files/example_object_dtype_data.emd', true);
    expect(signals).toMatchObject([{ shape: [1, 2], dtype: 'text', previewOf: null }]);
  });

  test('the metadata of a file are read without its data', async () => {
    const { bytesRead } = await read(
      'emd_files/fei_emd_files/fei_SI_SuperX-HAADF_20frames_10x50.emd',
    );
    expect(bytesRead).toBeLessThan(1_000_000);
  });
});
