import { describe, expect, test } from '@jest/globals';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { tiffExtractor } from '../../src/extract/formats/tiff.js';
import { buildTiff, greyTags } from '../support/build-tiff.js';
import { sniffableFile } from '../support/sniffable-file.js';

/** A synthetic file, from the tag layout, with the FEI text given. */
async function readFei(
  text: string,
  options: { tag?: number; timezone?: string } = {},
): Promise<ExtractedFile> {
  const { tag = 34682, timezone = 'Europe/Berlin' } = options;
  const tags = greyTags(4, 3, 8, [[tag, 'ascii', text]]);
  const file = sniffableFile('fei.tif', buildTiff([{ tags, strip: Buffer.alloc(12, 9) }]));
  return tiffExtractor.extract(file, { timezone, previews: true });
}

const ION = [
  '[User]',
  'Date=03/04/2021',
  'Time=11:22:33 PM',
  'User=eve',
  '[Beam]',
  'Beam=IBeam',
  'Scan=IScan',
  '[EBeam]',
  'HV=5000',
  '[IBeam]',
  'HV=30000',
  'BeamCurrent=2.4e-011',
  'EmissionCurrent=2.2e-006',
  '[EScan]',
  'Dwell=9',
  '[IScan]',
  'Dwell=1e-007',
  'PixelWidth=1e-009',
  'PixelHeight=2e-009',
  '[Image]',
  'Average=4',
  '[Detectors]',
  'Name=ICE',
  '[ICE]',
  'Signal=SI',
];

describe('synthetic FEI files', () => {
  test.each(['\r\n', '\r', '\n'])(
    'sections follow the beam in use; lines end with %j',
    async (end) => {
      const { signals, format } = await readFei(ION.join(end));
      expect(format).toBe('TIFF (FEI/Thermo)');
      expect(signals).toMatchObject([
        {
          calibration: [
            { scale: 2, unit: 'nm' },
            { scale: 1, unit: 'nm' },
          ],
          metadata: {
            'Acceleration Voltage': { value: 30, unit: 'kV' },
            'Beam Current': { value: 0.024, unit: 'nA' },
            'Emission Current': { value: 2.2, unit: 'µA' },
            'Dwell Time': { value: 0.1, unit: 'µs' },
            'Data Type': { value: 'FIB_Imaging' },
            'Frame Count': { value: 4 },
            'Detector Name': { value: 'ICE' },
            Signal: { value: 'SI' },
            Operator: { value: 'eve' },
          },
        },
      ]);
    },
  );

  test('the older tag 34680 holds the same text', async () => {
    const { signals } = await readFei(ION.join('\r'), { tag: 34680 });
    expect(signals).toMatchObject([{ metadata: { Operator: { value: 'eve' } } }]);
  });

  test('date and time are month first, twelve hours, in the zone of the instrument', async () => {
    const { signals } = await readFei(ION.join('\r\n'), { timezone: 'America/New_York' });
    expect(signals).toMatchObject([
      {
        acquiredMs: Date.UTC(2021, 2, 5, 4, 22, 33),
        metadata: { 'Acquisition Time': { value: '2021-03-04T23:22:33-05:00' } },
      },
    ]);
  });

  test.each([
    ['12:05:00 AM', '2021-03-04T00:05:00+01:00'],
    ['12:05:00 PM', '2021-03-04T12:05:00+01:00'],
    ['17:05:00', '2021-03-04T17:05:00+01:00'],
  ])('the time %s', async (time, expected) => {
    const { signals } = await readFei(`[User]\nDate=03/04/2021\nTime=${time}\n`);
    expect(signals[0]?.metadata['Acquisition Time']?.value).toBe(expected);
  });

  test('the unambiguous time of creation wins over a date whose order depends on the program', async () => {
    const { signals } = await readFei(
      '[User]\nDate=04/03/2021\nTime=01:00:00 PM\n[PrivateFei]\nTimeOfCreation=04.03.2021 13:00:00\n',
    );
    expect(signals[0]?.metadata['Acquisition Time']?.value).toBe('2021-03-04T13:00:00+01:00');
  });

  test('a date that no calendar holds is a warning, no time', async () => {
    const { signals, warnings } = await readFei('[User]\nDate=13/13/2021\nTime=01:00:00 PM\n');
    expect(signals).toMatchObject([{ acquiredMs: null }]);
    expect(warnings).toEqual(['FEI [User] Date cannot be read: 13/13/2021']);
  });

  test('a time that exists twice is read as the earlier one, with a warning', async () => {
    const { signals, warnings } = await readFei('[User]\nDate=10/31/2021\nTime=02:30:00 AM\n');
    expect(signals[0]?.metadata['Acquisition Time']?.value).toBe('2021-10-31T02:30:00+02:00');
    expect(warnings).toEqual([expect.stringContaining('exists twice')]);
  });

  test('XML behind the INI text stays in the tags and disturbs nothing', async () => {
    const xml =
      '<?xml version="1.0"?>\r\n<Metadata>\r\n<Key name="a">HV=1</Key>\r\n[Beam]\r\nHV=1\r\n</Metadata>';
    const { signals, tags } = await readFei(`${ION.join('\r\n')}\r\n${xml}\0`);
    expect(signals[0]?.metadata['Acceleration Voltage']).toEqual({ value: 30, unit: 'kV' });
    expect(tags).toMatchObject({
      'FEI/Thermo': {
        XML: { Metadata: { Key: { '@name': 'a', '#text': 'HV=1' } } },
        IBeam: { HV: '30000' },
      },
    });
  });

  test('user text of any script comes from its UTF-16 form', async () => {
    const hex = Buffer.from('試料 β', 'utf16le').toString('hex');
    const { signals } = await readFei(`[User]\nUserText=?? ?\nUserTextUnicode=${hex}\n`);
    expect(signals[0]?.metadata['User Text']).toEqual({ value: '試料 β' });
  });

  test('control characters come through as they are; a section named __proto__ is a section', async () => {
    const { tags } = await readFei('[User]\nUser=a\u0001b\n[__proto__]\nHV=1\n');
    expect(tags).toMatchObject({ 'FEI/Thermo': { User: { User: 'a\u0001b' } } });
    expect(JSON.stringify(tags)).toContain('"__proto__":{"HV":"1"}');
  });

  test('numbers of absurd length are no numbers and cost no time', async () => {
    const { warnings } = await readFei(`[User]\nUser=a\n[Beam]\nHV=${'1'.repeat(500_000)}x\n`);
    expect(warnings).toEqual([expect.stringMatching(/^FEI \[Beam\] HV is not a number: 1+$/)]);
  });
});
