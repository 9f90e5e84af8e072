import { describe, expect, test } from '@jest/globals';
import { edaxExtractor } from '../../src/extract/formats/edax.js';
import { edaxImageBytes, edaxMapBytes, edaxSpectrumBytes } from '../support/edax-bytes.js';
import { fileWithSiblings } from '../support/file-with-siblings.js';
import { metadataText, previewSum } from '../support/sample-file.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'America/New_York', previews: true };
const COUNTS = Array.from({ length: 4096 }, (_, channel) => (channel * 7) % 13);
const spectrum = edaxSpectrumBytes({ counts: COUNTS, startKev: -0.2, elements: [26, 8, 26, 13] });

// No real file may be packaged: these are written from EDAX's layout and were read once by hyperspy 1.7.3.
describe('an EDAX spectrum', () => {
  test('has the calibration and counts that hyperspy reads', async () => {
    const file = sniffableFile('a.spc', spectrum);
    expect(edaxExtractor.sniff(file.head)).toBe(true);
    const { signals, format } = await edaxExtractor.extract(file, CONTEXT);
    expect(format).toBe('EDAX spectrum');
    expect(signals).toMatchObject([{ type: 'Spectrum', shape: [4096], dtype: 'uint32' }]);
    expect(signals[0]?.calibration).toEqual([
      { scale: 0.01, origin: Math.fround(-0.2), unit: 'keV' },
    ]);
    expect(previewSum(signals[0])).toBe(COUNTS.reduce((sum, count) => sum + count, 0));
    expect(signals[0]?.previewOf?.()).toMatchObject({
      kind: 'spectrum',
      xUnit: 'keV',
      scale: 0.01,
    });
  });

  test('has the settings of microscope and detector, and its elements by atomic number', async () => {
    const found = await edaxExtractor.extract(sniffableFile('a.spc', spectrum), CONTEXT);
    expect(metadataText(found)).toEqual({
      'Acceleration Voltage': '15 kV',
      'Acquisition Time': '2021-03-05T16:07:09-05:00',
      'Amplifier Time Constant': '7.68 µs',
      'Azimuthal Angle': '45 °',
      'Data Type': 'EDS_Spectrum',
      'Detector Name': 'Apollo 10 SDD',
      'Detector Resolution': '131.2 eV',
      Elements: 'O, Al, Fe',
      'Elevation Angle': '34 °',
      'Energy Dispersion': '10 eV',
      'Energy Offset': '-200 eV',
      'Live Time': '30.1 s',
      Signal: 'EDS',
      Specimen: 'Sample 7',
      'Stage Alpha': '2.5 °',
      'Working Distance': '10.5 mm',
    });
    expect(found.signals[0]?.acquiredMs).toBe(Date.parse('2021-03-05T16:07:09-05:00'));
  });

  test('of version 0.61 ends sooner and has the older time constant', async () => {
    const older = edaxSpectrumBytes({ version: 0.61, counts: COUNTS }).subarray(0, 20_736);
    const found = await edaxExtractor.extract(sniffableFile('a.spc', older), CONTEXT);
    expect(metadataText(found)).toMatchObject({ 'Amplifier Time Constant': '12 µs' });
  });

  test.each([
    ['of another version', (bytes: Buffer) => bytes.writeFloatLE(1.5, 0)],
    ['that starts elsewhere', (bytes: Buffer) => bytes.writeInt32LE(512, 28)],
    ['without channels', (bytes: Buffer) => bytes.writeInt16LE(0, 32)],
    ['of too many channels', (bytes: Buffer) => bytes.writeInt16LE(4097, 32)],
  ])('%s is the .spc of somebody else', async (_, change) => {
    const bytes = Buffer.from(spectrum);
    change(bytes);
    const file = sniffableFile('a.spc', bytes);
    expect(edaxExtractor.sniff(file.head)).toBe(false);
    await expect(async () => edaxExtractor.extract(file, CONTEXT)).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
    });
  });

  test('whose counts are missing is not taken for one', () => {
    expect(edaxExtractor.sniff(sniffableFile('a.spc', spectrum.subarray(0, 8000)).head)).toBe(
      false,
    );
  });
});

describe('an EDAX map', () => {
  const size = { lines: 3, points: 5, channels: 64 };
  const countOf = (line: number, point: number, channel: number): number =>
    line * 10 + point + (channel === 20 ? 100 : 0);
  const map = edaxMapBytes(size, 2, countOf);
  const beside = {
    'map.spc': edaxSpectrumBytes({ counts: COUNTS.slice(0, 64), evPerChannel: 20 }),
    'map_Img.ipr': edaxImageBytes(0.25, 0.5),
  };

  test('takes energies from the spectrum and pixel sizes from the image beside it', async () => {
    const file = fileWithSiblings('map.spd', map, beside);
    expect(edaxExtractor.sniff(sniffableFile('map.spd', map).head)).toBe(true);
    const found = await edaxExtractor.extract(file, CONTEXT);
    expect(found.warnings).toEqual([]);
    expect(found.signals).toMatchObject([
      {
        type: 'SpectrumImage',
        shape: [3, 5, 64],
        dtype: 'uint16',
        calibration: [
          { scale: 0.5, origin: 0, unit: 'µm' },
          { scale: 0.25, origin: 0, unit: 'µm' },
          { scale: 0.02, origin: 0, unit: 'keV' },
        ],
      },
    ]);
    expect(metadataText(found)).toMatchObject({
      'Acceleration Voltage': '15 kV',
      'Data Type': 'EDS_Spectrum_Imaging',
      'Frame Count': '3',
      'Live Time': '30.1 s',
      Magnification: '2500',
      'Pixel Height': '500 nm',
      'Pixel Width': '250 nm',
    });
  });

  test('is summed over channels and over positions', async () => {
    const found = await edaxExtractor.extract(fileWithSiblings('map.spd', map, beside), CONTEXT);
    const source = found.signals[0]?.previewOf?.();
    if (source?.kind !== 'spectrum-image') throw new Error('no map');
    expect(source.navigation).toMatchObject({ width: 5, height: 3 });
    expect(source.navigation.pixels[2 * 5 + 4]).toBe(64 * 24 + 100);
    expect(source.spectrum.values[20]).toBe(Number(source.spectrum.values[19]) + 15 * 100);
  });

  test.each([1, 2, 4] as const)('of %d bytes a count has that type', async (countBytes) => {
    const bytes = edaxMapBytes({ lines: 2, points: 2, channels: 8 }, countBytes, () => 9);
    const { signals } = await edaxExtractor.extract(fileWithSiblings('m.spd', bytes, {}), CONTEXT);
    expect(signals[0]?.dtype).toBe(`uint${countBytes * 8}`);
    expect(previewSum(signals[0])).toBe(2 * 2 * 8 * 9);
  });

  test('without files beside it is read, with warnings; a broken spectrum costs its energies', async () => {
    const alone = await edaxExtractor.extract(fileWithSiblings('map.spd', map, {}), CONTEXT);
    expect(alone.warnings).toHaveLength(2);
    expect(alone.signals[0]?.calibration.map(({ unit }) => unit)).toEqual(['', '', '']);
    const file = fileWithSiblings('map.spd', map, { 'map.spc': 'not a spectrum' });
    const { warnings } = await edaxExtractor.extract(file, CONTEXT);
    expect(warnings.join(' ')).toContain('The .spc file beside the map cannot be read');
  });

  test.each([
    ['more lines than bytes', 28, 0x7fffffff],
    ['no channels', 32, 0],
    ['counts of three bytes', 36, 3],
    ['data beyond its end', 40, 0xfffffff0],
  ])('with %s is refused', async (_, offset, value) => {
    const bytes = Buffer.from(map);
    bytes.writeUInt32LE(value, offset);
    const file = fileWithSiblings('map.spd', bytes, beside);
    await expect(async () => edaxExtractor.extract(file, CONTEXT)).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
    });
  });
});
