import type { FileHead } from '../../src/extract/extractor.js';
import { MemoryFile } from './memory-file.js';

/** A file in memory with the head that formats are recognised by. */
export class SniffableFile extends MemoryFile {
  get head(): FileHead {
    const { bytes, fileName, extension, sizeBytes } = this;
    return { bytes: bytes.subarray(0, 65536), fileName, extension, sizeBytes };
  }
}

/** Makes one of bytes or Latin-1 text; at most 256 MiB may be read from it, as in the reader process. */
export function sniffableFile(fileName: string, content: Buffer | string): SniffableFile {
  const bytes = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  return new SniffableFile(fileName, bytes, 0, 256 * 1024 * 1024);
}
