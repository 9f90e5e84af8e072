import { randomUUID } from 'node:crypto';
import { isAppError, toError } from '../../../errors.js';
import type { FileSource } from '../../extractor.js';
import { checkGlobalHeap } from './global-heap.js';
import type { Hdf5Library } from './hdf5-library.js';
import { PagedReader } from './paged-reader.js';

/** errno of an input/output error, as Emscripten numbers it. */
const EIO = 29;

/** The source of a file, seen by the library as the only file of its file system. */
export class Hdf5Mount {
  /** A name that no link in a file can guess. */
  readonly path = `/${randomUUID()}`;
  readonly #library: Hdf5Library;
  #failure: { readonly error: Error } | null = null;

  constructor(library: Hdf5Library, file: FileSource) {
    this.#library = library;
    const reader = new PagedReader(file);
    library.call(file.fileName, ({ FS }) => {
      FS.createDataFile('/', this.path.slice(1), new Uint8Array(0), true, false, false);
      const { node } = FS.lookupPath(this.path);
      node.usedBytes = file.sizeBytes;
      node.stream_ops = {
        llseek: node.stream_ops.llseek,
        read: (_stream, buffer, offset, length, position) => {
          try {
            const bytes = reader.readUpTo(position, length);
            checkGlobalHeap(reader, bytes, position);
            buffer.set(bytes, offset);
            return bytes.length;
          } catch (error) {
            // The C code cleans up behind an error that it knows; the real one is thrown afterwards.
            this.#failure ??= { error: toError(error) };
            if (isAppError(error)) this.#failure = { error };
            throw new FS.ErrnoError(EIO);
          }
        },
      };
    });
  }

  /** Takes what the source threw since the last time; null: nothing. */
  takeFailure(): Error | null {
    const error = this.#failure?.error ?? null;
    this.#failure = null;
    return error;
  }

  /** A library that gave up is left as it is. */
  unmount(): void {
    if (!this.#library.isBroken) this.#library.call('closing', ({ FS }) => FS.unlink(this.path));
  }
}
