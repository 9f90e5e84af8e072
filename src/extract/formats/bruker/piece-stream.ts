import { Buffer } from 'node:buffer';
import { AppError } from '../../../errors.js';

/** Reads forward through content that comes in pieces. */
export class PieceStream {
  readonly #pieces: Iterator<Buffer, void>;
  readonly #name: string;
  #buffer: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Bytes passed so far. */
  position = 0;

  /** @param name The content's name in error messages. */
  constructor(pieces: Iterator<Buffer, void>, name: string) {
    this.#pieces = pieces;
    this.#name = name;
  }

  /** The next bytes. @throws AppError FORMAT_INVALID when fewer are left. */
  take(length: number): Buffer {
    while (this.#buffer.length - this.#at < length) {
      const next = this.#pieces.next();
      if (next.done === true) {
        throw new AppError(
          'FORMAT_INVALID',
          `${this.#name} ends before byte ${this.position + length}.`,
          {
            details: { position: this.position, length },
          },
        );
      }
      const rest = this.#buffer.subarray(this.#at);
      this.#buffer = rest.length === 0 ? next.value : Buffer.concat([rest, next.value]);
      this.#at = 0;
    }
    const bytes = this.#buffer.subarray(this.#at, this.#at + length);
    this.#at += length;
    this.position += length;
    return bytes;
  }
}
