import type { Metadata, Sharp, SharpOptions } from 'sharp';
import { AppError } from '../../errors.js';
import type { PixelSize, PreviewSource } from '../extractor.js';
import { drawImage, enlarge, withScaleBar } from './image-preview.js';
import type { Raster } from './raster.js';

type EncodedSource = Extract<PreviewSource, { kind: 'encoded' }>;

/** A picture file decoded and reduced to what its preview has room for. */
export interface DecodedPicture extends Raster {
  /** Of one pixel of this picture. */
  readonly pixelSize: PixelSize | null;
}

/** A decoded picture, and how many pixels wide it is in its file. */
interface Decoded {
  readonly raster: Raster;
  readonly storedWidth: number;
}

/** Pictures above this number of pixels are not decoded (a small file can claim any size). */
const MOST_PIXELS = 200_000_000;
/** Of one side: the decoder's memory grows with the width of a picture, however low it is (2 million: 1.4 GiB). */
const MOST_SIDE = 200_000;
/** Interlaced pictures are decoded whole before they are reduced. */
const MOST_WHOLE_BYTES = 384 * 1024 * 1024;
const BMP_HEADER_LENGTH = 54;

/** Whether the bytes are a Windows bitmap (signature `BM` and a header of known length). */
function isBitmap(bytes: Buffer): boolean {
  return bytes.length >= BMP_HEADER_LENGTH && bytes.toString('latin1', 0, 2) === 'BM';
}

/** Decodes a bitmap (1, 8, 24 or 32 bits a pixel) and reduces it; sharp does not read this format. */
async function decodeBitmap(bytes: Buffer, box: number): Promise<Decoded> {
  const width = Math.abs(bytes.readInt32LE(18));
  const storedHeight = bytes.readInt32LE(22);
  const height = Math.abs(storedHeight);
  const bits = bytes.readUInt16LE(28);
  // fast-bmp reserves memory by the header alone, so the header must fit the bytes.
  if (width * height * (bits / 8) > bytes.length || width * height > MOST_PIXELS) {
    throw new AppError(
      'FORMAT_INVALID',
      `The bitmap says ${width} x ${height} pixels of ${bits} bits but has ${bytes.length} bytes.`,
    );
  }
  const { decode } = await import('fast-bmp');
  // A negative height means rows from the top down, which fast-bmp does not know: read as usual, then turned over.
  const upright = Buffer.from(bytes);
  upright.writeInt32LE(height, 22);
  const { data } = decode(upright);
  if (!ArrayBuffer.isView(data)) {
    throw new AppError('FORMAT_INVALID', 'The bitmap could not be decoded into bytes.');
  }
  const stored = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  const decoded = storedHeight < 0 ? turnOver(stored, height) : stored;
  const hasPalette = bits <= 8;
  const image = {
    kind: 'image',
    width,
    height,
    pixels: hasPalette ? applyPalette(decoded, bytes, bits) : decoded,
    // The fourth byte of 32 bits is nearly always unused (0) and not an opacity.
    channels: hasPalette || bits === 24 ? 3 : 4,
    stretch: 'none',
    pixelSize: null,
  } as const;
  if (image.channels === 4) for (let at = 3; at < decoded.length; at += 4) decoded[at] = 255;
  return { raster: drawImage(image, box, box), storedWidth: width };
}

/** The rows in opposite order. */
function turnOver(pixels: Uint8Array, height: number): Uint8Array {
  const stride = pixels.length / height;
  const turned = new Uint8Array(pixels.length);
  for (let row = 0; row < height; row += 1) {
    turned.set(pixels.subarray(row * stride, (row + 1) * stride), (height - 1 - row) * stride);
  }
  return turned;
}

/** Replaces palette indices by their colours: blue, green, red, unused after the header whose length is at byte 14. */
function applyPalette(indices: Uint8Array, bytes: Buffer, bits: number): Uint8Array {
  const start = 14 + bytes.readUInt32LE(14);
  const palette = bytes.subarray(start, start + 4 * 2 ** bits);
  const colours = new Uint8Array(indices.length * 3);
  for (let index = 0; index < indices.length; index += 1) {
    const entry = (indices[index] ?? 0) * 4;
    colours[index * 3] = palette[entry + 2] ?? 0;
    colours[index * 3 + 1] = palette[entry + 1] ?? 0;
    colours[index * 3 + 2] = palette[entry] ?? 0;
  }
  return colours;
}

function requireBounded({ width, height, channels, depth, isProgressive }: Metadata): void {
  const bytes = width * height * channels * (depth === 'uchar' ? 1 : 2);
  if (Math.max(width, height) <= MOST_SIDE && !(isProgressive && bytes > MOST_WHOLE_BYTES)) return;
  throw new AppError('LIMIT_EXCEEDED', `The picture says ${width} x ${height} pixels: too many.`);
}

/**
 * A picture file as raster inside a square box: turned as its EXIF says, on white; small ones enlarged, with a scale bar
 * where the pixel size is known. Grey of 16 bits is stretched as images are, since such files of cameras are nearly black
 * otherwise.
 * @param box side in pixels
 * @throws AppError LIMIT_EXCEEDED for one that would take too much memory; Error of the decoder for a file it cannot read.
 */
export async function drawEncoded(source: EncodedSource, box: number): Promise<Raster> {
  const picture = await decodePicture(source, box);
  return withScaleBar(enlarge(picture, box, box), picture);
}

/** A picture file as drawEncoded shows it, neither enlarged nor with a scale bar. Throws as drawEncoded. */
export async function decodePicture(source: EncodedSource, box: number): Promise<DecodedPicture> {
  const { bytes, page = 0, pixelSize = null, isNegative = false } = source;
  const { raster, storedWidth } = isBitmap(bytes)
    ? await decodeBitmap(bytes, box)
    : await decodeCommon(bytes, box, page);
  const size = pixelSize === null ? 0 : (pixelSize.size * storedWidth) / raster.width;
  return {
    ...raster,
    data: isNegative ? raster.data.map((value) => 255 - value) : raster.data,
    pixelSize: pixelSize === null ? null : { size, unit: pixelSize.unit },
  };
}

async function decodeCommon(bytes: Buffer, box: number, page: number): Promise<Decoded> {
  const { default: sharp } = await import('sharp');
  // One picture at a time in one process: the pool of processes is the concurrency.
  sharp.concurrency(1);
  sharp.cache(false);
  const options: SharpOptions = {
    limitInputPixels: MOST_PIXELS,
    failOn: 'none',
    sequentialRead: true,
    page,
  };
  const header = await sharp(bytes, options).metadata();
  requireBounded(header);
  if (header.depth === 'ushort' && header.channels === 1) {
    return decodeWideGrey(sharp(bytes, options), box);
  }
  const { data, info } = await sharp(bytes, options)
    .autoOrient()
    .resize({ width: box, height: box, fit: 'inside', withoutEnlargement: true })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  return {
    raster: {
      width: info.width,
      height: info.height,
      channels: info.channels === 1 ? 1 : 3,
      data: new Uint8Array(data.buffer, data.byteOffset, data.length),
    },
    storedWidth: header.autoOrient.width,
  };
}

/** Grey of 16 bits, stretched. */
async function decodeWideGrey(picture: Sharp, box: number): Promise<Decoded> {
  const { data, info } = await picture
    .toColourspace('grey16')
    .raw({ depth: 'ushort' })
    .toBuffer({ resolveWithObject: true });
  const pixels = new Uint16Array(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
  const image = {
    kind: 'image',
    width: info.width,
    height: info.height,
    pixels,
    channels: 1,
    stretch: 'percentile',
    pixelSize: null,
  } as const;
  return { raster: drawImage(image, box, box), storedWidth: info.width };
}
