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

/**
 * Reduces an image by a whole factor: each new pixel is the mean of a block of `factor` x `factor` pixels, at the right
 * and lower edge of those that are left. Values that are not finite do not count. One pass; besides the result only one
 * row is held as numbers.
 * @throws AppError FORMAT_INVALID when there are fewer values than the image needs.
 */
export function reducePixels(source: ReducibleImage, factor: number): NumberImage {
  const { channels, pixels } = source;
  const rowLength = source.width * channels;
  if (!(source.width > 0 && source.height > 0) || pixels.length < rowLength * source.height) {
    throw new AppError(
      'FORMAT_INVALID',
      `An image of ${source.width} x ${source.height} x ${channels} values has only ${pixels.length}.`,
    );
  }
  if (factor === 1) return numbersOf(source);
  const width = Math.ceil(source.width / factor);
  const height = Math.ceil(source.height / factor);
  const values = new Float64Array(width * height * channels);
  const row = new Float64Array(rowLength);
  for (let y = 0; y < height; y += 1) {
    const line = values.subarray(y * width * channels, (y + 1) * width * channels);
    const firstRow = y * factor;
    const endRow = Math.min(source.height, firstRow + factor);
    for (let inputRow = firstRow; inputRow < endRow; inputRow += 1) {
      copyNumbers(pixels, inputRow * rowLength, (inputRow + 1) * rowLength, row);
      if (channels === 1) addBlocks(row, factor, line);
      else addChannelBlocks(row, factor, channels, line);
    }
    for (let index = 0; index < line.length; index += 1) {
      const column = Math.floor(index / channels) * factor;
      const columns = Math.min(factor, source.width - column);
      const mean = (line[index] ?? 0) / (columns * (endRow - firstRow));
      line[index] = Number.isFinite(mean)
        ? mean
        : finiteMean(source, index % channels, {
            column,
            endColumn: column + columns,
            row: firstRow,
            endRow,
          });
    }
  }
  return { width, height, channels, values };
}

/** The image as it is, without reduction. */
function numbersOf(source: ReducibleImage): NumberImage {
  const { width, height, channels, pixels } = source;
  const values = new Float64Array(width * height * channels);
  copyNumbers(pixels, 0, values.length, values);
  // Integers are always finite.
  if (pixels instanceof Float32Array || pixels instanceof Float64Array) {
    for (let index = 0; index < values.length; index += 1) {
      if (!Number.isFinite(values[index])) values[index] = Number.NaN;
    }
  }
  return { width, height, channels, values };
}

/** Adds each block of `factor` values of a row to one value of the sums. */
function addBlocks(row: Float64Array, factor: number, sums: Float64Array): void {
  let at = 0;
  for (let x = 0; x < sums.length; x += 1) {
    const end = Math.min(row.length, at + factor);
    let sum = 0;
    for (; at < end; at += 1) sum += row[at] ?? 0;
    sums[x] = (sums[x] ?? 0) + sum;
  }
}

/** As addBlocks, for rows of interleaved channels. */
function addChannelBlocks(
  row: Float64Array,
  factor: number,
  channels: number,
  sums: Float64Array,
): void {
  const blockLength = factor * channels;
  for (let start = 0, to = 0; start < row.length; start += blockLength, to += channels) {
    const end = Math.min(row.length, start + blockLength);
    for (let channel = 0; channel < channels; channel += 1) {
      let sum = 0;
      for (let at = start + channel; at < end; at += channels) sum += row[at] ?? 0;
      sums[to + channel] = (sums[to + channel] ?? 0) + sum;
    }
  }
}

/** The mean of the finite values of one block; NaN: there is none. */
function finiteMean(
  source: ReducibleImage,
  channel: number,
  block: { column: number; endColumn: number; row: number; endRow: number },
): number {
  const finite: number[] = [];
  for (let row = block.row; row < block.endRow; row += 1) {
    for (let column = block.column; column < block.endColumn; column += 1) {
      const at = (row * source.width + column) * source.channels + channel;
      const value = Number(source.pixels[at]);
      if (Number.isFinite(value)) finite.push(value);
    }
  }
  // Divided before they are added: sums of the largest doubles are no doubles.
  return finite.length === 0
    ? Number.NaN
    : finite.reduce((mean, value) => mean + value / finite.length, 0);
}
