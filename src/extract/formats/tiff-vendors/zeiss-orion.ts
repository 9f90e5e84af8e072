import { isConvertible } from '../../../domain/units.js';
import { isoFileTime, type FileTime } from '../../file-time.js';
import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { monthFirstTime } from '../tiff/local-date.js';
import { parseMeasured, setMeasured, unitName } from '../tiff/measured-text.js';
import { readXml } from '../tiff/read-xml.js';
import { type XmlElement, elementAt, xmlAsJson, xmlTextAt } from '../xml/xml-tree.js';
import { axesOf, tagText, vendorAnswer, type TiffAxes, type TiffVendor } from './tiff-vendor.js';

const ORION_TAG = 65000;
const FIBICS_TAG = 51023;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** Element of `ImageTags` (with a `Value` and perhaps `Units`), and the unit that holds where none is named. */
const ORION: readonly (readonly [element: string, name: MetadataName, unit?: string])[] = [
  ['AccelerationVoltage', 'Acceleration Voltage', 'V'],
  ['GFIS.AccelerationVoltage', 'Acceleration Voltage', 'V'],
  ['GFIS.BeamCurrent', 'Beam Current', 'pA'],
  ['SampleCurrent', 'Beam Current', 'pA'],
  ['SpotNumber', 'Beam Spot Size'],
  ['WorkingDistance', 'Working Distance', 'mm'],
  ['GFIS.WorkingDistance', 'Working Distance', 'mm'],
  ['Fov', 'Horizontal Field Width', 'µm'],
  ['GFIS.FieldOfView', 'Horizontal Field Width', 'µm'],
  ['ScanRotate', 'Scan Rotation', '°'],
  ['GFIS.ScanRotation', 'Scan Rotation', '°'],
  ['DwellTime', 'Dwell Time', 'µs'],
  ['NumAverages', 'Frame Count'],
  ['StageX', 'Stage X', 'µm'],
  ['StageY', 'Stage Y', 'µm'],
  ['StageZ', 'Stage Z', 'mm'],
  ['StageTilt', 'Stage Alpha', '°'],
  ['StageRotate', 'Stage Rotation', '°'],
  ['StigmationX', 'Stigmator X'],
  ['StigmationY', 'Stigmator Y'],
  ['ChamberPressure', 'Chamber Pressure', 'Torr'],
  ['MagnificationDisplay', 'Magnification'],
];

/** Element of a section of `Fibics`, by its own name or as `<item name="...">`. */
const FIBICS: readonly (readonly [
  section: string,
  element: string,
  name: MetadataName,
  unit?: string,
])[] = [
  ['BeamInfo', 'AccV', 'Acceleration Voltage', 'V'],
  ['BeamInfo', 'BeamI', 'Beam Current', 'pA'],
  ['DetectorInfo', 'Collector', 'Detector Voltage', 'V'],
  ['Scan', 'Dwell', 'Dwell Time', 'ns'],
  ['Scan', 'FOV_X', 'Horizontal Field Width', 'µm'],
  ['Scan', 'FOV_Y', 'Vertical Field Width', 'µm'],
  ['Scan', 'LineAvg', 'Frame Count'],
  ['Scan', 'ScanRot', 'Scan Rotation', '°'],
  ['Scan', 'StigX', 'Stigmator X'],
  ['Scan', 'StigY', 'Stigmator Y'],
  ['Stage', 'X', 'Stage X', 'µm'],
  ['Stage', 'Y', 'Stage Y', 'µm'],
  ['Stage', 'Z', 'Stage Z', 'µm'],
  ['Stage', 'Tilt', 'Stage Alpha', '°'],
  ['Stage', 'Rot', 'Stage Rotation', '°'],
];

/** Zeiss Orion helium ion microscopes: XML (root `ImageTags`) in tag 65000. */
export const zeissOrionVendor: TiffVendor = {
  name: 'Zeiss Orion',
  read(input) {
    const root = readXml(tagText(input, ORION_TAG, MAX_TEXT_BYTES) ?? '');
    if (root?.name !== 'ImageTags') return null;
    const metadata = new MetadataBuilder();
    for (const [element, name, unit] of ORION) {
      if (!metadata.has(name)) setMeasured(metadata, name, orionText(root, element), unit);
    }
    const stamp = orionText(root, 'TimeStamp');
    const time = stamp === null ? null : timeOf(stamp, input.context.timezone);
    metadata
      .text('Detector Name', orionText(root, 'DetectorName'))
      .text('Beam Name', orionText(root, 'GFIS.IonGas'))
      .text('Microscope', orionText(root, 'System.Model') ?? orionText(root, 'System.Name'))
      .text('Data Type', 'HIM_Imaging');
    return vendorAnswer({
      metadata,
      axes: orionAxes(root) ?? fieldAxes(metadata, input.layout),
      time,
      tags: xmlAsJson(root),
    });
  },
};

/** Fibics programs (Atlas, NPVE) on Zeiss instruments: XML (root `Fibics`) in tag 51023. */
export const fibicsVendor: TiffVendor = {
  name: 'Fibics',
  read(input) {
    const root = readXml(tagText(input, FIBICS_TAG, MAX_TEXT_BYTES) ?? '');
    if (root?.name !== 'Fibics') return null;
    const metadata = new MetadataBuilder();
    for (const [section, name, harmonised, unit] of FIBICS) {
      const element = fibicsElement(root, section, name);
      if (element === null) continue;
      const stated = element.attributes['units'] ?? '';
      setMeasured(metadata, harmonised, `${element.text.replace(/^=/, '')} ${stated}`.trim(), unit);
    }
    const stamp = xmlTextAt(root, 'Application', 'Date');
    const time = stamp === null ? null : timeOf(stamp, input.context.timezone);
    const gas = fibicsElement(root, 'BeamInfo', 'GFISGas')?.text;
    metadata
      .text('Acquisition Software', xmlTextAt(root, 'Application', 'Version'))
      .text('Microscope', xmlTextAt(root, 'Image', 'Machine'))
      .text('Beam Name', xmlTextAt(root, 'Image', 'Beam') ?? gas)
      .text('Detector Name', xmlTextAt(root, 'Image', 'Detector'))
      .text('Data Type', gas === undefined ? 'SEM_Imaging' : 'HIM_Imaging');
    return vendorAnswer({
      metadata,
      axes: fieldAxes(metadata, input.layout),
      time,
      tags: xmlAsJson(root),
    });
  },
};

/** Value and units of an element of `ImageTags`; a name with points may also be a path. */
function orionText(root: XmlElement, name: string): string | null {
  const element = elementAt(root, name) ?? elementAt(root, ...name.split('.'));
  if (element === undefined) return null;
  const value = xmlTextAt(element, 'Value') ?? element.text;
  const units = xmlTextAt(element, 'Units');
  return value === '' ? null : units === null ? value : `${value} ${units}`;
}

function orionAxes(root: XmlElement): TiffAxes | null {
  const x = parseMeasured(orionText(root, 'ScalingX'));
  const y = parseMeasured(orionText(root, 'ScalingY')) ?? x;
  if (x === null || y === null) return null;
  const unit = x.unit === '' ? 'm' : unitName(x.unit);
  return isConvertible(unit, 'nm') ? axesOf(x.value, y.value, unit) : null;
}

/** The field of view over the width of the picture. */
function fieldAxes(
  metadata: MetadataBuilder,
  layout: { readonly width: number; readonly height: number } | null,
): TiffAxes | null {
  const values = metadata.build();
  const width = values['Horizontal Field Width']?.value;
  const height = values['Vertical Field Width']?.value;
  if (layout === null || typeof width !== 'number') return null;
  const x = width / layout.width;
  return axesOf(x, typeof height === 'number' ? height / layout.height : x, 'µm');
}

function fibicsElement(root: XmlElement, section: string, name: string): XmlElement | null {
  const from = elementAt(root, section);
  return (
    elementAt(from, name) ??
    from?.children.find((child) => child.attributes['name'] === name) ??
    null
  );
}

function timeOf(stamp: string, timezone: string): FileTime | null {
  return isoFileTime(stamp, timezone) ?? monthFirstTime(stamp, timezone);
}
