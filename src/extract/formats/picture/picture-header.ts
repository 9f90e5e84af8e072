import { AppError } from '../../../errors.js';
import type { ByteSource } from '../tiff/byte-source.js';

/** The kinds of common pictures. */
export type PictureKind = 'PNG' | 'JPEG' | 'GIF' | 'BMP' | 'WebP';

/** What the header of a picture says. */
export interface PictureHeader {
  readonly kind: PictureKind;
  readonly width: number;
  readonly height: number;
  /** Values a pixel as decoders give them. */
  readonly channels: 1 | 2 | 3 | 4;
  readonly bits: 8 | 16;
  /** Where a TIFF structure with EXIF data lies; null: nowhere. */
  readonly exif: { readonly offset: number; readonly length: number } | null;
  /** The header's own facts, for the sidecar. */
  readonly facts: Readonly<Record<string, number | string>>;
}

/** Chunks, segments or boxes looked at before giving up. */
const MAX_PARTS = 10_000;

/** The kind of picture by its first bytes; null: none of these. */
export function pictureKindOf(bytes: Buffer): PictureKind | null {
  const text = bytes.toString('latin1', 0, 16);
  if (text.startsWith('\x89PNG\r\n\x1a\n')) return 'PNG';
  if (text.startsWith('\xff\xd8\xff')) return 'JPEG';
  if (text.startsWith('GIF87a') || text.startsWith('GIF89a')) return 'GIF';
  if (text.startsWith('RIFF') && text.slice(8, 12) === 'WEBP') return 'WebP';
  if (text.startsWith('BM') && bytes.length >= 26) {
    // Two letters are little: the size of the information header must be one of those that exist.
    const headerBytes = bytes.readUInt32LE(14);
    return [12, 40, 52, 56, 64, 108, 124].includes(headerBytes) ? 'BMP' : null;
  }
  return null;
}

/** Reads the header. @throws AppError FORMAT_INVALID when it is cut or makes no sense. */
export function readPictureHeader(source: ByteSource): PictureHeader {
  const kind = pictureKindOf(source.readUpTo(0, 64));
  const header = kind === null ? null : READERS[kind](source);
  if (header === null || header.width < 1 || header.height < 1) {
    throw new AppError('FORMAT_INVALID', `The header of the ${kind ?? ''} picture is damaged.`);
  }
  return header;
}

const READERS: Readonly<Record<PictureKind, (source: ByteSource) => PictureHeader | null>> = {
  PNG: readPng,
  JPEG: readJpeg,
  GIF: readGif,
  BMP: readBmp,
  WebP: readWebp,
};

/** PNG (RFC 2083): IHDR comes first; eXIf may come anywhere before the end. */
function readPng(source: ByteSource): PictureHeader | null {
  const head = source.read(0, 33);
  if (head.toString('latin1', 12, 16) !== 'IHDR') return null;
  const depth = head.readUInt8(24);
  const colour = head.readUInt8(25);
  const channels = ({ 0: 1, 2: 3, 3: 3, 4: 2, 6: 4 } as const)[colour];
  if (channels === undefined) return null;
  let exif: PictureHeader['exif'] = null;
  let at = 33;
  for (let part = 0; part < MAX_PARTS && at + 12 <= source.sizeBytes; part += 1) {
    const chunk = source.read(at, 8);
    const length = chunk.readUInt32BE(0);
    const name = chunk.toString('latin1', 4, 8);
    if (name === 'eXIf') exif = { offset: at + 8, length };
    if (name === 'IEND' || name === 'IDAT' || exif !== null) break;
    at += length + 12;
  }
  return {
    kind: 'PNG',
    width: head.readUInt32BE(16),
    height: head.readUInt32BE(20),
    channels,
    bits: depth === 16 ? 16 : 8,
    exif,
    facts: { 'Bit Depth': depth, 'Colour Type': colour, Interlace: head.readUInt8(28) },
  };
}

/** JPEG (ITU T.81 annex B): segments up to the frame header (SOF0 to SOF15 but DHT, JPG and DAC). */
function readJpeg(source: ByteSource): PictureHeader | null {
  let exif: PictureHeader['exif'] = null;
  let at = 2;
  for (let part = 0; part < MAX_PARTS; part += 1) {
    const bytes = source.readUpTo(at, 10);
    if (bytes.length < 4 || bytes[0] !== 0xff) return null;
    const marker = bytes.readUInt8(1);
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = bytes.readUInt16BE(2);
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame && bytes.length === 10) {
      const components = bytes.readUInt8(9);
      return {
        kind: 'JPEG',
        width: bytes.readUInt16BE(7),
        height: bytes.readUInt16BE(5),
        channels: components === 1 ? 1 : 3,
        bits: bytes.readUInt8(4) > 8 ? 16 : 8,
        exif,
        facts: { 'Bit Depth': bytes.readUInt8(4), Components: components },
      };
    }
    if (marker === 0xe1 && exif === null && source.readUpTo(at + 4, 6).equals(EXIF_MARK)) {
      exif = { offset: at + 10, length: Math.max(0, length - 8) };
    }
    if (length < 2 || marker === 0xda || marker === 0xd9) return null;
    at += length + 2;
  }
  return null;
}

const EXIF_MARK = Buffer.from('Exif\0\0', 'latin1');

/** GIF89a: the logical screen. */
function readGif(source: ByteSource): PictureHeader {
  const head = source.read(0, 13);
  return {
    kind: 'GIF',
    width: head.readUInt16LE(6),
    height: head.readUInt16LE(8),
    channels: 3,
    bits: 8,
    exif: null,
    facts: { Version: head.toString('latin1', 3, 6) },
  };
}

/** BMP: file header of 14 bytes, then the information header, whose first number is its size. */
function readBmp(source: ByteSource): PictureHeader {
  const head = source.read(0, 26);
  const headerBytes = head.readUInt32LE(14);
  const isCore = headerBytes === 12;
  const bits = isCore ? head.readUInt16LE(24) : source.read(28, 2).readUInt16LE(0);
  return {
    kind: 'BMP',
    width: isCore ? head.readUInt16LE(18) : Math.abs(head.readInt32LE(18)),
    // A negative height means rows from the top down.
    height: isCore ? head.readUInt16LE(20) : Math.abs(head.readInt32LE(22)),
    channels: bits === 32 ? 4 : 3,
    bits: 8,
    exif: null,
    facts: { 'Bits per Pixel': bits, 'Header Bytes': headerBytes },
  };
}

/** WebP (RFC 9649): the first chunk is VP8, VP8L or VP8X; EXIF is a later chunk. */
function readWebp(source: ByteSource): PictureHeader | null {
  const head = source.read(0, 30);
  const form = head.toString('latin1', 12, 16);
  const found = { kind: 'WebP', bits: 8, exif: null, facts: { Form: form.trim() } } as const;
  if (form === 'VP8 ') {
    const width = head.readUInt16LE(26) & 0x3fff;
    return { ...found, width, height: head.readUInt16LE(28) & 0x3fff, channels: 3 };
  }
  if (form === 'VP8L') {
    const bits = head.readUInt32LE(21);
    const channels = (bits & 0x10000000) === 0 ? 3 : 4;
    return { ...found, width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1, channels };
  }
  if (form !== 'VP8X') return null;
  return {
    ...found,
    width: head.readUIntLE(24, 3) + 1,
    height: head.readUIntLE(27, 3) + 1,
    channels: (head.readUInt8(20) & 0x10) === 0 ? 3 : 4,
    exif: (head.readUInt8(20) & 0x08) === 0 ? null : webpExif(source),
  };
}

function webpExif(source: ByteSource): PictureHeader['exif'] {
  let at = 12;
  for (let part = 0; part < MAX_PARTS && at + 8 <= source.sizeBytes; part += 1) {
    const chunk = source.read(at, 8);
    const length = chunk.readUInt32LE(4);
    if (chunk.toString('latin1', 0, 4) === 'EXIF') return { offset: at + 8, length };
    at += 8 + length + (length & 1);
  }
  return null;
}
