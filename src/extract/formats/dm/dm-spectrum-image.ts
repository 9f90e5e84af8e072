import type { FileSource, PixelArray } from '../../extractor.js';
import type { DmImage } from './dm-images.js';
import { readNumbers, type DmReadableImage } from './dm-pixels.js';

/** A spectrum image reduced for its preview. */
export interface SpectrumImageSums {
  readonly width: number;
  readonly height: number;
  /** Sum over the channels that were read, row by row. */
  readonly map: Float64Array;
  /** Sum over the positions that were read, one value a channel read. */
  readonly spectrum: Float64Array;
  /** Every how manieth channel was read. */
  readonly channelStep: number;
}

/** At most so many bytes are read of one spectrum image: larger ones are sampled. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Read at a time. */
const CHUNK_BYTES = 1024 * 1024;
const MAX_POSITIONS = 1 << 22;
const MAX_CHANNELS = 1 << 20;

/** Whether map and spectrum are small enough for a preview. */
export function canBeSummed({ shape }: DmImage, spectralAxis: number): boolean {
  const channels = shape[spectralAxis] ?? 1;
  const positions = shape.reduce((product, length) => product * length, 1) / channels;
  return positions <= MAX_POSITIONS && channels <= MAX_CHANNELS;
}

/**
 * Sums a spectrum image over its channels and over its positions, reading it piece by piece. Of large ones every n-th
 * plane of the slowest axis is read; a row of the map that was passed over shows the one before it.
 * @throws AppError FORMAT_INVALID, LIMIT_EXCEEDED, FILE_UNREADABLE as FileSource.read.
 */
export function sumSpectrumImage(
  file: FileSource,
  image: DmReadableImage,
  spectralAxis: number,
): SpectrumImageSums {
  const { shape, format } = image;
  const channels = shape[spectralAxis] ?? 1;
  const total = shape.reduce((product, length) => product * length, 1);
  const positions = total / channels;
  const positionAxes = shape.filter((_, axis) => axis !== spectralAxis);
  const width = positionAxes.at(-1) ?? 1;
  const height = positions / width;

  const planes = shape[0] ?? 1;
  const planeSize = total / planes;
  const step = Math.min(planes, Math.max(1, Math.ceil((total * format.bytes) / MAX_BYTES)));
  const channelStep = spectralAxis === 0 ? step : 1;
  // Pixels from one channel to the next.
  const stride = shape.slice(spectralAxis + 1).reduce((product, length) => product * length, 1);
  const map = new Float64Array(positions);
  const spectrum = new Float64Array(Math.ceil(channels / channelStep));
  const chunk = Math.max(1, Math.floor(CHUNK_BYTES / format.bytes));

  for (let plane = 0; plane < planes; plane += step) {
    const end = (plane + 1) * planeSize;
    for (let first = plane * planeSize; first < end; first += chunk) {
      const values = asFloats(readNumbers(file, image, first, Math.min(chunk, end - first)));
      addRuns(values, first, { stride, channels, channelStep }, map, spectrum);
    }
  }
  if (spectralAxis !== 0 && step > 1) repeatPlanes(map, planes, step);
  return { width, height, map, spectrum, channelStep };
}

/** How channels and positions follow each other in the file. */
interface Order {
  /** Pixels from one channel to the next; 1: the spectra lie one after another. */
  readonly stride: number;
  readonly channels: number;
  readonly channelStep: number;
}

/** Adds values to the sums, run by run: the pixels of one channel, or with stride 1 the channels of one pixel. */
function addRuns(
  values: Float32Array | Float64Array,
  first: number,
  { stride, channels, channelStep }: Order,
  map: Float64Array,
  spectrum: Float64Array,
): void {
  const runLength = stride === 1 ? channels : stride;
  let index = 0;
  while (index < values.length) {
    const within = (first + index) % runLength;
    const run = Math.floor((first + index) / runLength);
    const end = Math.min(values.length, index + runLength - within);
    if (stride === 1) {
      map[run] = (map[run] ?? 0) + addTo(spectrum, within, values, index, end);
    } else {
      const bin = (run % channels) / channelStep;
      const position = Math.floor(run / channels) * stride + within;
      spectrum[bin] = (spectrum[bin] ?? 0) + addTo(map, position, values, index, end);
    }
    index = end;
  }
}

/** Adds values to sums one to one, from `at` on, and gives their total; NaN and infinities are passed over. */
function addTo(
  sums: Float64Array,
  at: number,
  values: Float32Array | Float64Array,
  start: number,
  end: number,
): number {
  let total = 0;
  for (let index = start; index < end; index += 1) {
    const value = values[index] ?? 0;
    // True for finite numbers alone.
    if (value - value === 0) {
      const target = at + index - start;
      sums[target] = (sums[target] ?? 0) + value;
      total += value;
    }
  }
  return total;
}

function asFloats(values: PixelArray): Float32Array | Float64Array {
  if (values instanceof Float32Array || values instanceof Float64Array) return values;
  const floats = new Float64Array(values.length);
  for (let index = 0; index < floats.length; index += 1) floats[index] = Number(values[index]);
  return floats;
}

/** Fills the planes that were passed over with the one before them. */
function repeatPlanes(map: Float64Array, planes: number, step: number): void {
  const size = map.length / planes;
  for (let plane = 0; plane < planes; plane += 1) {
    const source = plane - (plane % step);
    if (source !== plane) map.copyWithin(plane * size, source * size, (source + 1) * size);
  }
}
