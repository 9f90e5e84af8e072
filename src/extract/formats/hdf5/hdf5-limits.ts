import { z } from 'zod';
import { AppError } from '../../../errors.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';

/** Bytes read at once. */
export const MAX_READ_BYTES = 64 * 1024 * 1024;
/** Chunks are unpacked whole, whatever part of them is wanted. */
const MAX_CHUNK_BYTES = 128 * 1024 * 1024;
/** Filters that the library has: deflate, shuffle, fletcher32, szip, nbit, scaleoffset (H5Zpublic.h). */
const LAST_KNOWN_FILTER = 6;

const filterList = z.array(z.object({ id: z.number(), name: z.string() }));

/**
 * Refuses a dataset that the library would read wrongly, or with more memory than there is.
 * @param filters How it is compressed, as h5wasm describes it (get_dataset_filters).
 * @throws AppError FORMAT_INVALID, LIMIT_EXCEEDED for chunks that are too large.
 */
export function checkReadable(fileName: string, dataset: Hdf5Dataset, filters: unknown): void {
  const { path, type, chunks, isVirtual } = dataset;
  if (isVirtual) {
    throw new AppError(
      'FORMAT_INVALID',
      `${fileName}: ${path} is put together from other datasets, which are not followed.`,
    );
  }
  const chunk = (chunks ?? []).reduce((product, axis) => product * axis, type.sizeBytes);
  if (chunk > MAX_CHUNK_BYTES) {
    throw new AppError(
      'LIMIT_EXCEEDED',
      `${fileName}: ${path} lies in chunks of ${chunk} bytes; ${MAX_CHUNK_BYTES} are allowed.`,
      { details: { limit: 'bytes', path, chunk } },
    );
  }
  const unknown = filterList.safeParse(filters).data?.find(({ id }) => id > LAST_KNOWN_FILTER);
  if (unknown !== undefined) {
    throw new AppError(
      'FORMAT_INVALID',
      `${fileName}: ${path} is compressed in a way that cannot be read: ${unknown.name.slice(0, 80)} (filter ${unknown.id}).`,
    );
  }
}
