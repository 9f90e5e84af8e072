import type { Buffer } from 'node:buffer';
import type { JsonValue } from '../../extractor.js';

/** Types of header fields: integers and floating point numbers of so many bits, text of 8-bit letters. */
export type FieldType = 'u1' | 'i1' | 'u2' | 'i2' | 'u4' | 'i4' | 'u8' | 'f4' | 'f8' | 'text';

/** A field of a header of fixed layout: name, type, byte offset, and for text its bytes, for arrays their count. */
export type HeaderField = readonly [name: string, type: FieldType, offset: number, count?: number];

/** The fields of a binary header by their names. */
export class BinaryHeader {
  readonly #bytes: Buffer;
  readonly #fields: ReadonlyMap<string, HeaderField>;
  readonly #littleEndian: boolean;

  /** Fields that begin beyond the end of the bytes are not there. */
  constructor(bytes: Buffer, fields: readonly HeaderField[], littleEndian = true) {
    this.#bytes = bytes;
    this.#littleEndian = littleEndian;
    this.#fields = new Map(
      fields
        .filter(([, type, offset, count = 1]) => offset + sizeOf(type) * count <= bytes.length)
        .map((field) => [field[0], field]),
    );
  }

  /** A number; NaN when the header has no such field. 64-bit integers lose what a double cannot hold. */
  number(name: string, index = 0): number {
    const field = this.#fields.get(name);
    if (field === undefined) return NaN;
    const [, type, offset, count = 1] = field;
    if (type === 'text' || index >= count) return NaN;
    return numberAt(this.#bytes, type, offset + index * sizeOf(type), this.#littleEndian);
  }

  /** A text up to its first NUL, without blanks at its ends; empty when the header has no such field. */
  text(name: string): string {
    const field = this.#fields.get(name);
    if (field === undefined) return '';
    const [, , offset, count = 1] = field;
    return textAt(this.#bytes, offset, count);
  }

  /** All fields, for the sidecar; numbers that are not finite as text. */
  toJson(): JsonValue {
    return Object.fromEntries(
      [...this.#fields.values()].map(([name, type, , count = 1]): [string, JsonValue] => {
        if (type === 'text') return [name, this.text(name)];
        const numbers = Array.from({ length: count }, (_, index) =>
          jsonNumber(this.number(name, index)),
        );
        return [name, count === 1 ? (numbers[0] ?? null) : numbers];
      }),
    );
  }
}

/** A number as JSON can hold it. */
export function jsonNumber(value: number): JsonValue {
  return Number.isFinite(value) ? value : String(value);
}

/** A 32-bit number without the noise of its last bits: 0.05 and not 0.05000000074505806. */
export function tidyFloat32(value: number): number {
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === Math.fround(value) ? short : value;
}

/** Letters up to the first NUL (Latin-1), without control characters, and without blanks at the ends. */
export function textAt(bytes: Buffer, offset: number, length: number): string {
  const text = bytes.toString('latin1', offset, Math.min(bytes.length, offset + length));
  const end = text.indexOf('\0');
  return (end < 0 ? text : text.slice(0, end)).replace(/\p{Cc}+/gu, ' ').trim();
}

function sizeOf(type: FieldType): number {
  return type === 'text' ? 1 : Number(type[1]);
}

/** The number at a place. 64-bit integers lose what a double cannot hold. */
export function numberAt(
  bytes: Buffer,
  type: Exclude<FieldType, 'text'>,
  at: number,
  littleEndian: boolean,
): number {
  switch (type) {
    case 'u1':
      return bytes.readUInt8(at);
    case 'i1':
      return bytes.readInt8(at);
    case 'u2':
      return littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
    case 'i2':
      return littleEndian ? bytes.readInt16LE(at) : bytes.readInt16BE(at);
    case 'u4':
      return littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
    case 'i4':
      return littleEndian ? bytes.readInt32LE(at) : bytes.readInt32BE(at);
    case 'u8':
      return Number(littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
    case 'f4':
      return littleEndian ? bytes.readFloatLE(at) : bytes.readFloatBE(at);
    case 'f8':
      return littleEndian ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at);
  }
}
