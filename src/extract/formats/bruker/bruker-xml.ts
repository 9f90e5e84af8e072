import { Buffer } from 'node:buffer';
import { CHEMICAL_ELEMENTS } from '../../../domain/chemical-elements.js';
import type { AxisCalibration } from '../../../domain/file-metadata.js';
import { AppError } from '../../../errors.js';
import { fileTimeOf, type FileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import { NUMERIC_TYPES, type NumericType } from '../binary/numeric-type.js';
import { elementAt, parseXml, xmlTextAt, type XmlElement } from '../xml/xml-tree.js';

/** A spectrum in Bruker's XML: of a .spx file, or summed over a map. */
export interface BrukerSpectrum {
  readonly xml: XmlElement;
  readonly counts: Float64Array;
  readonly axis: AxisCalibration;
}

/** An image in Bruker's XML. */
export interface BrukerImage {
  readonly title: string | null;
  readonly width: number;
  readonly height: number;
  readonly type: NumericType;
  readonly bytes: Buffer;
  /** In µm; null: the image has none of its own, as most that were recorded with a map. */
  readonly pixelSize: { readonly x: number; readonly y: number } | null;
}

const MAX_CHANNELS = 1 << 20;
const MAX_PIXELS = 1 << 26;
const MAX_PLANES = 32;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const windows1252 = new TextDecoder('windows-1252');

const PIXEL_TYPES: ReadonlyMap<number, NumericType> = new Map<number, NumericType>([
  [1, NUMERIC_TYPES.uint8],
  [2, NUMERIC_TYPES.uint16],
  [4, NUMERIC_TYPES.uint32],
]);

/** Parses Bruker's XML, which is in Windows-1252. @throws AppError FORMAT_INVALID when it is not well-formed. */
export function parseBrukerXml(bytes: Buffer, what: string): XmlElement {
  return parseXml(windows1252.decode(bytes), what);
}

/** The children that are instances of a class: `<ClassInstance Type="TRTSEMData">`. */
export function instancesOf(element: XmlElement | undefined, type: string): XmlElement[] {
  return (element?.children ?? []).filter(
    ({ name, attributes }) => name === 'ClassInstance' && attributes['Type'] === type,
  );
}

/** A number at a path; some versions write a decimal comma. Null: there is none. */
export function brukerNumber(
  element: XmlElement | undefined,
  ...path: readonly string[]
): number | null {
  const text = xmlTextAt(element, ...path)?.replace(',', '.') ?? '';
  return text.length <= 64 && NUMBER.test(text) ? Number(text) : null;
}

/** `6.1.2017` and `11:42:15` below an element, in the instrument's zone; null: they are not there or no time. */
export function brukerTime(element: XmlElement | undefined, timezone: string): FileTime | null {
  const date = /^(\d{1,2})\.(\d{1,2})\.(\d{4})$/.exec(xmlTextAt(element, 'Date') ?? '');
  const clock = /^(\d{1,2}):(\d{1,2}):(\d{1,2})$/.exec(xmlTextAt(element, 'Time') ?? '');
  if (date === null || clock === null) return null;
  const [day = 0, month = 0, year = 0] = date.slice(1).map(Number);
  const [hour = 0, minute = 0, second = 0] = clock.slice(1).map(Number);
  return fileTimeOf({ year, month, day, hour, minute, second }, timezone);
}

/** Reads a `TRTSpectrum`. @throws AppError FORMAT_INVALID when it has no counts. */
export function brukerSpectrum(xml: XmlElement): BrukerSpectrum {
  const text = xmlTextAt(xml, 'Channels') ?? '';
  const fields = text.split(',', MAX_CHANNELS);
  if (text === '') throw new AppError('FORMAT_INVALID', 'The Bruker spectrum has no channels.');
  const header = instancesOf(xml, 'TRTSpectrumHeader')[0];
  const counts = Float64Array.from(fields, (field) => {
    const count = Number(field);
    return Number.isFinite(count) ? count : 0;
  });
  return {
    xml,
    counts,
    axis: {
      scale: brukerNumber(header, 'CalibLin') ?? 1,
      origin: brukerNumber(header, 'CalibAbs') ?? 0,
      unit: header === undefined ? '' : 'keV',
    },
  };
}

/** The images of a `TRTImageData` that hold anything but zeros. */
export function brukerImages(xml: XmlElement): BrukerImage[] {
  const width = brukerNumber(xml, 'Width') ?? 0;
  const height = brukerNumber(xml, 'Height') ?? 0;
  const type = PIXEL_TYPES.get(brukerNumber(xml, 'ItemSize') ?? 0);
  const x = positive(brukerNumber(xml, 'XCalibration'));
  const y = positive(brukerNumber(xml, 'YCalibration'));
  const pixelSize = x === null || y === null ? null : { x, y };
  const planes = Math.min(MAX_PLANES, brukerNumber(xml, 'PlaneCount') ?? 0);
  if (!(width > 0 && height > 0 && width * height <= MAX_PIXELS) || type === undefined) return [];
  return Array.from({ length: Math.max(0, planes) }, (_, index) =>
    elementAt(xml, `Plane${index}`),
  ).flatMap((plane) => {
    const bytes = Buffer.from(xmlTextAt(plane, 'Data') ?? '', 'base64');
    const needed = width * height * type.bytes;
    if (bytes.length < needed || bytes.every((value) => value === 0)) return [];
    const title = xmlTextAt(plane, 'Description');
    return [{ title, width, height, type, pixelSize, bytes: bytes.subarray(0, needed) }];
  });
}

/** The harmonised metadata of a spectrum's headers: detector, angles, times. Times in the file are in ms. */
export function addSpectrumMetadata(metadata: MetadataBuilder, xml: XmlElement): void {
  const headers = elementAt(xml, 'TRTHeaderedClass');
  const hardware = instancesOf(headers, 'TRTSpectrumHardwareHeader')[0];
  const analysis = instancesOf(headers, 'TRTESMAHeader')[0];
  const xrf = instancesOf(headers, 'TRTXrfHeader')[0];
  const detector = instancesOf(headers, 'TRTDetectorHeader')[0];
  const header = instancesOf(xml, 'TRTSpectrumHeader')[0];
  const live = positive(brukerNumber(hardware, 'LifeTime'));
  const realTime = positive(brukerNumber(hardware, 'RealTime'));
  const sigma = positive(brukerNumber(header, 'SigmaAbs'));
  const slope = brukerNumber(header, 'SigmaLin');
  metadata
    .text('Detector Name', xmlTextAt(detector, 'Type'))
    .number(
      'Acceleration Voltage',
      positive(brukerNumber(analysis, 'PrimaryEnergy') ?? brukerNumber(xrf, 'Voltage')),
      'kV',
    )
    .number(
      'Elevation Angle',
      brukerNumber(analysis, 'ElevationAngle') ?? brukerNumber(xrf, 'ExcitationAngle'),
      '°',
    )
    .number('Azimuthal Angle', brukerNumber(analysis, 'AzimutAngle'), '°')
    .number('Live Time', live, 'ms')
    .number('Real Time', realTime, 'ms')
    .number('Dead Time', brukerNumber(hardware, 'DeadTime'), '%')
    .number('Energy Dispersion', positive(brukerNumber(header, 'CalibLin')), 'keV')
    .number('Energy Offset', brukerNumber(header, 'CalibAbs'), 'keV')
    .number('Detector Resolution', widthAtManganese(sigma, slope), 'keV');
}

/** Full width at half maximum at the manganese K line (5.895 keV) of a Gaussian of variance SigmaAbs + SigmaLin E. */
function widthAtManganese(sigma: number | null, slope: number | null): number | null {
  if (sigma === null || slope === null) return null;
  const width = 2 * Math.sqrt(2 * Math.LN2 * (sigma + slope * 5.895));
  return Number(width.toPrecision(5));
}

/** What was never set is 0 or -1. */
export function positive(value: number | null): number | null {
  return value !== null && value > 0 ? value : null;
}

/** The chemical elements that were selected in a spectrum or map, by atomic number: those of the first list of them. */
export function brukerElements(xml: XmlElement): string[] {
  const list = firstOfType(xml, ['TRTElementInformationList', 'TRTPSEElementList']);
  const names = new Set<string>();
  const collect = ({ attributes, children }: XmlElement): void => {
    const { Type: type, Name: name = '' } = attributes;
    if (type === 'TRTSpectrumRegion' || type === 'TRTPSEElement') names.add(name);
    children.forEach(collect);
  };
  if (list !== undefined) collect(list);
  return CHEMICAL_ELEMENTS.filter((symbol) => names.has(symbol));
}

function firstOfType(element: XmlElement, types: readonly string[]): XmlElement | undefined {
  if (types.includes(element.attributes['Type'] ?? '')) return element;
  for (const child of element.children) {
    const found = firstOfType(child, types);
    if (found !== undefined) return found;
  }
  return undefined;
}
