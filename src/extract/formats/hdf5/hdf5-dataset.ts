import { typeText, type Hdf5Layout } from './hdf5-types.js';

/** A dataset of a file. */
export interface Hdf5Dataset extends Hdf5Layout {
  readonly path: string;
  readonly shape: readonly number[];
}

/** Which values to read, an entry an axis of the dataset. */
export interface Hdf5Selection {
  readonly offset: readonly number[];
  readonly count: readonly number[];
  readonly stride: readonly number[];
}

/** The selection of everything. */
export function selectionOfAll(shape: readonly number[]): Hdf5Selection {
  return { offset: shape.map(() => 0), count: shape, stride: shape.map(() => 1) };
}

/** A dataset in a few words: `[16 x 16 x 5 uint16]`. */
export function describeHdf5Layout({ shape, type }: Hdf5Layout): string {
  return `[${[...(shape ?? [])].join(' x ')} ${typeText(type)}]`;
}
