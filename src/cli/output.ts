import { systemErrorCode } from '../errors.js';
import { wantsColour } from '../log-lines.js';

/** Standard output that survives a reader who has read enough (`recordsmith sessions list | head`). */
export class Output {
  readonly #stream: NodeJS.WriteStream;
  readonly #colour: boolean;
  #closed = false;

  constructor(
    stream: NodeJS.WriteStream,
    environment: Readonly<Record<string, string | undefined>>,
  ) {
    this.#stream = stream;
    this.#colour = wantsColour(stream, environment);
    stream.on('error', (error) => {
      this.#closed = true;
      if (systemErrorCode(error) !== 'EPIPE') throw error;
    });
  }

  /** Whether nobody reads any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Columns of the terminal; 120 where there is none. */
  get width(): number {
    // Some terminals do not know their size and say 0.
    return this.#stream.isTTY && this.#stream.columns > 0 ? this.#stream.columns : 120;
  }

  get colour(): boolean {
    return this.#colour;
  }

  /** Writes the text; nothing once the reader has gone. */
  write(text: string): void {
    if (!this.#closed) this.#stream.write(text);
  }
}
