import { MetadataBuilder } from '../../harmonise.js';
import { fixedText } from '../tiff/fixed-text.js';
import { parseIniText } from '../tiff/ini-text.js';
import { monthFirstTime } from '../tiff/local-date.js';
import { unitName } from '../tiff/measured-text.js';
import {
  axesOf,
  tagText,
  vendorAnswer,
  type TiffStackAxis,
  type TiffVendor,
} from './tiff-vendor.js';

/** MM_HEADER. */
const HEADER_TAG = 34361;
const HEADER_BYTES = 1284;
const DESCRIPTION_TAG = 270;
const MAX_TEXT_BYTES = 1024 * 1024;
/** Ten dimensions of 100 bytes each: name, length, origin, resolution, unit; fastest first. */
const DIMENSIONS_AT = 284;
const DIMENSION_BYTES = 100;
const DIMENSIONS = 10;

/** Olympus FluoView: a binary header in tag 34361 with the dimensions, INI text in the description. */
export const fluoviewVendor: TiffVendor = {
  name: 'Olympus FluoView',
  read(input) {
    const { container, directory } = input;
    const entry = directory?.entries.get(HEADER_TAG);
    if (container === null || entry === undefined || entry.byteLength < HEADER_BYTES) return null;
    const header = container.bytesOf(entry, HEADER_BYTES);
    const dimensions = Array.from({ length: DIMENSIONS }, (_, index) =>
      dimensionAt(header, DIMENSIONS_AT + index * DIMENSION_BYTES, container.littleEndian),
    ).filter((dimension) => dimension.name !== '');
    const [x, y, ...slower] = dimensions;
    if (x === undefined || y === undefined) return null;
    const { sections } = parseIniText(tagText(input, DESCRIPTION_TAG, MAX_TEXT_BYTES) ?? '');
    const keys = new Map([...sections.values()].flatMap((section) => [...section]));
    const stamp = `${keys.get('Date') ?? ''} ${keys.get('Time') ?? ''}`;
    const time = monthFirstTime(stamp.replaceAll('-', '/'), input.context.timezone);
    const metadata = new MetadataBuilder()
      .text('Acquisition Software', keys.get('Version'))
      .text('Operator', keys.get('User Name'))
      .text('Data Type', 'Confocal_Imaging');
    const axes = x.unit === y.unit ? axesOf(x.scale, y.scale, x.unit) : null;
    return vendorAnswer({
      metadata,
      time,
      axes:
        axes === null
          ? null
          : {
              columns: { ...axes.columns, origin: x.origin },
              rows: { ...axes.rows, origin: y.origin },
            },
      stack: slower.toReversed().map(({ length, scale, origin, unit }): TiffStackAxis => ({
        length,
        scale: scale === 0 ? 1 : scale,
        origin,
        unit,
      })),
      tags: {
        Dimensions: dimensions.map((dimension) => ({ ...dimension })),
        ...Object.fromEntries(
          [...sections].map(([name, found]) => [name, Object.fromEntries(found)]),
        ),
      },
    });
  },
};

function dimensionAt(
  header: Buffer,
  at: number,
  little: boolean,
): { name: string; length: number; origin: number; scale: number; unit: string } {
  const real = (place: number): number => {
    const value = little ? header.readDoubleLE(place) : header.readDoubleBE(place);
    return Number.isFinite(value) ? value : 0;
  };
  const text = (place: number, length: number): string => fixedText(header, place, length);
  return {
    name: text(at, 16),
    length: little ? header.readInt32LE(at + 16) : header.readInt32BE(at + 16),
    origin: real(at + 20),
    scale: real(at + 28),
    unit: unitName(text(at + 36, 64)),
  };
}
