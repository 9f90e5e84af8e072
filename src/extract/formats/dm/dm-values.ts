import type { Buffer } from 'node:buffer';
import type { Tags } from '../../extractor.js';
import { numberAt } from '../binary/binary-header.js';
import type { DmType } from './dm-types.js';
import { isDmArray, isDmGroup, type DmGroup, type DmValue } from './dm-tree.js';

/** Numbers in an array that is kept as a list; longer ones are described in a few words. */
const MAX_LIST = 256;

/** The numbers that a double holds whole, as fields of headers name them. */
const FIELD_TYPES = {
  int8: 'i1',
  uint8: 'u1',
  int16: 'i2',
  uint16: 'u2',
  int32: 'i4',
  uint32: 'u4',
  float32: 'f4',
  float64: 'f8',
} as const;

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const utf16 = { le: new TextDecoder('utf-16le'), be: new TextDecoder('utf-16be') };

/**
 * Text in 8 bits, as names of tags are: UTF-8 in newer files, the code page of the PC in older ones (0xB5, the micro
 * sign, is all that was seen above ASCII), read as Latin-1.
 */
export function decodeDmText(bytes: Buffer): string {
  const latin1 = bytes.toString('latin1');
  if (!/[\x80-\xff]/.test(latin1)) return latin1;
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return latin1;
  }
}

/** The value in the bytes; null: an array too long to be kept as a list. An array of uint16 is text in UTF-16. */
export function decodeDmValue(type: DmType, bytes: Buffer, littleEndian: boolean): DmValue | null {
  if (type.kind === 'text' || (type.kind === 'array' && isUint16(type.element))) {
    return (littleEndian ? utf16.le : utf16.be).decode(bytes).replace(/\0+$/, '');
  }
  if (numbersIn(type) > MAX_LIST) return null;
  return new ValueDecoder(bytes, littleEndian).decode(type);
}

function isUint16(type: DmType): boolean {
  return type.kind === 'simple' && type.name === 'uint16';
}

function numbersIn(type: DmType): number {
  switch (type.kind) {
    case 'simple':
      return 1;
    case 'text':
      return type.length;
    case 'struct':
      return type.fields.length + 1;
    case 'array':
      return type.count * numbersIn(type.element);
  }
}

class ValueDecoder {
  readonly #bytes: Buffer;
  readonly #littleEndian: boolean;
  #at = 0;

  constructor(bytes: Buffer, littleEndian: boolean) {
    this.#bytes = bytes;
    this.#littleEndian = littleEndian;
  }

  decode(type: DmType): DmValue {
    switch (type.kind) {
      case 'simple':
        return this.#simple(type);
      case 'text': {
        const end = this.#at + type.length * 2;
        const text = (this.#littleEndian ? utf16.le : utf16.be).decode(
          this.#bytes.subarray(this.#at, end),
        );
        this.#at = end;
        return text.replace(/\0+$/, '');
      }
      case 'struct':
        return type.fields.map((field) => this.decode(field));
      case 'array':
        return Array.from({ length: type.count }, () => this.decode(type.element));
    }
  }

  #simple(type: Extract<DmType, { kind: 'simple' }>): DmValue {
    const bytes = this.#bytes;
    const at = this.#at;
    const little = this.#littleEndian;
    this.#at += type.bytes;
    switch (type.name) {
      case 'bool':
        return bytes.readUInt8(at) !== 0;
      case 'int64':
        return narrow(little ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at));
      case 'uint64':
        return narrow(little ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
      default:
        return numberAt(bytes, FIELD_TYPES[type.name], at, little);
    }
  }
}

function narrow(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** The tags as JSON: arrays that stayed in the file as `[4096 x float32 at byte 3691]`, large integers as text. */
export function dmTagsAsJson(entry: DmValue | DmGroup): Tags {
  if (isDmGroup(entry)) {
    const tags = new Map<string, Tags>();
    for (const [name, value] of entry.entries) tags.set(name, dmTagsAsJson(value));
    return tags;
  }
  if (isDmArray(entry)) {
    return `[${entry.count} x ${typeText(entry.element)} at byte ${entry.offset}]`;
  }
  if (typeof entry === 'bigint') return entry.toString();
  if (typeof entry === 'number') return Number.isFinite(entry) ? entry : String(entry);
  if (typeof entry === 'object') return entry.map((value) => dmTagsAsJson(value));
  return entry;
}

function typeText(type: DmType): string {
  switch (type.kind) {
    case 'simple':
      return type.name;
    case 'text':
      return `text of ${type.length}`;
    case 'struct':
      return `(${type.fields.map(typeText).join(', ')})`;
    case 'array':
      return `[${type.count} x ${typeText(type.element)}]`;
  }
}
