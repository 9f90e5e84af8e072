import { AppError } from '../../../errors.js';
import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type { PixelArray } from '../../extractor.js';
import type { Hdf5Dataset, Hdf5Selection } from './hdf5-dataset.js';
import type { Hdf5File } from './hdf5-file.js';
import { typeText } from './hdf5-types.js';
import { isPixelType, toPixels } from './hdf5-values.js';

/** One axis of an array as people see it. */
export interface Hdf5Axis extends AxisCalibration {
  /** Which axis of the datasets it is; `stack`: each dataset is one index of it. */
  readonly source: number | 'stack';
  readonly length: number;
  /** As the file has it; absent or empty: it names none. */
  readonly name?: string;
}

/** What an axis means, without its place and length. */
export type NamedCalibration = AxisCalibration & Pick<Hdf5Axis, 'name'>;

/** Of an axis that only counts. */
export const COUNTED: AxisCalibration = { scale: 1, origin: 0, unit: '' };

/** Datasets of one shape and type as one array, its axes in any order, slowest first. Axes left out have index 0. */
export interface Hdf5Array {
  readonly datasets: readonly [Hdf5Dataset, ...(readonly Hdf5Dataset[])];
  readonly axes: readonly Hdf5Axis[];
}

/** Every `step`-th index from `start` on. */
export interface Hdf5Range {
  readonly start: number;
  readonly count: number;
  readonly step: number;
}

/** Numbers without the 64-bit integers, which are given as float64. */
export type NumberArray = Exclude<PixelArray, BigInt64Array | BigUint64Array>;

/** The axes of a dataset in the order of the file, not calibrated. */
export function plainAxes(dataset: Hdf5Dataset): readonly Hdf5Axis[] {
  return dataset.shape.map((length, source) => ({ source, length, ...COUNTED }));
}

/** Lengths of the axes. */
export function shapeOf({ axes }: Hdf5Array): readonly number[] {
  return axes.map(({ length }) => length);
}

/** Bytes of one value. */
export function valueBytes({ datasets: [{ type }] }: Hdf5Array): number {
  return Math.max(1, type.sizeBytes);
}

/** The length of a chunk along an axis; null: not in chunks. */
export function chunkLength({ datasets: [{ chunks }] }: Hdf5Array, axis: Hdf5Axis): number | null {
  if (axis.source === 'stack') return 1;
  return chunks === null ? null : (chunks[axis.source] ?? 1);
}

/**
 * A part of an array, its values in the order of its axes: of complex numbers the magnitudes, of colours the channels
 * one after another.
 * @throws AppError as Hdf5File.read.
 */
export function readBlock(
  file: Hdf5File,
  array: Hdf5Array,
  ranges: readonly Hdf5Range[],
): NumberArray {
  const stack = array.axes.findIndex(({ source }) => source === 'stack');
  const range = ranges[stack];
  if (range === undefined) return readPart(file, array, array.datasets[0], ranges);
  const parts: NumberArray[] = [];
  for (let index = 0; index < range.count; index += 1) {
    const dataset = array.datasets[range.start + index * range.step];
    if (dataset !== undefined) parts.push(readPart(file, array, dataset, ranges));
  }
  // A stack is always the slowest axis.
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return only;
  const joined = new Float64Array(length);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

function readPart(
  file: Hdf5File,
  { axes }: Hdf5Array,
  dataset: Hdf5Dataset,
  ranges: readonly Hdf5Range[],
): NumberArray {
  const { type } = dataset;
  if (!isPixelType(type)) {
    throw new AppError('FORMAT_INVALID', `${dataset.path} holds no numbers but ${typeText(type)}.`);
  }
  const selected = axes.flatMap(({ source }, index) => {
    const range = ranges[index];
    return source === 'stack' || range === undefined ? [] : [{ source, range }];
  });
  const pick = (of: (range: Hdf5Range) => number, otherwise: number): number[] =>
    dataset.shape.map((_, axis) => {
      const found = selected.find(({ source }) => source === axis);
      return found === undefined ? otherwise : of(found.range);
    });
  const selection: Hdf5Selection = {
    offset: pick(({ start }) => start, 0),
    count: pick(({ count }) => count, 1),
    stride: pick(({ step }) => Math.max(1, step), 1),
  };
  const values = toPixels(type, file.read(dataset, selection));
  const numbers = type.kind === 'complex' ? magnitudes(values) : withoutBigints(values);
  const order = selected.filter(({ range }) => range.count > 1).map(({ source }) => source);
  const isInOrder = order.every(
    (source, index) => index === 0 || source > (order[index - 1] ?? -1),
  );
  if (isInOrder || type.kind === 'colour') return numbers;
  return reorder(numbers, selection.count, selected);
}

/** Values of the file's order of axes in the order wanted. */
function reorder(
  numbers: NumberArray,
  fileCounts: readonly number[],
  selected: readonly { readonly source: number; readonly range: Hdf5Range }[],
): NumberArray {
  const steps = selected.map(({ source }) =>
    fileCounts.slice(source + 1).reduce((product, count) => product * count, 1),
  );
  const counts = selected.map(({ range }) => range.count);
  const result = numbers.slice();
  const index = counts.map(() => 0);
  let from = 0;
  for (let at = 0; at < result.length; at += 1) {
    result[at] = numbers[from] ?? 0;
    for (let axis = counts.length - 1; axis >= 0; axis -= 1) {
      const next = (index[axis] ?? 0) + 1;
      if (next < (counts[axis] ?? 0)) {
        index[axis] = next;
        from += steps[axis] ?? 0;
        break;
      }
      from -= (next - 1) * (steps[axis] ?? 0);
      index[axis] = 0;
    }
  }
  return result;
}

function withoutBigints(values: PixelArray): NumberArray {
  return values instanceof BigInt64Array || values instanceof BigUint64Array
    ? Float64Array.from(values, Number)
    : values;
}

function magnitudes(parts: PixelArray): NumberArray {
  const count = Math.floor(parts.length / 2);
  const result = parts instanceof Float64Array ? new Float64Array(count) : new Float32Array(count);
  for (let index = 0; index < count; index += 1) {
    const [re, im] = [Number(parts[2 * index]), Number(parts[2 * index + 1])];
    result[index] = Math.sqrt(re * re + im * im);
  }
  return result;
}
