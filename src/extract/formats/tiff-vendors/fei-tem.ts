import { isConvertible } from '../../../domain/units.js';
import { isoFileTime, type FileTime } from '../../file-time.js';
import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { setMeasured, unitName } from '../tiff/measured-text.js';
import { findElement, readXml } from '../tiff/read-xml.js';
import { type XmlElement, elementAt, xmlAsJson, xmlTextAt } from '../xml/xml-tree.js';
import { addFeiXmlMetadata, feiXmlAxes } from './fei-metadata-xml.js';
import { axesOf, tagText, vendorAnswer, type TiffAxes, type TiffVendor } from './tiff-vendor.js';

/** FEI_TITAN. */
const FEI_TEM_TAG = 34683;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

/** Labels that TIA writes on Tecnai and Titan, with the unit that holds where none is given. */
const LABELS: Readonly<Record<string, readonly [name: MetadataName, unit?: string]>> = {
  'Camera length': ['Camera Length', 'm'],
  Defocus: ['Defocus', 'µm'],
  Emission: ['Emission Current', 'µA'],
  'High tension': ['Acceleration Voltage', 'kV'],
  Magnification: ['Magnification'],
  'Spot size': ['Beam Spot Size'],
  'Stage A': ['Stage Alpha', '°'],
  'Stage B': ['Stage Beta', '°'],
  'Stage X': ['Stage X', 'µm'],
  'Stage Y': ['Stage Y', 'µm'],
  'Stage Z': ['Stage Z', 'µm'],
  'Stem rotation': ['Scan Rotation', '°'],
};
const TEXT_LABELS: Readonly<Record<string, MetadataName>> = {
  Microscope: 'Microscope',
  Mode: 'Operation Mode',
  User: 'Operator',
};

/** Elements of desktop instruments (root `FeiImage`), at any depth, with the unit where they carry none. */
const PHENOM_ELEMENTS: Readonly<Record<string, readonly [name: MetadataName, unit?: string]>> = {
  dwellTime: ['Dwell Time', 's'],
  emissionCurrent: ['Emission Current', 'ampere'],
  highVoltage: ['Acceleration Voltage', 'V'],
  magnification: ['Magnification'],
  spotSize: ['Beam Spot Size'],
  workingDistance: ['Working Distance', 'm'],
};

/**
 * FEI transmission microscopes and desktop instruments: XML in tag 34683, in one of three forms: `Metadata` (as newer
 * Thermo Fisher programs write it), `Root` with labels, values and units (TIA), `FeiImage` (Phenom).
 */
export const feiTemVendor: TiffVendor = {
  name: 'FEI TEM',
  read(input) {
    const text = tagText(input, FEI_TEM_TAG, MAX_TEXT_BYTES);
    const root = text === null ? null : readXml(text);
    if (root === null) return null;
    const metadata = new MetadataBuilder();
    const { timezone } = input.context;
    let axes: TiffAxes | null = null;
    let time: FileTime | null;
    let type: 'Image' | 'Diffraction' = 'Image';
    let bar: number | null = null;
    if (root.name === 'Metadata') {
      addFeiXmlMetadata(metadata, root);
      axes = feiXmlAxes(root);
      time = isoFileTime(xmlTextAt(root, 'Acquisition', 'AcquisitionDatetime') ?? '', timezone);
    } else if (root.name === 'FeiImage') {
      axes = addPhenom(metadata, root);
      time = isoFileTime(findElement(root, 'time')?.text ?? '', timezone);
      const barRows = Number(findElement(root, 'databarHeight')?.text);
      bar = barRows > 0 ? barRows : null;
    } else {
      const mode = addLabels(metadata, root);
      if (/diffraction/i.test(mode) && !/STEM/i.test(mode)) type = 'Diffraction';
      metadata.text('Data Type', type === 'Diffraction' ? 'TEM_Diffraction' : null);
      time = isoFileTime(xmlTextAt(root, 'AcquireDate') ?? '', timezone);
    }
    const height = input.layout?.height ?? 0;
    return vendorAnswer({
      metadata,
      type,
      axes,
      time,
      pictureHeight: bar !== null && bar < height ? height - bar : null,
      tags: { [root.name]: xmlAsJson(root) },
    });
  },
};

/** Adds the labelled values of the `Data` elements; gives the mode, which says whether it is a diffraction pattern. */
function addLabels(metadata: MetadataBuilder, root: XmlElement): string {
  let mode = '';
  for (const element of root.children) {
    const label = xmlTextAt(element, 'Label') ?? '';
    const value = xmlTextAt(element, 'Value');
    const number = LABELS[label];
    const text = TEXT_LABELS[label];
    if (label === 'Mode') mode = value ?? '';
    if (text !== undefined) metadata.text(text, value);
    if (number === undefined || value === null) continue;
    setMeasured(
      metadata,
      number[0],
      `${value} ${xmlTextAt(element, 'Unit') ?? ''}`.trim(),
      number[1],
    );
  }
  return mode;
}

/** Adds the values of a `FeiImage`; gives its pixel size. */
function addPhenom(metadata: MetadataBuilder, root: XmlElement): TiffAxes | null {
  for (const [name, [harmonised, unit]] of Object.entries(PHENOM_ELEMENTS)) {
    const element = findElement(root, name);
    if (element === undefined) continue;
    const stated = element.attributes['unit'] ?? '';
    // The voltage is written as that of the electrons: negative.
    const value = name === 'highVoltage' ? element.text.replace(/^-/, '') : element.text;
    setMeasured(metadata, harmonised, `${value} ${stated}`.trim(), unit);
  }
  const instrument = elementAt(root, 'instrument');
  metadata
    .text('Microscope', xmlTextAt(instrument, 'edition') ?? xmlTextAt(instrument, 'type'))
    .text('Acquisition Software', xmlTextAt(instrument, 'softwareVersion'))
    .text('Detector Name', findElement(root, 'detector')?.text)
    .text('Data Type', 'SEM_Imaging');
  const x = findElement(root, 'pixelWidth');
  const y = findElement(root, 'pixelHeight') ?? x;
  const unit = unitName(x?.attributes['unit'] ?? 'm');
  if (x === undefined || y === undefined || !isConvertible(unit, 'nm')) return null;
  return axesOf(Number(x.text), Number(y.text), unit);
}
