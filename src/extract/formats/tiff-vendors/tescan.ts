import { parseExifTime } from '../tiff/tiff-tags.js';
import type { FileSource } from '../../extractor.js';
import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { parseIniText, type IniSections } from '../tiff/ini-text.js';
import { IniValues } from '../tiff/ini-values.js';
import { decodeText } from '../tiff/tiff-directory.js';
import {
  axesOfMetres,
  baseName,
  tagText,
  vendorAnswer,
  type TiffVendor,
  type TiffVendorInput,
} from './tiff-vendor.js';

const TESCAN_TAG = 50431;
const MAX_TEXT_BYTES = 1024 * 1024;
const MAKE_TAG = 271;
const SOFTWARE_TAG = 305;
/** Keys that the text behind the binary part of the tag begins with; any of them may be missing. */
const FIRST_KEYS = ['[MAIN]', 'AccFrames=', 'AccType=', 'Company=', 'Date=', 'Description='];

/** Keys with the unit of their plain numbers: SI, angles in degrees. */
const NUMBERS: readonly (readonly [
  name: MetadataName,
  unit: string | undefined,
  ...keys: string[],
])[] = [
  ['Acceleration Voltage', 'V', 'HV', 'AcceleratorVoltage'],
  ['Beam Current', 'ampere', 'PredictedBeamCurrent', 'BeamCurrent', 'SpecimenCurrent'],
  ['Beam Diameter', 'm', 'SpotSize'],
  ['Chamber Pressure', 'Pa', 'ChamberPressure'],
  ['Dwell Time', 's', 'DwellTime'],
  ['Emission Current', 'ampere', 'EmissionCurrent'],
  ['Frame Count', undefined, 'AccFrames'],
  ['Magnification', undefined, 'Magnification'],
  ['Scan Rotation', '°', 'ScanRotation'],
  ['Stage Alpha', '°', 'StageTilt'],
  ['Stage Rotation', '°', 'StageRotation'],
  ['Stage X', 'm', 'StageX'],
  ['Stage Y', 'm', 'StageY'],
  ['Stage Z', 'm', 'StageZ'],
  ['Stigmator X', undefined, 'StigmatorX'],
  ['Stigmator Y', undefined, 'StigmatorY'],
  ['Working Distance', 'm', 'WD'],
];

const TEXTS: readonly (readonly [name: MetadataName, ...keys: string[]])[] = [
  ['Acquisition Software', 'SoftwareVersion'],
  ['Detector Name', 'Detector', 'Detector0'],
  ['Microscope', 'DeviceModel', 'Device'],
  ['Operation Mode', 'ScanMode'],
  ['Operator', 'FullUserName', 'UserName'],
  ['Specimen', 'SampleName'],
  ['User Text', 'Description', 'Note'],
];

/**
 * TESCAN microscopes: `key=value` lines in tag 50431, often behind binary data and without section headings, or in the
 * companion `<name>.hdr`, which is preferred: it is always whole.
 */
export const tescanVendor: TiffVendor = {
  name: 'TESCAN',
  read(input) {
    const sections = headerSections(input) ?? tagSections(input);
    if (sections === null) return null;
    // Which section a key is in differs between versions; no key is in two of them.
    const flat = new Map([...sections.values()].flatMap((keys) => [...keys]));
    const values = new IniValues('TESCAN', new Map([['', flat]]));
    const metadata = new MetadataBuilder();
    for (const [name, unit, ...keys] of NUMBERS) {
      metadata.number(name, values.number(...keys.map((key) => ['', key] as const)), unit);
    }
    for (const [name, ...keys] of TEXTS) {
      metadata.text(name, values.text(...keys.map((key) => ['', key] as const)));
    }
    const stamp = `${flat.get('Date') ?? ''} ${flat.get('Time') ?? ''}`;
    const time = parseExifTime(stamp, input.context.timezone);
    const stripRows = values.number(['', 'ImageStripSize']) ?? 0;
    const height = input.layout?.height ?? 0;
    const x = values.number(['', 'PixelSizeX']);
    metadata.text(
      'Data Type',
      sections.has('FIB') && !sections.has('SEM') ? 'FIB_Imaging' : 'SEM_Imaging',
    );
    return vendorAnswer({
      metadata,
      time,
      axes: axesOfMetres(x, values.number(['', 'PixelSizeY']) ?? x),
      pictureHeight: stripRows > 0 && stripRows < height ? height - stripRows : null,
      tags: Object.fromEntries(
        [...sections].map(([name, keys]) => [name, Object.fromEntries(keys)]),
      ),
      warnings: values.warnings,
    });
  },
};

/** The companion's sections; null when there is none or it is of another program. */
function headerSections({ file }: TiffVendorInput): IniSections | null {
  const companion: FileSource | null = file.sibling(`${baseName(file)}.hdr`);
  if (companion === null) return null;
  const { sections } = parseIniText(decodeText(companion.readUpTo(0, MAX_TEXT_BYTES)));
  return sections.has('MAIN') && (sections.has('SEM') || sections.has('FIB')) ? sections : null;
}

function tagSections(input: TiffVendorInput): IniSections | null {
  const { container, directory } = input;
  const entry = directory?.entries.get(TESCAN_TAG);
  if (container === null || entry === undefined) {
    const maker = `${tagText(input, MAKE_TAG) ?? ''} ${tagText(input, SOFTWARE_TAG) ?? ''}`;
    return /TESCAN/i.test(maker) ? new Map() : null;
  }
  const bytes = container.bytesOf(entry, MAX_TEXT_BYTES);
  const starts = FIRST_KEYS.map((key) => bytes.indexOf(key, 0, 'latin1')).filter((at) => at >= 0);
  if (starts.length === 0) return null;
  const text = decodeText(bytes.subarray(Math.min(...starts)));
  // Binary data may stand between the lines, too.
  return parseIniText(text.replace(/[^\P{Cc}\r\n\t]+/gu, '')).sections;
}
