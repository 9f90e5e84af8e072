import { AppError } from '../../../errors.js';
import type { FileSource, PreviewSource } from '../../extractor.js';

/** Pixels decoded at most. */
const MAX_PIXELS = 64 * 1024 * 1024;

/**
 * Decodes an uncompressed BMP (1, 4, 8, 24 and 32 bits, palette, rows from the bottom or the top) to RGB. The packages
 * for this format take palette indices for grey and fail on rows from the top.
 * @throws AppError FORMAT_INVALID for compressed or damaged pictures, LIMIT_EXCEEDED for huge ones.
 */
export function decodeBmp(file: FileSource): PreviewSource {
  const head = file.readUpTo(0, 66);
  const headerBytes = head.length < 18 ? 0 : head.readUInt32LE(14);
  const isCore = headerBytes === 12;
  if (head.length < (isCore ? 26 : 54)) {
    throw new AppError('FORMAT_INVALID', `The header of the BMP picture is cut at ${head.length}.`);
  }
  const width = isCore ? head.readUInt16LE(18) : Math.abs(head.readInt32LE(18));
  const signedHeight = isCore ? head.readUInt16LE(20) : head.readInt32LE(22);
  const height = Math.abs(signedHeight);
  const bits = isCore ? head.readUInt16LE(24) : head.readUInt16LE(28);
  const compression = isCore ? 0 : head.readUInt32LE(30);
  const places = bits >= 24 ? colourPlaces(head, headerBytes, bits, compression) : null;
  if (
    ![1, 4, 8, 24, 32].includes(bits) ||
    (places === null && bits >= 24) ||
    (bits < 24 && compression !== 0)
  ) {
    throw new AppError(
      'FORMAT_INVALID',
      `BMP pictures of ${bits} bits with compression ${compression} are not decoded.`,
    );
  }
  const rowBytes = Math.ceil((width * bits) / 32) * 4;
  if (width * height > MAX_PIXELS) {
    throw new AppError('LIMIT_EXCEEDED', `The BMP picture has ${width} x ${height} pixels.`);
  }
  const rows = file.read(head.readUInt32LE(10), rowBytes * height);
  const palette = bits < 24 ? readPalette(file, headerBytes, bits, isCore ? 3 : 4) : null;
  const pixels = new Uint8Array(width * height * 3);
  let to = 0;
  for (let row = 0; row < height; row += 1) {
    const start = (signedHeight < 0 ? row : height - 1 - row) * rowBytes;
    for (let column = 0; column < width; column += 1, to += 3) {
      if (palette !== null) {
        const bitAt = column * bits;
        const byte = rows[start + (bitAt >> 3)] ?? 0;
        const index = (byte >> (8 - bits - (bitAt & 7))) & ((1 << bits) - 1);
        pixels[to] = palette[index * 3] ?? 0;
        pixels[to + 1] = palette[index * 3 + 1] ?? 0;
        pixels[to + 2] = palette[index * 3 + 2] ?? 0;
      } else if (places !== null) {
        const from = start + (column * bits) / 8;
        pixels[to] = rows[from + places.red] ?? 0;
        pixels[to + 1] = rows[from + places.green] ?? 0;
        pixels[to + 2] = rows[from + places.blue] ?? 0;
      }
    }
  }
  return {
    kind: 'image',
    width,
    height,
    pixels,
    channels: 3,
    stretch: 'none',
    pixelSize: null,
  };
}

/** Which byte of a pixel holds which colour; null where the masks are not whole bytes. */
function colourPlaces(
  head: Buffer,
  headerBytes: number,
  bits: number,
  compression: number,
): { red: number; green: number; blue: number } | null {
  if (compression === 0) return { red: 2, green: 1, blue: 0 };
  // BI_BITFIELDS: the masks follow the 40 bytes of the header, or are part of a longer one, at the same place.
  if (compression !== 3 || bits !== 32 || headerBytes < 40 || head.length < 66) return null;
  const place = (mask: number): number => [0xff, 0xff00, 0xff0000, 0xff000000].indexOf(mask);
  const red = place(head.readUInt32LE(54));
  const green = place(head.readUInt32LE(58));
  const blue = place(head.readUInt32LE(62));
  return red < 0 || green < 0 || blue < 0 ? null : { red, green, blue };
}

/** Colours as R, G, B triples; the file holds B, G, R and (but in the oldest form) an unused byte. */
function readPalette(
  file: FileSource,
  headerBytes: number,
  bits: number,
  entryBytes: number,
): Uint8Array {
  const entries = 2 ** bits;
  const bytes = file.readUpTo(14 + headerBytes, entries * entryBytes);
  const palette = new Uint8Array(entries * 3);
  for (let index = 0; index < entries; index += 1) {
    for (let colour = 0; colour < 3; colour += 1) {
      palette[index * 3 + colour] = bytes[index * entryBytes + 2 - colour] ?? 0;
    }
  }
  return palette;
}
