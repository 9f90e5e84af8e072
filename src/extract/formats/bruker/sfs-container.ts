import { Buffer } from 'node:buffer';
import { inflateSync } from 'node:zlib';
import { AppError, toError } from '../../../errors.js';
import type { FileSource } from '../../extractor.js';

/** A file inside a container. */
export interface SfsEntry {
  /** With slashes: `EDSDatabase/HeaderData`. */
  readonly path: string;
  /** Bytes that it takes in the container, compressed or not. */
  readonly storedBytes: number;
  /** Its content piece by piece, decompressed. Throws AppError FORMAT_INVALID where the container is broken. */
  readonly pieces: () => Generator<Buffer, void>;
}

/** What every container begins with. */
export const SFS_MAGIC = 'AAMVHFSS';

const HEADER_BYTES = 0x150;
/** Where chunk 0 begins: four bytes number of the next chunk of a chain, 28 unused, then the payload. */
const FIRST_CHUNK = 0x118;
const CHUNK_HEADER_BYTES = 32;
const MIN_CHUNK_BYTES = 0x400;
const MAX_CHUNK_BYTES = 1 << 24;
const ITEM_BYTES = 0x200;
const NAME_OFFSET = 0xe0;
const NAME_BYTES = 256;
const MAX_ITEMS = 4096;
const MAX_DEPTH = 32;
/** zlib inside: a header of 128 bytes, then blocks of 16 bytes header and their data. */
const COMPRESSED_MAGIC = 'AACS';
const FIRST_BLOCK = 0x80;
const BLOCK_HEADER_BYTES = 16;
const MAX_BLOCK_BYTES = 1 << 24;

interface Layout {
  readonly file: FileSource;
  readonly chunkBytes: number;
  readonly payloadBytes: number;
}

interface Item {
  readonly name: string;
  readonly parent: number;
  readonly isFolder: boolean;
  readonly storedBytes: number;
  readonly tableChunk: number;
}

/**
 * Reads the table of files of a container (SFS, AidAim Software's Single File System, as Bruker's Esprit uses it).
 * Layout as worked out by the HyperSpy project, checked on real files.
 * @throws AppError FORMAT_INVALID when it is none or its tables make no sense.
 */
export function readSfs(file: FileSource): SfsEntry[] {
  const head = file.read(0, HEADER_BYTES);
  const chunkBytes = head.readUInt32LE(0x128);
  const count = head.readUInt32LE(0x144);
  if (
    head.toString('latin1', 0, 8) !== SFS_MAGIC ||
    chunkBytes < MIN_CHUNK_BYTES ||
    chunkBytes > MAX_CHUNK_BYTES ||
    count > MAX_ITEMS
  ) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} is no SFS container.`, {
      details: { chunkBytes, count },
    });
  }
  const layout = { file, chunkBytes, payloadBytes: chunkBytes - CHUNK_HEADER_BYTES };
  const items = readItems(layout, head.readUInt32LE(0x140), count);
  return items.flatMap((item, index) =>
    item.isFolder
      ? []
      : [
          {
            path: pathOf(items, index),
            storedBytes: item.storedBytes,
            pieces: () => piecesOf(layout, item),
          },
        ],
  );
}

function readItems(layout: Layout, firstChunk: number, count: number): Item[] {
  const perChunk = Math.floor(layout.payloadBytes / ITEM_BYTES);
  const items: Item[] = [];
  let chunk = firstChunk;
  while (items.length < count) {
    const { next, payload } = readChunk(layout, chunk);
    for (let index = 0; index < perChunk && items.length < count; index += 1) {
      const bytes = payload.subarray(index * ITEM_BYTES, (index + 1) * ITEM_BYTES);
      if (bytes.length < ITEM_BYTES) {
        throw new AppError(
          'FORMAT_INVALID',
          `The table of files of ${layout.file.fileName} is cut.`,
        );
      }
      items.push(itemAt(bytes));
    }
    chunk = next;
  }
  return items;
}

function itemAt(bytes: Buffer): Item {
  const name = bytes.toString('utf8', NAME_OFFSET, NAME_OFFSET + NAME_BYTES);
  return {
    tableChunk: bytes.readUInt32LE(0),
    storedBytes: Number(bytes.readBigUInt64LE(4)),
    parent: bytes.readInt32LE(40),
    isFolder: bytes[220] !== 0,
    name: name.replaceAll('\0', ''),
  };
}

function pathOf(items: readonly Item[], index: number): string {
  const names: string[] = [];
  let item = items[index];
  while (item !== undefined && names.length < MAX_DEPTH) {
    names.unshift(item.name);
    item = items[item.parent];
  }
  return names.join('/');
}

function readChunk({ file, chunkBytes }: Layout, chunk: number): { next: number; payload: Buffer } {
  // The last chunk of a file may be cut short.
  const bytes = file.readUpTo(chunk * chunkBytes + FIRST_CHUNK, chunkBytes);
  if (bytes.length < CHUNK_HEADER_BYTES + ITEM_BYTES) {
    throw new AppError('FORMAT_INVALID', `${file.fileName} ends before its chunk ${chunk}.`, {
      details: { chunk },
    });
  }
  return { next: bytes.readUInt32LE(0), payload: bytes.subarray(CHUNK_HEADER_BYTES) };
}

/** Reads any part of a stored file by its table of chunk numbers. */
class StoredFile {
  readonly #layout: Layout;
  readonly #item: Item;
  readonly #chunks: Buffer;

  constructor(layout: Layout, item: Item) {
    this.#layout = layout;
    this.#item = item;
    const { payloadBytes, chunkBytes, file } = layout;
    const chunks = Math.ceil(item.storedBytes / payloadBytes);
    if (chunks > Math.ceil(file.sizeBytes / chunkBytes)) {
      throw new AppError(
        'FORMAT_INVALID',
        `${item.name} in ${file.fileName} is larger than its container.`,
        { details: { storedBytes: item.storedBytes } },
      );
    }
    const tables: Buffer[] = [];
    let chunk = item.tableChunk;
    for (let left = chunks * 4; left > 0; left -= payloadBytes) {
      const { next, payload } = readChunk(layout, chunk);
      tables.push(payload);
      chunk = next;
    }
    this.#chunks = Buffer.concat(tables);
  }

  get storedBytes(): number {
    return this.#item.storedBytes;
  }

  /** Up to so many bytes from an offset, but not across a chunk's end. */
  part(offset: number, length: number): Buffer {
    const { file, payloadBytes, chunkBytes } = this.#layout;
    const index = Math.floor(offset / payloadBytes);
    const within = offset % payloadBytes;
    const end = Math.min(within + length, payloadBytes);
    if (offset >= this.storedBytes || index * 4 + 4 > this.#chunks.length) {
      throw new AppError(
        'FORMAT_INVALID',
        `${this.#item.name} in ${file.fileName} ends at byte ${this.storedBytes}.`,
        { details: { offset, length } },
      );
    }
    const chunk = this.#chunks.readUInt32LE(index * 4);
    const at = chunk * chunkBytes + FIRST_CHUNK + CHUNK_HEADER_BYTES;
    return file.read(at + within, end - within);
  }

  bytes(offset: number, length: number): Buffer {
    const parts: Buffer[] = [];
    for (let done = 0; done < length;) {
      const part = this.part(offset + done, length - done);
      parts.push(part);
      done += part.length;
    }
    return parts.length === 1 && parts[0] !== undefined ? parts[0] : Buffer.concat(parts);
  }
}

function* piecesOf(layout: Layout, item: Item): Generator<Buffer, void> {
  const stored = new StoredFile(layout, item);
  if (stored.storedBytes === 0) return;
  const start = stored.part(0, Math.min(16, stored.storedBytes));
  if (start.toString('latin1', 0, 4) === COMPRESSED_MAGIC && start.length === 16) {
    yield* inflatedBlocks(stored, start.readUInt32LE(4), start.readUInt32LE(12), item.name);
    return;
  }
  for (let offset = 0; offset < stored.storedBytes;) {
    const piece = stored.part(offset, stored.storedBytes - offset);
    yield piece;
    offset += piece.length;
  }
}

function* inflatedBlocks(
  stored: StoredFile,
  blockBytes: number,
  blocks: number,
  name: string,
): Generator<Buffer, void> {
  let offset = FIRST_BLOCK;
  for (let block = 0; block < blocks; block += 1) {
    const length = stored.bytes(offset, BLOCK_HEADER_BYTES).readUInt32LE(0);
    offset += BLOCK_HEADER_BYTES;
    if (length === 0 || length > stored.storedBytes || blockBytes > MAX_BLOCK_BYTES) {
      throw new AppError('FORMAT_INVALID', `${name} has an impossible compressed block.`, {
        details: { offset, length, blockBytes },
      });
    }
    const compressed = stored.bytes(offset, length);
    offset += length;
    try {
      yield inflateSync(compressed, { maxOutputLength: Math.max(1, blockBytes) });
    } catch (error) {
      throw new AppError(
        'FORMAT_INVALID',
        `Block ${block} of ${name} cannot be decompressed: ${toError(error).message}`,
        { cause: error, details: { offset } },
      );
    }
  }
}
