import { describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { writeDm3, type Dm3Content } from '../../src/demo/write-dm3.js';
import type { ExtractedSignal, PreviewSource } from '../../src/extract/extractor.js';
import { dmExtractor } from '../../src/extract/formats/dm.js';
import { stableJson } from '../../src/extract/stable-json.js';
import {
  dmArray,
  dmBytes,
  dmFloat64,
  dmImage,
  DmLeaf,
  dmText,
  dmUint32,
  type DmContent,
} from '../support/dm-bytes.js';
import { MemoryFile } from '../support/memory-file.js';

const context = { timezone: 'America/New_York', previews: true };
const acquired = DateTime.fromISO('2026-03-04T15:06:07.000', { zone: 'America/New_York' });

async function extract(bytes: Buffer, mtimeMs = 0) {
  const file = new MemoryFile('x.dm3', bytes, mtimeMs);
  return { file, ...(await dmExtractor.extract(file, context)) };
}

async function firstOf(bytes: Buffer): Promise<ExtractedSignal> {
  const [signal] = (await extract(bytes)).signals;
  if (signal === undefined) throw new Error('no signal');
  return signal;
}

function preview<K extends PreviewSource['kind']>(
  signal: ExtractedSignal,
  kind: K,
): Extract<PreviewSource, { kind: K }> {
  const source = signal.previewOf?.() ?? null;
  if (source?.kind !== kind) throw new Error(`${source?.kind ?? 'no'} preview`);
  return source as Extract<PreviewSource, { kind: K }>;
}

function content(changes: Partial<Dm3Content> = {}): Dm3Content {
  return {
    name: 'picture',
    axes: [
      { length: 4, scale: 0.5, origin: -1, unit: 'nm' },
      { length: 3, scale: 0.5, origin: 2, unit: '\u03bcm' },
    ],
    pixels: Float32Array.from({ length: 12 }, (_, index) => index),
    intensityUnit: 'e-',
    acquired: acquired as DateTime<true>,
    tags: {},
    ...changes,
  };
}

/** A file with one image of these bytes and tags. */
function single(
  dataType: number,
  dimensions: readonly number[],
  data: DmLeaf,
  imageTags: DmContent = {},
  version: 3 | 4 = 4,
): Buffer {
  return dmBytes(version, {
    ImageList: [dmImage(dataType, dimensions, data, { ImageTags: imageTags })],
  });
}

describe('a written DM3 file', () => {
  test('gives one signal with shape, calibration, time and metadata; its thumbnail is left out', async () => {
    const tags = {
      'Microscope Info': { Voltage: 200_000, 'Cs(mm)': 0, 'Illumination Mode': 'TEM' },
      'Session Info': { Specimen: 'Gold on carbon', Operator: ' ann ' },
    };
    const { signals, format, warnings } = await extract(writeDm3(content({ tags })));
    expect(format).toBe('DigitalMicrograph 3');
    expect(warnings).toEqual([]);
    expect(signals).toHaveLength(1);
    expect(signals[0]).toMatchObject({
      title: 'picture',
      type: 'Image',
      role: 'Experimental',
      shape: [3, 4],
      dtype: 'float32',
      calibration: [
        { scale: 0.5, origin: 2, unit: '\u00b5m' },
        { scale: 0.5, origin: -1, unit: 'nm' },
      ],
      acquiredMs: acquired.toMillis(),
      metadata: {
        'Acceleration Voltage': { value: 200, unit: 'kV' },
        'Acquisition Time': { value: '2026-03-04T15:06:07.000-05:00' },
        'Data Dimensions': { value: '3 × 4' },
        'Data Type': { value: 'TEM_Imaging' },
        Operator: { value: 'ann' },
        'Pixel Width': { value: 0.5, unit: 'nm' },
        'Pixel Height': { value: 500, unit: 'nm' },
        Specimen: { value: 'Gold on carbon' },
      },
    });
    expect(signals[0]?.metadata).not.toHaveProperty('Spherical Aberration');
  });

  test('shows its pixels with the size of one for the scale bar', async () => {
    const source = preview(await firstOf(writeDm3(content())), 'image');
    expect(source).toMatchObject({
      width: 4,
      height: 3,
      channels: 1,
      stretch: 'percentile',
      pixelSize: { size: 0.5, unit: 'nm' },
    });
    expect([...source.pixels]).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  const twelve = Array.from({ length: 12 }, (_, index) => index * 3);

  test.each([
    ['int8', Int8Array.from(twelve)],
    ['uint8', Uint8Array.from(twelve)],
    ['int16', Int16Array.from(twelve)],
    ['uint16', Uint16Array.from(twelve)],
    ['int32', Int32Array.from(twelve)],
    ['uint32', Uint32Array.from(twelve)],
    ['float64', Float64Array.from(twelve)],
  ])('keeps the type %s', async (dtype, pixels) => {
    const signal = await firstOf(writeDm3(content({ pixels })));
    expect(signal.dtype).toBe(dtype);
    expect([...preview(signal, 'image').pixels]).toEqual(twelve);
  });

  test('takes the camera length from the magnification in TEM diffraction only', async () => {
    const modes = (illumination: string, operation: string) =>
      firstOf(
        writeDm3(
          content({
            tags: {
              'Microscope Info': {
                'Illumination Mode': illumination,
                'Operation Mode': operation,
                'Imaging Mode': 'DIFFRACTION',
                'Indicated Magnification': 320,
              },
            },
          }),
        ),
      );
    expect(await modes('TEM', 'DIFFRACTION')).toMatchObject({
      type: 'Diffraction',
      metadata: { 'Camera Length': { value: 320, unit: 'mm' } },
    });
    expect(await modes('STEM NANOPROBE', 'SCANNING')).toMatchObject({
      type: 'Image',
      metadata: { Magnification: { value: 320 }, 'Data Type': { value: 'STEM_Imaging' } },
    });
  });

  test('reads the report of FEI microscopes where other tags are missing', async () => {
    const report = [
      'Microscope Titan 300 kV SuperTwin',
      'User SUPERVISOR',
      'Gun Lens 3 Emission 145.00uA',
      'Mode TEM uP SA Zoom',
      'Defocus -1.500 um Magn 225kx',
      'Spot 5 C2 22.133%',
    ].join('\u2028');
    const signal = await firstOf(
      writeDm3(content({ tags: { Tecnai: { 'Microscope Info': report } } })),
    );
    expect(signal.metadata).toMatchObject({
      Microscope: { value: 'Titan 300 kV SuperTwin' },
      Operator: { value: 'SUPERVISOR' },
      'Emission Current': { value: 145, unit: 'µA' },
      Defocus: { value: -1.5, unit: 'µm' },
      'Beam Spot Size': { value: 5 },
    });
  });
});

describe('spectrum images', () => {
  const axis = (length: number, unit: string, scale = 1) => ({ length, unit, scale, origin: 100 });
  const tags = { 'Meta Data': { Format: 'Spectrum image', Signal: 'EELS' } };

  test('with the energy as the slowest axis are summed over energy and over positions', async () => {
    const pixels = Float32Array.from({ length: 2 * 3 * 5 }, (_, index) => index);
    const signal = await firstOf(
      writeDm3(content({ pixels, tags, axes: [axis(2, 'nm'), axis(3, 'nm'), axis(5, 'eV', 2)] })),
    );
    expect(signal).toMatchObject({ type: 'SpectrumImage', shape: [5, 3, 2] });
    const { navigation, spectrum } = preview(signal, 'spectrum-image');
    expect(navigation).toMatchObject({ width: 2, height: 3 });
    expect([...navigation.pixels]).toEqual([60, 65, 70, 75, 80, 85]);
    expect([...spectrum.values]).toEqual([15, 51, 87, 123, 159]);
    expect(spectrum).toMatchObject({ origin: 100, scale: 2, xUnit: 'eV', xLabel: 'Energy loss' });
  });

  test('with the energy as the fastest axis are summed likewise', async () => {
    const pixels = Float32Array.from({ length: 4 * 2 * 3 }, (_, index) => index);
    const signal = await firstOf(
      writeDm3(content({ pixels, tags, axes: [axis(4, 'eV'), axis(2, 'nm'), axis(3, 'nm')] })),
    );
    const { navigation, spectrum } = preview(signal, 'spectrum-image');
    expect(navigation).toMatchObject({ width: 2, height: 3 });
    expect([...navigation.pixels]).toEqual([6, 22, 38, 54, 70, 86]);
    expect([...spectrum.values]).toEqual([60, 66, 72, 78]);
  });

  test('too large to be read whole are sampled: fewer bytes read, channels further apart', async () => {
    const [width, height, channels] = [256, 256, 144];
    const pixels = new Float64Array(width * height * channels).fill(1);
    const bytes = writeDm3(
      content({
        pixels,
        tags,
        axes: [axis(width, 'nm'), axis(height, 'nm'), axis(channels, 'eV')],
      }),
    );
    const { file, signals } = await extract(bytes);
    const [signal] = signals;
    if (signal === undefined) throw new Error('no signal');
    const { navigation, spectrum } = preview(signal, 'spectrum-image');
    expect(file.bytesRead).toBeLessThan(65 * 1024 * 1024);
    expect(spectrum.scale).toBe(2);
    expect(spectrum.values).toHaveLength(72);
    expect(new Set<number | bigint>(spectrum.values)).toEqual(new Set([width * height]));
    expect(new Set<number | bigint>(navigation.pixels)).toEqual(new Set([72]));
  });
});

describe('all data types', () => {
  test('complex numbers are shown as magnitudes and count as derived', async () => {
    const bytes = Buffer.from(Float32Array.of(3, 4, 0, -2, 5, 12, 8, 15).buffer);
    const signal = await firstOf(single(3, [2, 2], dmArray(6, 4, bytes)));
    expect(signal).toMatchObject({ dtype: 'complex64', role: 'Derived', shape: [2, 2] });
    expect([...preview(signal, 'image').pixels]).toEqual([5, 2, 13, 17]);
  });

  test('colours lie as B, G, R, A and are shown as R, G, B', async () => {
    const bytes = Buffer.from([1, 2, 3, 0, 4, 5, 6, 255]);
    const signal = await firstOf(single(23, [2, 1], dmArray(5, 4, bytes)));
    expect(signal).toMatchObject({ dtype: 'rgba8', shape: [1, 2] });
    const source = preview(signal, 'image');
    expect([...source.pixels]).toEqual([3, 2, 1, 6, 5, 4]);
    expect(source).toMatchObject({ channels: 3, stretch: 'none' });
  });

  test.each([
    [39, 11, 'int64', BigInt64Array.of(-(2n ** 60n), 7n)],
    [40, 12, 'uint64', BigUint64Array.of(2n ** 63n, 7n)],
  ])('64-bit integers (%i) are exact', async (dataType, code, dtype, numbers) => {
    const signal = await firstOf(
      single(dataType, [2, 1], dmArray(code, 8, Buffer.from(numbers.buffer))),
    );
    expect(signal.dtype).toBe(dtype);
    expect([...preview(signal, 'image').pixels]).toEqual([...numbers]);
  });

  test('half a transform is unfolded: the missing half is the stored one turned by 180 degrees', async () => {
    // Width 4, height 2: frequencies 0, 1, 2 of each row, magnitudes 1 to 6.
    const half = Float32Array.of(1, 0, 0, 2, 3, 0, 4, 0, 0, 5, 6, 0);
    const signal = await firstOf(single(27, [4, 2], dmArray(6, 4, Buffer.from(half.buffer))));
    expect(signal).toMatchObject({ dtype: 'complex64', shape: [2, 4] });
    const source = preview(signal, 'image');
    expect([...source.pixels]).toEqual([3, 2, 1, 2, 6, 5, 4, 5]);
    expect(source.stretch).toBe('log');
  });

  test('the older packed transform of a square is unfolded', async () => {
    // 4 by 4: two complex numbers a row, the first of the upper rows lent to the highest frequency.
    const packed = Float32Array.of(10, 20, 0, 1, 0, 2, 0, 3, 30, 40, 0, 4, 0, 5, 0, 6);
    const signal = await firstOf(single(5, [4, 4], dmArray(6, 4, Buffer.from(packed.buffer))));
    expect(signal).toMatchObject({ dtype: 'complex64', shape: [4, 4] });
    expect([...preview(signal, 'image').pixels]).toEqual([
      20, 1, 40, 1, 2, 6, 5, 3, 10, 4, 30, 4, 2, 3, 5, 6,
    ]);
  });

  test('a packed transform of another form is told apart: a warning and no preview', async () => {
    const { signals, warnings } = await extract(
      single(27, [3, 1], dmArray(6, 4, Buffer.alloc(16))),
    );
    expect(signals[0]?.previewOf).toBeNull();
    expect(warnings).toEqual([expect.stringContaining('packed')]);
  });

  test('an unknown data type keeps the signal, without type and preview', async () => {
    const { signals, warnings } = await extract(single(99, [2], dmArray(10, 1, Buffer.alloc(2))));
    expect(signals[0]).toMatchObject({ dtype: null, shape: [2], previewOf: null });
    expect(warnings).toEqual([expect.stringContaining('unknown data type 99')]);
  });

  test('values in big-endian order are read as such', async () => {
    const big = (number: number): DmLeaf => new DmLeaf([5], Buffer.from([0, 0, 0, number]));
    const bytes = dmBytes(
      3,
      {
        ImageList: [
          {
            ImageData: {
              Data: dmArray(2, 2, Buffer.from([1, 0, 255, 254])),
              DataType: big(1),
              Dimensions: [big(2)],
            },
            Name: new DmLeaf([20, 4, 2], Buffer.from([0, 0x41, 0, 0xb5])),
          },
        ],
      },
      false,
    );
    const signal = await firstOf(bytes);
    expect(signal.title).toBe('Aµ');
    expect([...preview(signal, 'spectrum').values]).toEqual([256, -2]);
  });
});

describe('what a file may not do', () => {
  test.each([
    ['groups nested 100 deep', () => dmBytes(4, nested(100)), /nests more than 64/],
    ['more tags than anyone writes', () => manyTags(), /more than 250000 tags/],
    [
      'a type that is not known',
      () => dmBytes(3, { a: new DmLeaf([77], Buffer.alloc(4)) }),
      /type that is not known/,
    ],
    [
      'an array longer than the file',
      () => dmBytes(4, { a: new DmLeaf([20, 7, 2 ** 49], Buffer.alloc(8)) }),
      /cut off/,
    ],
    ['only a thumbnail', () => dmBytes(3, thumbnailOnly()), /no image but thumbnails/],
    ['another version', () => Buffer.from('00000005000000010000000100000000', 'hex'), /version 5/],
  ])('%s: FORMAT_INVALID that says where', async (_, bytes, message) => {
    const file = new MemoryFile('x.dm3', bytes());
    await expect(async () => dmExtractor.extract(file, context)).rejects.toMatchObject({
      code: 'FORMAT_INVALID',
      message: expect.stringMatching(message),
    });
  });

  test('pixels fewer than the dimensions promise are not shown, with a warning', async () => {
    const { signals, warnings } = await extract(
      single(2, [1000, 1000], dmArray(6, 4, Buffer.alloc(40))),
    );
    expect(signals[0]).toMatchObject({ shape: [1000, 1000], previewOf: null });
    expect(warnings).toEqual([expect.stringContaining('4000000 are needed')]);
  });

  test('names such as __proto__ are names', async () => {
    const { tags } = await extract(
      single(
        6,
        [1],
        dmArray(10, 1, Buffer.alloc(1)),
        JSON.parse('{"__proto__":{"polluted":{}}}') as DmContent,
      ),
    );
    expect(stableJson(tags)).toContain('"__proto__":{"polluted":{}}');
    expect({}).not.toHaveProperty('polluted');
  });

  test('numbers that are not finite become text in the tags and nothing in the metadata', async () => {
    const { tags, signals } = await extract(
      single(6, [1], dmArray(10, 1, Buffer.alloc(1)), {
        'Microscope Info': { Voltage: dmFloat64(NaN) },
      }),
    );
    expect(stableJson(tags)).toContain('"Voltage":"NaN"');
    expect(signals[0]?.metadata).not.toHaveProperty('Acceleration Voltage');
  });
});

describe('sniff', () => {
  const head = (bytes: Buffer) => ({
    bytes,
    fileName: 'x',
    extension: '',
    sizeBytes: bytes.length,
  });

  test('knows DM3 and DM4 by content alone', () => {
    expect(dmExtractor.sniff(head(dmBytes(3, {})))).toBe(true);
    expect(dmExtractor.sniff(head(dmBytes(4, {})))).toBe(true);
  });

  test.each([
    ['II*\0 some tiff file'],
    ['\0\0\0\x03\0\0\0\x10\0\0\0\x07 no byte order'],
    ['\0\0\0\x03'],
  ])('refuses %j', (text) => {
    expect(dmExtractor.sniff(head(Buffer.from(text, 'latin1')))).toBe(false);
  });
});

function nested(depth: number): DmContent {
  let group: DmContent = {};
  for (let level = 0; level < depth; level += 1) group = { g: group };
  return group;
}

function manyTags(): Buffer {
  const bytes = dmBytes(3, { a: {} });
  const tag = Buffer.from('140000010000000000', 'hex');
  const head = bytes.subarray(0, 14);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(260_000);
  return Buffer.concat([head, count, Buffer.alloc(tag.length * 260_000, tag)]);
}

function thumbnailOnly(): DmContent {
  return {
    ImageList: [dmImage(6, [1], dmArray(10, 1, Buffer.alloc(1)), { Name: dmText('t') })],
    Thumbnails: [{ ImageIndex: dmUint32(0) }],
  };
}
