import type { Buffer } from 'node:buffer';
import type { JsonValue, PixelArray } from '../../extractor.js';
import type { Hdf5Type, NumberType } from './hdf5-types.js';

/** Characters of one text that are kept. */
const MAX_TEXT_BYTES = 4 * 1024 * 1024;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });

/** Text in UTF-8, whatever the file calls it; what is not valid as such is read as Latin-1. Ends at the first NUL. */
export function decodeHdf5Text(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  const text = bytes.subarray(0, Math.min(end < 0 ? bytes.length : end, MAX_TEXT_BYTES));
  try {
    return strictUtf8.decode(text);
  } catch {
    return text.toString('latin1');
  }
}

/** Reads text of any length that the library has allocated, by its pointer. */
export type TextAt = (pointer: number) => string;

/** Values one after another as JSON: large integers as text, compounds as objects, complex numbers as pairs. */
export function decodeHdf5Values(
  type: Hdf5Type,
  bytes: Buffer,
  count: number,
  textAt: TextAt,
): JsonValue[] {
  const values: JsonValue[] = [];
  for (let index = 0; index < count; index += 1) {
    const at = index * type.sizeBytes;
    values.push(decodeValue(type, bytes.subarray(at, at + type.sizeBytes), textAt));
  }
  return values;
}

function decodeValue(type: Hdf5Type, bytes: Buffer, textAt: TextAt): JsonValue {
  if (bytes.length < type.sizeBytes) return null;
  switch (type.kind) {
    case 'number':
      return jsonNumber(readNumber(type.dtype, bytes, 0));
    case 'boolean':
      return bytes[0] !== 0;
    case 'text':
      return type.isVariable ? textAt(bytes.readUInt32LE(0)) : decodeHdf5Text(bytes).trimEnd();
    case 'complex':
    case 'colour':
      return Array.from(toPixels(type, bytes), jsonNumber);
    case 'compound':
      return Object.fromEntries(
        type.members.map(({ name, offset, type: member }) => [
          name,
          decodeValue(member, bytes.subarray(offset, offset + member.sizeBytes), textAt),
        ]),
      );
    case 'list':
      return decodeHdf5Values(type.element, bytes, type.count, textAt);
    case 'other':
      return null;
  }
}

function jsonNumber(value: number | bigint): JsonValue {
  const number = Number(value);
  if (typeof value === 'bigint' && !Number.isSafeInteger(number)) return value.toString();
  return Number.isFinite(number) ? number : String(number);
}

function readNumber(dtype: NumberType, bytes: Buffer, at: number): number | bigint {
  switch (dtype) {
    case 'int8':
      return bytes.readInt8(at);
    case 'uint8':
      return bytes.readUInt8(at);
    case 'int16':
      return bytes.readInt16LE(at);
    case 'uint16':
      return bytes.readUInt16LE(at);
    case 'int32':
      return bytes.readInt32LE(at);
    case 'uint32':
      return bytes.readUInt32LE(at);
    case 'int64':
      return bytes.readBigInt64LE(at);
    case 'uint64':
      return bytes.readBigUInt64LE(at);
    case 'float16':
      return halfFloat(bytes.readUInt16LE(at));
    case 'float32':
      return bytes.readFloatLE(at);
    case 'float64':
      return bytes.readDoubleLE(at);
  }
}

/** IEEE 754 binary16. */
function halfFloat(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0
    ? sign * fraction * 2 ** -24
    : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** Whether the values can be drawn. */
export function isPixelType(
  type: Hdf5Type,
): type is Extract<Hdf5Type, { kind: 'number' | 'boolean' | 'complex' | 'colour' }> {
  return ['number', 'boolean', 'complex', 'colour'].includes(type.kind);
}

/**
 * The values as typed numbers: booleans as 0 and 1, half floats as float32, complex numbers as two numbers each,
 * colours as their channels. `bytes` must be a copy of its own (aligned).
 */
export function toPixels(
  type: Extract<Hdf5Type, { kind: 'number' | 'boolean' | 'complex' | 'colour' }>,
  bytes: Buffer,
): PixelArray {
  const { buffer, byteOffset } = bytes.byteOffset % 8 === 0 ? bytes : Uint8Array.from(bytes);
  const length = (size: number): number => Math.floor(bytes.length / size);
  switch (elementOf(type)) {
    case 'int8':
      return new Int8Array(buffer, byteOffset, length(1));
    case 'int16':
      return new Int16Array(buffer, byteOffset, length(2));
    case 'uint16':
      return new Uint16Array(buffer, byteOffset, length(2));
    case 'int32':
      return new Int32Array(buffer, byteOffset, length(4));
    case 'uint32':
      return new Uint32Array(buffer, byteOffset, length(4));
    case 'int64':
      return new BigInt64Array(buffer, byteOffset, length(8));
    case 'uint64':
      return new BigUint64Array(buffer, byteOffset, length(8));
    case 'float16':
      return Float32Array.from(new Uint16Array(buffer, byteOffset, length(2)), halfFloat);
    case 'float32':
      return new Float32Array(buffer, byteOffset, length(4));
    case 'float64':
      return new Float64Array(buffer, byteOffset, length(8));
    default:
      return new Uint8Array(buffer, byteOffset, length(1));
  }
}

function elementOf(
  type: Extract<Hdf5Type, { kind: 'number' | 'boolean' | 'complex' | 'colour' }>,
): NumberType {
  switch (type.kind) {
    case 'number':
      return type.dtype;
    case 'complex':
      return type.dtype === 'complex64' ? 'float32' : 'float64';
    case 'colour':
      return type.dtype.endsWith('16') ? 'uint16' : 'uint8';
    case 'boolean':
      return 'uint8';
  }
}
