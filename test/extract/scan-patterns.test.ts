import { describe, expect, test } from '@jest/globals';
import { blockfileExtractor } from '../../src/extract/formats/blockfile.js';
import { empadExtractor } from '../../src/extract/formats/empad.js';
import { tvipsStreamExtractor } from '../../src/extract/formats/tvips-stream.js';
import { fileWithSiblings } from '../support/file-with-siblings.js';
import { expectArray, metadataText, previewSum, sampleFile } from '../support/sample-file.js';
import { describeWithSamples, sampleReference } from '../support/samples.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'Europe/Vienna', previews: true };
const blockfiles = sampleReference((name) => name.endsWith('.blo'));
const streams = sampleReference((name) => name.endsWith('.tvips'));

describeWithSamples('the ASTAR blockfiles', () => {
  test.each(blockfiles)('%s has the array that hyperspy reads', async (name, [wanted]) => {
    const file = sampleFile(name);
    expect(blockfileExtractor.sniff(file.head)).toBe(true);
    const { signals } = await blockfileExtractor.extract(file, CONTEXT);
    const [signal] = signals;
    if (signal === undefined || wanted === undefined) throw new Error('no signal');
    expectArray(signal, wanted);
  });

  test('shows the virtual bright field image, and the first pattern where there is none', async () => {
    const { bytes } = sampleFile('blockfile_data/test2.blo');
    const shown = await blockfileExtractor.extract(sniffableFile('a.blo', bytes), CONTEXT);
    // hyperspy leaves the image out: these are its six bytes at 0x1000.
    const field = [...bytes.subarray(0x1000, 0x1006)].reduce((sum, value) => sum + value, 0);
    expect(shown.signals[0]?.previewOf?.()).toMatchObject({ width: 3, height: 2 });
    expect(previewSum(shown.signals[0])).toBe(field);
    const empty = Buffer.from(bytes);
    empty.fill(0, 0x1000, 0x1006);
    const pattern = await blockfileExtractor.extract(sniffableFile('a.blo', empty), CONTEXT);
    expect(pattern.signals[0]?.previewOf?.()).toMatchObject({ width: 5, height: 5 });
  });

  test('has voltage, camera length and note; the time is that of the wall clock', async () => {
    const found = await blockfileExtractor.extract(sampleFile('blockfile_data/test1.blo'), CONTEXT);
    expect(found.signals[0]?.type).toBe('Diffraction');
    expect(metadataText(found)).toMatchObject({
      'Acceleration Voltage': '200 kV',
      'Acquisition Time': '2015-12-01T15:41:00+01:00',
      'Camera Length': '200 mm',
      'Scan Rotation': '25 °',
      'Pixel Width': '12.8 nm',
    });
    expect(metadataText(found)['User Text']).toContain('Camera gamma : on');
  });

  test('that was cut off says how much is there', async () => {
    const { bytes } = sampleFile('blockfile_data/test1.blo');
    const cut = sniffableFile('cut.blo', bytes.subarray(0, 60_000));
    const { signals, warnings } = await blockfileExtractor.extract(cut, CONTEXT);
    expect(signals[0]?.shape).toEqual([3, 2, 144, 144]);
    expect(warnings).toEqual(['The file ends after 2 of 6 patterns.']);
  });
});

describeWithSamples('the TVIPS streams', () => {
  test.each(streams)(
    '%s has the array that hyperspy reads, all parts counted',
    async (name, [wanted]) => {
      const file = sampleFile(name);
      expect(tvipsStreamExtractor.sniff(file.head)).toBe(true);
      const { signals } = await tvipsStreamExtractor.extract(file, CONTEXT);
      const [signal] = signals;
      if (signal === undefined || wanted === undefined) throw new Error('no signal');
      const [time, ...axes] = wanted.calibration;
      const ours =
        (time?.scale ?? 0) > 0 ? { scale: time?.scale ?? NaN, unit: 's' } : { scale: 1, unit: '' };
      // hyperspy's origin of the time axis is the time of the first frame.
      expectArray(signal, { ...wanted, calibration: [{ ...ours, origin: 0 }, ...axes] });
      expect(previewSum(signal)).toBe(Number(wanted.frameSum));
    },
  );

  test('have the time of their first frame and what camera and microscope say', async () => {
    const name = 'tvips_files/test_tvips_2233_000.tvips';
    const found = await tvipsStreamExtractor.extract(sampleFile(name), CONTEXT);
    expect(metadataText(found)).toMatchObject({
      'Acceleration Voltage': '200 kV',
      'Acquisition Time': '1993-06-18T12:34:56+02:00',
      'Camera Length': '80 mm',
      'Data Type': 'TEM_Diffraction',
      'Frame Count': '4',
    });
  });

  test('a part after the first is none of itself', () => {
    const part = sampleFile('tvips_files/test_tvips_2345_split_001.tvips');
    expect(tvipsStreamExtractor.sniff(part.head)).toBe(false);
    expect(tvipsStreamExtractor.companions?.[0]?.companions).toContain('$1_001.tvips');
  });
});

describeWithSamples('the EMPAD descriptions', () => {
  /** The package has the descriptions alone: the data are made here, 130 rows a pattern, as hyperspy's tests do. */
  function withData(name: string, rawName: string, patterns: number) {
    const raw = Buffer.alloc(patterns * 130 * 128 * 4);
    for (let at = 0; at < 128 * 128; at += 1) raw.writeFloatLE(at % 7, at * 4);
    return fileWithSiblings(name, sampleFile(`empad_data/${name}`).bytes, { [rawName]: raw });
  }

  test('of a scan: shape, calibration and metadata', async () => {
    const file = withData('map4x4.xml', 'scan_x4_y4.raw', 16);
    const found = await empadExtractor.extract(file, CONTEXT);
    expect(found.warnings).toEqual([]);
    const [signal] = found.signals;
    if (signal === undefined) throw new Error('no signal');
    // hyperspy gives the field of view 1.1415856626420549 µm a position, and 0.1826537060227288 1/nm a pixel.
    const nm = { scale: 4566.34265056822 / 4, origin: 0, unit: 'nm' };
    const pattern = { scale: 0.1826537060227288, origin: -64 * 0.1826537060227288, unit: '1/nm' };
    expectArray(signal, {
      shape: [4, 4, 128, 128],
      dtype: 'float32',
      calibration: [nm, nm, pattern, pattern],
    });
    let sum = 0;
    for (let at = 0; at < 128 * 128; at += 1) sum += at % 7;
    expect(previewSum(signal)).toBe(sum);
    expect(metadataText(found)).toEqual({
      'Acceleration Voltage': '300 kV',
      'Acquisition Device': 'EMPAD',
      'Acquisition Software': '0.51 211118',
      'Acquisition Time': '2019-06-06T13:30:00.165+02:00',
      'Beam Spot Size': '6',
      'Camera Length': '722.5 mm',
      'Data Dimensions': '4 × 4 × 128 × 128',
      'Data Type': 'STEM_Diffraction',
      'Detector Name': 'EMPAD',
      'Exposure Time': '0.001 s',
      'Scan Rotation': '0 °',
      Title: 'acquisition_1',
    });
  });

  test('of a series, and of a newer version with the settings of search and acquisition', async () => {
    const series = await empadExtractor.extract(
      withData('stack_images.xml', 'series_x10.raw', 10),
      CONTEXT,
    );
    expect(series.signals[0]?.shape).toEqual([10, 128, 128]);
    expect(series.signals[0]?.calibration[0]).toEqual({ scale: 1, origin: 0, unit: 'ms' });
    const newer = await empadExtractor.extract(
      sampleFile('empad_data/map128x128_version1.2.0.xml'),
      CONTEXT,
    );
    expect(newer.signals[0]?.shape).toEqual([128, 128, 128, 128]);
    expect(metadataText(newer)).toMatchObject({
      'Beam Spot Size': '9',
      'Camera Length': '115.9 mm',
    });
    expect(newer.warnings).toEqual(['There is no scan_x128_y128.raw beside the description.']);
    expect(newer.signals[0]?.previewOf).toBeNull();
  });

  test('with data that were cut off say how much is there', async () => {
    const { warnings } = await empadExtractor.extract(
      withData('map4x4.xml', 'scan_x4_y4.raw', 5),
      CONTEXT,
    );
    expect(warnings).toEqual(['scan_x4_y4.raw ends after 5 of 16 patterns.']);
  });
});

describe('an EMPAD description', () => {
  const describing = (raw: string, size: string): string =>
    `<root name="1"><raw_file filename="${raw}"/>${size}</root>`;

  test('never names data of another folder', async () => {
    const text = describing('../secret.raw', '<pix_x>4</pix_x><pix_y>4</pix_y>');
    const asked: string[] = [];
    const file = fileWithSiblings('a.xml', Buffer.from(text), {});
    await empadExtractor.extract(
      {
        ...file,
        sibling: (name) => {
          asked.push(name);
          return null;
        },
      },
      CONTEXT,
    );
    expect(asked).toEqual([]);
  });

  test.each([
    '',
    '<pix_x>-1</pix_x><pix_y>4</pix_y>',
    '<pix_x>99999999</pix_x><pix_y>99999999</pix_y>',
  ])('without a size that makes sense is refused: %s', async (size) => {
    const file = sniffableFile('a.xml', describing('a.raw', size));
    expect(empadExtractor.sniff(file.head)).toBe(true);
    await expect(async () => empadExtractor.extract(file, CONTEXT)).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
    });
  });

  test('other XML is not taken for one', () => {
    const file = sniffableFile('a.xml', '<?xml version="1.0"?><root><data/></root>');
    expect(empadExtractor.sniff(file.head)).toBe(false);
  });
});
