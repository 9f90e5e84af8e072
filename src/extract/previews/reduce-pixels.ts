import { AppError } from '../../errors.js';
import type { PixelArray } from '../extractor.js';

/** Pixels as numbers, row by row, `channels` interleaved values a pixel. NaN: nothing finite was there. */
export interface NumberImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly values: Float64Array;
}

/** Pixels as read: row by row, `channels` interleaved values a pixel. */
interface ReducibleImage {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  readonly pixels: PixelArray;
}

/** Copies a stretch of any typed array into numbers; 64-bit integers lose what a double cannot hold. */
export function copyNumbers(
  source: PixelArray,
  start: number,
  end: number,
  target: Float64Array,
): void {
  if (source instanceof BigInt64Array || source instanceof BigUint64Array) {
    for (let index = start; index < end; index += 1) target[index - start] = Number(source[index]);
  } else {
    target.set(source.subarray(start, end));
  }
}

/** Which input columns an output column covers: whole ones between two that count in part. */
interface Span {
  readonly first: Int32Array;
  readonly last: Int32Array;
  readonly firstWeight: Float64Array;
  readonly lastWeight: Float64Array;
}

function spans(inputLength: number, outputLength: number): Span {
  const span: Span = {
    first: new Int32Array(outputLength),
    last: new Int32Array(outputLength),
    firstWeight: new Float64Array(outputLength),
    lastWeight: new Float64Array(outputLength),
  };
  for (let index = 0; index < outputLength; index += 1) {
    // Whole numbers over whole numbers: edges that fall on a pixel are exact.
    const start = (index * inputLength) / outputLength;
    const end = ((index + 1) * inputLength) / outputLength;
    const first = Math.floor(start);
    const last = Math.min(inputLength - 1, Math.max(first, Math.ceil(end) - 1));
    span.first[index] = first;
    span.last[index] = last;
    span.firstWeight[index] = first === last ? end - start : first + 1 - start;
    span.lastWeight[index] = first === last ? 0 : end - last;
  }
  return span;
}

/**
 * Reduces an image to `width` x `height` (neither above the source's) by the mean over the area of each new pixel. Values that
 * are not finite do not count. One pass; besides the result only one row is held as numbers.
 * @throws AppError FORMAT_INVALID when there are fewer values than the image needs.
 */
export function reducePixels(source: ReducibleImage, width: number, height: number): NumberImage {
  const { channels, pixels } = source;
  const rowLength = source.width * channels;
  if (!(source.width > 0 && source.height > 0) || pixels.length < rowLength * source.height) {
    throw new AppError(
      'FORMAT_INVALID',
      `An image of ${source.width} x ${source.height} x ${channels} values has only ${pixels.length}.`,
    );
  }
  if (width === source.width && height === source.height) return numbersOf(source);
  const columns = spans(source.width, width);
  const rows = spans(source.height, height);
  const values = new Float64Array(width * height * channels);
  const weights = new Float64Array(values.length);
  const row = new Float64Array(rowLength);
  const sums = new Float64Array(width * channels);
  const counts = new Float64Array(width * channels);
  let loadedRow = -1;
  for (let y = 0; y < height; y += 1) {
    const firstRow = rows.first[y] ?? 0;
    const lastRow = rows.last[y] ?? 0;
    for (let inputRow = firstRow; inputRow <= lastRow; inputRow += 1) {
      if (inputRow !== loadedRow) {
        copyNumbers(pixels, inputRow * rowLength, (inputRow + 1) * rowLength, row);
        reduceRow(row, columns, channels, sums, counts);
        loadedRow = inputRow;
      }
      const weight =
        inputRow === firstRow
          ? (rows.firstWeight[y] ?? 0)
          : inputRow === lastRow
            ? (rows.lastWeight[y] ?? 0)
            : 1;
      const base = y * width * channels;
      for (let index = 0; index < sums.length; index += 1) {
        values[base + index] = (values[base + index] ?? 0) + weight * (sums[index] ?? 0);
        weights[base + index] = (weights[base + index] ?? 0) + weight * (counts[index] ?? 0);
      }
    }
  }
  for (let index = 0; index < values.length; index += 1) {
    const weight = weights[index] ?? 0;
    values[index] = weight > 0 ? (values[index] ?? 0) / weight : Number.NaN;
  }
  return { width, height, channels, values };
}

/** The image as it is, without reduction. */
function numbersOf(source: ReducibleImage): NumberImage {
  const { width, height, channels, pixels } = source;
  const values = new Float64Array(width * height * channels);
  copyNumbers(pixels, 0, values.length, values);
  for (let index = 0; index < values.length; index += 1) {
    if (!Number.isFinite(values[index])) values[index] = Number.NaN;
  }
  return { width, height, channels, values };
}

/** Weighted sums of one row, and the weights that counted. */
function reduceRow(
  row: Float64Array,
  columns: Span,
  channels: number,
  sums: Float64Array,
  counts: Float64Array,
): void {
  const width = columns.first.length;
  for (let channel = 0; channel < channels; channel += 1) {
    for (let x = 0; x < width; x += 1) {
      const first = columns.first[x] ?? 0;
      const last = columns.last[x] ?? 0;
      const firstWeight = columns.firstWeight[x] ?? 0;
      const lastWeight = columns.lastWeight[x] ?? 0;
      const from = first * channels + channel;
      const to = last * channels + channel;
      let sum = firstWeight * (row[from] ?? 0);
      for (let at = from + channels; at < to; at += channels) sum += row[at] ?? 0;
      let count = firstWeight + Math.max(0, last - first - 1) + lastWeight;
      if (last > first) sum += lastWeight * (row[to] ?? 0);
      if (!Number.isFinite(sum)) {
        sum = 0;
        count = 0;
        for (let at = from; at <= to; at += channels) {
          const value = row[at] ?? 0;
          if (!Number.isFinite(value)) continue;
          const weight = at === from ? firstWeight : at === to ? lastWeight : 1;
          sum += weight * value;
          count += weight;
        }
      }
      sums[x * channels + channel] = sum;
      counts[x * channels + channel] = count;
    }
  }
}
