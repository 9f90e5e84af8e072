import type { PixelArray } from '../../extractor.js';

const HOST_IS_LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

/** Bytes of one number by numpy name; a complex value is two numbers. */
const NUMBER_BYTES: Readonly<Record<string, number>> = {
  uint8: 1,
  int8: 1,
  uint16: 2,
  int16: 2,
  float16: 2,
  uint32: 4,
  int32: 4,
  float32: 4,
  complex64: 4,
  uint64: 8,
  int64: 8,
  float64: 8,
  complex128: 8,
};

/** Numbers of a numpy type from their bytes. Half floats become floats, complex numbers their magnitude. */
export function typedValues(
  bytes: Buffer,
  dtype: string | null,
  littleEndian: boolean,
): PixelArray {
  const size = NUMBER_BYTES[dtype ?? ''] ?? 1;
  const isForeign = size > 1 && littleEndian !== HOST_IS_LITTLE_ENDIAN;
  // The bytes may be part of what the file source keeps: they are never changed.
  const own = isForeign || bytes.byteOffset % size !== 0 ? new Uint8Array(bytes) : bytes;
  if (isForeign) swapBytes(Buffer.from(own.buffer, own.byteOffset, own.byteLength), size);
  const place = [own.buffer, own.byteOffset, Math.floor(bytes.length / size)] as const;
  switch (dtype) {
    case 'int8':
      return new Int8Array(...place);
    case 'uint16':
      return new Uint16Array(...place);
    case 'int16':
      return new Int16Array(...place);
    case 'float16':
      return Float32Array.from(new Uint16Array(...place), halfFloat);
    case 'uint32':
      return new Uint32Array(...place);
    case 'int32':
      return new Int32Array(...place);
    case 'uint64':
      return new BigUint64Array(...place);
    case 'int64':
      return new BigInt64Array(...place);
    case 'float32':
      return new Float32Array(...place);
    case 'float64':
      return new Float64Array(...place);
    case 'complex64':
      return magnitudes(new Float32Array(...place));
    case 'complex128':
      return magnitudes(new Float64Array(...place));
    default:
      return new Uint8Array(...place);
  }
}

function swapBytes(bytes: Buffer, size: number): void {
  if (size === 2) bytes.swap16();
  else if (size === 4) bytes.swap32();
  else bytes.swap64();
}

function magnitudes(parts: Float32Array | Float64Array): Float64Array {
  const values = new Float64Array(parts.length / 2);
  for (let index = 0; index < values.length; index += 1) {
    values[index] = Math.hypot(parts[index * 2] ?? 0, parts[index * 2 + 1] ?? 0);
  }
  return values;
}

/** IEEE 754 binary16. */
function halfFloat(bits: number): number {
  const sign = (bits & 0x8000) === 0 ? 1 : -1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}
