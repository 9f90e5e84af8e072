import { randomUUID } from 'node:crypto';

/** What a proxy may call a request: safe in headers, logs and URNs. */
const SANE_ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** The id of a request: that of the header X-Request-Id where it is a sane one, else a new one. */
export function requestIdOf(header: string | readonly string[] | undefined): string {
  return typeof header === 'string' && SANE_ID.test(header) ? header : randomUUID();
}
