import type { Buffer } from 'node:buffer';
import { AppError } from '../../../errors.js';
import type { FileHead, FileSource } from '../../extractor.js';
import { BinaryHeader, textAt, type HeaderField } from '../binary/binary-header.js';
import { NUMERIC_TYPES, type NumericType } from '../binary/numeric-type.js';

/** Fields of the header (A. Cheng et al., "MRC2014: Extensions to the MRC format header", J. Struct. Biol. 192, 2015). */
const FIELDS: readonly HeaderField[] = [
  ['nx', 'i4', 0],
  ['ny', 'i4', 4],
  ['nz', 'i4', 8],
  ['mode', 'i4', 12],
  ['nxstart', 'i4', 16],
  ['nystart', 'i4', 20],
  ['nzstart', 'i4', 24],
  ['mx', 'i4', 28],
  ['my', 'i4', 32],
  ['mz', 'i4', 36],
  ['cella', 'f4', 40, 3],
  ['cellb', 'f4', 52, 3],
  ['mapc', 'i4', 64],
  ['mapr', 'i4', 68],
  ['maps', 'i4', 72],
  ['dmin', 'f4', 76],
  ['dmax', 'f4', 80],
  ['dmean', 'f4', 84],
  ['ispg', 'i4', 88],
  ['nsymbt', 'i4', 92],
  ['exttyp', 'text', 104, 4],
  ['nversion', 'i4', 108],
  ['origin', 'f4', 196, 3],
  ['rms', 'f4', 216],
  ['nlabl', 'i4', 220],
];

/** How the pixels of a file lie. */
export interface MrcFile {
  readonly header: BinaryHeader;
  readonly littleEndian: boolean;
  readonly width: number;
  readonly height: number;
  /** Images of a stack, or slices of a volume. */
  readonly frames: number;
  /** Null: two pixels of 4 bits a byte, rows of whole bytes. */
  readonly type: NumericType | null;
  /** Bytes of one frame. */
  readonly frameBytes: number;
  /** Bytes between header and pixels, which begin after them. */
  readonly extendedBytes: number;
  readonly labels: readonly string[];
}

export const MRC_HEADER_BYTES = 1024;
const LABEL_BYTES = 80;
const MAX_SIDE = 1 << 24;
const PACKED_MODE = 101;

const MODES: ReadonlyMap<number, NumericType> = new Map<number, NumericType>([
  [0, NUMERIC_TYPES.int8],
  [1, NUMERIC_TYPES.int16],
  [2, NUMERIC_TYPES.float32],
  [3, NUMERIC_TYPES.complexInt16],
  [4, NUMERIC_TYPES.complex64],
  [6, NUMERIC_TYPES.uint16],
  [12, NUMERIC_TYPES.float16],
]);
/** Files older than the mark "MAP " are known by their names, and by sizes that fit. */
const OLD_EXTENSIONS: readonly string[] = ['.mrc', '.mrcs', '.st', '.ali', '.preali', '.rec'];

/** Whether a file is MRC: by its mark, or where that is missing by name and by sizes that fit exactly. */
export function isMrc({ bytes, extension, sizeBytes }: FileHead): boolean {
  if (bytes.length < MRC_HEADER_BYTES) return false;
  const layout = layoutOf(bytes, sizeBytes);
  if (layout === null) return false;
  if (bytes.toString('latin1', 208, 211) === 'MAP') return true;
  return OLD_EXTENSIONS.includes(extension) && layout.sizeBytes === sizeBytes;
}

/** Reads the header. @throws AppError FORMAT_INVALID when sizes or mode make no sense or pixels are missing. */
export function readMrcHeader(file: FileSource): MrcFile {
  const bytes = file.read(0, MRC_HEADER_BYTES);
  const layout = layoutOf(bytes, file.sizeBytes);
  if (layout === null) {
    throw new AppError(
      'FORMAT_INVALID',
      `The sizes in the header of ${file.fileName} do not fit into its ${file.sizeBytes} bytes.`,
      { details: { sizeBytes: file.sizeBytes } },
    );
  }
  const count = Math.min(Math.max(0, layout.header.number('nlabl')), 10);
  return {
    ...layout,
    labels: Array.from({ length: count }, (_, index) =>
      textAt(bytes, 224 + index * LABEL_BYTES, LABEL_BYTES),
    ).filter((label) => label !== ''),
  };
}

/** The layout in the byte order in which it makes sense; a stack that was cut off counts its whole frames. */
function layoutOf(
  bytes: Buffer,
  sizeBytes: number,
): (Omit<MrcFile, 'labels'> & { readonly sizeBytes: number }) | null {
  // 0x44 is little-endian, 0x11 big-endian; older programs wrote nothing.
  const orders = bytes[212] === 0x11 ? [false, true] : [true, false];
  for (const littleEndian of orders) {
    const header = new BinaryHeader(bytes, FIELDS, littleEndian);
    const [width, height, depth] = [header.number('nx'), header.number('ny'), header.number('nz')];
    const mode = header.number('mode');
    const type = MODES.get(mode) ?? null;
    const extendedBytes = header.number('nsymbt');
    const isSide = (length: number): boolean => length > 0 && length <= MAX_SIDE;
    if (!isSide(width) || !isSide(height) || !isSide(depth) || extendedBytes < 0) continue;
    if (type === null && mode !== PACKED_MODE) continue;
    const rowBytes = type === null ? Math.ceil(width / 2) : width * type.bytes;
    const frameBytes = rowBytes * height;
    const start = MRC_HEADER_BYTES + extendedBytes;
    const frames = Math.min(depth, Math.floor((sizeBytes - start) / frameBytes));
    if (frames < 1) continue;
    const whole = start + frameBytes * depth;
    return {
      ...{ header, littleEndian, width, height, frames, type, frameBytes, extendedBytes },
      sizeBytes: whole,
    };
  }
  return null;
}
