import type { AxisCalibration } from '../../../domain/file-metadata.js';
import { AppError } from '../../../errors.js';
import type { FileHead, FileSource, PreviewSource } from '../../extractor.js';
import { BinaryHeader, tidyFloat32, type HeaderField } from '../binary/binary-header.js';
import { NUMERIC_TYPES, readNumbers, type NumericType } from '../binary/numeric-type.js';
import {
  addSpectra,
  MAX_CHANNELS,
  MAX_POSITIONS,
  spectrumSums,
  summedPreview,
} from '../binary/spectrum-sums.js';

/** Fields of a map (EDAX, "SpcMap-spd file format"). */
const MAP_FIELDS: readonly HeaderField[] = [
  ['tag', 'text', 0, 16],
  ['version', 'i4', 16],
  ['nSpectra', 'i4', 20],
  ['nPoints', 'i4', 24],
  ['nLines', 'u4', 28],
  ['nChannels', 'u4', 32],
  ['countBytes', 'u4', 36],
  ['dataOffset', 'u4', 40],
  ['nFrames', 'u4', 44],
  ['fName', 'text', 48, 120],
];
const MAP_TAG = 'MAPSPECTRA_DATA';
const MAP_HEADER_BYTES = 168;

/** Fields of the description of an image (EDAX, "ImageIPR file format", versions 333 and 334). */
const IMAGE_FIELDS: readonly HeaderField[] = [
  ['version', 'u2', 0],
  ['imageType', 'u2', 2],
  ['label', 'text', 4, 8],
  ['presetTime', 'u4', 20],
  ['timeConstantOld', 'u2', 26],
  ['nFrames', 'u2', 46],
  ['accV', 'u2', 52],
  ['tilt', 'i2', 54],
  ['takeoff', 'i2', 56],
  ['mag', 'u4', 58],
  ['wd', 'u2', 62],
  ['mppX', 'f4', 64],
  ['mppY', 'f4', 68],
  ['charText', 'text', 74, 128],
];
const IMAGE_HEADER_BYTES = 268;

/** Bytes of a count to its type. */
const COUNT_TYPES: ReadonlyMap<number, NumericType> = new Map<number, NumericType>([
  [1, NUMERIC_TYPES.uint8],
  [2, NUMERIC_TYPES.uint16],
  [4, NUMERIC_TYPES.uint32],
]);
/** Read at a time. */
const CHUNK_BYTES = 1024 * 1024;
/** Of larger maps the preview shows so many of their first bytes. */
const MAX_PREVIEW_BYTES = 128 * 1024 * 1024;

/** A spectrum map: spectra of all points of a line, line by line. */
export interface EdaxMap {
  readonly header: BinaryHeader;
  readonly points: number;
  readonly lines: number;
  readonly channels: number;
  readonly offset: number;
  readonly type: NumericType;
}

/** Whether a file is a map: it says so. */
export function isEdaxMap({ bytes }: Pick<FileHead, 'bytes'>): boolean {
  return bytes.length >= MAP_HEADER_BYTES && bytes.toString('latin1', 0, 15) === MAP_TAG;
}

/** Reads the header of a map. @throws AppError FORMAT_INVALID when it makes no sense or counts are missing. */
export function readEdaxMap(file: FileSource): EdaxMap {
  const header = new BinaryHeader(file.read(0, MAP_HEADER_BYTES), MAP_FIELDS);
  const [points, lines, channels] = [
    header.number('nPoints'),
    header.number('nLines'),
    header.number('nChannels'),
  ];
  const type = COUNT_TYPES.get(header.number('countBytes'));
  const offset = header.number('dataOffset');
  const bytes = points * lines * channels * (type?.bytes ?? NaN);
  if (!(points > 0 && lines > 0 && channels > 0) || !(offset + bytes <= file.sizeBytes)) {
    throw new AppError(
      'FORMAT_INVALID',
      `The EDAX map ${file.fileName} of ${lines} x ${points} x ${channels} counts does not fit into ${file.sizeBytes} bytes.`,
      { details: { points, lines, channels, offset, sizeBytes: file.sizeBytes } },
    );
  }
  return { header, points, lines, channels, offset, type: type ?? NUMERIC_TYPES.uint8 };
}

/** The description of the electron image that a map was recorded on. */
export interface EdaxImage {
  readonly header: BinaryHeader;
  /** µm a pixel, null: not stated. */
  readonly pixelWidth: number | null;
  readonly pixelHeight: number | null;
}

/** Reads an image description beside the map; null when there is none or it is of another kind. */
export function readEdaxImage(file: FileSource, map: EdaxMap): EdaxImage | null {
  const stem = file.fileName.replace(/\.[^.]*$/, '');
  // The map names the bitmap; TEAM calls it after the map.
  const named =
    map.header
      .text('fName')
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.[^.]*$/, '') ?? '';
  for (const name of [named, `${stem}_Img`, stem]) {
    const image = name === '' || name.startsWith('.') ? null : file.sibling(`${name}.ipr`);
    const bytes = image?.readUpTo(0, IMAGE_HEADER_BYTES);
    if (bytes === undefined || bytes.length < 202) continue;
    const header = new BinaryHeader(bytes, IMAGE_FIELDS);
    if (header.number('version') < 333 || header.number('version') > 400) continue;
    const size = (field: string): number | null => {
      const value = header.number(field);
      return value > 0 && Number.isFinite(value) ? value : null;
    };
    return { header, pixelWidth: size('mppX'), pixelHeight: size('mppY') };
  }
  return null;
}

/** Calibration of lines and points; empty units: not calibrated. */
export function edaxMapAxes(image: EdaxImage | null): [AxisCalibration, AxisCalibration] {
  const axis = (size: number | null): AxisCalibration =>
    size === null ? { scale: 1, origin: 0, unit: '' } : { scale: size, origin: 0, unit: 'µm' };
  return [axis(image?.pixelHeight ?? null), axis(image?.pixelWidth ?? null)];
}

/** Sums a map for its preview, or its first lines when it is large; null: more than can be summed. */
export function edaxMapPreview(
  file: FileSource,
  map: EdaxMap,
  energy: AxisCalibration,
  pixelWidth: number | null,
): PreviewSource | null {
  const { points, channels, type, offset } = map;
  const spectrumBytes = channels * type.bytes;
  const lines = Math.min(
    map.lines,
    Math.max(1, Math.floor(MAX_PREVIEW_BYTES / (points * spectrumBytes))),
  );
  const positions = points * lines;
  if (positions > MAX_POSITIONS || channels > MAX_CHANNELS) return null;
  const sums = spectrumSums(positions, channels);
  const step = Math.max(1, Math.floor(CHUNK_BYTES / spectrumBytes));
  for (let first = 0; first < positions; first += step) {
    const spectra = Math.min(step, positions - first);
    const place = { type, offset: offset + first * spectrumBytes, count: spectra * channels };
    addSpectra(sums, first, readNumbers(file, place));
  }
  const pixelSize = pixelWidth === null ? null : { size: tidyFloat32(pixelWidth), unit: 'µm' };
  return summedPreview(sums, { width: points, height: lines, pixelSize }, energy);
}
