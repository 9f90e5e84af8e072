import type { Buffer } from 'node:buffer';
import { AppError } from '../../../errors.js';
import type { FileSource } from '../../extractor.js';
import type { DmGroup, DmValue } from './dm-tree.js';
import { byteLengthOf, parseDmType } from './dm-types.js';
import { decodeDmText, decodeDmValue } from './dm-values.js';

/** A DM file without its pixels. */
export interface DmFile {
  readonly version: 3 | 4;
  readonly littleEndian: boolean;
  readonly root: DmGroup;
}

/** Groups inside groups; real files stay below 15. */
const MAX_DEPTH = 64;
/** Tags of one file; real files have some thousands. */
const MAX_ENTRIES = 250_000;
/** Arrays of up to this many bytes become values, longer ones stay in the file. */
const MAX_VALUE_BYTES = 16_384;
/** All values of one file together. */
const MAX_TOTAL_BYTES = 32 * 1024 * 1024;
/** Numbers in the description of a value's type. */
const MAX_TYPE_NUMBERS = 1024;
const WINDOW_BYTES = 65_536;

const END = 0;
const GROUP = 20;
const DATA = 21;

/**
 * Reads the tag tree of a DM3 or DM4 file: structure numbers are big-endian, values in the byte order that the header
 * names. Pixels and other long arrays are passed over, not read.
 * Layout: C. Boothroyd, DigitalMicrograph file format, https://er-c.org/cbb/info/dmformat/, checked on real files.
 * @throws AppError FORMAT_INVALID with the offset of what is wrong.
 */
export function readDmTags(file: FileSource): DmFile {
  return new TagReader(file).read();
}

class TagReader {
  readonly #file: FileSource;
  #window: Buffer;
  #windowStart = 0;
  #position = 0;
  #wide = false;
  #littleEndian = true;
  #entriesLeft = MAX_ENTRIES;
  #bytesLeft = MAX_TOTAL_BYTES;

  constructor(file: FileSource) {
    this.#file = file;
    this.#window = file.readUpTo(0, WINDOW_BYTES);
  }

  read(): DmFile {
    const version = this.#uint32();
    if (version !== 3 && version !== 4) {
      throw this.#invalid(0, `has version ${version}; DigitalMicrograph 3 and 4 can be read`);
    }
    this.#wide = version === 4;
    // The length of the file is not checked: stores round it, and what counts is checked at each tag.
    this.#skip(this.#wide ? 8 : 4);
    this.#littleEndian = this.#uint32() === 1;
    return { version, littleEndian: this.#littleEndian, root: this.#group(0, '') };
  }

  #group(depth: number, groupName: string): DmGroup {
    const start = this.#position;
    if (depth > MAX_DEPTH) throw this.#invalid(start, `nests more than ${MAX_DEPTH} groups`);
    this.#skip(2);
    const count = this.#length('number of tags');
    const entries = new Map<string, DmValue | DmGroup>();
    let unnamedGroups = 0;
    let unnamedValues = 0;
    for (let index = 0; index < count; index += 1) {
      const at = this.#position;
      this.#entriesLeft -= 1;
      if (this.#entriesLeft < 0) throw this.#invalid(at, `has more than ${MAX_ENTRIES} tags`);
      const kind = this.#uint8();
      if (kind === END) break;
      if (kind !== GROUP && kind !== DATA) {
        throw this.#invalid(at, `has a tag of unknown kind ${kind}`);
      }
      const nameLength = this.#uint16();
      let name = decodeDmText(this.#take(nameLength));
      if (kind === GROUP) {
        if (name === '') name = `TagGroup${unnamedGroups++}`;
        if (this.#wide) this.#skip(8);
        entries.set(name, this.#group(depth + 1, name));
      } else {
        if (name === '') name = `Data${unnamedValues++}`;
        if (this.#wide) this.#skip(8);
        entries.set(name, this.#value(at, name, groupName === 'ImageData' && name === 'Data'));
      }
    }
    return { kind: 'group', entries };
  }

  #value(at: number, name: string, isPixels: boolean): DmValue {
    if (this.#uint32() !== 0x25252525) {
      throw this.#invalid(at, `lacks the mark of a value in tag "${name.slice(0, 80)}"`);
    }
    const count = this.#length('length of a type');
    if (count < 1 || count > MAX_TYPE_NUMBERS) {
      throw this.#invalid(
        at,
        `describes the type of tag "${name.slice(0, 80)}" by ${count} numbers`,
      );
    }
    const numbers: number[] = [];
    for (let index = 0; index < count; index += 1) numbers.push(this.#length('type'));
    const type = parseDmType(numbers);
    const sizeBytes = type === null ? null : byteLengthOf(type);
    if (type === null || sizeBytes === null) {
      throw this.#invalid(at, `has a type that is not known in tag "${name.slice(0, 80)}"`);
    }
    const offset = this.#position;
    if (offset + sizeBytes > this.#file.sizeBytes) {
      throw this.#invalid(
        offset,
        `is cut off: tag "${name.slice(0, 80)}" needs ${sizeBytes} bytes, ${this.#file.sizeBytes - offset} are left`,
      );
    }
    if (type.kind !== 'array' || (sizeBytes <= MAX_VALUE_BYTES && !isPixels)) {
      this.#bytesLeft -= sizeBytes;
      if (this.#bytesLeft < 0) throw this.#invalid(at, 'has more metadata than can be read');
      const value = decodeDmValue(type, this.#take(sizeBytes), this.#littleEndian);
      if (value !== null) return value;
    } else {
      this.#skip(sizeBytes);
    }
    if (type.kind !== 'array') throw this.#invalid(at, `has a value that is too long in "${name}"`);
    return { kind: 'array', offset, sizeBytes, count: type.count, element: type.element };
  }

  /** A count or length: 32 bits in DM3, 64 in DM4. */
  #length(what: string): number {
    const at = this.#position;
    const bytes = this.#take(this.#wide ? 8 : 4);
    const value = this.#wide
      ? bytes.readUInt32BE(0) * 0x1_0000_0000 + bytes.readUInt32BE(4)
      : bytes.readUInt32BE(0);
    if (!Number.isSafeInteger(value)) throw this.#invalid(at, `has an impossible ${what}`);
    return value;
  }

  #uint8(): number {
    return this.#take(1).readUInt8(0);
  }

  #uint16(): number {
    return this.#take(2).readUInt16BE(0);
  }

  #uint32(): number {
    return this.#take(4).readUInt32BE(0);
  }

  #skip(length: number): void {
    this.#position += length;
  }

  #take(length: number): Buffer {
    const start = this.#position - this.#windowStart;
    if (start < 0 || start + length > this.#window.length) {
      if (length > WINDOW_BYTES) {
        const bytes = this.#file.read(this.#position, length);
        this.#position += length;
        return bytes;
      }
      this.#window = this.#file.readUpTo(this.#position, WINDOW_BYTES);
      this.#windowStart = this.#position;
      if (this.#window.length < length) {
        throw this.#invalid(this.#position, 'is cut off in the middle of its tags');
      }
      this.#position += length;
      return this.#window.subarray(0, length);
    }
    this.#position += length;
    return this.#window.subarray(start, start + length);
  }

  #invalid(offset: number, what: string): AppError {
    return new AppError('FORMAT_INVALID', `${this.#file.fileName} ${what} (at byte ${offset}).`, {
      details: { offset },
    });
  }
}
