import { createServer as createPlainServer, STATUS_CODES } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import { isIPv6, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { sleep } from '../clock.js';
import { AppError, systemErrorCode, toError, type ErrorCode } from '../errors.js';
import type { HttpTimeLimits } from './http-settings.js';
import { problemFrom } from './problem.js';
import { requestIdOf } from './request-id.js';
import { RequestsUnderWay } from './requests-under-way.js';
import type { TlsTexts } from './tls-files.js';

/** Milliseconds for the last bytes of an answer to leave when it is the last one. */
const LAST_BYTES_MS = 200;

/** Where to listen. */
export interface ListenPlace {
  readonly host: string;
  readonly port: number;
  /** Null: plain HTTP. */
  readonly tls: TlsTexts | null;
}

/** What answers the requests. */
export type RequestHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** Faults of a connection that never became a request. */
const BROKEN_REQUESTS: Readonly<
  Record<string, { readonly status: number; readonly code: ErrorCode; readonly detail: string }>
> = {
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: 408,
    code: 'BODY_INVALID',
    detail: 'The request did not arrive in time.',
  },
  HPE_HEADER_OVERFLOW: {
    status: 431,
    code: 'INPUT_INVALID',
    detail: 'The headers of the request are too large.',
  },
};

/**
 * The socket of the interface. What answers can be exchanged while it listens, so that a reload of the configuration drops
 * no connection.
 */
export class Listener {
  readonly #place: ListenPlace;
  readonly #server: Server | TlsServer;
  /** The address as it was found when it first listened. */
  #port: number;
  #handler: RequestHandler;
  readonly #underWay = new RequestsUnderWay();
  /** Also those on which nothing was asked yet, which node counts neither as idle nor, once it closes, as slow. */
  readonly #connections = new Set<Socket>();

  constructor(place: ListenPlace, limits: HttpTimeLimits, handler: RequestHandler) {
    this.#place = place;
    this.#port = place.port;
    this.#handler = handler;
    const options = {
      headersTimeout: limits.headersMs,
      requestTimeout: limits.requestMs,
      keepAliveTimeout: limits.keepAliveMs,
      connectionsCheckingInterval: limits.checkMs,
    };
    const answer: RequestHandler = (request, response) => this.#answer(request, response);
    this.#server =
      place.tls === null
        ? createPlainServer(options, answer)
        : createTlsServer({ ...options, ...place.tls }, answer);
    this.#server.timeout = limits.idleMs;
    this.#server.on('clientError', refuseBroken);
    this.#server.on('connection', (socket: Socket) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
  }

  /** `http://127.0.0.1:8470` */
  get origin(): string {
    const { host, tls } = this.#place;
    const shownHost = isIPv6(host) ? `[${host}]` : host;
    return `${tls === null ? 'http' : 'https'}://${shownHost}:${this.#port}`;
  }

  /** Whether it listens where, and in the way that, this place asks for. */
  fits({ host, port, tls }: ListenPlace): boolean {
    const own = this.#place;
    return host === own.host && port === own.port && (tls === null) === (own.tls === null);
  }

  /** Whether a listener of this place could not be opened beside this one. */
  isInTheWayOf({ port }: ListenPlace): boolean {
    return port !== 0 && port === this.#port;
  }

  /** Begins to listen, also again after `pause`. @throws AppError LISTEN_FAILED naming host and port. */
  async open(): Promise<void> {
    const { host } = this.#place;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#server.once('error', reject);
        this.#server.listen({ host, port: this.#port }, () => {
          this.#server.off('error', reject);
          resolve();
        });
      });
    } catch (error) {
      throw listenFailed(host, this.#port, error);
    }
    const address = this.#server.address();
    if (typeof address === 'object' && address !== null) this.#port = address.port;
  }

  /** Has another handler answer what comes from now on, with another certificate where there is one. */
  serve(handler: RequestHandler, tls: TlsTexts | null): void {
    this.#handler = handler;
    if (tls !== null && 'setSecureContext' in this.#server) this.#server.setSecureContext(tls);
  }

  /** Takes no new connections; those that are there go on. */
  pause(): void {
    this.#server.close();
  }

  /** Takes no new connections, waits until requests under way are answered, at the latest until the signal, and ends. */
  async stop(signal: AbortSignal): Promise<void> {
    const closed = new Promise<void>((resolve) => {
      this.#server.close(() => resolve());
    });
    this.#server.closeIdleConnections();
    await this.#underWay.none(signal);
    const ended = new AbortController();
    void closed.then(() => ended.abort());
    await sleep(LAST_BYTES_MS, AbortSignal.any([signal, ended.signal]));
    for (const socket of this.#connections) socket.destroy();
    await closed;
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    this.#underWay.add(response);
    this.#handler(request, response);
  }
}

function listenFailed(host: string, port: number, error: unknown): AppError {
  const systemCode = systemErrorCode(error);
  const place = `${host} port ${port}`;
  const details = { host, port, ...(systemCode === undefined ? {} : { systemCode }) };
  const fail = (message: string, remedy: string): AppError =>
    new AppError('LISTEN_FAILED', message, { cause: error, remedy, details });
  switch (systemCode) {
    case 'EADDRINUSE':
      return fail(
        `The HTTP interface cannot listen on ${place}: another program does.`,
        'End that program (perhaps another recordsmith), set http.port to a free port, or http.enabled: false.',
      );
    case 'EACCES':
      return fail(
        `The HTTP interface may not listen on ${place}.`,
        'Set http.port to one above 1023, or give the account the right (CAP_NET_BIND_SERVICE).',
      );
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return fail(
        `The HTTP interface cannot listen on ${place}: this machine has no such address.`,
        'Set http.host to an address of this machine: 127.0.0.1, 0.0.0.0 or :: for all.',
      );
    default:
      return fail(
        `The HTTP interface cannot listen on ${place}: ${toError(error).message}`,
        'Check http.host and http.port.',
      );
  }
}

/** Answers what is no request of HTTP, or came too slowly, and ends the connection. */
function refuseBroken(error: Error, connection: Duplex | Socket): void {
  const systemCode = systemErrorCode(error) ?? '';
  if (systemCode === 'ECONNRESET' || !connection.writable) {
    connection.destroy();
    return;
  }
  const fault = BROKEN_REQUESTS[systemCode] ?? {
    status: 400,
    code: 'INPUT_INVALID' as const,
    detail: 'This is no HTTP request.',
  };
  const body = JSON.stringify(
    problemFrom({ ...fault, requestId: requestIdOf(undefined) }).document,
  );
  connection.end(
    [
      `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status] ?? ''}`,
      'Connection: close',
      'Content-Type: application/problem+json',
      `Content-Length: ${Buffer.byteLength(body)}`,
      '',
      body,
    ].join('\r\n'),
  );
}
