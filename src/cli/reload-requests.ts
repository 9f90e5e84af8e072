/** SIGHUP: the configuration is to be read again. Listens from its making on, so that no request is lost or kills. */
export class ReloadRequests {
  #requested = false;
  #wake: (() => void) | null = null;

  constructor() {
    process.on('SIGHUP', this.#ask);
  }

  /**
   * Waits for the next request; one that came since the last is answered at once.
   * @returns false when the signal aborted before there was one.
   */
  async next(signal: AbortSignal): Promise<boolean> {
    if (!this.#requested && !signal.aborted) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal.removeEventListener('abort', done);
          this.#wake = null;
          resolve();
        };
        this.#wake = done;
        signal.addEventListener('abort', done, { once: true });
      });
    }
    if (signal.aborted) return false;
    this.#requested = false;
    return true;
  }

  /** Stops listening. */
  dispose(): void {
    process.off('SIGHUP', this.#ask);
  }

  readonly #ask = (): void => {
    this.#requested = true;
    this.#wake?.();
  };
}
