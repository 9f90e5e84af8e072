import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { dmExtractor } from '../../src/extract/formats/dm.js';
import type { ExtractedSignal } from '../../src/extract/extractor.js';
import { stableJson } from '../../src/extract/stable-json.js';
import { firstFrame } from '../support/first-frame.js';
import { MemoryFile } from '../support/memory-file.js';
import { describeWithSamples, samplePath, sampleReference } from '../support/samples.js';

const reference = sampleReference((name) => /\.dm[34]$/.test(name));

async function read(name: string, previews: boolean) {
  const file = new MemoryFile(name, readFileSync(samplePath(name)));
  const found = await dmExtractor.extract(file, { timezone: 'Europe/Vienna', previews });
  return { file, ...found };
}

/** What the preview shows, added up. */
function previewSum(signal: ExtractedSignal): { kind: string; sum: number } {
  const source = firstFrame(signal.previewOf?.());
  if (source === null) throw new Error('no preview');
  let sum = 0;
  const add = (values: Iterable<number | bigint>): void => {
    for (const value of values) sum += Number(value);
  };
  if (source.kind === 'image') add(source.pixels);
  else if (source.kind === 'spectrum') add(source.values);
  else if (source.kind === 'spectrum-image') add(source.navigation.pixels);
  return { kind: source.kind, sum };
}

describeWithSamples('the DigitalMicrograph samples', () => {
  test('are all known to the reference', () => {
    expect(reference).toHaveLength(110);
  });

  test.each(reference)(
    '%s has the shape, type, calibration and title that hyperspy reads',
    async (name, expected) => {
      const { signals } = await read(name, false);
      expect(
        signals.map(({ shape, dtype, calibration, title }) => ({
          shape,
          dtype,
          calibration,
          title,
        })),
      ).toEqual(
        expected.map(({ shape, dtype, calibration, title }) => ({
          shape,
          dtype,
          calibration,
          title: title ?? null,
        })),
      );
    },
  );

  test.each(reference)('%s has the pixel sum that hyperspy reads', async (name, expected) => {
    const { signals } = await read(name, true);
    for (const [index, signal] of signals.entries()) {
      const { kind, sum } = previewSum(signal);
      const { sum: whole, frameSum, dtype } = expected[index] ?? { dtype: '' };
      // Of a stack the preview shows the first frame; of colours it leaves out alpha, which the samples set to 0.
      const wanted = Number(kind === 'image' && frameSum !== undefined ? frameSum : whole);
      expect(dtype).not.toBe('');
      expect(Math.abs(sum - wanted)).toBeLessThanOrEqual(1e-6 * Math.abs(wanted));
    }
  });

  test.each([
    ['dm3_1D_data/test-EELS_spectrum.dm3', 'Spectrum', 'STEM_EELS', '2016-08-08T17:35:17Z'],
    ['dm3_1D_data/test-EDS_spectrum.dm3', 'Spectrum', 'STEM_EDS', '2016-08-08T19:46:19Z'],
    ['dm3_2D_data/test_STEM_image.dm3', 'Image', 'STEM_Imaging', '2016-08-08T15:26:37.001Z'],
    ['dm3_2D_data/test_diffraction_pattern.dm3', 'Diffraction', 'TEM_Diffraction', null],
    [
      'dm3_2D_data/test_diffraction_pattern_tags_removed.dm3',
      'Diffraction',
      'TEM_Diffraction',
      null,
    ],
    [
      'dm4_3D_data/EELS_SI.dm4',
      'SpectrumImage',
      'STEM_EELS_Spectrum_Imaging',
      '2019-05-14T18:50:13Z',
    ],
    [
      'dm4_2D_data/test-MonarcCL_spectrum-SI.dm4',
      'SpectrumImage',
      'SEM_CL_Spectrum_Imaging',
      '2021-09-16T19:06:16.568Z',
    ],
    ['dm4_2D_data/test-MonoCL_spectrum-SI.dm4', 'SpectrumImage', 'SEM_CL_Spectrum_Imaging', null],
    ['dm4_1D_data/test-MonarcCL_spectrum-pmt.dm4', 'Spectrum', 'TEM_CL', '2022-01-17T15:01:14Z'],
    [
      'dm_stackbuilder_plugin/test_stackbuilder_imagestack.dm3',
      'Image',
      'STEM_Imaging',
      '2015-05-17T15:00:16.465Z',
    ],
    ['dm3_locale/Fei HAADF-DE_location.dm3', 'Image', 'STEM_Imaging', '2016-08-27T19:54:33.854Z'],
    ['dm3_locale/Fei HAADF-MX_location.dm3', 'Image', 'STEM_Imaging', '2016-08-27T19:55:59.051Z'],
  ])('%s is a %s, %s, acquired %s', async (name, type, dataType, acquired) => {
    const { signals, warnings } = await read(name, false);
    expect(signals[0]).toMatchObject({
      type,
      metadata: { 'Data Type': { value: dataType } },
      acquiredMs: acquired === null ? null : Date.parse(acquired),
    });
    expect(warnings).toHaveLength(acquired === null ? 1 : 0);
  });

  test('a survey of an EELS spectrum image gives its spectrometer and microscope values in our units', async () => {
    const { signals } = await read('dm4_3D_data/EELS_SI.dm4', false);
    expect(signals[0]?.metadata).toMatchObject({
      'Acceleration Voltage': { value: 200, unit: 'kV' },
      'Collection Semi-angle': { value: 62, unit: 'mrad' },
      'Convergence Semi-angle': { value: 21, unit: 'mrad' },
      'Dwell Time': { value: 20_000, unit: 'µs' },
      'Energy Dispersion': { value: 1, unit: 'eV' },
      'Energy Offset': { value: 300, unit: 'eV' },
      'Camera Length': { value: 550, unit: 'mm' },
      'Stage X': { value: -308.049, unit: 'µm' },
      Microscope: { value: 'FEI Titan' },
      'Spectrometer Aperture': { value: '5 mm' },
    });
    expect(signals[0]?.metadata).not.toHaveProperty('Beam Current');
  });

  test('live, real and dead time and the detector of an EDS spectrum are read', async () => {
    const { signals } = await read('dm3_1D_data/test-EDS_spectrum.dm3', false);
    expect(signals[0]?.metadata).toMatchObject({
      'Live Time': { value: 3.806, unit: 's' },
      'Real Time': { value: 4.233, unit: 's' },
      'Dead Time': { value: 10.0874, unit: '%' },
      'Elevation Angle': { value: 18, unit: '°' },
      'Azimuthal Angle': { value: 45, unit: '°' },
      'Solid Angle': { value: 0.7, unit: 'sr' },
      'Energy Dispersion': { value: 5, unit: 'eV' },
    });
  });

  test('metadata alone are read without the pixels', async () => {
    const { file } = await read('dm3_2D_data/multi_signal.dm3', false);
    expect(file.bytesRead).toBeLessThan(file.sizeBytes / 2);
  });

  test('the vendor tags are kept whole, with arrays described', async () => {
    const { tags } = await read('dm3_1D_data/test-EELS_spectrum.dm3', false);
    expect(JSON.parse(stableJson(tags))).toMatchObject({
      ImageList: {
        TagGroup1: {
          ImageData: { Data: '[2048 x float32 at byte 305431]', DataType: 2 },
          ImageTags: {
            Acquisition: { Device: { 'Active Size (pixels)': [2048, 2048] } },
            'Microscope Info': { 'Emission Current (µA)': 0 },
          },
        },
      },
      Thumbnails: { TagGroup0: { ImageIndex: 0 } },
    });
  });
});
