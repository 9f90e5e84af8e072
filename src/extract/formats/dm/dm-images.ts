import type { AxisCalibration } from '../../../domain/file-metadata.js';
import {
  entryAt,
  groupAt,
  isDmArray,
  isDmGroup,
  numberAt,
  textAt,
  type DmArray,
  type DmGroup,
} from './dm-tree.js';
import type { DmFile } from './dm-tags.js';

/** How the pixels of a DataType lie in the file. */
export interface DmPixelFormat {
  /** numpy's name of what they are once read; rgba8 for four bytes of colour. */
  readonly dtype: string;
  /** Bytes of one pixel in the file. */
  readonly bytes: number;
  readonly layout: 'real' | 'complex' | 'colour' | 'packed-square' | 'packed-half';
  /** Bytes of one number in a pixel. */
  readonly numberBytes: number;
}

/** One image (spectrum, stack, spectrum image) of the file. */
export interface DmImage {
  readonly name: string | null;
  /** Its ImageTags; for stacks of the stack builder plug-in those of the first image. */
  readonly tags: DmGroup;
  /** Lengths of the axes, x (fastest) first. */
  readonly dimensions: readonly number[];
  /** Lengths of the axes, slowest first. */
  readonly shape: readonly number[];
  /** In the order of `shape`. */
  readonly calibration: readonly AxisCalibration[];
  /** Unit of the pixel values, empty: none. */
  readonly intensityUnit: string;
  /** Null: a DataType that is not known. */
  readonly format: DmPixelFormat | null;
  /** Null: the pixels are fewer than the dimensions promise. */
  readonly pixels: DmArray | null;
  readonly littleEndian: boolean;
}

const real = (dtype: string, bytes: number): DmPixelFormat => ({
  dtype,
  bytes,
  layout: 'real',
  numberBytes: bytes,
});

/** DataType to layout (DigitalMicrograph help, "Image data types"). */
const PIXEL_FORMATS: ReadonlyMap<number, DmPixelFormat> = new Map([
  [1, real('int16', 2)],
  [2, real('float32', 4)],
  [3, { dtype: 'complex64', bytes: 8, layout: 'complex', numberBytes: 4 }],
  [5, { dtype: 'complex64', bytes: 4, layout: 'packed-square', numberBytes: 4 }],
  [6, real('uint8', 1)],
  [7, real('int32', 4)],
  [8, { dtype: 'rgba8', bytes: 4, layout: 'colour', numberBytes: 1 }],
  [9, real('int8', 1)],
  [10, real('uint16', 2)],
  [11, real('uint32', 4)],
  [12, real('float64', 8)],
  [13, { dtype: 'complex128', bytes: 16, layout: 'complex', numberBytes: 8 }],
  [14, real('bool', 1)],
  [23, { dtype: 'rgba8', bytes: 4, layout: 'colour', numberBytes: 1 }],
  [27, { dtype: 'complex64', bytes: 8, layout: 'packed-half', numberBytes: 4 }],
  [28, { dtype: 'complex128', bytes: 16, layout: 'packed-half', numberBytes: 8 }],
  [39, real('int64', 8)],
  [40, real('uint64', 8)],
]);

const MAX_AXES = 16;
const MAX_WARNINGS = 20;

/** The images of a file but its display thumbnails, with sentences about those that make no sense. */
export function dmImages({ root, littleEndian }: DmFile): {
  images: readonly DmImage[];
  warnings: readonly string[];
} {
  const list = groupAt(root, 'ImageList');
  const thumbnails = thumbnailNames(root);
  const images: DmImage[] = [];
  const warnings: string[] = [];
  const warn = (sentence: string): void => {
    if (warnings.length < MAX_WARNINGS) warnings.push(sentence);
  };
  for (const [key, group] of list?.entries ?? []) {
    if (!isDmGroup(group) || thumbnails.has(key)) continue;
    const dimensions = dimensionsOf(group);
    if (dimensions === null) {
      warn(`Image ${key} has no usable dimensions and was left out.`);
      continue;
    }
    images.push(imageOf(group, key, dimensions, littleEndian, warn));
  }
  return { images, warnings };
}

function imageOf(
  group: DmGroup,
  key: string,
  dimensions: readonly number[],
  littleEndian: boolean,
  warn: (sentence: string) => void,
): DmImage {
  const dataType = numberAt(group, 'ImageData', 'DataType');
  const format = PIXEL_FORMATS.get(dataType ?? -1) ?? null;
  if (format === null) {
    warn(
      `Image ${key} has the unknown data type ${dataType ?? '(none)'}; its pixels are not read.`,
    );
  }
  const data = entryAt(group, 'ImageData', 'Data');
  const pixels = isDmArray(data) ? data : null;
  const needed = format === null ? null : bytesNeeded(format, dimensions);
  const isWhole = pixels !== null && needed !== null && pixels.sizeBytes >= needed;
  if (format !== null && !isWhole) {
    warn(
      `Image ${key} has ${pixels?.sizeBytes ?? 0} bytes of pixels, ${needed ?? 'more than possible'} are needed.`,
    );
  }
  return {
    name: textAt(group, 'Name'),
    tags: imageTagsOf(group),
    dimensions,
    shape: [...dimensions].reverse(),
    calibration: calibrationOf(group, dimensions.length),
    intensityUnit: unitOf(textAt(group, 'ImageData', 'Calibrations', 'Brightness', 'Units')),
    format,
    pixels: isWhole ? pixels : null,
    littleEndian,
  };
}

/** Bytes of all pixels; null: more than a number can count, or dimensions that the layout does not allow. */
function bytesNeeded(format: DmPixelFormat, dimensions: readonly number[]): number | null {
  const [width = 1, ...others] = dimensions;
  const rows = others.reduce((product, length) => product * length, 1);
  const stored = format.layout === 'packed-half' ? Math.floor(width / 2) + 1 : width;
  const bytes = stored * rows * format.bytes;
  return Number.isSafeInteger(bytes) && bytes > 0 ? bytes : null;
}

function dimensionsOf(group: DmGroup): readonly number[] | null {
  const entries = groupAt(group, 'ImageData', 'Dimensions')?.entries;
  if (entries === undefined || entries.size === 0 || entries.size > MAX_AXES) return null;
  const lengths: number[] = [];
  for (const length of entries.values()) {
    if (typeof length !== 'number' || !Number.isInteger(length) || length < 1) return null;
    lengths.push(length);
  }
  return lengths;
}

/** Slowest axis first. An axis without calibration (stacks of plug-ins) counts pixels. */
function calibrationOf(group: DmGroup, axes: number): AxisCalibration[] {
  const calibrations: AxisCalibration[] = [];
  for (let axis = axes - 1; axis >= 0; axis -= 1) {
    const path = ['ImageData', 'Calibrations', 'Dimension', `TagGroup${axis}`] as const;
    const scale = finite(numberAt(group, ...path, 'Scale'), 1);
    const start = finite(numberAt(group, ...path, 'Origin'), 0);
    // The file's origin is the index of value 0. Adding 0 turns -0 into 0.
    const origin = finite(-start * scale, 0) + 0;
    calibrations.push({ scale, origin, unit: unitOf(textAt(group, ...path, 'Units')) });
  }
  return calibrations;
}

function finite(value: number | null, otherwise: number): number {
  return value !== null && Number.isFinite(value) ? value : otherwise;
}

/** The Greek letter mu as the micro sign. */
function unitOf(text: string | null): string {
  return (text ?? '').replaceAll('\u03bc', '\u00b5');
}

/** Stacks of the stack builder plug-in keep the tags of the first image below `source`. */
function imageTagsOf(group: DmGroup): DmGroup {
  return (
    groupAt(group, 'ImageTags', 'source', 'Tags at creation') ??
    groupAt(group, 'ImageTags') ?? { kind: 'group', entries: new Map() }
  );
}

function thumbnailNames(root: DmGroup): ReadonlySet<string> {
  const names = new Set<string>();
  for (const thumbnail of groupAt(root, 'Thumbnails')?.entries.values() ?? []) {
    const index = isDmGroup(thumbnail) ? numberAt(thumbnail, 'ImageIndex') : null;
    if (index !== null) names.add(`TagGroup${index}`);
  }
  return names;
}
