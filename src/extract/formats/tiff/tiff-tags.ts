import type { JsonValue } from '../../extractor.js';
import { fileTimeOf, type FileTime } from '../../file-time.js';
import {
  textOf,
  type TiffContainer,
  type TiffDirectory,
  type TiffEntry,
} from './tiff-directory.js';
import { TAG } from './tiff-layout.js';

/** Names of the tags of TIFF 6.0, for the sidecar. */
const TAG_NAMES: Readonly<Record<number, string>> = {
  254: 'NewSubfileType',
  255: 'SubfileType',
  256: 'ImageWidth',
  257: 'ImageLength',
  258: 'BitsPerSample',
  259: 'Compression',
  262: 'PhotometricInterpretation',
  266: 'FillOrder',
  269: 'DocumentName',
  270: 'ImageDescription',
  271: 'Make',
  272: 'Model',
  274: 'Orientation',
  277: 'SamplesPerPixel',
  278: 'RowsPerStrip',
  280: 'MinSampleValue',
  281: 'MaxSampleValue',
  282: 'XResolution',
  283: 'YResolution',
  284: 'PlanarConfiguration',
  285: 'PageName',
  286: 'XPosition',
  287: 'YPosition',
  296: 'ResolutionUnit',
  297: 'PageNumber',
  305: 'Software',
  306: 'DateTime',
  315: 'Artist',
  316: 'HostComputer',
  317: 'Predictor',
  322: 'TileWidth',
  323: 'TileLength',
  338: 'ExtraSamples',
  339: 'SampleFormat',
  530: 'YCbCrSubSampling',
  33432: 'Copyright',
};

/** Where pixels lie, tables to decode them, and what vendor modules show. */
const LEFT_OUT: ReadonlySet<number> = new Set([
  273, 279, 320, 324, 325, 347, 34118, 34680, 34682, 34683, 50431, 51023, 51123, 65000, 65027,
]);
const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_LIST = 64;

/** The tags of a directory as JSON; long lists and opaque bytes by their size only. */
export function tagsOf(container: TiffContainer, directory: TiffDirectory): JsonValue {
  const tags: Record<string, JsonValue> = {};
  for (const entry of directory.entries.values()) {
    if (!LEFT_OUT.has(entry.tag)) {
      tags[TAG_NAMES[entry.tag] ?? `Tag ${entry.tag}`] = tagValue(container, entry);
    }
  }
  return tags;
}

function tagValue(container: TiffContainer, entry: TiffEntry): JsonValue {
  if (entry.type === 2) return textOf(container, entry, MAX_TEXT_BYTES);
  if (entry.count > MAX_LIST) return `(${entry.count} values of ${entry.byteLength} bytes)`;
  const numbers = container
    .numbersOf(entry, MAX_LIST)
    .map((value) => (Number.isFinite(value) ? value : String(value)));
  return numbers.length === 1 ? (numbers[0] ?? null) : numbers;
}

/** Metres in the units of ResolutionUnit: 2 inch, 3 centimetre. */
const RESOLUTION_UNITS: Readonly<Record<number, number>> = { 2: 0.0254, 3: 0.01 };
/** No printer or screen has pixels as small: smaller ones are sizes on a specimen. */
const LARGEST_SPECIMEN_PIXEL_M = 2e-6;
const SMALLEST_SPECIMEN_PIXEL_M = 1e-13;

/**
 * Size of one pixel in nm by XResolution, YResolution and ResolutionUnit, where they can be meant for the specimen:
 * most programs write the dots per inch of a screen or printer here (72, 96, 300), which says nothing.
 */
export function resolutionPixelSize(
  container: TiffContainer,
  directory: TiffDirectory,
): { x: number; y: number; unit: string } | null {
  const first = (tag: number): number | undefined => {
    const entry = directory.entries.get(tag);
    return entry === undefined ? undefined : container.numbersOf(entry, 1)[0];
  };
  const metres = RESOLUTION_UNITS[first(TAG.resolutionUnit) ?? 2];
  const xResolution = first(TAG.xResolution);
  if (metres === undefined || xResolution === undefined) return null;
  const x = metres / xResolution;
  const y = metres / (first(TAG.yResolution) ?? xResolution);
  const isPlausible = (size: number): boolean =>
    size >= SMALLEST_SPECIMEN_PIXEL_M && size <= LARGEST_SPECIMEN_PIXEL_M;
  if (!isPlausible(x) || !isPlausible(y)) return null;
  return { x: toNanometres(x), y: toNanometres(y), unit: 'nm' };
}

function toNanometres(metres: number): number {
  return Number((metres * 1e9).toPrecision(12));
}

/** DateTime (`2018:11:15 19:42:31`; other programs put slashes, hyphens or leave seconds out) in the zone given. */
export function acquiredOf(
  container: TiffContainer,
  directory: TiffDirectory,
  timezone: string,
): FileTime | null {
  const entry = directory.entries.get(TAG.dateTime);
  if (entry?.type !== 2) return null;
  return parseExifTime(textOf(container, entry, 64), timezone);
}

/** A time as TIFF and EXIF write it; null when it is not one. */
export function parseExifTime(text: string, timezone: string): FileTime | null {
  const match =
    /^\s*(\d{4})[:/-](\d{1,2})[:/-](\d{1,2})[ T]+(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?/.exec(text);
  if (match === null) return null;
  return fileTimeOf(
    {
      year: Number(match[1]),
      month: Number(match[2]),
      day: Number(match[3]),
      hour: Number(match[4]),
      minute: Number(match[5]),
      second: Number(match[6] ?? 0),
    },
    timezone,
  );
}
