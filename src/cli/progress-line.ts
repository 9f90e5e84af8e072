/** Milliseconds between two changes of the line. */
const EVERY_MS = 100;

/** A line on a terminal's standard error that says how far a command is; nowhere else, and gone at the end. */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #isShown: boolean;
  #shownAtMs = Number.NEGATIVE_INFINITY;
  #hasText = false;

  /** @param isWanted false with --quiet and the like */
  constructor(isWanted: boolean, stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
    this.#isShown = isWanted && stream.isTTY && process.env['TERM'] !== 'dumb';
  }

  /** Shows how far it is: `Reading files: 12 of 200`. Changes that come fast are left out. */
  show(text: string): void {
    const nowMs = performance.now();
    if (!this.#isShown || nowMs - this.#shownAtMs < EVERY_MS) return;
    this.#shownAtMs = nowMs;
    this.#hasText = true;
    this.#stream.write(`\r\u001b[K${text}`);
  }

  /** Takes the line away; what is shown next appears at once. */
  clear(): void {
    if (this.#hasText) this.#stream.write('\r\u001b[K');
    this.#hasText = false;
    this.#shownAtMs = Number.NEGATIVE_INFINITY;
  }
}
