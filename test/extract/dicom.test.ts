import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import sharp from 'sharp';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { dicomExtractor } from '../../src/extract/formats/dicom.js';
import {
  buildDicom,
  dicomElements,
  dicomSequence,
  greyElements,
  type DicomElement,
} from '../support/build-dicom.js';
import { pictureOf } from '../support/preview-picture.js';
import { sniffableFile } from '../support/sniffable-file.js';

function read(
  bytes: Buffer,
  options: { dicomIdentity?: boolean } = {},
): ExtractedFile | Promise<ExtractedFile> {
  return dicomExtractor.extract(sniffableFile('a.dcm', bytes), {
    timezone: 'Europe/Berlin',
    previews: true,
    ...options,
  });
}

const WHO: DicomElement[] = [
  ['00080018', 'UI', '1.2.3.4'],
  ['00080020', 'DA', '20200102'],
  ['00080022', 'DA', '20200304'],
  ['00080032', 'TM', '121314.5'],
  ['00080050', 'SH', 'ACC-SECRET'],
  ['00080060', 'CS', 'CT'],
  ['00080070', 'LO', 'ACME'],
  ['00080080', 'LO', 'SECRET Clinic'],
  ['00081010', 'SH', 'SECRET-STATION'],
  ['0008103e', 'LO', 'SECRET series'],
  ['00081070', 'PN', 'SECRET^Operator'],
  ['00081090', 'LO', 'Scanner 5'],
  ['00090010', 'LO', 'SECRET PRIVATE'],
  ['00100010', 'PN', 'SECRET^Jane'],
  ['00100020', 'LO', 'SECRET-4711'],
  ['00180060', 'DS', '120.0'],
  ['00181000', 'LO', 'SECRET-SERIAL'],
  ['00181150', 'IS', '500'],
  ['00204000', 'LT', 'SECRET comment'],
  ['00280030', 'DS', '0.5\\0.25'],
];

describe('identity', () => {
  const file = buildDicom([
    ...WHO,
    dicomSequence('52009229', [
      [dicomSequence('00081140', [[['00100010', 'PN', 'SECRET^Inside']]])],
    ]),
    ...greyElements(1, 2, [1, 2]),
  ]);

  test('without the option nothing that tells who leaves the file, at any depth', async () => {
    const { signals, tags, warnings } = await read(file);
    expect(JSON.stringify([signals, tags, warnings])).not.toMatch(/SECRET|1\.2\.3\.4|20200102/);
    expect(signals).toMatchObject([
      {
        title: null,
        acquiredMs: Date.UTC(2020, 2, 4, 11, 13, 14, 500),
        metadata: {
          'Acceleration Voltage': { value: 120, unit: 'kV' },
          'Acquisition Time': { value: '2020-03-04T12:13:14.500+01:00' },
          'Data Type': { value: 'CT_Imaging' },
          'Exposure Time': { value: 0.5, unit: 's' },
          Microscope: { value: 'ACME Scanner 5' },
        },
      },
    ]);
    expect(tags).toMatchObject({ Modality: 'CT', KVP: 120, PixelSpacing: [0.5, 0.25] });
  });

  test('with the option it is kept', async () => {
    const { signals, tags } = await read(file, { dicomIdentity: true });
    expect(signals[0]?.metadata).toMatchObject({
      Operator: { value: 'SECRET Operator' },
      Specimen: { value: 'SECRET Jane' },
    });
    expect(tags).toMatchObject({ PatientID: 'SECRET-4711', '(0009,0010)': 'SECRET PRIVATE' });
  });

  test('a picture with text burned in is shown only with the option', async () => {
    const burned = buildDicom([['00280301', 'CS', 'YES'], ...greyElements(1, 2, [1, 2])]);
    const hidden = await read(burned);
    expect(hidden.signals).toMatchObject([{ previewOf: null }]);
    expect(hidden.warnings).toEqual([expect.stringContaining('burned into the picture')]);
    const shown = await read(burned, { dicomIdentity: true });
    expect(shown.signals[0]?.previewOf?.()).toMatchObject({ kind: 'image' });
  });
});

describe('calibration', () => {
  test('spacing is rows before columns, in mm', async () => {
    const { signals } = await read(buildDicom([...WHO, ...greyElements(2, 3, [1, 2, 3, 4, 5, 6])]));
    expect(signals).toMatchObject([
      {
        shape: [2, 3],
        dtype: 'uint16',
        calibration: [
          { scale: 0.5, origin: 0, unit: 'mm' },
          { scale: 0.25, origin: 0, unit: 'mm' },
        ],
        metadata: { 'Pixel Width': { value: 250000, unit: 'nm' } },
      },
    ]);
  });

  test('of many frames: the shared measures, and times between frames', async () => {
    const measures = dicomSequence('52009229', [
      [
        dicomSequence('00289110', [
          [
            ['00180088', 'DS', '2'],
            ['00280030', 'DS', '0.1\\0.1'],
          ],
        ]),
      ],
    ]);
    const slices = await read(
      buildDicom([['00280008', 'IS', '3'], measures, ...greyElements(1, 2, [1, 2, 3, 4, 5, 6])]),
    );
    expect(slices.signals).toMatchObject([
      { shape: [3, 1, 2], calibration: [{ scale: 2, unit: 'mm' }, { scale: 0.1 }, { scale: 0.1 }] },
    ]);
    const times = await read(
      buildDicom([
        ['00181063', 'DS', '40'],
        ['00280008', 'IS', '3'],
        ...greyElements(1, 2, [1, 2, 3, 4, 5, 6]),
      ]),
    );
    expect(times.signals).toMatchObject([
      { calibration: [{ scale: 40, unit: 'ms' }, { unit: '' }, {}] },
    ]);
  });
});

test.each([
  [[['0008002a', 'DT', '20200304121314.25+0900']], '2020-03-04T04:13:14.250+01:00'],
  [[['0008002a', 'DT', '20200304121314']], '2020-03-04T12:13:14+01:00'],
  [
    [
      ['00080022', 'DA', '2020.03.04'],
      ['00080032', 'TM', '12:13:14'],
      ['00080201', 'SH', '-0500'],
    ],
    '2020-03-04T18:13:14+01:00',
  ],
  [
    [
      ['00080020', 'DA', '20200304'],
      ['00080030', 'TM', '12'],
    ],
    '2020-03-04T12:00:00+01:00',
  ],
] satisfies [DicomElement[], string][])('the time of %j is %s', async (elements, expected) => {
  const { signals } = await read(buildDicom([...elements, ...greyElements(1, 1, [1])]));
  expect(signals[0]?.metadata['Acquisition Time']?.value).toBe(expected);
});

describe('forms of the file', () => {
  const elements: DicomElement[] = [
    ['00080060', 'CS', 'MR'],
    ...greyElements(2, 2, [0, 0xf001, 4095, 7]),
  ];
  const expected = [0, 1, 4095, 7];

  test.each<[string, Buffer]>([
    ['with its prefix', buildDicom(elements)],
    ['without prefix and meta information', dicomElements(elements)],
    ['without prefix', buildDicom(elements).subarray(132)],
    [
      'deflated',
      Buffer.concat([
        buildDicom([], '1.2.840.10008.1.2.1.99'),
        deflateRawSync(dicomElements(elements)),
      ]),
    ],
  ])('%s; bits above those stored are cut off', async (_name, bytes) => {
    const file = sniffableFile('a.dcm', bytes);
    expect(dicomExtractor.sniff(file.head)).toBe(true);
    const { signals, tags } = await read(bytes);
    expect(tags).toMatchObject({ Modality: 'MR' });
    const source = signals[0]?.previewOf?.();
    if (source?.kind !== 'image') throw new Error('No image.');
    expect([...source.pixels].map(Number)).toEqual(expected);
  });

  test('a header of any length is read without the pixels behind it', async () => {
    const long: DicomElement[] = [
      ['00090010', 'UN', Buffer.alloc(300_000)],
      ...greyElements(1, 1, [1]).slice(0, -1),
      ['7fe00010', 'OW', Buffer.alloc(20 * 1024 * 1024)],
    ];
    const file = sniffableFile('a.dcm', buildDicom(long));
    const { signals } = await dicomExtractor.extract(file, { timezone: 'UTC', previews: false });
    expect(signals).toMatchObject([{ shape: [1, 1] }]);
    expect(file.bytesRead).toBeLessThan(9 * 1024 * 1024);
  });

  test('other syntaxes give metadata and a warning', async () => {
    const { signals, warnings } = await read(buildDicom(elements, '1.2.840.10008.1.2.4.90'));
    expect(signals).toMatchObject([{ shape: [2, 2], previewOf: null }]);
    expect(warnings).toEqual(['No preview: pixels of 1.2.840.10008.1.2.4.90 are not decoded.']);
  });

  test('inflating never goes on without end', async () => {
    const bomb = Buffer.concat([
      buildDicom([], '1.2.840.10008.1.2.1.99'),
      deflateRawSync(Buffer.alloc(300 * 1024 * 1024)),
    ]);
    await expect(read(bomb)).rejects.toMatchObject({ code: 'FORMAT_INVALID' });
  });

  test('a file of another kind is not recognised', () => {
    expect(dicomExtractor.sniff(sniffableFile('a.dcm', 'Some text.').head)).toBe(false);
    expect(dicomExtractor.sniff(sniffableFile('a.bin', dicomElements(elements)).head)).toBe(false);
  });
});

test('MONOCHROME1 in JPEG is shown turned round, with its scale bar', async () => {
  const jpeg = await sharp(Buffer.alloc(16 * 8, 200), {
    raw: { width: 16, height: 8, channels: 1 },
  })
    .jpeg({ quality: 100 })
    .toBuffer();
  const item = (bytes: Buffer): Buffer => {
    const head = Buffer.from([0xfe, 0xff, 0x00, 0xe0, 0, 0, 0, 0]);
    head.writeUInt32LE(bytes.length, 4);
    return Buffer.concat([head, bytes]);
  };
  const { signals } = await read(
    buildDicom(
      [
        ['00280002', 'US', 1],
        ['00280004', 'CS', 'MONOCHROME1'],
        ['00280010', 'US', 8],
        ['00280011', 'US', 16],
        ['00280030', 'DS', '0.5\\0.25'],
        ['00280100', 'US', 8],
        ['00280101', 'US', 8],
        ['7fe00010', 'OB', Buffer.concat([item(Buffer.alloc(0)), item(jpeg)])],
      ],
      '1.2.840.10008.1.2.4.50',
    ),
  );
  const source = signals[0]?.previewOf?.();
  if (source == null) throw new Error('Nothing to show.');
  expect(source).toMatchObject({ kind: 'encoded', pixelSize: { size: 0.25, unit: 'mm' } });
  expect((await pictureOf(source)).at(255, 0)).toStrictEqual([55, 55, 55]);
});

test('MONOCHROME1 is shown turned round, a palette in its colours', async () => {
  const grey = greyElements(1, 2, [3, 5]).map((element): DicomElement =>
    element[0] === '00280004' ? ['00280004', 'CS', 'MONOCHROME1'] : element,
  );
  const negative = (await read(buildDicom(grey))).signals[0]?.previewOf?.();
  expect(negative).toMatchObject({ pixels: Float64Array.from([-3, -5]) });
  const table = (entries: readonly number[]): Buffer =>
    Buffer.from(Uint16Array.from(entries).buffer);
  const descriptor = table([2, 3, 16]);
  const palette: DicomElement[] = [
    ...greyElements(1, 2, [3, 4])
      .slice(0, -1)
      .map((element): DicomElement =>
        element[0] === '00280004' ? ['00280004', 'CS', 'PALETTE COLOR'] : element,
      ),
    ['00281101', 'US', descriptor],
    ['00281102', 'US', descriptor],
    ['00281103', 'US', descriptor],
    ['00281201', 'OW', table([0x1100, 0x2200])],
    ['00281202', 'OW', table([0x3300, 0x4400])],
    ['00281203', 'OW', table([0x5500, 0x6600])],
    ['7fe00010', 'OW', table([3, 4])],
  ];
  const coloured = (await read(buildDicom(palette))).signals[0]?.previewOf?.();
  expect(coloured).toMatchObject({
    channels: 3,
    pixels: Uint8Array.from([0x11, 0x33, 0x55, 0x22, 0x44, 0x66]),
  });
});
