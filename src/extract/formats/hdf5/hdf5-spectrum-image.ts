import { chunkLength, readBlock, shapeOf, valueBytes } from './hdf5-array.js';
import type { Hdf5Array, Hdf5Axis, NumberArray } from './hdf5-array.js';
import type { Hdf5File } from './hdf5-file.js';
import { MAX_READ_BYTES } from './hdf5-limits.js';

/** A spectrum image reduced for its preview. */
export interface Hdf5Sums {
  readonly width: number;
  readonly height: number;
  /** Sum over the channels and all axes but the last two positions, row by row. */
  readonly map: Float64Array;
  /** Sum over the positions that were read, one value a channel. */
  readonly spectrum: Float64Array;
}

/** At most so many bytes are read of one spectrum image: larger ones are sampled. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Read at a time. */
const BLOCK_BYTES = 4 * 1024 * 1024;
const MAX_POSITIONS = 1 << 22;
const MAX_CHANNELS = 1 << 20;

/**
 * Sums a spectrum image over its channels and over its positions, block by block along the position axis that has the
 * most chunks. Of large ones every n-th block is read; positions that were passed over show the ones before them. Null:
 * it is too large for a preview.
 * @throws AppError as Hdf5File.read.
 */
export function sumHdf5SpectrumImage(
  file: Hdf5File,
  array: Hdf5Array,
  spectralAxis: number,
): Hdf5Sums | null {
  const shape = shapeOf(array);
  const total = shape.reduce((product, length) => product * length, 1);
  const channels = shape[spectralAxis] ?? 1;
  const positions = shape.flatMap((_, axis) => (axis === spectralAxis ? [] : [axis]));
  const [y, x] = [positions.at(-2) ?? null, positions.at(-1) ?? null];
  const width = x === null ? 1 : (shape[x] ?? 1);
  const height = y === null ? 1 : (shape[y] ?? 1);
  const walk = walkAxis(array, positions);
  const length = shape[walk] ?? 1;
  const perIndex = (total / length) * valueBytes(array);
  const chunk = chunkLength(array, axisAt(array, walk)) ?? 1;
  const thickness = Math.max(1, Math.floor(BLOCK_BYTES / perIndex / chunk)) * chunk;
  if (
    perIndex * Math.min(thickness, length) > MAX_READ_BYTES ||
    width * height > MAX_POSITIONS ||
    channels > MAX_CHANNELS
  ) {
    return null;
  }
  const sampling = Math.max(1, Math.ceil((total * valueBytes(array)) / MAX_BYTES));
  const map = new Float64Array(width * height);
  const spectrum = new Float64Array(channels);
  for (let start = 0; start < length; start += thickness * sampling) {
    const count = Math.min(thickness, length - start);
    const ranges = shape.map((axisLength, axis) =>
      axis === walk ? { start, count, step: 1 } : { start: 0, count: axisLength, step: 1 },
    );
    const counts = ranges.map((range) => range.count);
    const places = placesOf(counts, spectralAxis, { y, x, walk, start, width });
    addBlock(readBlock(file, array, ranges), counts, spectralAxis, places, map, spectrum);
    const passedOver = Math.min(length, start + thickness * sampling);
    if (walk === y || walk === x) {
      repeatLast(map, { width, height }, walk === y, start + count - 1, passedOver);
    }
  }
  return { width, height, map, spectrum };
}

function axisAt({ axes }: Hdf5Array, index: number): Hdf5Axis {
  return axes[index] ?? { source: 'stack', length: 1, scale: 1, origin: 0, unit: '' };
}

/** The axis along which blocks follow each other in the file. */
function walkAxis(array: Hdf5Array, positions: readonly number[]): number {
  const [first = 0] = positions;
  const rank = (index: number): number => {
    const axis = axisAt(array, index);
    const chunk = chunkLength(array, axis);
    // Not in chunks: the slower in the file the better.
    if (chunk === null) return axis.source === 'stack' ? 1 : -axis.source;
    return axis.length / Math.max(1, chunk);
  };
  return positions.reduce((best, index) => (rank(index) > rank(best) ? index : best), first);
}

/** The place in the map of each position of a block. */
function placesOf(
  counts: readonly number[],
  spectralAxis: number,
  at: {
    readonly y: number | null;
    readonly x: number | null;
    readonly walk: number;
    readonly start: number;
    readonly width: number;
  },
): Uint32Array {
  const positionCounts = counts.map((count, axis) => (axis === spectralAxis ? 1 : count));
  const places = new Uint32Array(positionCounts.reduce((product, count) => product * count, 1));
  const index = counts.map(() => 0);
  for (let position = 0; position < places.length; position += 1) {
    const of = (axis: number | null): number =>
      axis === null ? 0 : (index[axis] ?? 0) + (axis === at.walk ? at.start : 0);
    places[position] = of(at.y) * at.width + of(at.x);
    for (let axis = counts.length - 1; axis >= 0; axis -= 1) {
      const next = (index[axis] ?? 0) + 1;
      index[axis] = next < (positionCounts[axis] ?? 1) ? next : 0;
      if (index[axis] !== 0) break;
    }
  }
  return places;
}

function addBlock(
  values: NumberArray,
  counts: readonly number[],
  spectralAxis: number,
  places: Uint32Array,
  map: Float64Array,
  spectrum: Float64Array,
): void {
  const inner = counts.slice(spectralAxis + 1).reduce((product, count) => product * count, 1);
  const channels = counts[spectralAxis] ?? 1;
  const outer = values.length / inner / channels;
  let at = 0;
  for (let group = 0; group < outer; group += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      let sum = 0;
      for (let within = 0; within < inner; within += 1, at += 1) {
        const value = values[at] ?? 0;
        // True for finite numbers alone.
        if (value - value !== 0) continue;
        const place = places[group * inner + within] ?? 0;
        map[place] = (map[place] ?? 0) + value;
        sum += value;
      }
      spectrum[channel] = (spectrum[channel] ?? 0) + sum;
    }
  }
}

/** Fills rows or columns after `last` up to `end` with it. */
function repeatLast(
  map: Float64Array,
  { width, height }: { readonly width: number; readonly height: number },
  isRow: boolean,
  last: number,
  end: number,
): void {
  for (let index = last + 1; index < end; index += 1) {
    if (isRow) map.copyWithin(index * width, last * width, (last + 1) * width);
    else {
      for (let row = 0; row < height; row += 1) {
        map[row * width + index] = map[row * width + last] ?? 0;
      }
    }
  }
}
