import { Buffer } from 'node:buffer';
import type { DateTime } from 'luxon';

/** A tag's value: text, a number (written as float64) or a group of tags. */
export type Dm3Tag = string | number | Dm3Tags;

/** Tags by name. */
export interface Dm3Tags {
  readonly [name: string]: Dm3Tag;
}

/** Pixels as DigitalMicrograph knows them. */
export type Dm3Pixels =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** One axis: value = origin + index * scale. */
export interface Dm3Axis {
  readonly length: number;
  readonly scale: number;
  readonly origin: number;
  /** `nm`, `eV`... Latin-1 and UTF-16 text. */
  readonly unit: string;
}

/** A picture, spectrum, stack or spectrum image with its metadata. */
export interface Dm3Content {
  readonly name: string;
  /** x (fastest) first. */
  readonly axes: readonly Dm3Axis[];
  /** As many as the lengths of the axes multiply to. */
  readonly pixels: Dm3Pixels;
  /** Of the pixel values, empty: none. */
  readonly intensityUnit: string;
  /** When it was acquired; written into DataBar as DigitalMicrograph on an English PC does. */
  readonly acquired: DateTime<true>;
  /** ImageTags besides DataBar's times: `Microscope Info`, `Session Info`... */
  readonly tags: Dm3Tags;
}

type Entry = readonly [name: string, body: Buffer];

const INT16 = 2;
const INT32 = 3;
const UINT16 = 4;
const UINT32 = 5;
const FLOAT32 = 6;
const FLOAT64 = 7;
const INT8 = 9;
const UINT8 = 10;
const ARRAY = 20;
/** 1601-01-01 to 1970-01-01, milliseconds. */
const FILETIME_EPOCH_MS = 11_644_473_600_000;

/**
 * A DigitalMicrograph 3 file with one image, or several, behind a display thumbnail, as the program writes it:
 * little-endian values. DigitalMicrograph, hyperspy and our own reader read it.
 */
export function writeDm3(content: Dm3Content, ...further: readonly Dm3Content[]): Buffer {
  const root = group([
    [
      'ImageList',
      group([
        ['', thumbnailImage()],
        ...[content, ...further].map((image): Entry => ['', mainImage(image)]),
      ]),
    ],
    ['Thumbnails', group([['', group([['ImageIndex', uint32(0)]])]])],
  ]);
  const header = Buffer.alloc(12);
  header.writeInt32BE(3, 0);
  header.writeInt32BE(root.length + 4, 4);
  header.writeInt32BE(1, 8);
  return Buffer.concat([header, withoutKind(root), Buffer.alloc(8)]);
}

function mainImage({ name, axes, pixels, intensityUnit, acquired, tags }: Dm3Content): Buffer {
  const { code, dataType } = pixelTypeOf(pixels);
  const bytes = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
  return group([
    [
      'ImageData',
      imageData(
        axes,
        intensityUnit,
        dataType,
        pixels.BYTES_PER_ELEMENT,
        array(code, pixels.length, bytes),
      ),
    ],
    ['ImageTags', tagGroup(withTimes(tags, acquired))],
    ['Name', text(name)],
  ]);
}

/** Two by two black pixels of colour. */
function thumbnailImage(): Buffer {
  const axis: Dm3Axis = { length: 2, scale: 1, origin: 0, unit: '' };
  return group([
    ['ImageData', imageData([axis, axis], '', 23, 4, array(UINT32, 4, Buffer.alloc(16)))],
    ['ImageTags', group([])],
    ['Name', text('Image Of the image')],
  ]);
}

function imageData(
  axes: readonly Dm3Axis[],
  intensityUnit: string,
  dataType: number,
  pixelBytes: number,
  data: Buffer,
): Buffer {
  return group([
    [
      'Calibrations',
      group([
        ['Brightness', calibration(0, 1, intensityUnit)],
        [
          'Dimension',
          // The file's origin is the index of value 0.
          group(
            axes.map(({ origin, scale, unit }) => ['', calibration(-origin / scale, scale, unit)]),
          ),
        ],
        ['DisplayCalibratedUnits', uint32(1)],
      ]),
    ],
    ['Data', data],
    ['DataType', uint32(dataType)],
    ['Dimensions', group(axes.map(({ length }) => ['', uint32(length)]))],
    ['PixelDepth', uint32(pixelBytes)],
  ]);
}

function calibration(origin: number, scale: number, unit: string): Buffer {
  return group([
    ['Origin', float32(origin)],
    ['Scale', float32(scale)],
    ['Units', text(unit)],
  ]);
}

function withTimes(tags: Dm3Tags, acquired: DateTime<true>): Dm3Tags {
  const dataBar = tags['DataBar'];
  const english = acquired.setLocale('en-US');
  return {
    ...tags,
    DataBar: {
      ...(typeof dataBar === 'object' ? dataBar : {}),
      'Acquisition Date': english.toFormat('M/d/yyyy'),
      'Acquisition Time': english.toFormat('h:mm:ss a'),
      'Acquisition Time (OS)': (acquired.toMillis() + FILETIME_EPOCH_MS) * 10_000,
    },
  };
}

function tagGroup(tags: Dm3Tags): Buffer {
  const sorted = Object.entries(tags).sort(([a], [b]) => (a < b ? -1 : 1));
  return group(
    sorted.map(([name, value]) => {
      if (typeof value === 'string') return [name, text(value)];
      return [name, typeof value === 'number' ? float64(value) : tagGroup(value)];
    }),
  );
}

/** DataType of the image and type code of its array. */
function pixelTypeOf(pixels: Dm3Pixels): { code: number; dataType: number } {
  if (pixels instanceof Uint8Array) return { code: UINT8, dataType: 6 };
  if (pixels instanceof Int8Array) return { code: INT8, dataType: 9 };
  if (pixels instanceof Uint16Array) return { code: UINT16, dataType: 10 };
  if (pixels instanceof Int16Array) return { code: INT16, dataType: 1 };
  if (pixels instanceof Uint32Array) return { code: UINT32, dataType: 11 };
  if (pixels instanceof Int32Array) return { code: INT32, dataType: 7 };
  if (pixels instanceof Float32Array) return { code: FLOAT32, dataType: 2 };
  return { code: FLOAT64, dataType: 12 };
}

const GROUP_KIND = 20;
const DATA_KIND = 21;

/** A group with its kind in front; unnamed entries have an empty name. */
function group(entries: readonly Entry[]): Buffer {
  const head = Buffer.alloc(7);
  head.writeUInt8(GROUP_KIND, 0);
  head.writeUInt8(1, 1);
  head.writeInt32BE(entries.length, 3);
  const parts: Buffer[] = [head];
  for (const [name, body] of entries) {
    const nameBytes = Buffer.from(name, 'latin1');
    const entryHead = Buffer.alloc(3);
    entryHead.writeUInt8(body.readUInt8(0), 0);
    entryHead.writeUInt16BE(nameBytes.length, 1);
    parts.push(entryHead, nameBytes, withoutKind(body));
  }
  return Buffer.concat(parts);
}

/** The kind stands before the name in the file: bodies carry it as their first byte until they are named. */
function withoutKind(body: Buffer): Buffer {
  return body.subarray(1);
}

function value(type: readonly number[], bytes: Buffer): Buffer {
  const head = Buffer.alloc(9 + 4 * type.length);
  head.writeUInt8(DATA_KIND, 0);
  head.write('%%%%', 1, 'latin1');
  head.writeInt32BE(type.length, 5);
  type.forEach((number, index) => head.writeUInt32BE(number, 9 + 4 * index));
  return Buffer.concat([head, bytes]);
}

function array(code: number, count: number, bytes: Buffer): Buffer {
  return value([ARRAY, code, count], bytes);
}

function text(content: string): Buffer {
  return array(UINT16, content.length, Buffer.from(content, 'utf16le'));
}

function uint32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return value([UINT32], bytes);
}

function float32(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeFloatLE(number);
  return value([FLOAT32], bytes);
}

function float64(number: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(number);
  return value([FLOAT64], bytes);
}
