import { AppError } from '../../../errors.js';
import type { ByteSource } from './byte-source.js';

/** One entry of an image file directory: where its values lie. */
export interface TiffEntry {
  readonly tag: number;
  /** TIFF field type: 1 BYTE, 2 ASCII, 3 SHORT... */
  readonly type: number;
  readonly count: number;
  /** Absolute place of the first value in the source. */
  readonly offset: number;
  /** Bytes of all values. */
  readonly byteLength: number;
  /** The values themselves when they lie in the directory. */
  readonly inline: Buffer | null;
}

/** One image file directory. */
export interface TiffDirectory {
  /** Where it begins in the source. */
  readonly offset: number;
  readonly entries: ReadonlyMap<number, TiffEntry>;
  /** What could not be used in it, as sentences. */
  readonly faults: readonly string[];
}

/** Bytes of one value by field type (TIFF 6.0 section 2; 16 to 18 from BigTIFF). */
const TYPE_BYTES: Readonly<Record<number, number>> = {
  1: 1,
  2: 1,
  3: 2,
  4: 4,
  5: 8,
  6: 1,
  7: 1,
  8: 2,
  9: 4,
  10: 8,
  11: 4,
  12: 8,
  13: 4,
  16: 8,
  17: 8,
  18: 8,
};

/** A directory with more entries than any program writes is damaged or hostile. */
const MAX_ENTRIES = 4096;
/** Pages of a stack that are counted at most. */
export const MAX_PAGES = 100_000;
/** Bytes of directories read at most in one file. */
const MAX_DIRECTORY_BYTES = 64 * 1024 * 1024;
/** Entries of one directory read with the first look at it. */
const FIRST_LOOK_ENTRIES = 32;

/**
 * The container of a TIFF: header, chain of directories, values of entries. Classic TIFF (TIFF 6.0) and BigTIFF,
 * both byte orders. Never trusts a count or an offset: what lies outside the source is a fault, not a read.
 */
export class TiffContainer {
  readonly source: ByteSource;
  readonly littleEndian: boolean;
  readonly bigTiff: boolean;
  readonly firstDirectoryOffset: number;

  /** @throws AppError FORMAT_INVALID when the header is not that of a TIFF. */
  constructor(source: ByteSource) {
    this.source = source;
    const header = source.readUpTo(0, 16);
    const order = header.toString('latin1', 0, 2);
    this.littleEndian = order === 'II';
    const magic = header.length >= 8 ? this.#uint16(header, 2) : 0;
    this.bigTiff = magic === 43;
    if ((order !== 'II' && order !== 'MM') || (magic !== 42 && magic !== 43)) {
      throw new AppError('FORMAT_INVALID', 'The file does not begin with a TIFF header.');
    }
    if (this.bigTiff && (header.length < 16 || this.#uint16(header, 4) !== 8)) {
      throw new AppError('FORMAT_INVALID', 'The BigTIFF header at 0 has no 8-byte offsets.');
    }
    this.firstDirectoryOffset = this.bigTiff ? this.#uint64(header, 8) : this.#uint32(header, 4);
  }

  /**
   * The directories of the chain, in order. Ends with the chain, at a directory seen before, at MAX_PAGES, or (after
   * the first) where a directory cannot be read: `onFault` then says why.
   * @throws AppError FORMAT_INVALID when already the first directory lies outside the file.
   */
  *directories(onFault: (fault: string) => void): Generator<TiffDirectory> {
    const seen = new Set<number>();
    let bytesRead = 0;
    let offset = this.firstDirectoryOffset;
    while (offset !== 0) {
      if (seen.has(offset)) {
        onFault(`The chain of TIFF directories returns to the one at ${offset}.`);
        return;
      }
      if (seen.size >= MAX_PAGES || bytesRead > MAX_DIRECTORY_BYTES) {
        onFault(`More than ${seen.size} TIFF pages: the others are not counted.`);
        return;
      }
      seen.add(offset);
      const read = this.#directoryAt(offset);
      if (typeof read === 'string') {
        if (seen.size === 1) throw new AppError('FORMAT_INVALID', read, { details: { offset } });
        onFault(read);
        return;
      }
      bytesRead += read.byteLength;
      yield read.directory;
      offset = read.nextOffset;
    }
    if (seen.size === 0) throw new AppError('FORMAT_INVALID', 'The TIFF has no directory.');
  }

  /** The directory at a place that another one names (EXIF), or `otherwise` when it cannot be read. */
  directoryOr<T>(offset: number, otherwise: T): TiffDirectory | T {
    const read = this.#directoryAt(offset);
    return typeof read === 'string' ? otherwise : read.directory;
  }

  #directoryAt(
    offset: number,
  ): { directory: TiffDirectory; nextOffset: number; byteLength: number } | string {
    const countBytes = this.bigTiff ? 8 : 2;
    const entryBytes = this.bigTiff ? 20 : 12;
    const linkBytes = this.bigTiff ? 8 : 4;
    if (!Number.isSafeInteger(offset) || offset + countBytes > this.source.sizeBytes) {
      return `The TIFF directory at ${offset} lies outside the file.`;
    }
    let bytes = this.source.readUpTo(
      offset,
      countBytes + FIRST_LOOK_ENTRIES * entryBytes + linkBytes,
    );
    if (bytes.length < countBytes) return `The TIFF directory at ${offset} cannot be read.`;
    const count = this.bigTiff ? this.#uint64(bytes, 0) : this.#uint16(bytes, 0);
    if (count === 0 || count > MAX_ENTRIES) {
      return `The TIFF directory at ${offset} claims ${count} entries.`;
    }
    const length = countBytes + count * entryBytes + linkBytes;
    if (bytes.length < length && offset + bytes.length < this.source.sizeBytes) {
      bytes = this.source.readUpTo(offset, length);
    }
    const faults: string[] = [];
    const entries = new Map<number, TiffEntry>();
    const whole = Math.min(count, Math.floor((bytes.length - countBytes) / entryBytes));
    if (whole < count) {
      faults.push(`The TIFF directory at ${offset} is cut after ${whole} of ${count} entries.`);
    }
    for (let index = 0; index < whole; index += 1) {
      const entry = this.#entry(bytes, countBytes + index * entryBytes, offset, faults);
      if (entry !== null && !entries.has(entry.tag)) entries.set(entry.tag, entry);
    }
    const linkAt = countBytes + count * entryBytes;
    const nextOffset =
      bytes.length < linkAt + linkBytes
        ? 0
        : this.bigTiff
          ? this.#uint64(bytes, linkAt)
          : this.#uint32(bytes, linkAt);
    return { directory: { offset, entries, faults }, nextOffset, byteLength: length };
  }

  #entry(bytes: Buffer, at: number, base: number, faults: string[]): TiffEntry | null {
    const tag = this.#uint16(bytes, at);
    const type = this.#uint16(bytes, at + 2);
    const count = this.bigTiff ? this.#uint64(bytes, at + 4) : this.#uint32(bytes, at + 4);
    const valueAt = at + (this.bigTiff ? 12 : 8);
    const typeBytes = TYPE_BYTES[type];
    if (typeBytes === undefined) {
      faults.push(`TIFF tag ${tag} has the unknown field type ${type}.`);
      return null;
    }
    const byteLength = typeBytes * count;
    const inline = byteLength <= (this.bigTiff ? 8 : 4);
    const offset = inline
      ? base + valueAt
      : this.bigTiff
        ? this.#uint64(bytes, valueAt)
        : this.#uint32(bytes, valueAt);
    if (
      !Number.isSafeInteger(byteLength) ||
      !Number.isSafeInteger(offset + byteLength) ||
      offset + byteLength > this.source.sizeBytes
    ) {
      faults.push(`The values of TIFF tag ${tag} lie outside the file.`);
      return null;
    }
    return {
      tag,
      type,
      count,
      offset,
      byteLength,
      inline: inline ? bytes.subarray(valueAt, valueAt + byteLength) : null,
    };
  }

  /** The values of an entry as they lie in the source, up to `maxBytes`. */
  bytesOf(entry: TiffEntry, maxBytes: number): Buffer {
    return entry.inline ?? this.source.read(entry.offset, Math.min(entry.byteLength, maxBytes));
  }

  /**
   * The values of a number entry, rationals as their quotient; at most `maxCount`. A text entry gives none.
   * Integers beyond 2^53 lose their last bits.
   */
  numbersOf(entry: TiffEntry, maxCount: number): number[] {
    const typeBytes = TYPE_BYTES[entry.type] ?? 1;
    const count = entry.type === 2 ? 0 : Math.min(entry.count, maxCount);
    const bytes = this.bytesOf(entry, count * typeBytes);
    const numbers = new Array<number>(count);
    for (let index = 0; index < count; index += 1) {
      numbers[index] = this.#number(bytes, index * typeBytes, entry.type);
    }
    return numbers;
  }

  #number(bytes: Buffer, at: number, type: number): number {
    const little = this.littleEndian;
    switch (type) {
      case 3:
        return this.#uint16(bytes, at);
      case 4:
      case 13:
        return this.#uint32(bytes, at);
      case 5:
        return this.#uint32(bytes, at) / this.#uint32(bytes, at + 4);
      case 6:
        return bytes.readInt8(at);
      case 8:
        return little ? bytes.readInt16LE(at) : bytes.readInt16BE(at);
      case 9:
        return little ? bytes.readInt32LE(at) : bytes.readInt32BE(at);
      case 10:
        return little
          ? bytes.readInt32LE(at) / bytes.readInt32LE(at + 4)
          : bytes.readInt32BE(at) / bytes.readInt32BE(at + 4);
      case 11:
        return little ? bytes.readFloatLE(at) : bytes.readFloatBE(at);
      case 12:
        return little ? bytes.readDoubleLE(at) : bytes.readDoubleBE(at);
      case 16:
      case 18:
        return this.#uint64(bytes, at);
      case 17:
        return Number(little ? bytes.readBigInt64LE(at) : bytes.readBigInt64BE(at));
      default:
        return bytes.readUInt8(at);
    }
  }

  #uint16(bytes: Buffer, at: number): number {
    return this.littleEndian ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at);
  }

  #uint32(bytes: Buffer, at: number): number {
    return this.littleEndian ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  }

  #uint64(bytes: Buffer, at: number): number {
    return Number(this.littleEndian ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
  }
}

/** Text of an ASCII (or byte) entry up to the first NUL: UTF-8 where it is valid, else Windows-1252. */
export function textOf(container: TiffContainer, entry: TiffEntry, maxBytes: number): string {
  const bytes = container.bytesOf(entry, maxBytes);
  const end = bytes.indexOf(0);
  return decodeText(end < 0 ? bytes : bytes.subarray(0, end));
}

const strictUtf8 = new TextDecoder('utf-8', { fatal: true });
const windows1252 = new TextDecoder('windows-1252');

/** UTF-8 where the bytes are valid, else Windows-1252, which every byte sequence is. */
export function decodeText(bytes: Buffer): string {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return windows1252.decode(bytes);
  }
}
