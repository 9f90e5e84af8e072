import type { HttpEnvironment } from './http-environment.js';

/**
 * A handler that runs as one unit of work, as `createScope` does: committed before its answer is sent, rolled back when it
 * throws. It may be run again from its start after a lock conflict, so it gives its answer back and does not send it.
 */
export function inUnitOfWork<Request, Answer>(
  { database }: Pick<HttpEnvironment, 'database'>,
  handler: (request: Request) => Promise<Answer>,
): (request: Request) => Promise<Answer> {
  return (request) => database.createScope(() => handler(request));
}
