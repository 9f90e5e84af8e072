import { isoFileTime } from '../../file-time.js';
import type { MetadataName } from '../../../domain/harmonised-names.js';
import { MetadataBuilder } from '../../harmonise.js';
import { parseNumber, setMeasured, unitName } from '../tiff/measured-text.js';
import { findElement, readXml } from '../tiff/read-xml.js';
import { type XmlElement, elementAt, xmlAsJson } from '../xml/xml-tree.js';
import {
  axesOf,
  tagText,
  vendorAnswer,
  type TiffStackAxis,
  type TiffVendor,
} from './tiff-vendor.js';

const DESCRIPTION_TAG = 270;
const MAX_TEXT_BYTES = 32 * 1024 * 1024;

/** OME-TIFF (Open Microscopy Environment, schema 2016-06): XML with the root `OME` in the description. */
export const omeVendor: TiffVendor = {
  name: 'OME-TIFF',
  read(input) {
    const description = tagText(input, DESCRIPTION_TAG, MAX_TEXT_BYTES) ?? '';
    if (!/^\s*<[?!O]/.test(description) || !/<(?:\w+:)?OME\b/.test(description)) return null;
    const root = readXml(description);
    if (root?.name !== 'OME') return null;
    const images = root.children.filter((child) => child.name === 'Image');
    const image = images[0];
    const pixels = elementAt(image, 'Pixels');
    const attribute = (element: XmlElement | undefined, name: string): string | null =>
      element?.attributes[name] ?? null;
    const date = elementAt(image, 'AcquisitionDate')?.text ?? '';
    const time = isoFileTime(date, input.context.timezone);
    const x = parseNumber(attribute(pixels, 'PhysicalSizeX'));
    const y = parseNumber(attribute(pixels, 'PhysicalSizeY')) ?? x;
    const unit = unitName(attribute(pixels, 'PhysicalSizeXUnit') ?? 'µm');
    const plane = elementAt(pixels, 'Plane');
    const instrument = elementAt(root, 'Instrument');
    const metadata = new MetadataBuilder();
    const set = (name: MetadataName, text: string | null, given?: string): void =>
      setMeasured(metadata, name, text, given);
    set(
      'Exposure Time',
      attribute(plane, 'ExposureTime'),
      unitName(attribute(plane, 'ExposureTimeUnit') ?? 's'),
    );
    set('Magnification', attribute(elementAt(instrument, 'Objective'), 'NominalMagnification'));
    const experimenter = elementAt(root, 'Experimenter');
    const user = [attribute(experimenter, 'FirstName'), attribute(experimenter, 'LastName')]
      .filter((part) => part !== null)
      .join(' ');
    metadata
      .text('Acquisition Software', attribute(root, 'Creator'))
      .camera(attribute(elementAt(instrument, 'Detector'), 'Model'))
      .text('Microscope', attribute(elementAt(instrument, 'Microscope'), 'Model'))
      .text('Operator', user === '' ? attribute(experimenter, 'UserName') : user)
      .text('Signal', channelNames(pixels))
      .text('User Text', elementAt(image, 'Description')?.text);
    const name = attribute(image, 'Name');
    return vendorAnswer({
      metadata,
      title: name === '' ? null : name,
      time,
      axes: axesOf(x, y, unit),
      stack: stackOf(images, pixels),
      tags: { OME: xmlAsJson(root) },
      warnings: findElement(root, 'BinaryOnly') === undefined ? [] : [BINARY_ONLY],
    });
  },
};

const BINARY_ONLY =
  'The description of this OME-TIFF is in another file: only its own tags were read.';

function channelNames(pixels: XmlElement | undefined): string | null {
  const names = (pixels?.children ?? [])
    .filter((child) => child.name === 'Channel')
    .map((channel) => channel.attributes['Name'] ?? '');
  return names.every((name) => name === '') ? null : names.join(', ');
}

/** DimensionOrder names the axes fastest first: XYZCT. Several equal images are one more axis. */
function stackOf(images: readonly XmlElement[], pixels: XmlElement | undefined): TiffStackAxis[] {
  if (pixels === undefined) return [];
  const order = pixels.attributes['DimensionOrder'] ?? 'XYZCT';
  const text = (name: string): string | null => pixels.attributes[name] ?? null;
  const samples = parseNumber(elementAt(pixels, 'Channel')?.attributes['SamplesPerPixel']) ?? 1;
  const axes: Readonly<Record<string, TiffStackAxis>> = {
    Z: axisOf(text('SizeZ'), text('PhysicalSizeZ'), text('PhysicalSizeZUnit') ?? 'µm'),
    T: axisOf(text('SizeT'), text('TimeIncrement'), text('TimeIncrementUnit') ?? 's'),
    // Colours of one pixel are channels to the schema.
    C: { ...axisOf(text('SizeC'), null, ''), length: (parseNumber(text('SizeC')) ?? 1) / samples },
  };
  return [
    { length: images.length, scale: 1, origin: 0, unit: '' },
    ...Array.from(order.slice(2))
      .toReversed()
      .flatMap((letter) => axes[letter] ?? []),
  ];
}

function axisOf(length: string | null, scale: string | null, unit: string): TiffStackAxis {
  const step = parseNumber(scale);
  return {
    length: parseNumber(length) ?? 1,
    scale: step ?? 1,
    origin: 0,
    unit: step === null ? '' : unitName(unit),
  };
}
