import { closeSync, fstatSync, mkdirSync, openSync, renameSync, rmSync, writeSync } from 'node:fs';
import { dirname, extname } from 'node:path';

/**
 * A file that lines are appended to, renamed to `name1.log` (the older ones to `name2.log`...) at its greatest size.
 * Writes are synchronous: a line that was logged is in the file, also when the process ends in the next moment.
 */
export class RotatingFile {
  readonly #path: string;
  readonly #maxSizeBytes: number;
  readonly #maxFiles: number;
  #descriptor: number;
  #sizeBytes: number;

  /** Opens the file, making its folder. Throws the file system's error. */
  constructor(path: string, maxSizeBytes: number, maxFiles: number) {
    this.#path = path;
    this.#maxSizeBytes = maxSizeBytes;
    this.#maxFiles = maxFiles;
    mkdirSync(dirname(path), { recursive: true });
    this.#descriptor = openSync(path, 'a', 0o640);
    this.#sizeBytes = fstatSync(this.#descriptor).size;
  }

  /** Appends a line. Throws the file system's error. */
  write(line: string): void {
    const bytes = Buffer.from(`${line}\n`);
    if (this.#sizeBytes > 0 && this.#sizeBytes + bytes.length > this.#maxSizeBytes) this.#rotate();
    this.#sizeBytes += writeSync(this.#descriptor, bytes);
  }

  close(): void {
    closeSync(this.#descriptor);
  }

  #rotate(): void {
    closeSync(this.#descriptor);
    for (let number = this.#maxFiles - 1; number > 0; number -= 1) {
      const from = number === 1 ? this.#path : this.#numbered(number - 1);
      try {
        renameSync(from, this.#numbered(number));
      } catch {
        // Not that many files yet.
      }
    }
    if (this.#maxFiles === 1) rmSync(this.#path, { force: true });
    this.#descriptor = openSync(this.#path, 'a', 0o640);
    this.#sizeBytes = fstatSync(this.#descriptor).size;
  }

  #numbered(number: number): string {
    const extension = extname(this.#path);
    return `${this.#path.slice(0, this.#path.length - extension.length)}${number}${extension}`;
  }
}
