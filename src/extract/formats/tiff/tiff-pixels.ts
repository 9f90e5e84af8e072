import { AppError } from '../../../errors.js';
import type { PixelArray } from '../../extractor.js';
import { decodeSegment, DECODABLE_COMPRESSIONS, undoPredictor } from './tiff-compression.js';
import type { TiffContainer } from './tiff-directory.js';
import type { TiffLayout } from './tiff-layout.js';
import { segmentRows, type TiffSegments } from './tiff-segments.js';
import { typedValues } from './tiff-values.js';

/** Pixels as the file holds them, row by row, samples interleaved; complex ones as their magnitude. */
export interface TiffPixels {
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  readonly values: PixelArray;
}

/** Bytes of decoded pixels held at once; a page that needs more is refused. */
const MAX_PIXEL_BYTES = 512 * 1024 * 1024;
/** The same for a compressed strip or tile, which has to be held whole beside the pixels that are kept of it. */
const MAX_SEGMENT_BYTES = 384 * 1024 * 1024;
/** The best that deflate can do is 1032 to 1, LZW about as much: more is a made-up size. */
const MAX_COMPRESSION_RATIO = 2000;
/** Strips that lie one after the other are read together up to this many bytes. */
const MAX_RUN_BYTES = 32 * 1024 * 1024;

/** Whether readTiffPixels can give the exact values of pages of this layout. */
export function isDecodable(layout: TiffLayout): boolean {
  return (
    layout.dtype !== null &&
    layout.bitsPerSample >= 8 &&
    layout.bitsPerSample % 8 === 0 &&
    (layout.bitsPerSample & (layout.bitsPerSample - 1)) === 0 &&
    DECODABLE_COMPRESSIONS.has(layout.compression) &&
    layout.predictor <= 3 &&
    layout.fillOrder === 1
  );
}

/**
 * Reads the exact pixel values of one page; with `step` > 1 only every step-th row and column.
 * @throws AppError FORMAT_INVALID when pixels are missing or damaged, LIMIT_EXCEEDED when they need too much memory.
 */
export function readTiffPixels(
  container: TiffContainer,
  layout: TiffLayout,
  segments: TiffSegments,
  step = 1,
): TiffPixels {
  const sampleBytes = layout.bitsPerSample / 8;
  const pixelBytes = layout.samplesPerPixel * sampleBytes;
  const width = Math.ceil(layout.width / step);
  const height = Math.ceil(layout.height / step);
  const length = width * height * pixelBytes;
  const segmentBytes = layout.segmentWidth * layout.segmentHeight * pixelBytes;
  if (length > MAX_PIXEL_BYTES || (layout.compression !== 1 && segmentBytes > MAX_SEGMENT_BYTES)) {
    throw new AppError(
      'LIMIT_EXCEEDED',
      `The TIFF page of ${layout.width} x ${layout.height} pixels needs ${Math.max(length, segmentBytes)} bytes.`,
    );
  }
  const ratio = layout.compression === 1 ? 1 : MAX_COMPRESSION_RATIO;
  if (height * pixelBytes * width > container.source.sizeBytes * ratio) {
    throw new AppError(
      'FORMAT_INVALID',
      `The TIFF page of ${layout.width} x ${layout.height} pixels does not fit into the file.`,
    );
  }
  const bytes =
    layout.compression === 1 && !layout.tiled && !layout.planar && step === 1
      ? readPlainStrips(container, layout, segments, length)
      : readSegments(container, layout, segments, { step, width, length });
  const littleEndian =
    usesPredictor(layout) && layout.predictor === 3 ? false : container.littleEndian;
  return {
    width,
    height,
    samples: layout.samplesPerPixel,
    values: typedValues(bytes, layout.dtype, littleEndian),
  };
}

/** Predictors belong to LZW and deflate; elsewhere the tag means nothing. */
function usesPredictor({ predictor, compression }: TiffLayout): boolean {
  return predictor > 1 && compression !== 1 && compression !== 32773;
}

/** Uncompressed strips of whole rows: neighbouring ones are read at once, a single run is not even copied. */
function readPlainStrips(
  container: TiffContainer,
  layout: TiffLayout,
  segments: TiffSegments,
  length: number,
): Buffer {
  const rowBytes = length / layout.height;
  const sizeOf = (strip: number): number => segmentRows(layout, strip) * rowBytes;
  const strips = Math.ceil(layout.height / layout.segmentHeight);
  let pixels: Buffer | null = null;
  let written = 0;
  for (let strip = 0; strip < strips;) {
    const offset = segments.offsets[strip] ?? 0;
    let runBytes = sizeOf(strip);
    strip += 1;
    while (strip < strips && segments.offsets[strip] === offset + runBytes) {
      if (runBytes + sizeOf(strip) > MAX_RUN_BYTES) break;
      runBytes += sizeOf(strip);
      strip += 1;
    }
    const run = container.source.read(offset, runBytes);
    if (runBytes === length) return run;
    pixels ??= Buffer.alloc(length);
    run.copy(pixels, written);
    written += runBytes;
  }
  return pixels ?? Buffer.alloc(0);
}

/** Any other arrangement: segment by segment, row by row. */
function readSegments(
  container: TiffContainer,
  layout: TiffLayout,
  segments: TiffSegments,
  out: { step: number; width: number; length: number },
): Buffer {
  const { step } = out;
  const sampleBytes = layout.bitsPerSample / 8;
  const pixels = Buffer.alloc(out.length);
  const pixelBytes = layout.samplesPerPixel * sampleBytes;
  const planes = layout.planar ? layout.samplesPerPixel : 1;
  const groupBytes = pixelBytes / planes;
  const segmentRowBytes = layout.segmentWidth * groupBytes;
  const across = Math.ceil(layout.width / layout.segmentWidth);
  const down = Math.ceil(layout.height / layout.segmentHeight);
  for (let index = 0; index < planes * down * across; index += 1) {
    const plane = Math.floor(index / (down * across));
    const top = Math.floor((index % (down * across)) / across) * layout.segmentHeight;
    const left = (index % across) * layout.segmentWidth;
    const rows = Math.min(layout.segmentHeight, layout.height - top);
    const firstRow = Math.ceil(top / step) * step - top;
    const firstColumn = Math.ceil(left / step) * step - left;
    const columns = Math.min(layout.segmentWidth, layout.width - left);
    const offset = segments.offsets[index] ?? 0;
    const byteCount = segments.byteCounts[index] ?? 0;
    if (firstRow >= rows || firstColumn >= columns || byteCount === 0) continue;
    const whole = step === 1 && rows * segmentRowBytes <= MAX_RUN_BYTES;
    const rowAt = rowReader(container, layout, { offset, byteCount, rows, segmentRowBytes, whole });
    for (let row = firstRow; row < rows; row += step) {
      const line = rowAt(row);
      let to =
        (((top + row) / step) * out.width + (left + firstColumn) / step) * pixelBytes +
        plane * groupBytes;
      if (step === 1 && planes === 1) {
        line.copy(pixels, to, 0, columns * groupBytes);
        continue;
      }
      for (let column = firstColumn; column < columns; column += step, to += pixelBytes) {
        const from = column * groupBytes;
        for (let byte = 0; byte < groupBytes; byte += 1) pixels[to + byte] = line[from + byte] ?? 0;
      }
    }
  }
  return pixels;
}

/** Gives the rows of one strip or tile: decoded at once, or read singly when few are needed and none is compressed. */
function rowReader(
  container: TiffContainer,
  layout: TiffLayout,
  segment: {
    offset: number;
    byteCount: number;
    rows: number;
    segmentRowBytes: number;
    whole: boolean;
  },
): (row: number) => Buffer {
  const { offset, segmentRowBytes } = segment;
  if (layout.compression === 1 && !segment.whole) {
    return (row) => container.source.read(offset + row * segmentRowBytes, segmentRowBytes);
  }
  const plain = layout.compression === 1;
  const raw = container.source.read(
    offset,
    plain ? segment.rows * segmentRowBytes : segment.byteCount,
  );
  const decoded = decodeSegment(
    layout.compression,
    raw,
    segment.rows * segmentRowBytes,
    layout.segmentHeight * segmentRowBytes,
  );
  if (usesPredictor(layout)) {
    undoPredictor(layout.predictor, decoded, {
      columns: layout.segmentWidth,
      samples: layout.planar ? 1 : layout.samplesPerPixel,
      sampleBytes: layout.bitsPerSample / 8,
      littleEndian: container.littleEndian,
    });
  }
  return (row) => decoded.subarray(row * segmentRowBytes, (row + 1) * segmentRowBytes);
}
