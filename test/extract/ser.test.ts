import { describe, expect, test } from '@jest/globals';
import { emiExtractor } from '../../src/extract/formats/emi.js';
import { serExtractor } from '../../src/extract/formats/ser.js';
import { fileWithSiblings } from '../support/file-with-siblings.js';
import { firstFrame } from '../support/first-frame.js';
import {
  expectArray,
  expectClose,
  metadataText,
  previewSum,
  sampleFile,
} from '../support/sample-file.js';
import {
  describeWithSamples,
  sampleReference,
  type ReferenceAxis,
  type ReferenceSignal,
} from '../support/samples.js';

const CONTEXT = { timezone: 'Europe/Vienna', previews: true };
const series = sampleReference((name) => name.endsWith('.ser'));
const documents = sampleReference((name) => name.endsWith('.emi'));

async function read(name: string) {
  return await serExtractor.extract(sampleFile(name), CONTEXT);
}

/** What hyperspy means: without the document it takes 1/m for m, and it leaves origins in m. */
function inOurUnits(axis: ReferenceAxis, isPattern: boolean): ReferenceAxis {
  const { scale, origin, unit } = axis;
  if (isPattern && unit === 'nm') {
    return { scale: scale / 1e18, origin: origin / 1e9, unit: '1/nm' };
  }
  if (unit === '1 / nm') return { scale, origin: origin / 1e9, unit: '1/nm' };
  return unit === 'nm' ? { scale, origin: origin * 1e9, unit } : axis;
}

/** The series of a document, in their order. */
function seriesOf(document: string): string[] {
  const stem = document.slice(0, -'.emi'.length);
  return series.map(([name]) => name).filter((name) => name.replace(/_\d+\.ser$/, '') === stem);
}

describeWithSamples('the TIA samples', () => {
  test('are all known to the reference', () => {
    expect([series.length, documents.length]).toEqual([29, 22]);
  });

  test.each(series)(
    '%s is recognised and has the array that hyperspy reads',
    async (name, expected) => {
      expect(serExtractor.sniff(sampleFile(name).head)).toBe(true);
      const { signals } = await read(name);
      const [signal] = signals;
      const [reference] = expected;
      if (signal === undefined || reference === undefined) throw new Error('no signal');
      const isPattern = signal.calibration.at(-1)?.unit === '1/nm';
      const images = isPattern || signal.calibration.at(-1)?.unit === 'nm' ? 2 : 0;
      const calibration = reference.calibration.map((axis, index) =>
        inOurUnits(axis, isPattern && index >= reference.calibration.length - images),
      );
      expectArray(signal, {
        ...reference,
        calibration: withOurPositions(name, calibration, signal),
      });
    },
  );

  /** hyperspy leaves the calibration element of counted axes out, and takes points chosen by hand for a metre apart. */
  function withOurPositions(
    name: string,
    calibration: readonly ReferenceAxis[],
    signal: { readonly calibration: readonly ReferenceAxis[] },
  ): ReferenceAxis[] {
    return calibration.map((axis, index) => {
      if (axis.scale === 1e9) return { scale: 1, origin: 0, unit: '' };
      const isLine = name.includes('5x5') && index === 0;
      return isLine ? { ...axis, origin: signal.calibration[0]?.origin ?? NaN } : axis;
    });
  }

  test.each(series)('%s has the sum that hyperspy reads', async (name, expected) => {
    const [reference] = expected;
    const { signals } = await read(name);
    const isImage = firstFrame(signals[0]?.previewOf?.())?.kind === 'image';
    const frame = isImage ? firstFrameSum(reference) : reference?.sum;
    if (frame !== undefined) {
      const wanted = Number(frame);
      expect(Math.abs(previewSum(signals[0]) - wanted)).toBeLessThanOrEqual(
        1e-6 * Math.abs(wanted),
      );
    }
  });

  /** Of four axes hyperspy's first frame is a line of the scan. */
  function firstFrameSum(reference: ReferenceSignal | undefined): string | undefined {
    if (reference === undefined || reference.shape.length > 3) return undefined;
    return reference.frameSum ?? reference.sum;
  }

  test.each(documents)(
    'the series of %s are in the units that hyperspy takes from it',
    async (name, expected) => {
      const names = seriesOf(name);
      expect(names).toHaveLength(expected.length);
      for (const [index, file] of names.entries()) {
        const { signals } = await read(file);
        const wanted = expected[index]?.calibration.at(-1) ?? {
          scale: NaN,
          origin: NaN,
          unit: '?',
        };
        const axis = signals[0]?.calibration.at(-1);
        expect(axis?.unit).toBe(wanted.unit.replaceAll(' ', ''));
        expectClose(axis?.scale ?? NaN, wanted.scale);
      }
    },
  );

  test('positions of a scan are where the beam was: half a step around its first position', async () => {
    const { signals } = await read('FEI_new/16x16-spectrum_image_5x5x4000-not_square_1.ser');
    // The tag of the first element has the beam at -3.73597415 nm, 7.00037573 nm.
    const [y, x] = signals[0]?.calibration ?? [];
    expect((y?.origin ?? NaN) + (y?.scale ?? NaN) / 2).toBeCloseTo(7.00037573, 6);
    expect((x?.origin ?? NaN) + (x?.scale ?? NaN) / 2).toBeCloseTo(-3.73597415, 6);
  });

  test('an image carries the state of the microscope, in our units', async () => {
    const found = await read('FEI_old/16x16_STEM_BF_DF_acquire_1.ser');
    expect(metadataText(found)).toEqual({
      'Acceleration Voltage': '200 kV',
      'Acquisition Time': '2016-02-21T17:53:06+01:00',
      'Beam Spot Size': '5',
      'Camera Length': '40 mm',
      'Data Dimensions': '16 × 16',
      'Data Type': 'STEM_Imaging',
      Defocus: '0 µm',
      'Dwell Time': '48 µs',
      'Emission Current': '0.29 µA',
      'Frame Time': '0.014647 s',
      Magnification: '10000',
      Microscope: 'Tecnai 200 kV D2267 SuperTwin',
      'Operation Mode': 'STEM nP SA Zoom Diffraction',
      Operator: 'ERIC',
      'Pixel Height': '21.5100440703 nm',
      'Pixel Width': '21.5100440703 nm',
      'Scan Rotation': '0 °',
      'Stage Alpha': '0 °',
      'Stage Beta': '0 °',
      'Stage X': '-0.158 µm',
      'Stage Y': '0.019 µm',
      'Stage Z': '0 µm',
    });
    expect(found.warnings).toEqual([]);
  });

  test('spectra and camera images of one document get what was recorded with each, not its survey image', async () => {
    const stem = 'FEI_new/16x16-diffraction_imagel_5x5x256x256_EDS';
    expect(metadataText(await read(`${stem}_1.ser`))).toMatchObject({
      'Data Type': 'STEM_EDS_Spectrum_Imaging',
      'Amplifier Time Constant': '1 µs',
      Signal: 'EDS',
    });
    const camera = await read(`${stem}_2.ser`);
    expect(camera.signals[0]?.type).toBe('Diffraction');
    expect(metadataText(camera)).toMatchObject({
      'Acquisition Device': 'BM-Ceta',
      'Binning X': '8',
      'Exposure Time': '0.05 s',
    });
  });

  test('energy-loss spectra have the settings of the spectrometer', async () => {
    const found = await read('FEI_old/16x16-spectrum_image-5x5x1024_1.ser');
    expect(found.signals[0]?.type).toBe('SpectrumImage');
    expect(metadataText(found)).toMatchObject({
      'Data Type': 'STEM_EELS_Spectrum_Imaging',
      'Energy Dispersion': '0.2 eV',
      'Energy Offset': '-20 eV',
      'Spectrometer Aperture': '2.0 mm',
    });
    expect(found.signals[0]?.previewOf?.()).toMatchObject({ spectrum: { xLabel: 'Energy loss' } });
  });

  test.each([
    ['FEI_old/16x16-point_spectrum-1x1024_1.ser', 'Energy loss'],
    ['FEI_old/more_ser_then_emi_metadata_1.ser', 'Energy'],
  ])('the spectrum of %s is over %s', async (name, xLabel) => {
    const { signals } = await read(name);
    expect(signals[0]?.previewOf?.()).toMatchObject({ kind: 'spectrum', xLabel });
  });

  test('a series whose document describes fewer, or has no date, is read', async () => {
    const second = await read('FEI_old/more_ser_then_emi_metadata_2.ser');
    expect(metadataText(second)).toMatchObject({ 'Stage Alpha': '15.61 °', Signal: 'EDS' });
    const undated = await read('FEI_old/no_AcquireDate_1.ser');
    expect(metadataText(undated)).toMatchObject({
      'Acquisition Time': '2020-08-05T23:46:45+02:00',
      'Beam Spot Size': '2',
    });
  });

  test('a value that should be a number and is not is said, and the rest kept', async () => {
    const found = await read(
      'FEI_old/non_float_meta_value_zeroed/non_float_meta_value_zeroed_1.ser',
    );
    expect(found.warnings).toEqual(['OBJ Aperture in the .emi file is not a number: V']);
    expect(metadataText(found)).toMatchObject({
      'Stage Alpha': '-6.96 °',
      'C2 Aperture': '150 µm',
    });
  });

  test('without its document a series is read, with a warning', async () => {
    const name = 'FEI_old/64x64_diffraction_acquire_1.ser';
    const found = await serExtractor.extract(
      fileWithSiblings('64x64_diffraction_acquire_1.ser', sampleFile(name).bytes, {}),
      CONTEXT,
    );
    expect(found.signals[0]?.type).toBe('Diffraction');
    expect(found.warnings).toEqual([
      "There is no 64x64_diffraction_acquire.emi beside the series: the microscope's settings are not known.",
    ]);
  });

  test('a broken document costs its metadata only', async () => {
    const name = '64x64_TEM_images_acquire';
    const { bytes } = sampleFile(`FEI_old/${name}_1.ser`);
    const emi = '<ObjectInfo><Uuid>1</Wrong></ObjectInfo><ObjectInfo>never ended';
    const file = fileWithSiblings(`${name}_1.ser`, bytes, { [`${name}.emi`]: emi });
    const found = await serExtractor.extract(file, CONTEXT);
    expect(found.signals[0]?.shape).toEqual([64, 64]);
    expect(found.warnings.join(' ')).toMatch(/not well-formed XML.*does not describe this series/);
  });

  test('a document by itself gives what was recorded, without data', async () => {
    const name = 'FEI_new/16x16-spectrum_image_5x5x4000-not_square.emi';
    const file = sampleFile(name);
    expect(emiExtractor.sniff(file.head)).toBe(true);
    const found = await emiExtractor.extract(file, CONTEXT);
    expect(found.signals.map(({ type, shape }) => ({ type, shape }))).toEqual([
      { type: 'Image', shape: [] },
      { type: 'Spectrum', shape: [] },
    ]);
    expect(metadataText(found, 1)).toMatchObject({
      'Acquisition Time': '2016-02-22T19:33:05+01:00',
      'Data Type': 'STEM_EDS',
      'Acceleration Voltage': '200 kV',
    });
    expect(found.warnings).toHaveLength(1);
  });

  test('the pixels are read for previews only', async () => {
    const file = sampleFile('FEI_new/16x16-diffraction_imagel_5x5x256x256_EDS_2.ser');
    await serExtractor.extract(file, { ...CONTEXT, previews: false });
    expect(file.bytesRead).toBeLessThan(file.sizeBytes / 2);
  });
});

describe('a series', () => {
  test('names its document as companion', () => {
    expect(serExtractor.companions).toEqual([{ main: '(.+)_\\d+\\.ser', companions: ['$1.emi'] }]);
  });
});
