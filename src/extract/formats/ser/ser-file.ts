import { AppError } from '../../../errors.js';
import type { FileSource } from '../../extractor.js';
import { textAt } from '../binary/binary-header.js';
import { NUMERIC_TYPES, type NumericType } from '../binary/numeric-type.js';

/** A dimension along which the elements of a series are counted. */
export interface SerDimension {
  readonly size: number;
  /** Value of index 0, in `unit`. */
  readonly origin: number;
  readonly delta: number;
  readonly description: string;
  /** As written: `meters`, or empty. */
  readonly unit: string;
}

/** The axis of the data of one element. */
export interface SerAxis {
  readonly length: number;
  /** Value of index 0, in SI units. */
  readonly origin: number;
  readonly delta: number;
}

/** A spectrum or image of a series. */
export interface SerElement {
  readonly type: NumericType;
  /** Slowest first: one of a spectrum, two of an image. */
  readonly axes: readonly SerAxis[];
  /** Byte of the first value. Rows of an image run from bottom to top. */
  readonly offset: number;
}

/** When and where an element was recorded. */
export interface SerTag {
  /** Seconds since 1970-01-01 UTC. */
  readonly time: number;
  /** Position of the beam in m; null: not recorded. */
  readonly position: { readonly x: number; readonly y: number } | null;
}

/** A series of spectra or images of FEI's TIA (Emispec). */
export interface SerFile {
  readonly version: number;
  readonly isSpectra: boolean;
  readonly dimensions: readonly SerDimension[];
  /** Elements that were asked for, and that are there: fewer when the series was stopped. */
  readonly total: number;
  readonly valid: number;
  readonly element: (index: number) => SerElement;
  /** Null: the file does not know. */
  readonly tag: (index: number) => SerTag | null;
}

const BYTE_ORDER = 0x4949;
const SERIES = 0x0197;
/** From this version on, offsets have 64 bits. */
const WIDE_VERSION = 0x0220;
const SPECTRA = 0x4120;
const IMAGES = 0x4122;
const TIME_AND_POSITION = 0x4142;
const MAX_DIMENSIONS = 8;
const MAX_TEXT_BYTES = 4096;
const MAX_DIMENSION_BYTES = 32 + 2 * MAX_TEXT_BYTES;

/** Data types 1 to 10. */
const TYPES: readonly NumericType[] = [
  NUMERIC_TYPES.uint8,
  NUMERIC_TYPES.uint16,
  NUMERIC_TYPES.uint32,
  NUMERIC_TYPES.int8,
  NUMERIC_TYPES.int16,
  NUMERIC_TYPES.int32,
  NUMERIC_TYPES.float32,
  NUMERIC_TYPES.float64,
  NUMERIC_TYPES.complex64,
  NUMERIC_TYPES.complex128,
];

/** Whether a file begins as a series. */
export function isSer(bytes: Buffer): boolean {
  return (
    bytes.length >= 30 && bytes.readUInt16LE(0) === BYTE_ORDER && bytes.readUInt16LE(2) === SERIES
  );
}

/**
 * Reads the header of a series. Layout: C. Boothroyd, "TIA (Emispec) file format",
 * https://www.er-c.org/cbb/info/TIAformat/, checked on real files.
 * @throws AppError FORMAT_INVALID naming what makes no sense, FILE_UNREADABLE as FileSource.read.
 */
export function readSerFile(file: FileSource): SerFile {
  const head = file.read(0, 38);
  const version = head.readUInt16LE(4);
  const dataType = head.readUInt32LE(6);
  const isWide = version >= WIDE_VERSION;
  const wordBytes = isWide ? 8 : 4;
  const total = head.readUInt32LE(14);
  const valid = head.readUInt32LE(18);
  const tableOffset = wordAt(head, 22, isWide);
  const count = head.readUInt32LE(22 + wordBytes);
  const isSpectra = dataType === SPECTRA;
  if (!isSer(head) || (!isSpectra && dataType !== IMAGES) || valid > total) {
    throw invalid(file, 'has an impossible header', { dataType, total, valid });
  }
  if (count > MAX_DIMENSIONS) throw invalid(file, `has ${count} dimensions`, { count });
  const hasPosition = head.readUInt32LE(10) === TIME_AND_POSITION;
  const word = (index: number): number =>
    wordAt(file.read(tableOffset + index * wordBytes, wordBytes), 0, isWide);
  return {
    version,
    isSpectra,
    dimensions: readDimensions(file, 26 + wordBytes, count),
    total,
    valid,
    element: (index) => readElement(file, word(index), isSpectra),
    tag: (index) => readTag(file, word(total + index), hasPosition),
  };
}

function readDimensions(file: FileSource, start: number, count: number): SerDimension[] {
  const dimensions: SerDimension[] = [];
  let at = start;
  for (let index = 0; index < count; index += 1) {
    const bytes = file.readUpTo(at, MAX_DIMENSION_BYTES);
    const descriptionLength = bytes.length < 32 ? Infinity : bytes.readUInt32LE(24);
    const unitAt = 28 + descriptionLength;
    const unitLength = bytes.length < unitAt + 4 ? Infinity : bytes.readUInt32LE(unitAt);
    const end = unitAt + 4 + unitLength;
    if (!(descriptionLength <= MAX_TEXT_BYTES && end <= bytes.length)) {
      throw invalid(file, `has a broken dimension at byte ${at}`, { offset: at });
    }
    const size = bytes.readUInt32LE(0);
    if (size === 0) throw invalid(file, `has an empty dimension at byte ${at}`, { offset: at });
    const { origin, delta } = calibrationAt(bytes, 4);
    dimensions.push({
      size,
      origin,
      delta,
      description: textAt(bytes, 28, descriptionLength),
      unit: textAt(bytes, unitAt + 4, unitLength),
    });
    at += end;
  }
  return dimensions;
}

function readElement(file: FileSource, at: number, isSpectra: boolean): SerElement {
  const headBytes = isSpectra ? 26 : 50;
  const head = file.read(at, headBytes);
  const code = head.readUInt16LE(isSpectra ? 20 : 40);
  const type = TYPES[code - 1];
  // Of an image x comes first.
  const axes: readonly SerAxis[] = isSpectra
    ? [{ ...calibrationAt(head, 0), length: head.readUInt32LE(22) }]
    : [
        { ...calibrationAt(head, 20), length: head.readUInt32LE(46) },
        { ...calibrationAt(head, 0), length: head.readUInt32LE(42) },
      ];
  const values = axes.reduce((product, { length }) => product * length, 1);
  const offset = at + headBytes;
  if (type === undefined || values === 0 || offset + values * type.bytes > file.sizeBytes) {
    throw invalid(file, `has an impossible element at byte ${at}`, { offset: at, code, values });
  }
  return { type, axes, offset };
}

/** Offset and delta hold at a calibration element, which is the first one or the middle of an image. */
function calibrationAt(bytes: Buffer, at: number): { origin: number; delta: number } {
  const delta = bytes.readDoubleLE(at + 8);
  return { origin: bytes.readDoubleLE(at) - bytes.readUInt32LE(at + 16) * delta, delta };
}

function readTag(file: FileSource, at: number, hasPosition: boolean): SerTag | null {
  const bytes = file.readUpTo(at, hasPosition ? 24 : 8);
  if (bytes.length < 8) return null;
  return {
    time: bytes.readUInt32LE(4),
    position: bytes.length < 24 ? null : { x: bytes.readDoubleLE(8), y: bytes.readDoubleLE(16) },
  };
}

function wordAt(bytes: Buffer, at: number, isWide: boolean): number {
  return isWide ? Number(bytes.readBigUInt64LE(at)) : bytes.readUInt32LE(at);
}

function invalid(file: FileSource, fault: string, details: Record<string, unknown>): AppError {
  return new AppError('FORMAT_INVALID', `The series ${file.fileName} ${fault}.`, { details });
}
