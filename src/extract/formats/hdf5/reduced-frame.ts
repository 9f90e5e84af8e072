import {
  chunkLength,
  readBlock,
  shapeOf,
  valueBytes,
  type Hdf5Array,
  type Hdf5Range,
  type NumberArray,
} from './hdf5-array.js';
import type { Hdf5File } from './hdf5-file.js';
import { MAX_READ_BYTES } from './hdf5-limits.js';

/** Pixels along the longer side that are kept at least; a preview shows fewer. */
const KEPT_SIDE = 2048;
/** Read at a time. */
const BAND_BYTES = 8 * 1024 * 1024;
/** Unpacked for one frame: of larger ones single rows are read, as many as this allows. */
const MAX_BYTES = 512 * 1024 * 1024;

/** A frame with its sides divided by `step`. */
export interface ReducedFrame {
  readonly width: number;
  readonly height: number;
  readonly step: number;
  readonly pixels: Float64Array;
}

/**
 * A frame of an array, every `step` by `step` pixels as their mean, read band by band. Of a frame that is larger
 * than half a gibibyte one row stands for `step` rows.
 * @param leading its place along the axes slower than its own
 * @throws AppError as Hdf5File.read.
 */
export function reducedFrame(
  file: Hdf5File,
  array: Hdf5Array,
  channels: number,
  leading: readonly Hdf5Range[],
): ReducedFrame {
  const shape = shapeOf(array);
  const [rows = 1, columns = 1] = shape.slice(-2);
  const rowBytes = columns * valueBytes(array);
  const takesAll = rows * rowBytes <= MAX_BYTES;
  const rowAxis = array.axes.at(-2);
  const chunkRows = (rowAxis === undefined ? null : chunkLength(array, rowAxis)) ?? 1;
  // To read a row, the chunks that it crosses are unpacked.
  const affordableRows = Math.max(1, Math.floor(MAX_BYTES / (rowBytes * chunkRows)));
  const step = Math.max(
    1,
    Math.floor(Math.max(rows, columns) / KEPT_SIDE),
    takesAll ? 1 : Math.ceil(rows / affordableRows),
  );
  const height = Math.ceil(rows / step);
  const width = Math.ceil(columns / step);
  const sums = new Float64Array(height * width * channels);
  const counts = new Uint32Array(height * width);
  const wholeChunks = Math.max(1, Math.floor(BAND_BYTES / rowBytes / chunkRows)) * chunkRows;
  const affordable = Math.max(1, Math.floor(MAX_READ_BYTES / rowBytes));
  const band = takesAll ? Math.min(wholeChunks, affordable) : 1;
  for (let start = 0; start < rows; start += takesAll ? band : step) {
    const count = Math.min(band, rows - start);
    const values = readBlock(file, array, [
      ...leading,
      { start, count, step: 1 },
      { start: 0, count: columns, step: 1 },
    ]);
    addBand(values, { start, columns, step, width, channels }, sums, counts);
  }
  for (let pixel = 0; pixel < counts.length; pixel += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const at = pixel * channels + channel;
      sums[at] = (sums[at] ?? 0) / Math.max(1, counts[pixel] ?? 1);
    }
  }
  return { width, height, step, pixels: sums };
}

function addBand(
  values: NumberArray,
  grid: {
    readonly start: number;
    readonly columns: number;
    readonly step: number;
    readonly width: number;
    readonly channels: number;
  },
  sums: Float64Array,
  counts: Uint32Array,
): void {
  const { columns, step, width, channels } = grid;
  const rows = values.length / columns / channels;
  let at = 0;
  for (let row = 0; row < rows; row += 1) {
    const line = Math.floor((grid.start + row) / step) * width;
    let pixel = line;
    for (let column = 0, within = 0; column < columns; column += 1, within += 1) {
      if (within === step) {
        within = 0;
        pixel += 1;
      }
      counts[pixel] = (counts[pixel] ?? 0) + 1;
      for (let channel = 0; channel < channels; channel += 1, at += 1) {
        const value = values[at] ?? 0;
        const place = pixel * channels + channel;
        // True for finite numbers alone.
        if (value - value === 0) sums[place] = (sums[place] ?? 0) + value;
      }
    }
  }
}
