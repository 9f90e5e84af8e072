import { AppError } from '../../../errors.js';

/** Random access to bytes: a file, or a TIFF structure inside another file (EXIF). */
export interface ByteSource {
  readonly sizeBytes: number;
  /** Exactly `length` bytes. @throws AppError FORMAT_INVALID when the source ends before. */
  read(offset: number, length: number): Buffer;
  /** Up to `length` bytes: fewer at the end. */
  readUpTo(offset: number, length: number): Buffer;
}

/** A source over bytes in memory. */
export function bufferSource(bytes: Buffer): ByteSource {
  const readUpTo = (offset: number, length: number): Buffer =>
    bytes.subarray(Math.min(offset, bytes.length), Math.min(offset + length, bytes.length));
  return {
    sizeBytes: bytes.length,
    readUpTo,
    read: (offset, length) => {
      const part = readUpTo(offset, length);
      if (part.length < length) {
        throw new AppError(
          'FORMAT_INVALID',
          `${length} bytes expected at ${offset}, found ${part.length}.`,
        );
      }
      return part;
    },
  };
}
