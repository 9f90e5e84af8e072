import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import type { ExtractedFile, PixelArray } from '../../src/extract/extractor.js';
import { tiffExtractor } from '../../src/extract/formats/tiff.js';
import { TiffContainer } from '../../src/extract/formats/tiff/tiff-directory.js';
import { layoutOf } from '../../src/extract/formats/tiff/tiff-layout.js';
import { readTiffPixels } from '../../src/extract/formats/tiff/tiff-pixels.js';
import { segmentsOf } from '../../src/extract/formats/tiff/tiff-segments.js';
import { isAppError } from '../../src/errors.js';
import { renderPreview } from '../../src/extract/previews/render-preview.js';
import { damaged } from '../support/damage.js';
import { sniffableFile } from '../support/sniffable-file.js';
import { describeWithSamples, samplePath, sampleReference } from '../support/samples.js';

const references = new Map(sampleReference((name) => name.endsWith('.tif')));
const names = [...references.keys()];
const FOLDER = 'tiff_files/tiff_FEI_Helios';
const CONTEXT = { timezone: 'Europe/Berlin', previews: true };

async function read(
  name: string,
  change = (bytes: Buffer): Buffer => bytes,
): Promise<ExtractedFile> {
  const file = sniffableFile(path.basename(name), change(readFileSync(samplePath(name))));
  return tiffExtractor.extract(file, CONTEXT);
}

/** Sums all pages that belong to the first signal, by the exact values. */
function sumOf(name: string, pages: number): number {
  const file = sniffableFile('a.tif', readFileSync(samplePath(name)));
  const container = new TiffContainer(file);
  let sum = 0;
  let count = 0;
  for (const directory of container.directories(() => undefined)) {
    const layout = layoutOf(container, directory);
    if (typeof layout === 'string') throw new Error(layout);
    const segments = segmentsOf(container, directory, layout);
    if (typeof segments === 'string') throw new Error(segments);
    for (const value of readTiffPixels(container, layout, segments).values) sum += Number(value);
    count += 1;
    if (count === pages) break;
  }
  return sum;
}

describeWithSamples('TIFF samples as hyperspy reads them', () => {
  test('there are samples', () => {
    expect(names.length).toBeGreaterThanOrEqual(20);
  });

  test.each(names)('%s: shape, type and sum of all pixels', async (name) => {
    const expected = references.get(name)?.[0];
    if (expected === undefined) throw new Error('No reference.');
    const extracted = await read(name);
    expect(extracted.signals).toMatchObject([{ shape: expected.shape, dtype: expected.dtype }]);
    const pages = expected.shape.length === 3 ? (expected.shape[0] ?? 1) : 1;
    expect(sumOf(name, pages)).toBe(Number(expected.sum));
    if (expected.frameSum !== undefined) expect(sumOf(name, 1)).toBe(Number(expected.frameSum));
  });

  // hyperspy gives the size in x to the rows and that in y to the columns; they differ by 2.5e-6 here at most.
  test.each(names.filter((name) => name.startsWith(FOLDER)))('%s: calibration', async (name) => {
    const [signal] = (await read(name)).signals;
    const expected = references.get(name)?.[0]?.calibration ?? [];
    const metres = signal?.calibration.map(({ scale }) => scale * 1e-9) ?? [];
    if (expected.every(({ unit }) => unit === '')) {
      expect(signal?.calibration).toEqual([]);
    } else {
      for (const [axis, { scale }] of expected.entries()) {
        expect(Math.abs((metres[axis] ?? 0) / scale - 1)).toBeLessThan(1e-5);
      }
    }
  });

  // Differences by design: Zeiss and FEI in nm instead of m, slices of ImageJ in its unit, blanks in `1 / nm`.
  test.each(names.filter((name) => !name.startsWith(FOLDER)))('%s: calibration', async (name) => {
    const [signal] = (await read(name)).signals;
    const expected = references.get(name)?.[0]?.calibration ?? [];
    if (expected.every(({ scale, unit }) => unit === '' && scale === 1)) {
      expect(signal?.calibration).toEqual([]);
      return;
    }
    for (const [axis, { scale, origin, unit }] of expected.entries()) {
      const inMetres = unit === 'm';
      const read = signal?.calibration[axis];
      const isSlices = name.endsWith('imageJ_stack.tif') && axis === 0;
      expect(read?.unit).toBe(inMetres ? 'nm' : isSlices ? 'µm' : unit.replaceAll(' ', ''));
      expect(read?.scale).toBeCloseTo(inMetres ? scale * 1e9 : scale, 12);
      expect(read?.origin).toBeCloseTo(origin, 9);
    }
  });

  test('a colour JPEG page with a 16-bit page gives two signals', async () => {
    const { signals } = await read('tiff_files/olympus_SIS.tif');
    expect(signals).toMatchObject([
      { shape: [101, 112], dtype: 'rgb8' },
      { shape: [101, 112], dtype: 'uint16' },
    ]);
    expect(signals.map((signal) => signal.previewOf?.()?.kind)).toEqual(['encoded', 'image']);
  });

  test('a JPEG page behind another one is drawn, too', async () => {
    const { signals, warnings } = await read('tiff_files/olympus_SIS.tif', (bytes) => {
      // The chain turned round: the second directory first.
      const relinked = Buffer.from(bytes);
      const first = relinked.readUInt32LE(4);
      const firstLink = first + 2 + relinked.readUInt16LE(first) * 12;
      const second = relinked.readUInt32LE(firstLink);
      relinked.writeUInt32LE(second, 4);
      relinked.writeUInt32LE(0, firstLink);
      relinked.writeUInt32LE(first, second + 2 + relinked.readUInt16LE(second) * 12);
      return relinked;
    });
    expect(warnings).toEqual([]);
    expect(signals.map(({ dtype }) => dtype)).toEqual(['uint16', 'rgb8']);
    const source = signals[1]?.previewOf?.();
    expect(source).toMatchObject({ kind: 'encoded', page: 1 });
    if (source == null) throw new Error('No source.');
    const plain = (await read('tiff_files/olympus_SIS.tif')).signals[0]?.previewOf?.();
    if (plain == null) throw new Error('No source.');
    expect(await renderPreview(source)).toEqual(await renderPreview(plain));
  });
});

describeWithSamples('samples of other vendors', () => {
  test.each<[string, string, string, Record<string, unknown>]>([
    [
      'tiff_files/tiff_Zeiss_SEM/test_tiff_Zeiss_SEM_512pix.tif',
      'TIFF (Zeiss SEM)',
      '2018-09-25T08:20:42+02:00',
      {
        'Acceleration Voltage': { value: 5, unit: 'kV' },
        'Chamber Pressure': { value: 0.000448, unit: 'Pa' },
        'Detector Name': { value: 'InLens' },
        'Horizontal Field Width': { value: 5.965, unit: 'µm' },
        Magnification: { value: 50000 },
        Microscope: { value: 'ULTRA 55-36-06' },
        Operator: { value: 'LIBERATO' },
        'Stage Rotation': { value: 245.8, unit: '°' },
        'Stage X': { value: 62996.1, unit: 'µm' },
        'Working Distance': { value: 3.9, unit: 'mm' },
      },
    ],
    [
      'tiff_files/TVIPS_bin4/TVIPS_bin4.tif',
      'TIFF (TVIPS EM-MENU)',
      '2017-04-12T09:01:17+02:00',
      {
        'Acceleration Voltage': { value: 99, unit: 'kV' },
        'Acquisition Device': { value: 'F416' },
        'Binning X': { value: 4 },
        'Exposure Time': { value: 0.4, unit: 's' },
        Magnification: { value: 32000 },
        'Stage Beta': { value: -0.055, unit: '°' },
        'Stage Y': { value: -0.092, unit: 'µm' },
      },
    ],
    [
      'tiff_files/JEOL-SightX-SAED-dummy.tif',
      'TIFF (JEOL SightX)',
      '2015-07-30T00:17:25.772+02:00',
      {
        'Acceleration Voltage': { value: 200, unit: 'kV' },
        'Camera Length': { value: 400, unit: 'mm' },
        'Data Type': { value: 'TEM_Diffraction' },
        Microscope: { value: 'JEM-ARM200F' },
      },
    ],
    [
      'tiff_files/tiff_hamamatsu/test_hamamatsu_streak_SCAN.tif',
      'TIFF (Hamamatsu HPD-TA)',
      '2022-02-09T18:14:40+01:00',
      {
        'Acquisition Device': { value: 'C13440-20CU' },
        'Central Wavelength': { value: 237, unit: 'nm' },
        'Exposure Time': { value: 0.15, unit: 's' },
        'Grating Density': { value: 1200 },
        Spectrometer: { value: 'Insight-H' },
      },
    ],
    [
      'tiff_files/test_loading_image_saved_with_DM.tif',
      'TIFF (DigitalMicrograph)',
      '2015-07-20T18:48:25+02:00',
      {
        'Acceleration Voltage': { value: 200, unit: 'kV' },
        'Exposure Time': { value: 0.5, unit: 's' },
        Microscope: { value: 'FEI Tecnai' },
      },
    ],
    [
      'tiff_files/olympus_SIS.tif',
      'TIFF (Olympus SIS)',
      '2018-11-15T19:42:31+01:00',
      {
        'Acquisition Device': { value: 'Quemesa' },
        Magnification: { value: 600000 },
        // tifffile reads 2.392791775876109e-11 m.
        'Pixel Width': { value: 0.0239279177588, unit: 'nm' },
      },
    ],
  ])('%s', async (name, vendor, time, metadata) => {
    const { format, signals, warnings } = await read(name);
    expect([format, warnings]).toEqual([vendor, []]);
    const [signal] = signals;
    expect(signal?.metadata).toMatchObject({ ...metadata, 'Acquisition Time': { value: time } });
    expect(signal?.acquiredMs).toBe(Date.parse(time));
    expect(signal?.type).toBe(name.includes('SAED') ? 'Diffraction' : 'Image');
  });

  test.each([
    'tiff_Zeiss_SEM/test_tiff_Zeiss_SEM_1k.tif',
    'tiff_Zeiss_SEM/test_tiff_Zeiss_SEM_512pix.tif',
    'TVIPS_bin4/TVIPS_bin4.tif',
  ])('%s: no scale bar is drawn over the one in the picture', async (name) => {
    const { signals } = await read(`tiff_files/${name}`);
    expect(signals[0]?.calibration).toMatchObject([{ unit: 'nm' }, { unit: 'nm' }]);
    expect(signals[0]?.previewOf?.()).toMatchObject({ kind: 'image', pixelSize: null });
  });

  test('a picture that only a common decoder reads has its pixel size, too', async () => {
    const { signals } = await read('tiff_files/olympus_SIS.tif');
    expect(signals[0]?.previewOf?.()).toMatchObject({
      kind: 'encoded',
      pixelSize: { size: 0.0239279177588, unit: 'nm' },
    });
  });

  test('a palette that is no ramp of grey gives colours', async () => {
    const folder = 'tiff_files/tiff_Zeiss_SEM';
    const ramp = await read(`${folder}/test_tiff_Zeiss_SEM_1k.tif`);
    expect(ramp.signals[0]?.previewOf?.()).toMatchObject({ channels: 1, stretch: 'none' });
    const overlay = await read(`${folder}/test_tiff_Zeiss_SEM_512pix.tif`);
    expect(overlay.signals[0]?.previewOf?.()).toMatchObject({ channels: 3, stretch: 'none' });
  });
});

describeWithSamples('FEI samples', () => {
  test('values come in the units of the harmonised names', async () => {
    const { format, signals, warnings } = await read(`${FOLDER}/FEI-Helios-Ebeam-16bits.tif`);
    expect(format).toBe('TIFF (FEI/Thermo)');
    expect(warnings).toEqual([]);
    expect(signals).toMatchObject([
      { type: 'Image', acquiredMs: Date.UTC(2016, 5, 13, 15, 6, 40) },
    ]);
    expect(signals[0]?.metadata).toEqual({
      'Acceleration Voltage': { value: 5, unit: 'kV' },
      'Acquisition Software': { value: '5.5.1.3318' },
      'Acquisition Time': { value: '2016-06-13T17:06:40+02:00' },
      'Beam Current': { value: 0.00625, unit: 'nA' },
      'Beam Name': { value: 'EBeam' },
      'Beam Spot Size': { value: 1 },
      'Chamber Pressure': { value: 0.000584097, unit: 'Pa' },
      'Data Type': { value: 'SEM_Imaging' },
      'Detector Name': { value: 'ETD' },
      'Dwell Time': { value: 10, unit: 'µs' },
      'Frame Count': { value: 1 },
      'Frame Time': { value: 2.62, unit: 's' },
      'Horizontal Field Width': { value: 1726.67, unit: 'µm' },
      Microscope: { value: 'Helios NanoLab" 660' },
      Operator: { value: 'supervisor' },
      'Pixel Height': { value: 3372.4, unit: 'nm' },
      'Pixel Width': { value: 3372.4, unit: 'nm' },
      'Scan Rotation': { value: 0, unit: '°' },
      Signal: { value: 'SE' },
      'Stage Alpha': { value: 0.000374999730998, unit: '°' },
      'Stage Beta': { value: 0, unit: '°' },
      'Stage Rotation': { value: -135.281065008, unit: '°' },
      'Stage X': { value: 25.76, unit: 'µm' },
      'Stage Y': { value: -194.177, unit: 'µm' },
      'Stage Z': { value: 7965, unit: 'µm' },
      'Stigmator X': { value: 0 },
      'Stigmator Y': { value: 0 },
      'System Type': { value: 'DualBeam' },
      'User Text': { value: 'Helios E-Beam' },
      'Vacuum Mode': { value: 'High vacuum' },
      'Vertical Field Width': { value: 1490.6, unit: 'µm' },
      'Working Distance': { value: 4.03466, unit: 'mm' },
    });
  });

  test('the data bar is no part of the preview: it would decide the contrast, and lie under the scale bar', async () => {
    const sixteen = (await read(`${FOLDER}/FEI-Helios-Ebeam-16bits.tif`)).signals[0]?.previewOf?.();
    const eight = (await read(`${FOLDER}/FEI-Helios-Ebeam-8bits.tif`)).signals[0]?.previewOf?.();
    expect(sixteen).toMatchObject({ width: 512, height: 442, stretch: 'percentile' });
    expect(eight).toMatchObject({
      ...{ width: 512, height: 442, stretch: 'none' },
      pixelSize: { unit: 'nm' },
    });
  });

  test('without a pixel size the field of view of the beam in use gives it', async () => {
    const { signals } = await read(`${FOLDER}/FEI-Helios-navcam.tif`);
    expect(signals).toMatchObject([
      {
        calibration: [
          { scale: 263974.609375, unit: 'nm' },
          { scale: 263973.958333, unit: 'nm' },
        ],
        metadata: { 'Beam Name': { value: 'IRBeam' }, 'Detector Name': { value: 'Nav-Cam' } },
      },
    ]);
  });

  test('values that are no numbers are left out with a warning each', async () => {
    const { signals, warnings } = await read(
      `${FOLDER}/FEI-Helios-navcam-with-no-IRBeam-bad-floats.tif`,
    );
    expect(signals[0]?.metadata).not.toHaveProperty('Acceleration Voltage');
    expect(signals[0]?.metadata).not.toHaveProperty('Working Distance');
    expect(signals[0]?.metadata).toMatchObject({ 'Stage X': { value: 69919.7, unit: 'µm' } });
    expect(warnings).toEqual([
      'FEI [Beam] HV is not a number: notafloat',
      'FEI [Stage] WorkingDistance is not a number: notafloat',
    ]);
  });

  test('a file whose bytes above 127 were all lost keeps its metadata, without a picture', async () => {
    const { format, signals, warnings } = await read(
      `${FOLDER}/FEI-Helios-Ebeam-8bits.tif`,
      (bytes) => Buffer.from(bytes.map((byte) => (byte > 0x7f ? 0x3f : byte))),
    );
    expect(format).toBe('TIFF (FEI/Thermo)');
    expect(signals).toMatchObject([
      {
        shape: [471, 512],
        previewOf: null,
        metadata: { 'Acceleration Voltage': { value: 5, unit: 'kV' }, Signal: { value: 'SE' } },
        calibration: [{ scale: 3372.4 }, { scale: 3372.4 }],
      },
    ]);
    expect(warnings[0]).toMatch(/^The TIFF structure is damaged/);
  });

  test('a file cut behind its pixels, without any directory, is FORMAT_INVALID', async () => {
    await expect(
      read(`${FOLDER}/FEI-Helios-Ebeam-8bits.tif`, (bytes) => bytes.subarray(0, 100_000)),
    ).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
  });
});

describeWithSamples('damaged samples', () => {
  const tries = process.env['SOAK'] === '1' ? 2000 : 12;

  test.each(names.filter((name) => !name.includes('TEM-mag') && !name.includes('no_scale')))(
    `${tries} damaged copies of %s give a result or an AppError`,
    async (name) => {
      const bytes = readFileSync(samplePath(name));
      for (let seed = 1; seed <= tries; seed += 1) {
        const file = sniffableFile('a.tif', damaged(bytes, seed));
        try {
          const { signals } = await tiffExtractor.extract(file, CONTEXT);
          expect(signals.length).toBeGreaterThan(0);
          for (const signal of signals) checkPixels(signal.previewOf?.());
        } catch (error) {
          if (!isAppError(error)) throw new Error(`Seed ${seed}`, { cause: error });
        }
        expect(file.bytesRead).toBeLessThan(80 * 1024 * 1024);
      }
    },
  );

  function checkPixels(
    source:
      | { kind: string; pixels?: PixelArray; width?: number; height?: number; channels?: number }
      | null
      | undefined,
  ): void {
    if (source?.kind !== 'image') return;
    expect(source.pixels?.length).toBe(
      (source.width ?? 0) * (source.height ?? 0) * (source.channels ?? 0),
    );
  }
});
