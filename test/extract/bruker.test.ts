import { describe, expect, test } from '@jest/globals';
import { brukerExtractor } from '../../src/extract/formats/bruker.js';
import { expectArray, metadataText, previewSum, sampleFile } from '../support/sample-file.js';
import { describeWithSamples, sampleReference } from '../support/samples.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'Europe/Vienna', previews: true };
const reference = sampleReference((name) => /\.(bcf|spx)$/.test(name));

async function read(name: string) {
  return await brukerExtractor.extract(sampleFile(`bruker_data/${name}`), CONTEXT);
}

describeWithSamples('the Bruker samples', () => {
  test('are all known to the reference', () => {
    expect(reference).toHaveLength(11);
  });

  test.each(reference)(
    '%s is recognised and has the arrays and sums that hyperspy reads',
    async (name, expected) => {
      const file = sampleFile(name);
      expect(brukerExtractor.sniff(file.head)).toBe(true);
      const { signals, warnings } = await brukerExtractor.extract(file, CONTEXT);
      expect(warnings).toEqual([]);
      expect(signals).toHaveLength(expected.length);
      for (const [index, signal] of signals.entries()) {
        const wanted = expected[index];
        if (wanted === undefined) throw new Error('no reference');
        const isMap = signal.type === 'SpectrumImage';
        expectArray(signal, {
          ...wanted,
          calibration: wanted.calibration.map((axis, place) => {
            if (axis.unit === 'pix') return { ...axis, unit: '' };
            // Of a spectrum image hyperspy gives the width the scale of the height.
            return isMap && place === 1 ? (expected[0]?.calibration[1] ?? axis) : axis;
          }),
        });
        expect(previewSum(signal)).toBe(Number(wanted.sum));
      }
    },
  );

  test('a map shows its positions beside the sum spectrum', async () => {
    const { signals } = await read('test_TEM.bcf');
    const source = signals[1]?.previewOf?.();
    expect(source).toMatchObject({
      kind: 'spectrum-image',
      navigation: { width: 64, height: 64 },
      spectrum: { origin: -0.47544754, scale: 0.010001, xUnit: 'keV' },
    });
  });

  test('an image has the calibration that is its own, and not that of the map', async () => {
    const bytes = Buffer.from(sampleFile('bruker_data/bcf-edx-ebsd.bcf').bytes);
    for (const [stated, other] of [
      ['<XCalibration>4.145152257E-1<', '<XCalibration>8.290304514E-1<'],
      ['<YCalibration>4.168974972E-1<', '<YCalibration>8.337949944E-1<'],
    ] as const) {
      bytes.write(other, bytes.indexOf(stated), 'latin1');
    }
    const { signals } = await brukerExtractor.extract(sniffableFile('a.bcf', bytes), CONTEXT);
    const scales = signals.map(({ calibration }) => calibration.map(({ scale }) => scale));
    expect(scales[0]).toEqual([0.8337949944, 0.8290304514]);
    expect(scales[1]?.slice(0, 2)).toEqual([0.4168974972, 0.4145152257]);
    expect(signals[0]?.metadata).toMatchObject({
      'Pixel Height': { value: 833.7949944, unit: 'nm' },
      'Pixel Width': { value: 829.0304514, unit: 'nm' },
    });
    expect(signals[0]?.previewOf?.()).toMatchObject({
      pixelSize: { size: expect.closeTo(0.8290304514, 8), unit: 'µm' },
    });
  });

  test('a map has the settings of microscope and detector, in our units', async () => {
    expect(metadataText(await read('30x30_instructively_packed_16bit_compressed.bcf'), 1)).toEqual({
      'Acceleration Voltage': '20 kV',
      'Acquisition Time': '2018-10-04T13:02:07+02:00',
      'Azimuthal Angle': '90 °',
      'Data Dimensions': '30 × 30 × 2048',
      'Data Type': 'SEM_EDS_Spectrum_Imaging',
      'Detector Name': 'XFlash 6|10',
      'Detector Resolution': '129.16 eV',
      'Dwell Time': '2 µs',
      Elements: 'C, O, Na, Mg, Al, Si, P, K, Ca, Ti, Fe, Ce, Nd, Sm, Gd, Th',
      'Elevation Angle': '35 °',
      'Energy Dispersion': '9.999 eV',
      'Energy Offset': '-472.25277 eV',
      Magnification: '1819.22595',
      'Pixel Height': '1667.40910949 nm',
      'Pixel Width': '1667.40910949 nm',
      Signal: 'EDS',
      'Stage Rotation': '326.10089 °',
      'Stage X': '66940.81 µm',
      'Stage Y': '54233.16 µm',
      'Stage Z': '39194.77 µm',
      Title: 'chevkinite',
      'Working Distance': '8.45761 mm',
    });
  });

  test('a spectrum has its times, and its elements by atomic number', async () => {
    const found = await read('bruker_nano.spx');
    expect(found.signals[0]?.acquiredMs).toBe(Date.parse('2018-03-02T13:53:04+01:00'));
    expect(metadataText(found)).toMatchObject({
      'Live Time': '7.385 s',
      'Real Time': '7.575 s',
      'Dead Time': '3 %',
      Elements: 'S, Fe, Cu',
    });
  });

  test('of several lists of elements that of the map counts', async () => {
    const found = await read('Hitachi_TM3030Plus.bcf');
    expect(metadataText(found, 1)['Elements']).toBe('Al, Cu');
  });

  test('a container cut within its table of files is refused', async () => {
    const { bytes } = sampleFile('bruker_data/16x16_12bit_packed_8bit.bcf');
    const table = bytes.readUInt32LE(0x128) * bytes.readUInt32LE(0x140) + 0x138;
    // Whole entries have 512 bytes.
    const file = sniffableFile('cut.bcf', bytes.subarray(0, table + 512 + 100));
    await expect(async () => brukerExtractor.extract(file, CONTEXT)).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
    });
  });

  test('the vendor tags are kept, pixels described', async () => {
    const { tags } = await read('over16bit.bcf');
    expect(JSON.stringify(tags)).toContain('TRTSEMData');
    expect(JSON.stringify(tags).length).toBeLessThan(100_000);
  });

  test('only metadata are read where no preview is wanted', async () => {
    const file = sampleFile('bruker_data/30x30_instructively_packed_16bit_compressed.bcf');
    await brukerExtractor.extract(file, { ...CONTEXT, previews: false });
    expect(file.bytesRead).toBeLessThan(file.sizeBytes / 10);
  });
});

describe('what only looks like Bruker', () => {
  test.each([
    ['bcf', 'AAMVHFSS'],
    ['xml', '<?xml version="1.0"?><TRTSpectrumDatabases/>'],
    ['text', 'TRTSpectrum'],
  ])('%s is not taken for a spectrum, or refused', async (_, content) => {
    const file = sniffableFile('x.spx', content);
    if (brukerExtractor.sniff(file.head)) {
      await expect(async () => brukerExtractor.extract(file, CONTEXT)).rejects.toMatchObject({
        code: 'FORMAT_INVALID',
      });
    } else expect(content).not.toMatch(/^AAMV/);
  });

  test('entities of a spectrum are not expanded', async () => {
    const bomb =
      '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><TRTSpectrum><ClassInstance Type="TRTSpectrum">' +
      '<Channels>&b;</Channels></ClassInstance></TRTSpectrum>';
    await expect(async () =>
      brukerExtractor.extract(sniffableFile('bomb.spx', bomb), CONTEXT),
    ).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
  });
});
