import { describe, expect, test } from '@jest/globals';
import { hdf5Extractor } from '../../src/extract/formats/hdf5.js';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { buildHdf5, setAttributes } from '../support/build-hdf5.js';
import { firstFrame } from '../support/first-frame.js';
import { sniffableFile } from '../support/sniffable-file.js';

interface Variant {
  /** Masses of the samples of the sum spectrum. */
  readonly masses: readonly number[];
  /** Whether the vendor's program has added up the peaks. */
  readonly isProcessed: boolean;
  readonly hasLog: boolean;
}

/** No file of Tofwerk is freely packaged: this one is written from the layout that RosettaSciIO describes. */
async function read(variant: Partial<Variant> = {}): Promise<ExtractedFile> {
  const { masses = [0, 1, 2, 3], isProcessed = true, hasLog = true } = variant;
  const bytes = await buildHdf5((file) => {
    setAttributes(file, {
      'TofDAQ Version': 1.99,
      IonMode: 'positive',
      'DAQ Hardware': 'Cronologic xTDC4',
      'HDF5 File Creation Time': '15.06.2024 10:30:00',
      NbrWrites: 2,
    });
    const spectra = file.create_group('FullSpectra');
    spectra.create_dataset({ name: 'MassAxis', data: Float32Array.from(masses) });
    spectra.create_dataset({ name: 'SumSpectrum', data: new Float64Array([5, 6, 7, 8]) });
    const fib = file.create_group('FIBParams');
    setAttributes(fib, { FibHardware: 'Tescan', Voltage: 30_000, Current: 0, ViewField: 1e-5 });
    const pressure = file.create_group('FibParams').create_group('FibPressure');
    pressure.create_dataset({
      name: 'TwData',
      data: new Float64Array([1e-4, 3e-4]),
      shape: [2, 1],
    });
    const images = file.create_group('FIBImages');
    for (const [index, name] of ['Image0000', 'Image0001'].entries()) {
      const data = new Float64Array(16).fill(index + 1);
      images.create_group(name).create_dataset({ name: 'Data', data, shape: [4, 4] });
    }
    const peaks = file.create_group('PeakData');
    peaks.create_dataset({
      name: 'PeakTable',
      data: new Map<string, unknown>([['mass', new Float32Array([12, 13, 14])]]),
    });
    if (isProcessed) {
      const data = Float32Array.from({ length: 2 * 2 * 5 * 3 }, (_, index) => index % 3);
      peaks.create_dataset({ name: 'PeakData', data, shape: [2, 2, 5, 3], chunks: [1, 2, 5, 3] });
    }
    if (hasLog) {
      file.create_group('AcquisitionLog').create_dataset({
        name: 'Log',
        data: new Map<string, unknown>([
          ['timestamp', new BigUint64Array([1n])],
          ['timestring', ['2025-01-01T12:00:00-05:00']],
        ]),
        dtype: [
          ['timestamp', '<Q'],
          ['timestring', 'S26'],
        ],
      });
    }
  });
  return hdf5Extractor.extract(sniffableFile('a.h5', bytes), {
    timezone: 'Europe/Vienna',
    previews: true,
  });
}

describe('Tofwerk FIB-SIMS', () => {
  test('a processed file has peaks a voxel, the sum spectrum and the pictures of the beam', async () => {
    const { format, signals, warnings } = await read();
    expect(format).toBe('Tofwerk FIB-SIMS');
    expect(warnings).toEqual([]);
    expect(signals).toMatchObject([
      {
        title: 'Peak data',
        type: 'SpectrumImage',
        shape: [2, 2, 5, 3],
        dtype: 'float32',
        calibration: [
          { scale: 1, origin: 0, unit: '' },
          { scale: 2, origin: 0, unit: 'µm' },
          { scale: 2, origin: 0, unit: 'µm' },
          { scale: 1, origin: 12, unit: 'Da' },
        ],
      },
      {
        title: 'Sum spectrum',
        type: 'Spectrum',
        calibration: [{ scale: 1, origin: 0, unit: 'Da' }],
      },
      { title: 'FIB images', type: 'Image', shape: [2, 4, 4] },
    ]);
    expect(signals[0]?.metadata).toEqual({
      'Acceleration Voltage': { value: 30, unit: 'kV' },
      'Acquisition Device': { value: 'Cronologic xTDC4' },
      'Acquisition Software': { value: 'TofDAQ 1.99' },
      'Acquisition Time': { value: '2025-01-01T18:00:00+01:00' },
      'Beam Name': { value: 'Ion' },
      'Chamber Pressure': { value: 0.0002, unit: 'Pa' },
      'Data Dimensions': { value: '2 × 2 × 5 × 3' },
      'Data Type': { value: 'PFIB_TOFSIMS' },
      'Frame Count': { value: 2 },
      'Horizontal Field Width': { value: 10, unit: 'µm' },
      'Ion Mode': { value: 'positive' },
      Microscope: { value: 'Tescan' },
      'Pixel Height': { value: 2000, unit: 'nm' },
      'Pixel Width': { value: 2000, unit: 'nm' },
      Signal: { value: 'SIMS' },
      Title: { value: 'Peak data' },
    });
  });

  test('the preview of the peaks adds up depths; that of the pictures has all of them', async () => {
    const { signals } = await read();
    expect(signals[0]?.previewOf?.()).toMatchObject({
      kind: 'spectrum-image',
      navigation: { width: 5, height: 2, pixels: new Float64Array(10).fill(6) },
      spectrum: { values: Float64Array.of(0, 20, 40), origin: 12, xLabel: 'm/z', xUnit: 'Da' },
    });
    const pictures = signals[2]?.previewOf?.();
    expect(pictures).toMatchObject({ kind: 'stack' });
    expect(firstFrame(pictures)).toMatchObject({
      kind: 'image',
      width: 4,
      height: 4,
      pixels: new Float64Array(16).fill(1),
    });
  });

  test('a raw file has no peaks', async () => {
    const { signals } = await read({ isProcessed: false });
    expect(signals.map(({ title }) => title)).toEqual(['Sum spectrum', 'FIB images']);
  });

  test('masses that are not evenly spaced are no calibration, but the preview is drawn over mass', async () => {
    const { signals } = await read({ masses: [0, 1, 4, 9], isProcessed: false });
    expect(signals[0]).toMatchObject({ title: 'Sum spectrum', calibration: [] });
    const source = signals[0]?.previewOf?.();
    if (source?.kind !== 'spectrum') throw new Error('no spectrum');
    const at = (mass: number): number =>
      Number(source.values[Math.min(4095, Math.floor(mass / source.scale))]);
    expect([at(0), at(1), at(4), at(9)]).toEqual([5, 6, 7, 8]);
  });

  test('without a log the time of creation is read in the zone of the instrument', async () => {
    const { signals } = await read({ hasLog: false });
    expect(signals[0]?.acquiredMs).toBe(Date.parse('2024-06-15T08:30:00Z'));
  });
});
