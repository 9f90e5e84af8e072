import { request } from 'node:http';

/** How an attempt ended: a status, or none because the connection was refused or broke. */
export interface Posted {
  readonly status: number | null;
  readonly retryAfterSeconds: number | null;
}

/** Sends the bytes with exactly these header names; redirects are not followed. */
export function post(
  url: string,
  headers: Readonly<Record<string, string>>,
  body: string,
  abort: AbortSignal,
): Promise<Posted> {
  return new Promise((resolve) => {
    const nothing = () => resolve({ status: null, retryAfterSeconds: null });
    const bytes = Buffer.from(body, 'utf8');
    const sent = request(url, {
      method: 'POST',
      headers: { ...headers, 'Content-Length': bytes.length },
      agent: false,
      signal: abort,
    });
    sent.once('error', nothing);
    sent.once('response', (response) => {
      const wait = Number(response.headers['retry-after'] ?? NaN);
      response.once('error', nothing);
      response.resume();
      response.once('end', () =>
        resolve({
          status: response.statusCode ?? null,
          retryAfterSeconds: Number.isFinite(wait) ? wait : null,
        }),
      );
    });
    sent.end(bytes);
  });
}
