import type { ServerResponse } from 'node:http';

/** The requests that are not answered yet. */
export class RequestsUnderWay {
  readonly #responses = new Set<ServerResponse>();
  #whenNone: (() => void) | null = null;

  /** Counts a request until its answer is sent or its connection is gone. */
  add(response: ServerResponse): void {
    this.#responses.add(response);
    response.once('close', () => {
      this.#responses.delete(response);
      if (this.#responses.size === 0) this.#whenNone?.();
    });
  }

  /** Waits until there are none, or for the signal. Their connections end with them. */
  async none(signal: AbortSignal): Promise<void> {
    for (const response of this.#responses) {
      if (!response.headersSent) response.setHeader('connection', 'close');
    }
    if (this.#responses.size === 0 || signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#whenNone = resolve;
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }
}
