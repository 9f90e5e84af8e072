import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { hdf5Extractor } from '../../src/extract/formats/hdf5.js';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { buildHdf5, veloxDocument } from '../support/build-hdf5.js';
import { describeWithSamples, samplePath } from '../support/samples.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'Europe/Vienna', previews: true };

/** The real and imaginary parts in fei_example_complex_fft.emd. */
const STORED_FFT: readonly (readonly (readonly [number, number])[])[] = [
  [
    [1075972736, -2],
    [-6432275, -3521356.5],
    [916342, -8037859],
    [1674487.5, 1957962],
  ],
  [
    [4416991, 5043133],
    [3843952, 6317418],
    [-3544622.25, -2628890],
    [2655015, 868804.5625],
  ],
  [
    [-3661529.5, -2775066],
    [-1210374.375, 2766943],
    [356399.5625, -1509323.25],
    [-535030.625, 12459.50390625],
  ],
];

async function read(bytes: Buffer): Promise<ExtractedFile> {
  return hdf5Extractor.extract(sniffableFile('a.emd', bytes), CONTEXT);
}

function sample(name: string): Promise<ExtractedFile> {
  return read(readFileSync(samplePath(`emd_files/${name}`)));
}

describeWithSamples('Velox samples', () => {
  test('a STEM picture has the values of microscope, scan and stage in our units', async () => {
    const { format, signals } = await sample('fei_emd_files/fei_emd_image.emd');
    expect(format).toBe('Velox EMD');
    expect(signals[0]).toMatchObject({
      title: 'HAADF',
      type: 'Image',
      role: 'Experimental',
      acquiredMs: Date.parse('2017-03-06T09:56:41Z'),
    });
    expect(signals[0]?.metadata).toMatchObject({
      'Acceleration Voltage': { value: 200, unit: 'kV' },
      'Acquisition Software': { value: 'Velox 1.4.0.1292-05ef070' },
      'Acquisition Time': { value: '2017-03-06T10:56:41+01:00' },
      'Beam Spot Size': { value: 7 },
      'Camera Length': { value: 98, unit: 'mm' },
      'Data Type': { value: 'STEM_Imaging' },
      'Detector Name': { value: 'HAADF' },
      Magnification: { value: 40_000 },
      Microscope: { value: 'Talos' },
      'Operation Mode': { value: 'STEM' },
      'Pixel Width': { value: 5.30241483799, unit: 'nm' },
      'Scan Rotation': { value: 95, unit: '°' },
      'Stage X': { value: -9.37098624, unit: 'µm' },
    });
  });

  test('a TEM stack has exposure, binning and defocus, and no values of a scan', async () => {
    const { signals } = await sample('fei_example_tem_stack.emd');
    expect(signals[0]?.metadata).toMatchObject({
      'Binning X': { value: 1 },
      'Data Type': { value: 'TEM_Imaging' },
      Defocus: { value: 0.0302316992053, unit: 'µm' },
      'Exposure Time': { value: 0.8, unit: 's' },
      'Frame Count': { value: 2 },
      'Imaging Mode': { value: 'Imaging' },
    });
    expect(signals[0]?.metadata).not.toHaveProperty('Frame Time');
  });

  test('an X-ray spectrum has the angles, the times and the dead time of its detector', async () => {
    const { signals } = await sample('fei_emd_files/fei_emd_spectrum.emd');
    expect(signals).toMatchObject([{ type: 'Spectrum', title: 'SuperXG2' }]);
    expect(signals[0]?.metadata).toMatchObject({
      'Azimuthal Angle': { value: 45, unit: '°' },
      'Data Type': { value: 'STEM_EDS' },
      'Energy Dispersion': { value: 10, unit: 'eV' },
      'Energy Offset': { value: -1000, unit: 'eV' },
      'Solid Angle': { value: 0.225, unit: 'sr' },
    });
    expect(signals[0]?.metadata).toHaveProperty('Live Time');
    expect(signals[0]?.metadata).toHaveProperty('Dead Time');
  });

  test('the four detectors of a spectrum image are added up and its times are left out', async () => {
    const { signals } = await sample('fei_emd_files/fei_SI_EDS-HAADF-4detectors_2frames.emd');
    expect(signals.map(({ type }) => type)).toEqual([
      ...['Spectrum', 'Spectrum', 'Spectrum', 'Spectrum'],
      'Image',
      'SpectrumImage',
    ]);
    const source = signals[5]?.previewOf?.();
    if (source?.kind !== 'spectrum-image') throw new Error('no spectrum image');
    const counts = [...source.spectrum.values].map(Number).reduce((a, b) => a + b, 0);
    expect(counts).toBe(269_500);
    // Below 163 eV lies the peak of the electronics.
    expect(source.spectrum.origin).toBeCloseTo(0.165, 10);
    expect(signals[5]?.metadata).toMatchObject({ 'Frame Count': { value: 2 } });
    expect(signals[5]?.metadata).not.toHaveProperty('Live Time');
  });

  test('pictures are named as Velox shows them; computed ones are derived', async () => {
    const { signals } = await sample('fei_example_dpc_titles.emd');
    expect(signals.map(({ title, role }) => `${title ?? ''} ${role}`)).toEqual([
      'B-D Derived',
      'DPC Derived',
      'iDPC Derived',
      'DF4-C Experimental',
      'DF4-B Experimental',
      'DF4-A Experimental',
      'A-C Derived',
      'DF4-D Experimental',
      'iDPC Derived',
    ]);
    const fft = await sample('fei_example_complex_fft.emd');
    expect(fft.signals).toMatchObject([{ title: 'FFT#1(Ceta)', type: 'Image', role: 'Derived' }]);
  });

  test('half a Fourier transform is shown whole, frequency zero in the centre', async () => {
    const { signals } = await sample('fei_example_complex_fft.emd');
    const source = signals[0]?.previewOf?.();
    if (source?.kind !== 'image') throw new Error('No image.');
    expect(signals[0]?.shape).toEqual([3, 4]);
    expect(source).toMatchObject({ width: 6, height: 3, stretch: 'log' });
    // As hyperspy reads it: rows of y = 0, 1, -1; columns of x = 0 to 3, the last of which stands for -3, too.
    const stored = (x: number, y: number): number => Math.hypot(...(STORED_FFT[y]?.[x] ?? []));
    const shown = (y: number): number[] =>
      [...source.pixels.slice((y + 1) * 6, (y + 2) * 6)].map(Number);
    const near = (values: readonly number[]): unknown[] =>
      values.map((value) => expect.closeTo(value, -3));
    expect(shown(0)).toEqual(near([3, 2, 1, 0, 1, 2].map((x) => stored(x, 0))));
    expect(shown(-1)).toEqual(
      near([stored(3, 1), stored(2, 1), stored(1, 1), stored(0, 2), stored(1, 2), stored(2, 2)]),
    );
    expect(shown(1)).toEqual(
      near([stored(3, 2), stored(2, 2), stored(1, 2), stored(0, 1), stored(1, 1), stored(2, 1)]),
    );
  });

  test('documents and settings are kept as JSON among the tags', async () => {
    const { tags } = await sample('fei_emd_files/fei_emd_image.emd');
    expect(tags).toMatchObject({
      Data: {
        Image: {
          '23088cf7c7844be397c5c465915044ac': {
            Data: '[512 x 512 x 1 uint16]',
            Metadata: { Instrument: { InstrumentClass: 'Talos' } },
          },
        },
      },
      Version: { format: 'Velox', version: '4' },
    });
  });
});

/** No EELS file of Velox is freely packaged: this one is written from the layout that others describe. */
describe('EELS of Velox', () => {
  const microscope = {
    Acquisition: { AcquisitionStartDatetime: { DateTime: '1700000000' } },
    Optics: { AccelerationVoltage: '300000', OperatingMode: '2', BeamConvergence: '0.0214' },
    Detectors: { 'Detector-0': { DetectorName: 'EELS Strip Detector' } },
    CustomProperties: {
      'EnergyFilter.CollectionAngleRange.End': { type: 'double', value: '0.05' },
    },
  };
  const picture = {
    ...microscope,
    BinaryResult: {
      Detector: 'HAADF',
      PixelSize: { width: '2e-10', height: '2e-10' },
      Offset: { x: '0', y: '2e-9' },
      PixelUnitX: 'm',
    },
  };

  async function eelsFile(): Promise<ExtractedFile> {
    const bytes = await buildHdf5((file) => {
      file.create_dataset({
        name: 'Version',
        data: [JSON.stringify({ format: 'Velox', version: '11' })],
      });
      const data = file.create_group('Data');
      const image = data.create_group('Image').create_group('aa');
      image.create_dataset({ name: 'Data', data: new Uint16Array(6), shape: [2, 3, 1] });
      veloxDocument(image, 'Metadata', picture);
      const cube = data.create_group('EelsSpectrumImage').create_group('bb');
      // [columns, channels, rows]: the value is 100 * column + 10 * row + channel.
      const values = new Uint16Array(3 * 4 * 2);
      for (let column = 0; column < 3; column += 1)
        for (let channel = 0; channel < 4; channel += 1)
          for (let row = 0; row < 2; row += 1)
            values[(column * 4 + channel) * 2 + row] = 100 * column + 10 * row + channel;
      cube.create_dataset({ name: 'Data', data: values, shape: [3, 4, 2], chunks: [3, 4, 1] });
      veloxDocument(cube, 'Metadata', {
        ...microscope,
        BinaryResult: { Detector: 'EELS Strip Detector' },
      });
      const line = { Data: { offset: '350', dispersion: '0.5', exposureTime: '0.002' } };
      veloxDocument(cube, 'AcquisitionMetadata', line, 2);
      const spectrum = data.create_group('EelsSpectrum').create_group('cc');
      spectrum.create_dataset({
        name: 'Data',
        data: new Float32Array([1, 2, 3, 4]),
        shape: [4, 1],
      });
      veloxDocument(spectrum, 'Metadata', microscope);
      veloxDocument(spectrum, 'AcquisitionMetadata', line);
    });
    return read(bytes);
  }

  test('a spectrum image has rows, columns and energy losses; its pixels are as large as the picture’s', async () => {
    const { signals, warnings } = await eelsFile();
    expect(warnings).toEqual([]);
    expect(signals[2]).toMatchObject({
      title: 'EELS',
      type: 'SpectrumImage',
      shape: [2, 3, 4],
      dtype: 'uint16',
      calibration: [
        { scale: 200, origin: 2000, unit: 'pm' },
        { scale: 200, origin: 0, unit: 'pm' },
        { scale: 0.5, origin: 350, unit: 'eV' },
      ],
      acquiredMs: 1_700_000_000_000,
      metadata: {
        'Collection Semi-angle': { value: 50, unit: 'mrad' },
        'Convergence Semi-angle': { value: 21.4, unit: 'mrad' },
        'Data Type': { value: 'STEM_EELS_Spectrum_Imaging' },
        'Energy Offset': { value: 350, unit: 'eV' },
        'Exposure Time': { value: 0.002, unit: 's' },
      },
    });
  });

  test('its preview sums over channels and over positions', async () => {
    const { signals } = await eelsFile();
    expect(signals[2]?.previewOf?.()).toMatchObject({
      kind: 'spectrum-image',
      navigation: {
        width: 3,
        height: 2,
        pixels: Float64Array.of(6, 406, 806, 46, 446, 846),
        pixelSize: { size: 200, unit: 'pm' },
      },
      spectrum: {
        values: Float64Array.of(630, 636, 642, 648),
        xLabel: 'Energy loss',
        xUnit: 'eV',
      },
    });
  });

  test('a single spectrum is a spectrum', async () => {
    const { signals } = await eelsFile();
    expect(signals[1]).toMatchObject({
      type: 'Spectrum',
      shape: [4],
      calibration: [{ scale: 0.5, origin: 350, unit: 'eV' }],
      metadata: { 'Data Type': { value: 'STEM_EELS' } },
    });
  });

  test('a file whose event stream was pruned says so', async () => {
    const bytes = await buildHdf5((file) => {
      file.create_dataset({ name: 'Version', data: [JSON.stringify({ format: 'Velox' })] });
      const data = file.create_group('Data');
      const image = data.create_group('Image').create_group('aa');
      image.create_dataset({ name: 'Data', data: new Uint16Array(4), shape: [2, 2, 1] });
      data.create_group('SpectrumImage').create_group('bb');
    });
    const { signals, warnings } = await read(bytes);
    expect(signals).toMatchObject([{ shape: [2, 2], metadata: {} }]);
    expect(warnings).toEqual([expect.stringContaining('pruned')]);
  });
});
