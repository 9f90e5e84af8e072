import type { FileTime } from '../../file-time.js';
import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { parseIniText } from '../tiff/ini-text.js';
import { IniValues, type IniPlace } from '../tiff/ini-values.js';
import { dayFirstTime, monthFirstTime } from '../tiff/local-date.js';
import { readXml } from '../tiff/read-xml.js';
import { xmlAsJson } from '../xml/xml-tree.js';
import { addFeiXmlMetadata } from './fei-metadata-xml.js';
import { findFeiText } from './fei-text.js';
import { axesOfMetres, vendorAnswer, type TiffAxes, type TiffVendor } from './tiff-vendor.js';

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
  read(input) {
    const found = findFeiText(input);
    if (found === null) return null;
    const { sections, xml } = parseIniText(found.text);
    const values = new IniValues('FEI', sections);
    const beam = values.text(['Beam', 'Beam']) ?? 'EBeam';
    const scan = values.text(['Beam', 'Scan']) ?? 'EScan';
    const time = timeOf(values, input.context.timezone);
    const metadata = new MetadataBuilder();
    addGeneral(metadata, values, beam);
    addBeam(metadata, values, beam);
    addScan(metadata, values, scan);
    addStage(metadata, values, beam);
    const root = xml === '' ? null : readXml(xml);
    if (root?.name === 'Metadata') addFeiXmlMetadata(metadata, root);

    const width = values.number(['Image', 'ResolutionX']);
    const rows = values.number(['Image', 'ResolutionY']);
    const barRows = values.number(['PrivateFei', 'DatabarHeight']) ?? 0;
    return vendorAnswer({
      metadata,
      time,
      axes: axesFrom(values, beam, scan),
      pictureHeight: rows !== null && rows > 0 && barRows > 0 ? rows : null,
      statedSize:
        width !== null && width > 0 && rows !== null && rows > 0
          ? { width, height: rows + barRows }
          : null,
      tags: {
        ...values.asJson(),
        ...(xml === '' ? {} : { XML: root === null ? xml : { [root.name]: xmlAsJson(root) } }),
      },
      warnings: values.warnings,
      foundBySearch: found.foundBySearch,
    });
  },
};

function addGeneral(metadata: MetadataBuilder, values: IniValues, beam: string): void {
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

function addBeam(metadata: MetadataBuilder, values: IniValues, beam: string): void {
  const set = (
    name: MetadataName,
    unit: string | undefined,
    ...places: readonly IniPlace[]
  ): void => {
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

function addScan(metadata: MetadataBuilder, values: IniValues, scan: string): void {
  metadata
    .number('Dwell Time', values.number([scan, 'Dwell'], ['Scan', 'Dwelltime']), 's')
    .number('Frame Time', values.number([scan, 'FrameTime'], ['Scan', 'FrameTime']), 's');
}

function addStage(metadata: MetadataBuilder, values: IniValues, beam: string): void {
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

/** As the scan says, else the field of view over the pixels of the picture. */
function axesFrom(values: IniValues, beam: string, scan: string): TiffAxes | null {
  const of = (scanKey: string, fieldKey: string, countKey: string): number | null => {
    const stated = values.number([scan, scanKey], ['Scan', scanKey]);
    if (stated !== null) return stated;
    const field = values.number([beam, fieldKey]);
    const count = values.number(['Image', countKey]);
    return field === null || count === null ? null : field / count;
  };
  const x = of('PixelWidth', 'HFW', 'ResolutionX');
  const y = of('PixelHeight', 'VFW', 'ResolutionY') ?? x;
  return (x ?? 1) < 1 && (y ?? 1) < 1 ? axesOfMetres(x, y) : null;
}

/** What the operator typed: the UTF-16 form (hexadecimal, little-endian) keeps all letters. */
function userTextOf(values: IniValues): string | null {
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
function timeOf(values: IniValues, timezone: string): FileTime | null {
  const created = values.text(['PrivateFei', 'TimeOfCreation']);
  if (created !== null) {
    const time = dayFirstTime(created, timezone);
    if (time !== null) return time;
  }
  const date = values.text(['User', 'Date']);
  if (date === null) return null;
  const time = monthFirstTime(`${date} ${values.text(['User', 'Time']) ?? ''}`, timezone);
  if (time === null) {
    values.warnings.push(`FEI [User] Date cannot be read: ${date.slice(0, 80)}`);
  }
  return time;
}
