import { AppError, systemErrorCode, toError } from '../errors.js';
import { wantsColour } from '../log-lines.js';

/**
 * Standard output. A reader who has read enough (`recordsmith sessions list | head`) is no error; anything else that
 * keeps it from being written is told at the end, by `flush`.
 */
export class Output {
  readonly #stream: NodeJS.WriteStream;
  readonly #colour: boolean;
  #closed = false;
  #used = false;
  #failure: Error | null = null;

  constructor(
    stream: NodeJS.WriteStream,
    environment: Readonly<Record<string, string | undefined>>,
  ) {
    this.#stream = stream;
    this.#colour = wantsColour(stream, environment);
    stream.on('error', this.#fail);
  }

  /** Whether nothing can be written any more. */
  get closed(): boolean {
    return this.#closed;
  }

  /** Whether anything was written. */
  get used(): boolean {
    return this.#used;
  }

  /** Columns of the terminal; 120 where there is none. */
  get width(): number {
    // Some terminals do not know their size and say 0.
    return this.#stream.isTTY && this.#stream.columns > 0 ? this.#stream.columns : 120;
  }

  get colour(): boolean {
    return this.#colour;
  }

  /** Writes the text; nothing once the reader has gone or a write has failed. */
  write(text: string): void {
    if (this.#closed) return;
    this.#used = true;
    try {
      this.#stream.write(text);
    } catch (error) {
      // Files are written at once, and say at once what is wrong.
      this.#fail(toError(error));
    }
  }

  /**
   * Waits until all is written.
   * @throws AppError OUTPUT_FAILED when it cannot be, unless the reader has gone.
   */
  async flush(): Promise<void> {
    if (this.#used && !this.#closed) {
      await new Promise<void>((resolve) => {
        this.#stream.write('', () => resolve());
      });
    }
    if (this.#failure === null) return;
    const systemCode = systemErrorCode(this.#failure);
    throw new AppError('OUTPUT_FAILED', 'Standard output cannot be written.', {
      cause: this.#failure,
      remedy: 'Make room where it goes, then repeat the command if its answer is needed.',
      ...(systemCode === undefined ? {} : { details: { systemCode } }),
    });
  }

  readonly #fail = (error: Error): void => {
    this.#closed = true;
    if (systemErrorCode(error) !== 'EPIPE') this.#failure ??= error;
  };
}
