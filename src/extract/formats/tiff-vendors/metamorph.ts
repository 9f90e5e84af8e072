import { zonedTime } from '../../../domain/zoned-time.js';
import { isoFileTime, type FileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import { fixedText } from '../tiff/fixed-text.js';
import { parseNumber, setMeasured, unitName } from '../tiff/measured-text.js';
import { readXml } from '../tiff/read-xml.js';
import { type XmlElement } from '../xml/xml-tree.js';
import type { TiffContainer, TiffEntry } from '../tiff/tiff-directory.js';
import { axesOf, tagText, vendorAnswer, type TiffAxes, type TiffVendor } from './tiff-vendor.js';

/** UIC1: pairs of an identifier and a value or place. UIC2: six numbers a plane. Both little-endian. */
const UIC1_TAG = 33628;
const UIC2_TAG = 33629;
const DESCRIPTION_TAG = 270;
const MAX_TEXT_BYTES = 1024 * 1024;
const PLANE_BYTES = 24;
const MAX_UIC1_PAIRS = 1024;
const X_CALIBRATION = 4;
const Y_CALIBRATION = 5;
const CALIBRATION_UNITS = 6;
/** Julian day number of 1 January 1970. */
const JULIAN_1970 = 2_440_588;

/** MetaMorph stacks (STK): planes follow each other behind one directory, as many as UIC2 has entries. */
export const metamorphStackVendor: TiffVendor = {
  name: 'MetaMorph',
  read({ container, directory, pages, context }) {
    const planes = directory?.entries.get(UIC2_TAG);
    // Rationals of six numbers a plane: the count is that of the planes, not that of the numbers.
    if (container?.littleEndian !== true || planes?.type !== 5) return null;
    const first = container.source.readUpTo(planes.offset, PLANE_BYTES);
    if (first.length < PLANE_BYTES) return null;
    const time = timeOf(first.readUInt32LE(8), first.readUInt32LE(12), context.timezone);
    const calibration = directory?.entries.get(UIC1_TAG);
    const facts = calibration === undefined ? null : readCalibration(container, calibration);
    const distance = first.readUInt32LE(0) / first.readUInt32LE(4);
    return vendorAnswer({
      metadata: new MetadataBuilder().text('Acquisition Software', 'MetaMorph'),
      time,
      axes: facts?.axes ?? null,
      stack: [
        {
          length: null,
          scale: distance > 0 && Number.isFinite(distance) ? distance : 1,
          origin: 0,
          unit: distance > 0 && Number.isFinite(distance) ? 'µm' : '',
        },
      ],
      planes: pages === 1 ? Math.max(1, planes.count) : 1,
      tags: {
        Planes: planes.count,
        ...(facts === null ? {} : { 'Calibration Units': facts.unit }),
      },
    });
  },
};

/** Newer MetaMorph and MetaXpress: XML with the root `MetaData` and `prop` elements in the description. */
export const metaseriesVendor: TiffVendor = {
  name: 'MetaMorph',
  read(input) {
    const description = tagText(input, DESCRIPTION_TAG, MAX_TEXT_BYTES) ?? '';
    if (!description.startsWith('<MetaData>')) return null;
    const root = readXml(description);
    if (root === null) return null;
    const values = new Map(properties(root));
    const time = isoFileTime(
      (values.get('acquisition-time-local') ?? '').replace(/^(\d{4})(\d{2})(\d{2}) /, '$1-$2-$3T'),
      input.context.timezone,
    );
    const metadata = new MetadataBuilder()
      .text('Acquisition Software', values.get('ApplicationName') ?? 'MetaMorph')
      .camera(values.get('camera-name'));
    setMeasured(metadata, 'Exposure Time', values.get('Exposure Time'), 'ms');
    setMeasured(metadata, 'Magnification', values.get('_MagNA_'));
    const isCalibrated = values.get('spatial-calibration-state') !== 'off';
    return vendorAnswer({
      metadata,
      time,
      axes: isCalibrated
        ? axesOf(
            parseNumber(values.get('spatial-calibration-x')),
            parseNumber(values.get('spatial-calibration-y')),
            unitName(values.get('spatial-calibration-units') ?? 'µm'),
          )
        : null,
      tags: Object.fromEntries(values),
    });
  },
};

function* properties(element: XmlElement): Generator<readonly [id: string, value: string]> {
  const id = element.attributes['id'];
  const value = element.attributes['value'];
  if (id !== undefined && value !== undefined) yield [id, value];
  for (const child of element.children) yield* properties(child);
}

function readCalibration(
  { source }: TiffContainer,
  entry: TiffEntry,
): { axes: TiffAxes | null; unit: string } {
  const pairs = new Map<number, number>();
  const bytes = source.readUpTo(entry.offset, Math.min(entry.count, MAX_UIC1_PAIRS) * 8);
  for (let at = 0; at + 8 <= bytes.length; at += 8) {
    pairs.set(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
  }
  const fraction = (id: number): number => {
    const parts = source.readUpTo(pairs.get(id) ?? source.sizeBytes, 8);
    return parts.length < 8 ? 0 : parts.readUInt32LE(0) / parts.readUInt32LE(4);
  };
  const at = pairs.get(CALIBRATION_UNITS) ?? source.sizeBytes;
  const length = source.readUpTo(at, 4);
  const written = source.readUpTo(
    at + 4,
    length.length < 4 ? 0 : Math.min(length.readUInt32LE(0), 64),
  );
  const unit = unitName(fixedText(written, 0, written.length));
  const x = fraction(X_CALIBRATION);
  return { axes: unit === '' ? null : axesOf(x, fraction(Y_CALIBRATION), unit), unit };
}

/** Days of the Julian period and milliseconds since midnight, local time. */
function timeOf(julianDay: number, milliseconds: number, timezone: string): FileTime | null {
  if (!(julianDay > JULIAN_1970 && julianDay < JULIAN_1970 + 100_000)) return null;
  if (milliseconds >= 86_400_000) return null;
  const wallMs = (julianDay - JULIAN_1970) * 86_400_000 + milliseconds;
  const wall = zonedTime(wallMs, 'utc');
  return isoFileTime(wall.toISO({ includeOffset: false }) ?? '', timezone);
}
