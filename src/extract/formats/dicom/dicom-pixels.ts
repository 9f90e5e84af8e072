import { AppError } from '../../../errors.js';
import type { PixelArray } from '../../extractor.js';
import { typedValues } from '../tiff/tiff-values.js';
import { decodeRle, encapsulatedFrames, type EncapsulatedFrames } from './dicom-frame.js';
import {
  DEFLATED,
  EXPLICIT_BIG_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  IMPLICIT_LITTLE_ENDIAN,
  PIXEL_DATA,
  type DicomFile,
} from './dicom-file.js';
import { frameBytes, type DicomLayout } from './dicom-layout.js';
import { markedAsRgb } from './jpeg-colours.js';

const RLE = '1.2.840.10008.1.2.5';
const JPEG_BASELINE = '1.2.840.10008.1.2.4.50';
const JPEG_EXTENDED = '1.2.840.10008.1.2.4.51';
const NATIVE: ReadonlySet<string> = new Set([
  IMPLICIT_LITTLE_ENDIAN,
  EXPLICIT_LITTLE_ENDIAN,
  EXPLICIT_BIG_ENDIAN,
  DEFLATED,
]);
const MAX_FRAME_BYTES = 256 * 1024 * 1024;

/** How pixels can be shown: by their exact values, by a JPEG decoder, or why not at all. */
export type DicomPixelWay =
  | { readonly kind: 'values' }
  | { readonly kind: 'jpeg' }
  | { readonly kind: 'none'; readonly reason: string };

/** How the pixels of a file can be shown. */
export function dicomPixelWay(
  { dataSet, transferSyntax }: DicomFile,
  layout: DicomLayout,
): DicomPixelWay {
  if (dataSet.elements[PIXEL_DATA] === undefined) {
    return { kind: 'none', reason: 'the file holds no pixel data (of integers).' };
  }
  if (transferSyntax === JPEG_BASELINE) return { kind: 'jpeg' };
  if (transferSyntax === JPEG_EXTENDED && layout.bitsStored === 8) return { kind: 'jpeg' };
  const isKnown = NATIVE.has(transferSyntax) || transferSyntax === RLE;
  if (!isKnown) return { kind: 'none', reason: `pixels of ${transferSyntax} are not decoded.` };
  if (layout.dtype === null || (layout.bitsAllocated === 1 && transferSyntax === RLE)) {
    return { kind: 'none', reason: `pixels of ${layout.bitsAllocated} bits are not decoded.` };
  }
  if (frameBytes(layout) > MAX_FRAME_BYTES) {
    return { kind: 'none', reason: `a frame has ${frameBytes(layout)} bytes.` };
  }
  return { kind: 'values' };
}

function pixelStart({ dataSet, source }: DicomFile): number {
  return dataSet.elements[PIXEL_DATA]?.dataOffset ?? source.sizeBytes;
}

/** The frames as whole JPEG files, of which decoders know what their colours are. Throws as encapsulatedFrames does. */
export function jpegFrames(file: DicomFile, layout: DicomLayout): EncapsulatedFrames {
  const frames = encapsulatedFrames(file.source, pixelStart(file), layout.frames);
  return (frame) => (layout.photometric === 'RGB' ? markedAsRgb(frames(frame)) : frames(frame));
}

/**
 * The exact values of frames (the first is 0): rows of pixels, samples of a pixel side by side. Colours stay as they are
 * coded.
 * @throws AppError FORMAT_INVALID when pixels are missing or damaged, also of a single frame.
 */
export function dicomFrames(file: DicomFile, layout: DicomLayout): (frame: number) => PixelArray {
  if (file.transferSyntax !== RLE) return (frame) => readPlainFrame(file, layout, frame);
  const { rows, columns, samples, bitsAllocated } = layout;
  const pixels = rows * columns;
  const frames = encapsulatedFrames(file.source, pixelStart(file), layout.frames);
  return (frame) => {
    const bytes = decodeRle(frames(frame), pixels, samples, bitsAllocated / 8);
    return interleaved(numbersOf(bytes, layout, true), pixels, samples);
  };
}

function readPlainFrame(file: DicomFile, layout: DicomLayout, frame: number): PixelArray {
  const { source, transferSyntax } = file;
  const { rows, columns, samples, bitsAllocated } = layout;
  const pixels = rows * columns;
  // Frames of single bits follow each other without a gap, also within a byte.
  const isBits = bitsAllocated === 1;
  const firstBit = isBits ? frame * pixels * samples : 0;
  const bitsBefore = firstBit % 8;
  const length = isBits ? Math.ceil((bitsBefore + pixels * samples) / 8) : frameBytes(layout);
  const start = pixelStart(file) + (isBits ? Math.floor(firstBit / 8) : frame * length);
  if (start + length > source.sizeBytes) {
    throw new AppError(
      'FORMAT_INVALID',
      `The DICOM file ends at ${source.sizeBytes}; its frame ${frame + 1} would end at ${start + length}.`,
    );
  }
  const bytes = source.read(start, length);
  if (isBits) return singleBits(bytes, bitsBefore, pixels * samples);
  const values = numbersOf(bytes, layout, transferSyntax !== EXPLICIT_BIG_ENDIAN);
  if (layout.photometric === 'YBR_FULL_422') return fullColour(values, pixels);
  return layout.planar ? interleaved(values, pixels, samples) : values;
}

/** Bits above those stored may hold overlays; they are cut off, keeping the sign. */
function numbersOf(bytes: Buffer, layout: DicomLayout, littleEndian: boolean): PixelArray {
  const { bitsAllocated, bitsStored, signed } = layout;
  const values = typedValues(bytes, `${signed ? '' : 'u'}int${bitsAllocated}`, littleEndian);
  if (bitsStored >= bitsAllocated || bitsStored < 1 || bitsAllocated > 32) return values;
  const shift = 32 - bitsStored;
  const cut = values.slice();
  for (let index = 0; index < values.length; index += 1) {
    const value = Number(values[index] ?? 0);
    const kept = signed ? (value << shift) >> shift : (value << shift) >>> shift;
    if (!(cut instanceof BigInt64Array) && !(cut instanceof BigUint64Array)) cut[index] = kept;
  }
  return cut;
}

/** Planes of samples to samples side by side. */
function interleaved(values: PixelArray, pixels: number, samples: number): PixelArray {
  if (samples === 1) return values;
  const mixed = values.slice();
  for (let sample = 0; sample < samples; sample += 1) {
    for (let pixel = 0; pixel < pixels; pixel += 1) {
      const value = values[sample * pixels + pixel];
      if (
        typeof value === 'number' &&
        !(mixed instanceof BigInt64Array) &&
        !(mixed instanceof BigUint64Array)
      ) {
        mixed[pixel * samples + sample] = value;
      }
    }
  }
  return mixed;
}

/** Lowest bit first (PS3.5 section 8.1.1). */
function singleBits(bytes: Buffer, first: number, count: number): Uint8Array {
  return Uint8Array.from({ length: count }, (_, index) => {
    const at = first + index;
    return ((bytes[at >> 3] ?? 0) >> (at & 7)) & 1;
  });
}

/** Y1 Y2 B R for each two pixels, to Y B R for each. */
function fullColour(values: PixelArray, pixels: number): Uint8Array {
  const full = new Uint8Array(pixels * 3);
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    const pair = (pixel >> 1) * 4;
    full[pixel * 3] = Number(values[pair + (pixel & 1)] ?? 0);
    full[pixel * 3 + 1] = Number(values[pair + 2] ?? 0);
    full[pixel * 3 + 2] = Number(values[pair + 3] ?? 0);
  }
  return full;
}
