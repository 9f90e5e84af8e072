import { Buffer } from 'node:buffer';
import type { FileSource } from '../../extractor.js';

const PAGE_BYTES = 8 * 1024;
/** Pages that are kept: 32 MiB. */
const MAX_PAGES = 4096;

/**
 * Reads a file in pages and keeps the last ones: the library jumps to and fro between the small structures of a file, and
 * what is read twice would count twice. Long reads (the data themselves) are passed through.
 */
export class PagedReader {
  readonly #file: FileSource;
  /** By number; the least recently used first. */
  readonly #pages = new Map<number, Buffer>();

  constructor(file: FileSource) {
    this.#file = file;
  }

  /** Up to `length` bytes from `offset`: fewer at the end of the file. Throws as FileSource.readUpTo. */
  readUpTo(offset: number, length: number): Buffer {
    const wanted = Math.max(0, Math.min(length, this.#file.sizeBytes - offset));
    if (wanted === 0) return Buffer.alloc(0);
    if (wanted >= PAGE_BYTES) return this.#file.readUpTo(offset, wanted);
    const first = Math.floor(offset / PAGE_BYTES);
    const last = Math.floor((offset + wanted - 1) / PAGE_BYTES);
    const start = offset - first * PAGE_BYTES;
    const page = this.#page(first);
    if (first === last) return page.subarray(start, start + wanted);
    return Buffer.concat([page.subarray(start), this.#page(last)]).subarray(0, wanted);
  }

  #page(number: number): Buffer {
    const kept = this.#pages.get(number);
    if (kept !== undefined) {
      this.#pages.delete(number);
      this.#pages.set(number, kept);
      return kept;
    }
    const page = Buffer.from(this.#file.readUpTo(number * PAGE_BYTES, PAGE_BYTES));
    const [oldest] = this.#pages.keys();
    if (this.#pages.size >= MAX_PAGES && oldest !== undefined) this.#pages.delete(oldest);
    this.#pages.set(number, page);
    return page;
  }
}
