import type { Log } from '../log.js';
import type { HttpEnvironment } from './http-environment.js';

/** The log of one request: every line carries its id. */
export function requestLog(
  { log }: Pick<HttpEnvironment, 'log'>,
  { id }: { readonly id: string },
): Log {
  return log.child({ requestId: id });
}
