import { describe, expect, test } from '@jest/globals';
import { mrcExtractor } from '../../src/extract/formats/mrc.js';
import { fileWithSiblings } from '../support/file-with-siblings.js';
import { feiRecord, mrcBytes } from '../support/mrc-bytes.js';
import { expectClose, metadataText, previewSum } from '../support/sample-file.js';
import { sniffableFile } from '../support/sniffable-file.js';

const CONTEXT = { timezone: 'Europe/Vienna', previews: true };
const words = Buffer.from(Int16Array.from({ length: 24 }, (_, index) => index - 5).buffer);

async function read(bytes: Buffer, name = 'a.mrc') {
  return await mrcExtractor.extract(sniffableFile(name, bytes), CONTEXT);
}

// No real file may be packaged: these are written from the layouts of MRC2014 and of FEI, as the mrcfile package has them.
describe('an MRC file', () => {
  test('has its shape, its type and pixels in nm, from a cell in Å', async () => {
    const bytes = mrcBytes({ size: [4, 3, 2], mode: 1, pixels: words, cell: [10, 9, 8] });
    expect(mrcExtractor.sniff(sniffableFile('a.map', bytes).head)).toBe(true);
    const { signals, warnings } = await read(bytes);
    expect(warnings).toEqual([]);
    expect(signals).toMatchObject([{ type: 'Image', shape: [2, 3, 4], dtype: 'int16' }]);
    const [frames, y, x] = signals[0]?.calibration ?? [];
    expect([frames?.unit, y?.unit, x?.unit]).toEqual(['', 'nm', 'nm']);
    expectClose(x?.scale ?? NaN, 0.25);
    expectClose(y?.scale ?? NaN, 0.3);
    // The first frame: -5 to 6.
    expect(previewSum(signals[0])).toBe(6);
  });

  test.each([
    [0, 'int8', Buffer.from([1, 2, 3, 0xff]), 5],
    [1, 'int16', Buffer.from(Int16Array.of(1, 2, 3, -4).buffer), 2],
    [2, 'float32', Buffer.from(Float32Array.of(0.5, 1, 2, 3).buffer), 6.5],
    [3, 'complex64', Buffer.from(Int16Array.of(3, 4, 0, 0, 6, 8, 0, 1).buffer), 16],
    [4, 'complex64', Buffer.from(Float32Array.of(3, 4, 0, 0, 6, 8, 0, 1).buffer), 16],
    [6, 'uint16', Buffer.from(Uint16Array.of(65_535, 1, 0, 0).buffer), 65_536],
    [12, 'float16', Buffer.from(Uint16Array.of(0x3c00, 0xc000, 0x0001, 0x7bff).buffer), 65_503],
    [101, 'uint8', Buffer.from([0x21, 0xf3]), 21],
  ])('of mode %d holds %s', async (mode, dtype, pixels, sum) => {
    const { signals } = await read(mrcBytes({ size: [2, 2, 1], mode, pixels }));
    expect(signals).toMatchObject([{ shape: [2, 2], dtype }]);
    expect(previewSum(signals[0])).toBeCloseTo(sum, 3);
  });

  test('may be big-endian, or older than its mark', async () => {
    const swapped = Buffer.from(words).swap16();
    const big = mrcBytes({
      size: [4, 3, 2],
      mode: 1,
      pixels: swapped,
      cell: [4, 3, 2],
      bigEndian: true,
    });
    const { signals } = await read(big);
    expect(signals[0]?.shape).toEqual([2, 3, 4]);
    expect(previewSum(signals[0])).toBe(6);
    const old = mrcBytes({ size: [4, 3, 2], mode: 1, pixels: words, old: true });
    expect(mrcExtractor.sniff(sniffableFile('a.st', old).head)).toBe(true);
    expect(mrcExtractor.sniff(sniffableFile('a.dat', old).head)).toBe(false);
    expect(mrcExtractor.sniff(sniffableFile('a.st', Buffer.concat([old, words])).head)).toBe(false);
  });

  test('slices of a volume have a thickness; lengths below zero are not known', async () => {
    const volume = mrcBytes({
      size: [4, 3, 2],
      mode: 1,
      pixels: words,
      cell: [4, 3, 4],
      spaceGroup: 1,
    });
    const [z] = (await read(volume)).signals[0]?.calibration ?? [];
    expect(z).toMatchObject({ unit: 'nm' });
    expectClose(z?.scale ?? NaN, 0.2);
    const unknown = mrcBytes({ size: [4, 3, 2], mode: 1, pixels: words, cell: [-1, -1, -1] });
    const units = (await read(unknown)).signals[0]?.calibration.map(({ unit }) => unit);
    expect(units).toEqual(['', '', '']);
  });

  test('that was cut off counts its whole frames, and says so', async () => {
    const bytes = mrcBytes({ size: [4, 3, 2], mode: 1, pixels: words.subarray(0, 30) });
    const { signals, warnings } = await read(bytes);
    expect(signals[0]?.shape).toEqual([3, 4]);
    expect(warnings).toEqual(['The file ends after 1 of 2 images.']);
  });

  test.each([
    ['no columns', [0, 3, 2]],
    ['more rows than any picture', [4, 0x7fffffff, 2]],
    ['less than a frame', [4096, 4096, 1]],
  ] as const)('of %s is refused', async (_, size) => {
    const bytes = mrcBytes({ size, mode: 1, pixels: words });
    expect(mrcExtractor.sniff(sniffableFile('a.mrc', bytes).head)).toBe(false);
    await expect(read(bytes)).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
  });

  test('keeps header and labels for the sidecar', async () => {
    const bytes = mrcBytes({ size: [4, 3, 2], mode: 1, pixels: words, labels: ['made by hand'] });
    expect((await read(bytes)).tags).toMatchObject({
      header: { nx: 4, ny: 3, nz: 2, mode: 1 },
      labels: ['made by hand'],
    });
  });
});

describe("FEI's extended headers", () => {
  const withRecord = (pixelSize: number, projection: 1 | 2): Buffer =>
    mrcBytes({
      ...{ size: [4, 3, 2], mode: 1, pixels: words, extendedType: 'FEI2' },
      extended: Buffer.concat([feiRecord(pixelSize, projection), feiRecord(pixelSize, projection)]),
    });

  test('say pixel size, time and state of the microscope', async () => {
    const found = await read(withRecord(2.5e-10, 2));
    expect(found.signals[0]?.calibration.slice(1)).toEqual([
      { scale: 0.25, origin: 0, unit: 'nm' },
      { scale: 0.25, origin: 0, unit: 'nm' },
    ]);
    expect(metadataText(found)).toEqual({
      'Acceleration Voltage': '300 kV',
      'Acquisition Device': 'BM-Ceta',
      'Acquisition Software': 'Velox 2.13',
      'Acquisition Time': '2020-06-15T12:00:00+02:00',
      'Beam Spot Size': '4',
      'Binning X': '2',
      'Binning Y': '2',
      'Data Dimensions': '2 × 3 × 4',
      'Data Type': 'TEM_Imaging',
      Defocus: '-1.2 µm',
      'Detector Name': 'BM-Ceta',
      'Exposure Time': '0.5 s',
      Magnification: '29000',
      Microscope: 'TITAN52 D3999',
      'Pixel Height': '0.25 nm',
      'Pixel Width': '0.25 nm',
      'Slit Width': '10 eV',
      'Stage Alpha': '12.5 °',
      'Stage X': '-150 µm',
    });
  });

  test('of a diffraction pattern are in 1/nm', async () => {
    const found = await read(withRecord(5e7, 1));
    expect(found.signals[0]).toMatchObject({ type: 'Diffraction' });
    expect(found.signals[0]?.calibration[2]).toEqual({ scale: 0.05, origin: 0, unit: '1/nm' });
    expect(metadataText(found)).toMatchObject({ 'Camera Length': '230 mm' });
  });

  test('of older programs have 1024 records of 128 bytes', async () => {
    const extended = Buffer.alloc(131_072);
    [-60, 0, 1e-4, -2e-4, 0, 0, 0, -3e-6, 1.5, 0, 0, 4e-10, 50_000].forEach((value, index) =>
      extended.writeFloatLE(value, 4 * index),
    );
    const found = await read(mrcBytes({ size: [4, 3, 2], mode: 1, pixels: words, extended }));
    expectClose(found.signals[0]?.calibration[2]?.scale ?? NaN, 0.4);
    expect(metadataText(found)).toMatchObject({
      'Stage Alpha': '-60 °',
      'Stage X': '100 µm',
      Defocus: '-3 µm',
      'Exposure Time': '1.5 s',
      Magnification: '50000',
    });
  });

  test('that are shorter than they say do not stop the reading', async () => {
    const bytes = mrcBytes({
      ...{ size: [4, 3, 2], mode: 1, pixels: words, extendedType: 'FEI1' },
      extended: Buffer.alloc(64),
    });
    expect((await read(bytes)).signals[0]?.shape).toEqual([2, 3, 4]);
  });
});

describe("Direct Electron's info file", () => {
  const pixels = Buffer.alloc(6 * 2 * 2);
  const movie = mrcBytes({ size: [2, 2, 6], mode: 0, pixels, cell: [-2, -2, -6] });
  const info = (lines: Readonly<Record<string, string>>): string =>
    Object.entries(lines)
      .map(([key, value]) => `${key} = ${value}`)
      .join('\r\n');

  test('of a movie says times and pixel size', async () => {
    const file = fileWithSiblings('20240229_00012_movie.mrc', movie, {
      '20240229_00012_info.txt': info({
        'Camera Model': 'DE-16',
        'Frames Per Second': '40',
        'Autosave Movie Sum Count': '2',
        'Specimen Pixel Size X (nanometers)': '0.125',
        'Specimen Pixel Size Y (nanometers)': '0.25',
        'Instrument Project Magnification': '30000',
        'Instrument Project Camera Length (centimeters)': '-1',
        'Timestamp (seconds since Epoch)': '1709208000',
      }),
    });
    const found = await mrcExtractor.extract(file, CONTEXT);
    expect(found.signals).toMatchObject([
      {
        type: 'Image',
        shape: [6, 2, 2],
        calibration: [
          { scale: 0.05, unit: 's' },
          { scale: 0.25, unit: 'nm' },
          { scale: 0.125, unit: 'nm' },
        ],
        acquiredMs: 1_709_208_000_000,
      },
    ]);
    expect(metadataText(found)).toMatchObject({
      'Acquisition Device': 'DE-16',
      'Exposure Time': '0.05 s',
      Magnification: '30000',
    });
    expect(found.tags).toMatchObject({ de_info: { 'Frames Per Second': '40' } });
  });

  test('is a companion of the movie, by its name and by what it holds', () => {
    const companionsOf = (name: string): string[] =>
      (mrcExtractor.companions ?? []).flatMap(({ main, companions }) => {
        const rule = new RegExp(`^${main}$`, 'i');
        return rule.test(name) ? companions.map((to) => name.replace(rule, to)) : [];
      });
    expect(companionsOf('20240229_00012_movie.mrc')).toContain('20240229_00012_info.txt');
    const holds = new RegExp(mrcExtractor.companions?.[0]?.holds ?? '$^');
    expect(holds.test('Timestamp = 1\r\nFrames Per Second = 40\r\n')).toBe(true);
    expect(holds.test('My notes. Frames were bad.')).toBe(false);
  });

  test('of a scan says lines and positions', async () => {
    const file = fileWithSiblings('scan_movie.mrc', movie, {
      'scan_info.txt': info({
        'Scan - Enable': 'Enable',
        'Scan - Size X': '3',
        'Scan - Size Y': '2',
        'Specimen Pixel Size X (nanometers)': '1.5',
        'Specimen Pixel Size Y (nanometers)': '1.5',
        'Diffraction Pixel Size X': '0.02',
        'Diffraction Pixel Size Y': '0.02',
      }),
    });
    const { signals } = await mrcExtractor.extract(file, CONTEXT);
    expect(signals).toMatchObject([{ type: 'Diffraction', shape: [2, 3, 2, 2] }]);
    expect(signals[0]?.calibration.map(({ unit }) => unit)).toEqual(['nm', 'nm', '1/nm', '1/nm']);
  });
});
