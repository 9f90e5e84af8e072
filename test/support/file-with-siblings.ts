import type { FileSource } from '../../src/extract/extractor.js';
import { sniffableFile } from './sniffable-file.js';

/** A file in memory with others beside it; their names are asked for as they are written here. */
export function fileWithSiblings(
  fileName: string,
  content: Buffer,
  siblings: Readonly<Record<string, Buffer | string>>,
): FileSource {
  const file = sniffableFile(fileName, content);
  return {
    fileName: file.fileName,
    extension: file.extension,
    sizeBytes: file.sizeBytes,
    mtimeMs: file.mtimeMs,
    read: (offset, length) => file.read(offset, length),
    readUpTo: (offset, length) => file.readUpTo(offset, length),
    sibling: (name) => {
      const sibling = siblings[name];
      return sibling === undefined ? null : sniffableFile(name, sibling);
    },
  };
}
