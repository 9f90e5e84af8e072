import { describe, expect, test } from '@jest/globals';
import type { ExtractedFile } from '../../src/extract/extractor.js';
import { tiffExtractor } from '../../src/extract/formats/tiff.js';
import { buildTiff, greyTags, type TiffTag } from '../support/build-tiff.js';
import { fileWithSiblings } from '../support/file-with-siblings.js';

// No real files of these programs are freely packaged: small ones are written here from the layouts of their tags.

const PIXELS = Buffer.alloc(40 * 30, 9);

function read(
  tags: readonly TiffTag[],
  siblings: Readonly<Record<string, Buffer | string>> = {},
): ExtractedFile | Promise<ExtractedFile> {
  const file = buildTiff([{ tags: greyTags(40, 30, 8, tags), strip: PIXELS }]);
  return tiffExtractor.extract(fileWithSiblings('picture.tif', file, siblings), {
    timezone: 'Europe/Berlin',
    previews: true,
  });
}

const TESCAN_MAIN = [
  'AccFrames=4',
  'Company=TESCAN Brno',
  'Date=2021-03-04',
  'Device=AMBER X',
  'ImageStripSize=6',
  'Magnification=5000.0',
  'PixelSizeX=4.1e-008',
  'PixelSizeY=4.2e-008',
  'SoftwareVersion=1.2',
  'Time=23:22:33',
  'UserName=eve',
];
const TESCAN_SEM = [
  'ChamberPressure=0.002',
  'Detector=E-T',
  'DwellTime=3.2e-006',
  'EmissionCurrent=2.5e-4',
  'HV=15000.0',
  'PredictedBeamCurrent=1e-010',
  'ScanRotation=12.5',
  'SpotSize=4e-9',
  'StageRotation=30',
  'StageTilt=5',
  'StageX=0.001',
  'WD=0.0100',
];
const TESCAN_METADATA = {
  'Acceleration Voltage': { value: 15, unit: 'kV' },
  'Acquisition Time': { value: '2021-03-04T23:22:33+01:00' },
  'Beam Current': { value: 0.1, unit: 'nA' },
  'Beam Diameter': { value: 4, unit: 'nm' },
  'Chamber Pressure': { value: 0.002, unit: 'Pa' },
  'Data Type': { value: 'SEM_Imaging' },
  'Detector Name': { value: 'E-T' },
  'Dwell Time': { value: 3.2, unit: 'µs' },
  'Emission Current': { value: 250, unit: 'µA' },
  'Frame Count': { value: 4 },
  Magnification: { value: 5000 },
  Microscope: { value: 'AMBER X' },
  Operator: { value: 'eve' },
  'Pixel Height': { value: 42, unit: 'nm' },
  'Pixel Width': { value: 41, unit: 'nm' },
  'Scan Rotation': { value: 12.5, unit: '°' },
  'Stage Alpha': { value: 5, unit: '°' },
  'Stage Rotation': { value: 30, unit: '°' },
  'Stage X': { value: 1000, unit: 'µm' },
  'Working Distance': { value: 10, unit: 'mm' },
};

describe('TESCAN', () => {
  const header = ['[MAIN]', ...TESCAN_MAIN, '[SEM]', ...TESCAN_SEM].join('\r\n');
  const junk = Buffer.concat([
    Buffer.from([0, 1, 2, 255, 0, 77]),
    Buffer.from([...TESCAN_MAIN, ...TESCAN_SEM].join('\n').replace('HV=', '\u0001HV='), 'latin1'),
  ]);

  test.each<[string, readonly TiffTag[], Record<string, string>]>([
    ['lines behind binary data in the tag', [[50431, 'byte', [...junk]]], {}],
    ['the companion', [], { 'picture.hdr': header }],
    [
      'the companion, before a cut tag',
      [[50431, 'byte', [...junk.subarray(0, 20)]]],
      { 'picture.hdr': header },
    ],
  ])('%s', async (_name, tags, siblings) => {
    const { format, signals, warnings } = await read(tags, siblings);
    expect([format, warnings]).toEqual(['TIFF (TESCAN)', []]);
    expect(signals[0]?.metadata).toMatchObject(TESCAN_METADATA);
    expect(signals[0]?.calibration).toEqual([
      { scale: 42, origin: 0, unit: 'nm' },
      { scale: 41, origin: 0, unit: 'nm' },
    ]);
  });

  test('a companion of another program is none', async () => {
    const { format } = await read([], { 'picture.hdr': 'ENVI\nsamples = 40\n' });
    expect(format).toBe('TIFF');
  });
});

test('Zeiss SEM: of 16 bits, which have no data zone, the scale bar is drawn', async () => {
  const text = 'DP_DETECTOR_TYPE\r\nDetector = InLens\r\nAP_IMAGE_PIXEL_SIZE\r\nSize = 5.8 nm\r\n';
  const tags = greyTags(40, 30, 16, [[34118, 'ascii', text]]);
  const bytes = buildTiff([{ tags, strip: Buffer.alloc(40 * 30 * 2, 9) }]);
  const { format, signals } = await tiffExtractor.extract(
    fileWithSiblings('picture.tif', bytes, {}),
    { timezone: 'UTC', previews: true },
  );
  expect(format).toBe('TIFF (Zeiss SEM)');
  expect(signals[0]?.previewOf?.()).toMatchObject({ pixelSize: { size: 5.8, unit: 'nm' } });
});

describe('JEOL SEM', () => {
  // The keys of a real file, with another value here and there.
  const text = [
    '$SEM_DATA_VERSION 1',
    '$CM_LABEL MML',
    '$CM_DATE 2023/07/13',
    '$CM_TIME 14:38:59',
    '$CM_INSTRUMENT 7800F',
    '$CM_ACCEL_VOLT 15.00',
    '$CM_MAG 5000',
    '$CM_SIGNAL LED',
    '$CM_FULL_SIZE 40 24',
    '$CM_STAGE_POSITION 1.5 -2.25 10.0 45.0 3.0 0',
    '$$SM_WD 10.1',
    '$$SM_MICRON_BAR 180',
    '$$SM_MICRON_MARKER 9um',
  ].join('\r\n');

  test('the companion tells the scale by its bar', async () => {
    const { format, signals } = await read([], { 'picture.txt': text });
    expect(format).toBe('TIFF (JEOL SEM)');
    expect(signals).toMatchObject([
      {
        acquiredMs: Date.UTC(2023, 6, 13, 12, 38, 59),
        calibration: [
          { scale: 0.05, unit: 'µm' },
          { scale: 0.05, unit: 'µm' },
        ],
        metadata: {
          'Acceleration Voltage': { value: 15, unit: 'kV' },
          Magnification: { value: 5000 },
          Microscope: { value: '7800F' },
          Signal: { value: 'LED' },
          'Stage X': { value: 1500, unit: 'µm' },
          'Stage Y': { value: -2250, unit: 'µm' },
          'Stage Rotation': { value: 45, unit: '°' },
          'Stage Alpha': { value: 3, unit: '°' },
          'Working Distance': { value: 10.1, unit: 'mm' },
          'Pixel Width': { value: 50, unit: 'nm' },
        },
      },
    ]);
  });

  test('other text beside the picture changes nothing', async () => {
    const { format, signals } = await read([], { 'picture.txt': 'Looks good.\nHV=5\n' });
    expect(format).toBe('TIFF');
    expect(signals[0]?.metadata).toEqual({});
  });
});

test.each([
  ['plain', (text: string): Buffer => Buffer.from(text, 'latin1')],
  ['UTF-16', (text: string): Buffer => Buffer.from(`\ufeff${text}`, 'utf16le')],
])('Hitachi: the companion in %s', async (_name, encode) => {
  const text = [
    '[SemImageFile]',
    'InstructName=SU8230',
    'SampleName=steel',
    'Date=2019/03/12',
    'Time=10:22:13',
    'DataSize=40x24',
    'PixelSize=9.921875',
    'SignalName=SE(U)',
    'AcceleratingVoltage=15000 Volt',
    'Magnification=10000',
    'WorkingDistance=8100 um',
    'EmissionCurrent=10500 nA',
  ].join('\r\n');
  const { format, signals } = await read([], { 'picture.txt': encode(text) });
  expect(format).toBe('TIFF (Hitachi)');
  expect(signals).toMatchObject([
    {
      acquiredMs: Date.UTC(2019, 2, 12, 9, 22, 13),
      calibration: [
        { scale: 9.921875, unit: 'nm' },
        { scale: 9.921875, unit: 'nm' },
      ],
      metadata: {
        'Acceleration Voltage': { value: 15, unit: 'kV' },
        'Emission Current': { value: 10.5, unit: 'µA' },
        Magnification: { value: 10000 },
        Microscope: { value: 'SU8230' },
        Specimen: { value: 'steel' },
        Signal: { value: 'SE(U)' },
        'Working Distance': { value: 8.1, unit: 'mm' },
      },
    },
  ]);
});

describe('helium ion microscopes', () => {
  test('Zeiss Orion: values and units of tag 65000', async () => {
    const value = (name: string, text: string, units: string): string =>
      `<${name}><Value>${text}</Value><Units>${units}</Units></${name}>`;
    const xml = `<?xml version="1.0" encoding="utf-8"?><ImageTags>${[
      value('AccelerationVoltage', '29981.2', 'Volts'),
      value('GFIS.IonGas', 'Helium', ''),
      value('Fov', '20', 'Microns'),
      value('StageRotate', '1.2', 'Degrees'),
      value('WorkingDistance', '8.5', 'mm'),
      value('DwellTime', '2', 'usec'),
      value('TimeStamp', '3/4/2021 11:22:33 PM', ''),
      value('DetectorName', 'ETDetector', ''),
    ].join('')}</ImageTags>\0`;
    const { format, signals } = await read([[65000, 'ascii', xml]]);
    expect(format).toBe('TIFF (Zeiss Orion)');
    expect(signals).toMatchObject([
      {
        calibration: [
          { scale: 0.5, unit: 'µm' },
          { scale: 0.5, unit: 'µm' },
        ],
        acquiredMs: Date.UTC(2021, 2, 4, 22, 22, 33),
        metadata: {
          'Acceleration Voltage': { value: 29.9812, unit: 'kV' },
          'Beam Name': { value: 'Helium' },
          'Data Type': { value: 'HIM_Imaging' },
          'Detector Name': { value: 'ETDetector' },
          'Dwell Time': { value: 2, unit: 'µs' },
          'Stage Rotation': { value: 1.2, unit: '°' },
          'Working Distance': { value: 8.5, unit: 'mm' },
        },
      },
    ]);
  });

  test('Fibics: elements and named items of tag 51023', async () => {
    const xml =
      '<?xml version="1.0" encoding="iso-8859-1"?><Fibics version="1.0"><Application><Version>NPVE v4.5</Version>' +
      '<Date>2020-02-03T10:11:12</Date></Application><Image><Width>40</Width><Machine>Orion NanoFab</Machine></Image>' +
      '<Scan><Dwell units="ns">10000</Dwell><FOV_X units="um">8</FOV_X><FOV_Y units="um">6</FOV_Y></Scan>' +
      '<Stage><X units="um">-21319.25</X></Stage><BeamInfo><item name="AccV">30000</item><item name="BeamI">1.5</item>' +
      '<item name="GFISGas">Neon</item></BeamInfo><DetectorInfo><item name="Collector">=500.0 V</item></DetectorInfo></Fibics>';
    const { format, signals } = await read([[51023, 'ascii', xml]]);
    expect(format).toBe('TIFF (Fibics)');
    expect(signals).toMatchObject([
      {
        calibration: [
          { scale: 0.2, unit: 'µm' },
          { scale: 0.2, unit: 'µm' },
        ],
        metadata: {
          'Acceleration Voltage': { value: 30, unit: 'kV' },
          'Acquisition Time': { value: '2020-02-03T10:11:12+01:00' },
          'Beam Current': { value: 0.0015, unit: 'nA' },
          'Beam Name': { value: 'Neon' },
          'Detector Voltage': { value: 500, unit: 'V' },
          'Dwell Time': { value: 10, unit: 'µs' },
          'Stage X': { value: -21319.25, unit: 'µm' },
        },
      },
    ]);
  });
});

describe('Thermo Fisher XML', () => {
  const METADATA =
    '<?xml version="1.0" encoding="utf-8"?><Metadata xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
    '<Core><UserID>Supervisor</UserID><ApplicationSoftware>xT</ApplicationSoftware></Core>' +
    '<Instrument><ControlSoftwareVersion>10.1</ControlSoftwareVersion><InstrumentClass>Helios</InstrumentClass></Instrument>' +
    '<Acquisition><AcquisitionDatetime>2021-03-03T11:31:14</AcquisitionDatetime><BeamType>Electron</BeamType></Acquisition>' +
    '<Optics><AccelerationVoltage>2000</AccelerationVoltage><BeamCurrent>1e-10</BeamCurrent></Optics>' +
    '<StageSettings><StagePosition><X>0.001</X><Tilt><Alpha>0.5</Alpha></Tilt></StagePosition></StageSettings>' +
    '<BinaryResult><PixelSize><X unit="m">4e-009</X><Y unit="m">5e-009</Y></PixelSize></BinaryResult></Metadata>';

  test('in tag 34683 it describes the picture', async () => {
    const { format, signals } = await read([[34683, 'ascii', METADATA]]);
    expect(format).toBe('TIFF (FEI TEM)');
    expect(signals).toMatchObject([
      {
        acquiredMs: Date.UTC(2021, 2, 3, 10, 31, 14),
        calibration: [
          { scale: 5, unit: 'nm' },
          { scale: 4, unit: 'nm' },
        ],
        metadata: {
          'Acceleration Voltage': { value: 2, unit: 'kV' },
          'Acquisition Software': { value: 'xT 10.1' },
          'Beam Current': { value: 0.1, unit: 'nA' },
          Microscope: { value: 'Helios' },
          Operator: { value: 'Supervisor' },
          'Stage Alpha': { value: 28.6478897565, unit: '°' },
          'Stage X': { value: 1000, unit: 'µm' },
        },
      },
    ]);
  });

  test('behind the INI text it fills what that leaves out', async () => {
    const text = `[User]\r\nUser=eve\r\n[Beam]\r\nHV=5000\r\n${METADATA}`;
    const { format, signals, tags } = await read([[34682, 'ascii', text]]);
    expect(format).toBe('TIFF (FEI/Thermo)');
    expect(signals[0]?.metadata).toMatchObject({
      'Acceleration Voltage': { value: 5, unit: 'kV' },
      'Stage X': { value: 1000, unit: 'µm' },
      Operator: { value: 'eve' },
    });
    expect(tags).toMatchObject({
      'FEI/Thermo': { XML: { Metadata: { Core: { UserID: 'Supervisor' } } } },
    });
  });

  test('labels, values and units of older transmission microscopes', async () => {
    const data = (label: string, value: string, unit: string): string =>
      `<Data><Label>${label}</Label><Value>${value}</Value><Unit>${unit}</Unit></Data>`;
    const xml = `<Root>${[
      data('Microscope', 'Tecnai 200 kV', ''),
      data('High tension', '200', 'kV'),
      data('Mode', 'TEM uP SA Zoom Diffraction', ''),
      data('Camera length', '0.52', 'm'),
      data('Stage A', '-3.5', 'deg'),
      data('Emission', '31.4', 'uA'),
    ].join('')}</Root>`;
    const { signals } = await read([[34683, 'ascii', xml]]);
    expect(signals).toMatchObject([
      {
        type: 'Diffraction',
        metadata: {
          'Acceleration Voltage': { value: 200, unit: 'kV' },
          'Camera Length': { value: 520, unit: 'mm' },
          'Emission Current': { value: 31.4, unit: 'µA' },
          Microscope: { value: 'Tecnai 200 kV' },
          'Stage Alpha': { value: -3.5, unit: '°' },
        },
      },
    ]);
    expect(signals[0]?.previewOf?.()).toMatchObject({ kind: 'image' });
  });

  test('desktop instruments', async () => {
    const xml =
      '<?xml version="1.0"?><FeiImage><databarHeight>6</databarHeight><pixelWidth unit="um">0.695</pixelWidth>' +
      '<instrument><edition>G4 Phenom ProX</edition></instrument>' +
      '<acquisition><scan><highVoltage unit="kV">-10</highVoltage></scan></acquisition></FeiImage>';
    const { signals } = await read([[34683, 'ascii', xml]]);
    expect(signals).toMatchObject([
      {
        calibration: [
          { scale: 0.695, unit: 'µm' },
          { scale: 0.695, unit: 'µm' },
        ],
        metadata: {
          'Acceleration Voltage': { value: 10, unit: 'kV' },
          Microscope: { value: 'G4 Phenom ProX' },
        },
      },
    ]);
    const source = signals[0]?.previewOf?.();
    expect(source).toMatchObject({ width: 40, height: 24, stretch: 'none' });
    expect(source?.kind === 'image' && source.pixels.length).toBe(40 * 24);
  });

  test('of a picture in colours the data bar is left out, too', async () => {
    const tags: TiffTag[] = greyTags(40, 30, 8, [
      [34683, 'ascii', '<FeiImage><databarHeight>6</databarHeight></FeiImage>'],
    ]).map(([tag, type, value]) =>
      tag === 262 ? [tag, type, [2]] : tag === 277 ? [tag, type, [3]] : [tag, type, value],
    );
    const bytes = buildTiff([{ tags, strip: Buffer.alloc(40 * 30 * 3, 9) }]);
    const { signals } = await tiffExtractor.extract(fileWithSiblings('picture.tif', bytes, {}), {
      timezone: 'UTC',
      previews: true,
    });
    const source = signals[0]?.previewOf?.();
    expect(source).toMatchObject({ width: 40, height: 24, channels: 3 });
    expect(source?.kind === 'image' && source.pixels.length).toBe(40 * 24 * 3);
  });

  test('XML that is cut, nests without end or defines entities is left, and the picture stays', async () => {
    const deep = '<a>'.repeat(5000) + '</a>'.repeat(5000);
    const bomb = '<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>';
    for (const text of [METADATA.slice(0, 200), deep, bomb, '<', '>', '<>']) {
      const { format, signals } = await read([[34683, 'ascii', text]]);
      expect(format).toBe('TIFF');
      expect(signals).toMatchObject([{ shape: [30, 40] }]);
    }
  });
});
