import { Buffer } from 'node:buffer';
import { endianness } from 'node:os';
import type { FileSource, PixelArray } from '../../extractor.js';

/** How single numbers lie in a file. */
export interface StoredNumber {
  /** numpy's name of what the values are once read. */
  readonly dtype: string;
  /** Bytes of one number: a complex value has two. */
  readonly numberBytes: number;
}

/** How the values of an array lie in a file. */
export interface NumericType extends StoredNumber {
  /** Bytes of one value. */
  readonly bytes: number;
  readonly layout: 'real' | 'complex';
}

const real = (dtype: string, bytes: number): NumericType => ({
  dtype,
  bytes,
  numberBytes: bytes,
  layout: 'real',
});
const complex = (dtype: string, bytes: number): NumericType => ({
  dtype,
  bytes,
  numberBytes: bytes / 2,
  layout: 'complex',
});

/** The usual types, by their name. */
export const NUMERIC_TYPES = {
  uint8: real('uint8', 1),
  int8: real('int8', 1),
  uint16: real('uint16', 2),
  int16: real('int16', 2),
  uint32: real('uint32', 4),
  int32: real('int32', 4),
  uint64: real('uint64', 8),
  float16: real('float16', 2),
  float32: real('float32', 4),
  float64: real('float64', 8),
  complex64: complex('complex64', 8),
  complex128: complex('complex128', 16),
  /** Pairs of 16-bit integers; numpy has no such type and reads them as complex64. */
  complexInt16: { dtype: 'complex64', bytes: 4, numberBytes: 2, layout: 'complex' },
} as const satisfies Readonly<Record<string, NumericType>>;

/** Where an array lies. */
export interface NumbersPlace {
  readonly type: NumericType;
  /** Byte of the first value. */
  readonly offset: number;
  /** Values to read. */
  readonly count: number;
  /** Most formats are little-endian; that is what holds without. */
  readonly littleEndian?: boolean;
}

/**
 * Reads values; of complex ones the magnitudes.
 * @throws AppError FORMAT_INVALID, LIMIT_EXCEEDED, FILE_UNREADABLE as FileSource.read.
 */
export function readNumbers(
  file: Pick<FileSource, 'read'>,
  { type, offset, count, littleEndian = true }: NumbersPlace,
): PixelArray {
  return numbersOf(file.read(offset, count * type.bytes), type, littleEndian);
}

/** The values that bytes hold; of complex ones the magnitudes. Bytes beyond the last whole value are passed over. */
export function numbersOf(bytes: Buffer, type: NumericType, littleEndian = true): PixelArray {
  const whole = bytes.subarray(0, bytes.length - (bytes.length % type.bytes));
  const numbers = storedNumbers(whole, type, littleEndian);
  return type.layout === 'complex' ? magnitudesOf(numbers) : numbers;
}

/** The numbers that bytes hold, one after the other: complex values are pairs of them. The bytes must end with a whole one. */
export function storedNumbers(
  bytes: Buffer,
  type: StoredNumber,
  littleEndian: boolean,
): PixelArray {
  return typedArray(type, nativeOrder(bytes, type, littleEndian));
}

/** The bytes as typed arrays want them: aligned, in this machine's order. */
function nativeOrder(bytes: Buffer, { numberBytes }: StoredNumber, littleEndian: boolean): Buffer {
  const isNative = numberBytes === 1 || littleEndian === (endianness() === 'LE');
  if (isNative && bytes.byteOffset % numberBytes === 0) return bytes;
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  if (!isNative) {
    if (numberBytes === 2) copy.swap16();
    if (numberBytes === 4) copy.swap32();
    if (numberBytes === 8) copy.swap64();
  }
  return copy;
}

function typedArray({ dtype, numberBytes }: StoredNumber, bytes: Buffer): PixelArray {
  const { buffer, byteOffset } = bytes;
  const length = bytes.length / numberBytes;
  switch (dtype) {
    case 'int8':
      return new Int8Array(buffer, byteOffset, length);
    case 'int16':
      return new Int16Array(buffer, byteOffset, length);
    case 'uint16':
      return new Uint16Array(buffer, byteOffset, length);
    case 'int32':
      return new Int32Array(buffer, byteOffset, length);
    case 'uint32':
      return new Uint32Array(buffer, byteOffset, length);
    case 'int64':
      return new BigInt64Array(buffer, byteOffset, length);
    case 'uint64':
      return new BigUint64Array(buffer, byteOffset, length);
    case 'float16':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, length), halfToNumber);
    case 'float32':
      return new Float32Array(buffer, byteOffset, length);
    case 'complex64':
      return numberBytes === NUMERIC_TYPES.complexInt16.numberBytes
        ? new Int16Array(buffer, byteOffset, length)
        : new Float32Array(buffer, byteOffset, length);
    case 'float64':
    case 'complex128':
      return new Float64Array(buffer, byteOffset, length);
    default:
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/** IEEE 754 binary16: 1 bit sign, 5 bits exponent, 10 bits fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 0x1f) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Magnitudes of complex values, which are pairs of numbers. */
export function magnitudesOf(numbers: PixelArray): PixelArray {
  const count = Math.floor(numbers.length / 2);
  const magnitudes =
    numbers instanceof Float64Array ? new Float64Array(count) : new Float32Array(count);
  for (let index = 0; index < count; index += 1) {
    const re = Number(numbers[2 * index]);
    const im = Number(numbers[2 * index + 1]);
    magnitudes[index] = Math.sqrt(re * re + im * im);
  }
  return magnitudes;
}
