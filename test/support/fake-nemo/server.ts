import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { NOT_FOUND, type Answer } from './answers.js';
import { failedAnswer, send, type Failures } from './failures.js';
import type { Router } from './router.js';

/** A request the fake got. */
export interface SeenRequest {
  readonly method: string;
  /** With the query. */
  readonly path: string;
  readonly authorization: string | undefined;
  /** What was answered; null when the connection was ended without. */
  readonly status: number | null;
}

/** What else is served at paths outside /api/. */
export type OtherPaths = (request: IncomingMessage, body: string) => Answer | null;

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks).toString('utf8');
}

/** The HTTP side: listens, fails as planned, asks the router. */
export class FakeServer {
  readonly requests: SeenRequest[] = [];
  /** Called before each answer is made: a test changes rows between two pages here. */
  beforeAnswer: ((path: string) => void) | null = null;
  /** Answers paths outside /api/, null those it does not know. */
  otherPaths: OtherPaths = () => null;
  readonly #router: Router;
  readonly #failures: Failures;
  #server: Server | null = null;
  #port = 0;

  constructor(router: Router, failures: Failures) {
    this.#router = router;
    this.#failures = failures;
  }

  get port(): number {
    return this.#port;
  }

  /** Listens, after a pause on the same port as before. */
  async open(port = this.#port): Promise<void> {
    if (this.#server !== null) return;
    const server = createServer((request, response) => void this.#handle(request, response));
    this.#server = server;
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', resolve);
    });
    this.#port = portOf(server.address());
  }

  /** Ends all connections; new ones are refused. */
  async close(): Promise<void> {
    const server = this.#server;
    this.#server = null;
    if (server === null) return;
    const closed = new Promise((resolve) => server.close(resolve));
    server.closeAllConnections();
    await closed;
  }

  async #handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? '/';
    const failure = this.#failures.next(path);
    const seen = {
      method: request.method ?? 'GET',
      path,
      authorization: request.headers.authorization,
    };
    try {
      if (failure?.kind === 'reset') {
        this.requests.push({ ...seen, status: null });
        request.socket.resetAndDestroy();
        return;
      }
      if (failure?.kind === 'slow')
        await new Promise((resolve) => setTimeout(resolve, failure.milliseconds));
      const answer = failedAnswer(failure) ?? (await this.#answer(request));
      this.requests.push({ ...seen, status: answer.status });
      send(response, answer, failure);
    } catch (error) {
      // A fault of the fake itself: it must not look like one of the quirks.
      const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
      send(response, { status: 599, body: text }, null);
    }
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    const body = await bodyOf(request);
    const path = request.url ?? '/';
    const url = new URL(path, `http://${request.headers.host ?? '127.0.0.1'}`);
    this.beforeAnswer?.(path);
    if (!url.pathname.startsWith('/api')) return this.otherPaths(request, body) ?? NOT_FOUND;
    const { accept, authorization } = request.headers;
    return this.#router.answer({
      ...{ method: request.method ?? 'GET', url, accept, authorization, body },
    });
  }
}

function portOf(address: AddressInfo | string | null): number {
  if (address === null || typeof address === 'string') throw new Error('The fake has no port.');
  return address.port;
}
