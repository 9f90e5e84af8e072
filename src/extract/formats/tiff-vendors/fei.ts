import { fileTimeOf, type FileTime } from '../../file-time.js';
import { MetadataBuilder, type MetadataName } from '../../harmonise.js';
import { parseIniText, type IniSections } from '../tiff/ini-text.js';
import { findFeiText } from './fei-text.js';
import type { TiffPixelSize, TiffVendor, TiffVendorAnswer } from './tiff-vendor.js';

/** A key of a section. */
type Place = readonly [section: string, key: string];

const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
/** Longer text is no number (and would cost the pattern too much time). */
const MAX_NUMBER_LENGTH = 64;

/** Reads values of the text; what is not a number is left out and said once. */
class FeiValues {
  readonly warnings: string[] = [];
  readonly #sections: IniSections;

  constructor(sections: IniSections) {
    this.#sections = sections;
  }

  text(...places: readonly Place[]): string | null {
    for (const [section, key] of places) {
      const value = this.#sections.get(section)?.get(key);
      if (value !== undefined && value !== '') return value;
    }
    return null;
  }

  /** The first of the places that holds a number. */
  number(...places: readonly Place[]): number | null {
    for (const [section, key] of places) {
      const value = this.#sections.get(section)?.get(key);
      if (value === undefined || value === '') continue;
      if (value.length <= MAX_NUMBER_LENGTH && NUMBER.test(value)) return Number(value);
      const warning = `FEI [${section}] ${key} is not a number: ${value.slice(0, 80)}`;
      if (!this.warnings.includes(warning)) this.warnings.push(warning);
    }
    return null;
  }
}

/** What each kind of beam records, by its section name. */
const DATA_TYPES: Readonly<Record<string, string>> = {
  EBeam: 'SEM_Imaging',
  IBeam: 'FIB_Imaging',
};

/**
 * FEI and Thermo Fisher SEM and FIB: INI text in tag 34682 (Helios and later) or 34680 (older), values in SI units.
 * [Beam] names the beam and scan sections in use, [Detectors] that of the detector.
 */
export const feiVendor: TiffVendor = {
  name: 'FEI/Thermo',
  read(input): TiffVendorAnswer | null {
    const found = findFeiText(input);
    if (found === null) return null;
    const { sections, xml } = parseIniText(found.text);
    const values = new FeiValues(sections);
    const beam = values.text(['Beam', 'Beam']) ?? 'EBeam';
    const scan = values.text(['Beam', 'Scan']) ?? 'EScan';
    const pixelSize = pixelSizeOf(values, beam, scan);
    const time = timeOf(values, input.context.timezone);
    const metadata = new MetadataBuilder();
    addGeneral(metadata, values, beam);
    addBeam(metadata, values, beam);
    addScan(metadata, values, scan);
    addStage(metadata, values, beam);
    metadata.number('Pixel Width', pixelSize?.x, 'nm').number('Pixel Height', pixelSize?.y, 'nm');
    metadata.text('Acquisition Time', time?.iso);
    if (time !== null && time.warning !== null) values.warnings.push(time.warning);

    const width = values.number(['Image', 'ResolutionX']);
    const rows = values.number(['Image', 'ResolutionY']);
    const barRows = values.number(['PrivateFei', 'DatabarHeight']) ?? 0;
    return {
      metadata,
      type: 'Image',
      title: null,
      acquiredMs: time?.epochMs ?? null,
      pixelSize,
      pictureHeight: rows !== null && rows > 0 && barRows > 0 ? rows : null,
      statedSize:
        width !== null && width > 0 && rows !== null && rows > 0
          ? { width, height: rows + barRows }
          : null,
      tags: {
        ...Object.fromEntries(
          [...sections].map(([name, keys]) => [name, Object.fromEntries(keys)]),
        ),
        ...(xml === '' ? {} : { XML: xml }),
      },
      warnings: values.warnings,
      foundBySearch: found.foundBySearch,
    };
  },
};

function addGeneral(metadata: MetadataBuilder, values: FeiValues, beam: string): void {
  const detector = values.text(['Detectors', 'Name']);
  const signal = values.text([detector ?? '', 'Signal'], ['Detectors', 'Mode']);
  const frames = Math.max(
    values.number(['Image', 'Integrate'], ['Scan', 'Integrate']) ?? 0,
    values.number(['Image', 'Average'], ['Scan', 'Average']) ?? 0,
  );
  metadata
    .text('Operator', values.text(['User', 'User'], ['User', 'UserName']))
    .text('User Text', userTextOf(values))
    .text('Microscope', values.text(['System', 'SystemType']))
    .text('System Type', values.text(['System', 'Type']))
    .text('Acquisition Software', values.text(['System', 'Software']))
    .text('Data Type', DATA_TYPES[beam])
    .text('Beam Name', beam)
    .text('Detector Name', detector)
    .text('Signal', signal === 'None' ? null : signal)
    .text('Vacuum Mode', values.text(['Vacuum', 'UserMode']))
    .number('Chamber Pressure', values.number(['Vacuum', 'ChPressure']), 'Pa')
    .number('Specimen Temperature', values.number(['Specimen', 'Temperature']))
    .number('Frame Count', frames >= 1 ? frames : null);
}

function addBeam(metadata: MetadataBuilder, values: FeiValues, beam: string): void {
  const set = (name: MetadataName, unit: string | undefined, ...places: readonly Place[]): void => {
    metadata.number(name, values.number(...places), unit);
  };
  set('Acceleration Voltage', 'V', [beam, 'HV'], ['Beam', 'HV']);
  set('Beam Spot Size', undefined, ['Beam', 'Spot'], [beam, 'Spot']);
  set('Beam Current', 'ampere', [beam, 'BeamCurrent']);
  set('Emission Current', 'ampere', [beam, 'EmissionCurrent']);
  set('Horizontal Field Width', 'm', [beam, 'HFW'], ['Scan', 'HorFieldsize']);
  set('Vertical Field Width', 'm', [beam, 'VFW'], ['Scan', 'VerFieldsize']);
  set('Working Distance', 'm', [beam, 'WD'], ['Stage', 'WorkingDistance']);
  set('Scan Rotation', 'rad', [beam, 'ScanRotation'], ['Beam', 'ScanRotation']);
  set('Stigmator X', undefined, [beam, 'StigmatorX'], ['Beam', 'StigmatorX']);
  set('Stigmator Y', undefined, [beam, 'StigmatorY'], ['Beam', 'StigmatorY']);
}

function addScan(metadata: MetadataBuilder, values: FeiValues, scan: string): void {
  metadata
    .number('Dwell Time', values.number([scan, 'Dwell'], ['Scan', 'Dwelltime']), 's')
    .number('Frame Time', values.number([scan, 'FrameTime'], ['Scan', 'FrameTime']), 's');
}

function addStage(metadata: MetadataBuilder, values: FeiValues, beam: string): void {
  const set = (name: MetadataName, unit: string, key: string, beamKey = key): void => {
    metadata.number(name, values.number(['Stage', key], [beam, beamKey]), unit);
  };
  set('Stage X', 'm', 'StageX');
  set('Stage Y', 'm', 'StageY');
  set('Stage Z', 'm', 'StageZ');
  set('Stage Rotation', 'rad', 'StageR');
  set('Stage Alpha', 'rad', 'StageT', 'StageTa');
  set('Stage Beta', 'rad', 'StageTb');
}

/** Of one pixel in nm: as the scan says, else the field of view over the pixels of the picture. */
function pixelSizeOf(values: FeiValues, beam: string, scan: string): TiffPixelSize | null {
  const of = (scanKey: string, fieldKey: string, countKey: string): number | null => {
    const stated = values.number([scan, scanKey], ['Scan', scanKey]);
    if (stated !== null) return stated;
    const field = values.number([beam, fieldKey]);
    const count = values.number(['Image', countKey]);
    return field === null || count === null ? null : field / count;
  };
  const x = of('PixelWidth', 'HFW', 'ResolutionX');
  const y = of('PixelHeight', 'VFW', 'ResolutionY') ?? x;
  if (x === null || y === null || !(x > 0 && x < 1) || !(y > 0 && y < 1)) return null;
  return { x: toNanometres(x), y: toNanometres(y), unit: 'nm' };
}

function toNanometres(metres: number): number {
  return Number((metres * 1e9).toPrecision(12));
}

/** What the operator typed: the UTF-16 form (hexadecimal, little-endian) keeps all letters. */
function userTextOf(values: FeiValues): string | null {
  const hex = values.text(['User', 'UserTextUnicode']) ?? '';
  if (/^(?:[0-9A-Fa-f]{4})+$/.test(hex)) {
    const text = Buffer.from(hex, 'hex').toString('utf16le').replaceAll('\u0000', '').trim();
    if (text !== '') return text;
  }
  return values.text(['User', 'UserText']);
}

/**
 * The time of acquisition in the instrument's zone: TimeOfCreation (dd.mm.yyyy hh:mm:ss) can be read in one way only,
 * Date (mm/dd/yyyy) and Time are what older programs write.
 */
function timeOf(values: FeiValues, timezone: string): FileTime | null {
  const created = values.text(['PrivateFei', 'TimeOfCreation']);
  if (created !== null) {
    const match = /^(\d{1,2})\.(\d{1,2})\.(\d{4}) +(\d{1,2}):(\d{2}):(\d{2})/.exec(created);
    const [, day, month, year, hour, minute, second] = (match ?? []).map(Number);
    const time = fileTimeOf(
      {
        year: year ?? 0,
        month: month ?? 0,
        day: day ?? 0,
        hour: hour ?? 0,
        minute: minute ?? 0,
        second: second ?? 0,
      },
      timezone,
    );
    if (time !== null) return time;
  }
  const date = values.text(['User', 'Date']);
  if (date === null) return null;
  const time = monthFirstTime(date, values.text(['User', 'Time']) ?? '', timezone);
  if (time === null) {
    values.warnings.push(`FEI [User] Date cannot be read: ${date.slice(0, 80)}`);
  }
  return time;
}

function monthFirstTime(date: string, time: string, timezone: string): FileTime | null {
  const day = /^(\d{1,2})\/(\d{1,2})\/(\d{4})$/.exec(date);
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?(?: *([AP])M)?$/i.exec(time);
  if (day === null || clock === null) return null;
  const hour = Number(clock[1]);
  const half = clock[4]?.toUpperCase();
  return fileTimeOf(
    {
      year: Number(day[3]),
      month: Number(day[1]),
      day: Number(day[2]),
      hour: half === undefined ? hour : (hour % 12) + (half === 'P' ? 12 : 0),
      minute: Number(clock[2]),
      second: Number(clock[3] ?? 0),
    },
    timezone,
  );
}
