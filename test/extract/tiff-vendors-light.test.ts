import { describe, expect, test } from '@jest/globals';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { tiffExtractor } from '../../src/extract/formats/tiff.js';
import { buildTiff, greyTags, type TiffTag } from '../support/build-tiff.js';
import { sniffableFile } from '../support/sniffable-file.js';

// Small files written here from the layouts of their tags: there are no real samples of these programs.

const WIDTH = 8;
const HEIGHT = 6;
const PLANE = Buffer.from(Array.from({ length: WIDTH * HEIGHT }, (_, at) => at));

/** Pages alike, the tags on the first. */
function read(
  tags: readonly TiffTag[],
  pages = 1,
  change = (bytes: Buffer): Buffer => bytes,
): ExtractedFile | Promise<ExtractedFile> {
  const file = buildTiff(
    Array.from({ length: pages }, (_, page) => ({
      tags: greyTags(WIDTH, HEIGHT, 8, page === 0 ? tags : []),
      strip: PLANE,
    })),
  );
  return tiffExtractor.extract(sniffableFile('stack.tif', change(file)), {
    timezone: 'Europe/Berlin',
    previews: true,
  });
}

describe('OME-TIFF', () => {
  const pixels = (attributes: string, inside = ''): string =>
    `<?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06" Creator="X 1">` +
    '<Experimenter ID="E:0" FirstName="Ada" LastName="Byron"/>' +
    '<Instrument ID="I:0"><Objective ID="O:0" NominalMagnification="60"/></Instrument>' +
    `<Image ID="Image:0" Name="cells"><AcquisitionDate>2020-07-01T12:00:00</AcquisitionDate>` +
    `<Pixels ID="P:0" ${attributes}>${inside}</Pixels></Image></OME>`;

  test('axes over pages follow DimensionOrder, the slowest last', async () => {
    const xml = pixels(
      'DimensionOrder="XYCZT" SizeX="8" SizeY="6" SizeC="2" SizeZ="3" SizeT="1" PhysicalSizeX="0.1" ' +
        'PhysicalSizeY="100" PhysicalSizeYUnit="nm" PhysicalSizeZ="0.5"',
      '<Channel Name="DAPI"/><Channel Name="GFP"/><Plane ExposureTime="20" ExposureTimeUnit="ms"/>',
    );
    const { format, signals } = await read([[270, 'ascii', xml]], 6);
    expect(format).toBe('TIFF (OME-TIFF)');
    expect(signals).toMatchObject([
      {
        title: 'cells',
        shape: [3, 2, 6, 8],
        acquiredMs: Date.UTC(2020, 6, 1, 10),
        calibration: [
          { scale: 0.5, unit: 'µm' },
          { scale: 1, unit: '' },
          { scale: 100 },
          { scale: 0.1, unit: 'µm' },
        ],
        metadata: {
          'Exposure Time': { value: 0.02, unit: 's' },
          Magnification: { value: 60 },
          Operator: { value: 'Ada Byron' },
          Signal: { value: 'DAPI, GFP' },
        },
      },
    ]);
  });

  test('sizes that are not those of the file leave its pages one axis', async () => {
    const xml = pixels('DimensionOrder="XYZCT" SizeX="8" SizeY="6" SizeC="2" SizeZ="7" SizeT="1"');
    const { signals } = await read([[270, 'ascii', xml]], 6);
    expect(signals).toMatchObject([{ shape: [6, 6, 8], calibration: [] }]);
  });
});

describe('ImageJ', () => {
  test('channels, slices and frames are axes; letters outside ASCII are escaped', async () => {
    const text =
      'ImageJ=1.53\nimages=8\nchannels=2\nslices=2\nframes=2\nhyperstack=true\nunit=\\u00B5m\nspacing=0.5\nfinterval=30\nxorigin=4\n';
    const resolution: TiffTag[] = [
      [282, 'rational', [4, 1]],
      [283, 'rational', [2, 1]],
    ];
    const { signals } = await read([[270, 'ascii', text], ...resolution], 8);
    expect(signals).toMatchObject([
      {
        shape: [2, 2, 2, 6, 8],
        calibration: [
          { scale: 30, origin: 0, unit: 's' },
          { scale: 0.5, origin: 0, unit: 'µm' },
          { scale: 1, origin: 0, unit: '' },
          { scale: 0.5, origin: 0, unit: 'µm' },
          { scale: 0.25, origin: -1, unit: 'µm' },
        ],
      },
    ]);
  });

  test('images behind a single directory count where the file is long enough', async () => {
    const tags: TiffTag[] = [[270, 'ascii', 'ImageJ=1.53\nimages=3\nslices=3\n']];
    const long = await read(tags, 1, (bytes) => Buffer.concat([bytes, Buffer.alloc(2 * 48)]));
    expect(long.signals).toMatchObject([{ shape: [3, 6, 8] }]);
    const many: TiffTag[] = [[270, 'ascii', 'ImageJ=1.53\nimages=300000000\nslices=300000000\n']];
    const short = await read(many);
    expect(short.signals).toMatchObject([{ shape: [6, 8] }]);
    expect(short.warnings).toEqual(['The file promises 300000000 planes and holds one.']);
  });
});

test('Zeiss LSM: voxels in metres, days since 1899 in the zone of the instrument', async () => {
  const info = Buffer.alloc(136);
  info.writeUInt32LE(67127628, 0);
  [8, 6, 3, 1, 1].forEach((size, at) => info.writeInt32LE(size, 8 + at * 4));
  [1e-7, 1e-7, 5e-7].forEach((size, at) => info.writeDoubleLE(size, 40 + at * 8));
  const scan = Buffer.alloc(12 + 12 + 6 + 12 + 8 + 12);
  scan.writeUInt32LE(0x10000000, 0);
  [0x10000001, 2, 6].forEach((value, at) => scan.writeUInt32LE(value, 12 + at * 4));
  scan.write('cells\0', 24, 'latin1');
  [0x10000036, 5, 8].forEach((value, at) => scan.writeUInt32LE(value, 30 + at * 4));
  scan.writeDoubleLE(43831.5, 42);
  scan.writeUInt32LE(0xffffffff, 50);
  const { format, signals } = await read([[34412, 'byte', [...info]]], 3, (bytes) => {
    const at = bytes.indexOf(info.subarray(0, 20));
    bytes.writeUInt32LE(bytes.length, at + 124);
    return Buffer.concat([bytes, scan]);
  });
  expect(format).toBe('TIFF (Zeiss LSM)');
  expect(signals).toMatchObject([
    {
      title: 'cells',
      shape: [3, 6, 8],
      calibration: [{ scale: 500, unit: 'nm' }, { scale: 100 }, { scale: 100 }],
      // 1 January 2020, noon.
      metadata: { 'Acquisition Time': { value: '2020-01-01T12:00:00+01:00' } },
    },
  ]);
});

test('Olympus FluoView: dimensions of the header, times of the description', async () => {
  const header = Buffer.alloc(1454);
  [
    ['x', 8, 0, 0.25, 'um'],
    ['y', 6, 0, 0.25, 'um'],
    ['Z', 2, 1, 1.5, 'um'],
  ].forEach(([name, size, origin, scale, unit], index) => {
    const at = 284 + index * 100;
    header.write(String(name), at, 'latin1');
    header.writeInt32LE(Number(size), at + 16);
    header.writeDoubleLE(Number(origin), at + 20);
    header.writeDoubleLE(Number(scale), at + 28);
    header.write(String(unit), at + 36, 'latin1');
  });
  const text = '[Acquisition Parameters]\r\nDate=03-04-2005\r\nTime=14:05:06\r\n';
  const { format, signals } = await read(
    [
      [34361, 'byte', [...header]],
      [270, 'ascii', text],
    ],
    2,
  );
  expect(format).toBe('TIFF (Olympus FluoView)');
  expect(signals).toMatchObject([
    {
      shape: [2, 6, 8],
      acquiredMs: Date.UTC(2005, 2, 4, 13, 5, 6),
      calibration: [
        { scale: 1.5, origin: 1, unit: 'µm' },
        { scale: 0.25, unit: 'µm' },
        { scale: 0.25, unit: 'µm' },
      ],
    },
  ]);
});

describe('MetaMorph', () => {
  test('stacks: planes of UIC2 follow each other behind one directory', async () => {
    // Distance 2/1, 1 January 2020 as a Julian day, noon in milliseconds, then when it was changed.
    const plane = [2, 1, 2_458_850, 43_200_000, 0, 0];
    const { format, signals } = await read(
      [[33629, 'rational', [...plane, ...plane, ...plane]]],
      1,
      // The count is that of the planes: a third of that of the rationals.
      (bytes) => {
        const entry = bytes.indexOf(Buffer.from([0x5d, 0x83, 5, 0]));
        bytes.writeUInt32LE(3, entry + 4);
        return Buffer.concat([bytes, Buffer.alloc(2 * 48)]);
      },
    );
    expect(format).toBe('TIFF (MetaMorph)');
    expect(signals).toMatchObject([
      {
        shape: [3, 6, 8],
        acquiredMs: Date.UTC(2020, 0, 1, 11),
        calibration: [{ scale: 2, unit: 'µm' }, { scale: 1 }, { scale: 1 }],
      },
    ]);
  });

  test('newer files: properties in XML', async () => {
    const prop = (id: string, value: string): string =>
      `<prop id="${id}" type="float" value="${value}"/>`;
    const xml = `<MetaData>${prop('ApplicationName', 'MetaMorph')}<PlaneInfo>${[
      prop('spatial-calibration-state', 'on'),
      prop('spatial-calibration-x', '0.65'),
      prop('spatial-calibration-y', '0.65'),
      prop('spatial-calibration-units', 'um'),
      prop('acquisition-time-local', '20120927 15:20:08.678'),
      prop('Exposure Time', '250 ms'),
    ].join('')}</PlaneInfo></MetaData>`;
    const { signals } = await read([[270, 'ascii', xml]]);
    expect(signals).toMatchObject([
      {
        acquiredMs: Date.UTC(2012, 8, 27, 13, 20, 8, 678),
        calibration: [{ scale: 0.65, unit: 'µm' }, { scale: 0.65 }],
        metadata: { 'Exposure Time': { value: 0.25, unit: 's' } },
      },
    ]);
  });
});

test('Micro-Manager: JSON of the page, its time with its own offset', async () => {
  const json = JSON.stringify({
    PixelSizeUm: 0.16,
    'Exposure-ms': 50,
    Camera: 'Andor',
    'Andor-Binning': '2',
    Time: '2013-06-18 15:42:31 -0700',
    XPositionUm: -12.5,
  });
  const { format, signals } = await read([[51123, 'ascii', json]]);
  expect(format).toBe('TIFF (Micro-Manager)');
  expect(signals).toMatchObject([
    {
      acquiredMs: Date.UTC(2013, 5, 18, 22, 42, 31),
      calibration: [{ scale: 0.16, unit: 'µm' }, { scale: 0.16 }],
      metadata: {
        'Binning X': { value: 2 },
        'Exposure Time': { value: 0.05, unit: 's' },
        'Stage X': { value: -12.5, unit: 'µm' },
      },
    },
  ]);
  expect((await read([[51123, 'ascii', '{"PixelSizeUm": ']])).format).toBe('TIFF');
});
