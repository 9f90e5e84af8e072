import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from '@jest/globals';
import { isAppError, type AppError } from '../../src/errors.js';
import type { Log } from '../../src/log.js';
import { NemoClient } from '../../src/sources/nemo/nemo-client.js';
import type { NemoClientOptions } from '../../src/sources/nemo/nemo-options.js';
import type { UsageEvent } from '../../src/sources/nemo/nemo-rows.js';
import {
  startFakeNemo,
  type FakeNemo,
  type FakeNemoOptions,
} from '../support/fake-nemo/start-fake-nemo.js';

export const TOKEN = '0123456789abcdef0123456789abcdef01234567';
const QUICK = { tries: 3, firstDelayMs: 5, longestDelayMs: 20, longestRetryAfterMs: 5000 };

const toClose: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0)) await close();
});

export interface LogLine {
  readonly message: string;
  readonly fields: unknown;
}

function recordingLog(lines: LogLine[]): Log {
  const write = (message: string, fields?: unknown): void =>
    void lines.push({ message, fields: fields ?? {} });
  const log: Log = { error: write, warn: write, info: write, debug: write, child: () => log };
  return log;
}

export function clientOf(
  baseUrl: string,
  token: string,
  options: Partial<NemoClientOptions> = {},
  lines: LogLine[] = [],
): NemoClient {
  return new NemoClient({
    ...{ baseUrl, token, timezone: 'America/New_York', log: recordingLog(lines), retry: QUICK },
    ...options,
  });
}

interface Lab {
  readonly nemo: FakeNemo;
  readonly client: NemoClient;
  readonly lines: LogLine[];
  readonly tool: number;
  readonly user: number;
  readonly project: number;
}

export async function lab(
  options: FakeNemoOptions = {},
  clientOptions: Partial<NemoClientOptions> = {},
): Promise<Lab> {
  const nemo = await startFakeNemo({ now: '2026-11-21T04:00:00Z', ...options });
  toClose.push(() => nemo.close());
  const lines: LogLine[] = [];
  const tool = nemo.addTool({ name: 'FEI Titan TEM' }).id;
  const user = nemo.addUser({ username: 'pierre' }).id;
  const project = nemo.addProject({ name: 'Grain boundary study' }).id;
  const client = clientOf(nemo.baseUrl, nemo.token, clientOptions, lines);
  return { nemo, client, lines, tool, user, project };
}

/** `count` events of an hour each, one a day from 2026-01-01T10:00:00Z on. */
export function addDays({ nemo, tool, user, project }: Lab, count: number, on = tool): number[] {
  return Array.from({ length: count }, (_, day) => {
    const startMs = Date.UTC(2026, 0, 1 + day, 10);
    const [start = '', end = ''] = [startMs, startMs + 3_600_000].map((epochMs) =>
      new Date(epochMs).toISOString(),
    );
    return nemo.backdate({ tool: on, user, project, start, end }).id;
  });
}

/** A server that answers as the test says. */
export async function scripted(
  answer: (request: IncomingMessage, response: ServerResponse) => unknown,
): Promise<{ baseUrl: string; requests: IncomingMessage[] }> {
  const requests: IncomingMessage[] = [];
  const server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  toClose.push(
    () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  );
  const { port } = server.address() as AddressInfo;
  return { baseUrl: `http://127.0.0.1:${port}/api/`, requests };
}

export function json(response: ServerResponse, value: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(typeof value === 'string' ? value : JSON.stringify(value));
}

export const ROW = {
  ...{ id: 1, start: '2026-11-20T23:51:33.391881-05:00', end: null },
  ...{ user: 2, operator: 2, project: 1, tool: 1 },
};

export async function all(events: AsyncIterable<UsageEvent>): Promise<UsageEvent[]> {
  const found: UsageEvent[] = [];
  for await (const event of events) found.push(event);
  return found;
}

export async function idsOf(events: AsyncIterable<UsageEvent>): Promise<number[]> {
  return (await all(events)).map(({ id }) => id).sort((a, b) => a - b);
}

export async function errorOf(work: Promise<unknown>): Promise<AppError> {
  try {
    await work;
  } catch (error) {
    if (isAppError(error)) return error;
    throw error;
  }
  throw new Error('Nothing was thrown.');
}
