import type { Buffer } from 'node:buffer';
import { AppError } from '../../../errors.js';
import type { PagedReader } from './paged-reader.js';

const SIGNATURE = 'GCOL';
const HEADER_BYTES = 16;
const OBJECT_HEADER_BYTES = 16;
/** A collection is at least so large (H5HGprivate.h, H5HG_MINSIZE). */
const SMALLEST = 4096;
/** Larger ones are refused. */
const LARGEST = 64 * 1024 * 1024;

/**
 * Checks a global heap, in which the library looks for texts of any length: in a damaged one whose objects do not follow
 * each other up to its end it would look forever. Other bytes are let through. Layout: HDF5 File Format Specification,
 * III.E, with lengths of 8 bytes, as all programs write them.
 * @param bytes What the library reads at once: of a heap at least the beginning.
 * @param where Where in the file.
 * @throws AppError FORMAT_INVALID; else as FileSource.read.
 */
export function checkGlobalHeap(reader: PagedReader, bytes: Buffer, where: number): void {
  if (bytes.length < SMALLEST || bytes.toString('latin1', 0, 4) !== SIGNATURE) return;
  if (bytes.readUInt32LE(4) !== 1) return;
  const end = Number(bytes.readBigUInt64LE(8));
  const heap = end > bytes.length ? reader.readUpTo(where, Math.min(end, LARGEST)) : bytes;
  if (heap.length < end) {
    throw new AppError(
      'FORMAT_INVALID',
      `The texts kept at byte ${where} are damaged: they are said to take ${end} bytes.`,
      { details: { offset: where, size: end } },
    );
  }
  let at = HEADER_BYTES;
  while (at + OBJECT_HEADER_BYTES <= end) {
    const index = heap.readUInt16LE(at);
    const size = Number(heap.readBigUInt64LE(at + 8));
    // Object 0 is what is free; its size counts its header.
    const length = index === 0 ? size : OBJECT_HEADER_BYTES + Math.ceil(size / 8) * 8;
    if (length < OBJECT_HEADER_BYTES || at + length > end) {
      throw new AppError(
        'FORMAT_INVALID',
        `The texts kept at byte ${where} are damaged: object ${index} at byte ${where + at} has ${size} bytes.`,
        { details: { offset: where + at, size } },
      );
    }
    at += length;
  }
}
