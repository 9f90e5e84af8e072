import type { MetadataName } from '../../../domain/harmonised-names.js';
import type { MetadataBuilder } from '../../harmonise.js';
import { setMeasured } from '../tiff/measured-text.js';
import { type XmlElement, elementAt, xmlTextAt } from '../xml/xml-tree.js';
import { axesOf, axesOfMetres, type TiffAxes } from './tiff-vendor.js';

/** Numbers of the schema with the unit that holds where the element has no `unit`. */
const NUMBERS: readonly (readonly [name: MetadataName, unit: string | undefined, path: string])[] =
  [
    ['Acceleration Voltage', 'V', 'Optics/AccelerationVoltage'],
    ['Beam Current', 'ampere', 'Optics/BeamCurrent'],
    ['Beam Spot Size', undefined, 'Optics/SpotIndex'],
    ['Camera Length', 'm', 'Optics/CameraLength'],
    ['Chamber Pressure', 'Pa', 'VacuumProperties/SamplePressure'],
    ['Defocus', 'm', 'Optics/Defocus'],
    ['Dwell Time', 's', 'ScanSettings/DwellTime'],
    ['Emission Current', 'ampere', 'Optics/EmissionCurrent'],
    ['Frame Count', undefined, 'BinaryResult/FilterFrameCount'],
    ['Frame Time', 's', 'ScanSettings/FrameTime'],
    ['Horizontal Field Width', 'm', 'Optics/ScanFieldOfView/X'],
    ['Vertical Field Width', 'm', 'Optics/ScanFieldOfView/Y'],
    ['Magnification', undefined, 'Optics/NominalMagnification'],
    ['Scan Rotation', 'rad', 'ScanSettings/ScanRotation'],
    ['Stage Alpha', 'rad', 'StageSettings/StagePosition/Tilt/Alpha'],
    ['Stage Beta', 'rad', 'StageSettings/StagePosition/Tilt/Beta'],
    ['Stage Rotation', 'rad', 'StageSettings/StagePosition/Rotation'],
    ['Stage X', 'm', 'StageSettings/StagePosition/X'],
    ['Stage Y', 'm', 'StageSettings/StagePosition/Y'],
    ['Stage Z', 'm', 'StageSettings/StagePosition/Z'],
    ['Stigmator X', undefined, 'Optics/StigmatorRaw/X'],
    ['Stigmator Y', undefined, 'Optics/StigmatorRaw/Y'],
    ['Working Distance', 'm', 'Optics/WorkingDistance'],
  ];

const TEXTS: readonly (readonly [name: MetadataName, path: string])[] = [
  ['Beam Name', 'Acquisition/BeamType'],
  ['Detector Name', 'Detectors/ScanningDetector/DetectorName'],
  ['Microscope', 'Instrument/InstrumentClass'],
  ['Operator', 'Core/UserID'],
  ['Signal', 'Detectors/ScanningDetector/Signal'],
  ['System Type', 'Acquisition/ColumnType'],
];

/**
 * Adds what the XML of Thermo Fisher programs says (root `Metadata` of the schema Metadata/v1/2013/07, SI units) to
 * values that are not set yet.
 */
export function addFeiXmlMetadata(metadata: MetadataBuilder, root: XmlElement): void {
  for (const [name, unit, path] of NUMBERS) {
    const element = metadata.has(name) ? undefined : elementAt(root, ...path.split('/'));
    if (element === undefined) continue;
    const stated = element.attributes['unit'];
    setMeasured(
      metadata,
      name,
      stated === undefined ? element.text : `${element.text} ${stated}`,
      unit,
    );
  }
  for (const [name, path] of TEXTS) {
    if (!metadata.has(name)) metadata.text(name, xmlTextAt(root, ...path.split('/')));
  }
  if (!metadata.has('Acquisition Software')) {
    const program = xmlTextAt(root, 'Core', 'ApplicationSoftware');
    const version =
      xmlTextAt(root, 'Instrument', 'ControlSoftwareVersion') ??
      xmlTextAt(root, 'Core', 'ApplicationSoftwareVersion');
    metadata.text(
      'Acquisition Software',
      [program, version].filter((part) => part !== null).join(' '),
    );
  }
}

/** The pixel size of the XML; null: it has none. */
export function feiXmlAxes(root: XmlElement): TiffAxes | null {
  const x = elementAt(root, 'BinaryResult', 'PixelSize', 'X');
  const y = elementAt(root, 'BinaryResult', 'PixelSize', 'Y') ?? x;
  if (x === undefined || y === undefined) return null;
  const unit = x.attributes['unit'] ?? 'm';
  return unit === 'm'
    ? axesOfMetres(Number(x.text), Number(y.text))
    : axesOf(Number(x.text), Number(y.text), unit);
}
