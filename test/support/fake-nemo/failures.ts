import type { ServerResponse } from 'node:http';
import { detail, htmlAnswer, SERVER_ERROR, type Answer } from './answers.js';

/** What goes wrong with a request. */
export type Failure =
  /** The right answer, late. */
  | { readonly kind: 'slow'; readonly milliseconds: number }
  /** The connection ends without an answer. */
  | { readonly kind: 'reset' }
  /** The connection ends in the middle of the body. */
  | { readonly kind: 'cut' }
  /** The page of Django for an exception. */
  | { readonly kind: 'error-page' }
  /** 502 and 503 as a proxy says it, 429 as an API says it. */
  | {
      readonly kind: 'status';
      readonly status: 429 | 502 | 503 | 504;
      readonly retryAfterSeconds?: number;
    };

export interface FailureScope {
  /** How many requests fail. @default until recover() */
  readonly times?: number;
  /** Only requests whose path and query contain this. */
  readonly path?: string;
}

interface Planned {
  readonly failure: Failure;
  readonly path: string | undefined;
  left: number;
}

const TITLES = {
  502: '502 Bad Gateway',
  503: '503 Service Temporarily Unavailable',
  504: '504 Gateway Time-out',
};

/** The failures a test planned, in their order. */
export class Failures {
  #planned: Planned[] = [];

  plan(failure: Failure, { times = Infinity, path }: FailureScope): void {
    this.#planned.push({ failure, path, left: times });
  }

  recover(): void {
    this.#planned = [];
  }

  /** What goes wrong with this request. */
  next(pathAndQuery: string): Failure | null {
    const planned = this.#planned.find(
      ({ path, left }) => left > 0 && (path === undefined || pathAndQuery.includes(path)),
    );
    if (planned === undefined) return null;
    planned.left -= 1;
    return planned.failure;
  }
}

/** The answer in place of the right one; null when the right one is sent, or none. */
export function failedAnswer(failure: Failure | null): Answer | null {
  if (failure?.kind === 'error-page') return SERVER_ERROR;
  if (failure?.kind !== 'status') return null;
  const { status, retryAfterSeconds } = failure;
  const headers: Record<string, string> =
    retryAfterSeconds === undefined ? {} : { 'Retry-After': String(retryAfterSeconds) };
  if (status === 429) return detail(429, 'Request was throttled.', headers);
  const page = htmlAnswer(status, TITLES[status]);
  return { ...page, headers: { ...page.headers, ...headers } };
}

/** Sends the answer as far as the failure lets it. */
export function send(response: ServerResponse, answer: Answer, failure: Failure | null): void {
  const body = Buffer.from(answer.body);
  response.writeHead(answer.status, {
    ...answer.headers,
    ...(answer.status === 204 ? {} : { 'Content-Length': body.length }),
  });
  if (failure?.kind !== 'cut') {
    response.end(body);
    return;
  }
  response.write(body.subarray(0, Math.floor(body.length / 2)), () => {
    // A moment later, so that the first half is on its way before the connection ends.
    setTimeout(() => response.destroy(), 20);
  });
}
