import { createServer } from 'node:http';

/** One request as it came in. */
export interface Received {
  /** By name in small letters. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** The names as they were sent. */
  readonly names: readonly string[];
  readonly body: string;
}

/** A server that keeps what is pushed to it. */
export interface Receiver {
  readonly url: string;
  readonly received: readonly Received[];
  /** The statuses of the next answers; after them 204. */
  answerNext(...statuses: number[]): void;
  close(): Promise<void>;
}

/** Starts a receiver on a free port. */
export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = [];
  const statuses: number[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const names = request.rawHeaders.filter((_, place) => place % 2 === 0);
      const body = Buffer.concat(chunks).toString('utf8');
      received.push({ headers: request.headers, names, body });
      response.writeHead(statuses.shift() ?? 204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('There is no port.');
  return {
    url: `http://127.0.0.1:${address.port}/hook`,
    received,
    answerNext: (...next) => void statuses.push(...next),
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
