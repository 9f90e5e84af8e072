import { AppError } from '../../src/errors.js';
import type { FileSource } from '../../src/extract/extractor.js';

/** A file whose bytes are given, for extractors; it counts what is read. */
export class MemoryFile implements FileSource {
  readonly extension: string;
  readonly sizeBytes: number;
  /** Bytes read so far. */
  bytesRead = 0;

  readonly fileName: string;
  readonly bytes: Buffer;
  readonly mtimeMs: number;
  readonly limitBytes: number;

  constructor(fileName: string, bytes: Buffer, mtimeMs = 0, limitBytes = Infinity) {
    this.fileName = fileName;
    this.bytes = bytes;
    this.mtimeMs = mtimeMs;
    this.limitBytes = limitBytes;
    const dot = fileName.lastIndexOf('.');
    this.extension = dot < 0 ? '' : fileName.slice(dot).toLowerCase();
    this.sizeBytes = bytes.length;
  }

  read(offset: number, length: number): Buffer {
    if (!(offset >= 0 && length >= 0 && offset + length <= this.sizeBytes)) {
      throw new AppError('FORMAT_INVALID', `${this.fileName} ends before ${offset + length}.`);
    }
    return this.readUpTo(offset, length);
  }

  readUpTo(offset: number, length: number): Buffer {
    const part = this.bytes.subarray(offset, offset + length);
    this.bytesRead += part.length;
    if (this.bytesRead > this.limitBytes) {
      throw new AppError('LIMIT_EXCEEDED', `More than ${this.limitBytes} bytes would be read.`);
    }
    return part;
  }

  sibling(): null {
    return null;
  }
}
