import { isoFileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import { parseNumber, setMeasured } from '../tiff/measured-text.js';
import { readXml } from '../tiff/read-xml.js';
import { type XmlElement, xmlAsJson, xmlTextAt } from '../xml/xml-tree.js';
import {
  axesOf,
  tagNumber,
  tagText,
  vendorAnswer,
  type TiffAxes,
  type TiffVendor,
  type TiffVendorInput,
} from './tiff-vendor.js';

const DESCRIPTION_TAG = 270;
const X_RESOLUTION_TAG = 282;
const Y_RESOLUTION_TAG = 283;
const RESOLUTION_UNIT_TAG = 296;
const MAX_TEXT_BYTES = 1024 * 1024;

/** CODATA 2018, in SI units. */
const PLANCK = 6.62607015e-34;
const ELECTRON_MASS = 9.1093837015e-31;
const ELEMENTARY_CHARGE = 1.602176634e-19;
const SPEED_OF_LIGHT = 299_792_458;

/** JEOL transmission microscopes (SightX viewer): XML (root `TemReporter`) in the description. */
export const jeolSightxVendor: TiffVendor = {
  name: 'JEOL SightX',
  read(input) {
    const description = tagText(input, DESCRIPTION_TAG, MAX_TEXT_BYTES) ?? '';
    if (!description.includes('<TemReporter')) return null;
    const root = readXml(description);
    if (root?.name !== 'TemReporter') return null;
    const isScanning = xmlTextAt(root, 'Eos', 'EosMode') === 'eosASID';
    const mode = xmlTextAt(root, 'ImageFormingSystem', 'ModeString') ?? '';
    const isDiffraction = !isScanning && mode === 'DIFF';
    const time = isoFileTime(xmlTextAt(root, 'DateTime') ?? '', input.context.timezone);
    const metadata = new MetadataBuilder();
    const set = (
      name: Parameters<typeof setMeasured>[1],
      unit: string | undefined,
      ...path: string[]
    ): void => setMeasured(metadata, name, xmlTextAt(root, ...path), unit);
    set('Acceleration Voltage', 'V', 'ElectronGun', 'AccelerationVoltage');
    set('Emission Current', 'µA', 'ElectronGun', 'EmissionCurrent');
    set('Beam Spot Size', undefined, 'IlluminationSystem', 'SpotSizeString');
    set('Defocus', 'nm', 'ImageFormingSystem', 'DefocusValue');
    const selector = xmlTextAt(root, 'ImageFormingSystem', 'SelectorValue');
    if (isDiffraction) setMeasured(metadata, 'Camera Length', selector, selectorUnit(root));
    else setMeasured(metadata, 'Magnification', selector);
    metadata
      .text('Microscope', xmlTextAt(root, 'Instruments'))
      .text('Operator', xmlTextAt(root, 'Operator'))
      .text('Specimen', xmlTextAt(root, 'Specimen'))
      .text('User Text', xmlTextAt(root, 'Comment'))
      .text('Operation Mode', isScanning ? 'STEM' : 'TEM')
      .text(
        'Illumination Mode',
        xmlTextAt(root, 'IlluminationSystem', 'ImageField')?.replace(/^mode/, ''),
      )
      .text(
        'Imaging Mode',
        xmlTextAt(root, 'ImageFormingSystem', 'ImageFormingMode')?.replace(/^mode/, ''),
      )
      .text(
        'Data Type',
        isDiffraction ? 'TEM_Diffraction' : isScanning ? 'STEM_Imaging' : 'TEM_Imaging',
      );
    return vendorAnswer({
      metadata,
      type: isDiffraction ? 'Diffraction' : 'Image',
      time,
      axes: isScanning ? null : axesFrom(input, root, mode),
      tags: { [root.name]: xmlAsJson(root) },
    });
  },
};

/**
 * The resolution tags hold the pixels of the camera: divided by the magnification they are lengths on the specimen, in
 * diffraction divided by wavelength and camera length they are lengths in the reciprocal lattice.
 */
function axesFrom(input: TiffVendorInput, root: XmlElement, mode: string): TiffAxes | null {
  const metres = tagNumber(input, RESOLUTION_UNIT_TAG) === 3 ? 0.01 : 0.0254;
  const x = tagNumber(input, X_RESOLUTION_TAG);
  const y = tagNumber(input, Y_RESOLUTION_TAG) ?? x;
  const selector = parseNumber(xmlTextAt(root, 'ImageFormingSystem', 'SelectorValue'));
  if (x === null || y === null || selector === null) return null;
  if (mode === 'MAG') {
    const factor = (metres / selector) * 1e9;
    return axesOf(factor / x, factor / y, 'nm');
  }
  const voltage = parseNumber(xmlTextAt(root, 'ElectronGun', 'AccelerationVoltage'));
  if (mode !== 'DIFF' || voltage === null) return null;
  const cameraLength = selector * ({ mm: 1e-3, cm: 1e-2 }[selectorUnit(root)] ?? 1);
  const factor = metres / (cameraLength * electronWavelength(voltage) * 1e9);
  return axesOf(factor / x, factor / y, '1/nm');
}

function selectorUnit(root: XmlElement): string {
  return xmlTextAt(root, 'ImageFormingSystem', 'SelectorUnitString') ?? 'm';
}

/** De Broglie wavelength (m) of electrons after a voltage (V), with the mass of their speed. */
function electronWavelength(voltage: number): number {
  const energy = ELEMENTARY_CHARGE * voltage;
  const correction = 1 + energy / (2 * ELECTRON_MASS * SPEED_OF_LIGHT ** 2);
  return PLANCK / Math.sqrt(2 * ELECTRON_MASS * energy * correction);
}
