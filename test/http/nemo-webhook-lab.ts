import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import type { AddressInfo } from 'node:net';
import rateLimit from '@fastify/rate-limit';
import { afterEach } from '@jest/globals';
import fastify, { type FastifyError } from 'fastify';
import { DateTime } from 'luxon';
import { Webhook } from 'standardwebhooks';
import type { Clock } from '../../src/clock.js';
import type { Database } from '../../src/db/database.js';
import { isAppError } from '../../src/errors.js';
import {
  nemoWebhookRoutes,
  type NemoWebhookLimits,
  type NemoWebhookSource,
} from '../../src/http/nemo-webhook-routes.js';
import { PROBLEM_STATUS } from '../../src/http/problem-status.js';
import type { Log } from '../../src/log.js';
import { nemoTimeReader } from '../../src/sources/nemo/nemo-times.js';
import type { WebhookScheme } from '../../src/sources/nemo/webhook-signature.js';

const toClose: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0)) await close();
});

/** Ends something after the test. */
export function closeLater(close: () => Promise<unknown>): void {
  toClose.push(close);
}

export const NOW_MS = Date.parse('2026-11-21T04:00:00Z');

export function clockAt(nowMs: number): Clock {
  return { now: () => DateTime.fromMillis(nowMs, { zone: 'utc' }) as DateTime<true> };
}

export const SECRETS: Readonly<Record<WebhookScheme, string>> = {
  'standard-webhooks': `whsec_${Buffer.alloc(32, 1).toString('base64')}`,
  'django-webhook': 'very-secret-token-1',
  'x-hub-signature-256': 'very-secret-token-2',
  'static-token': 'very-secret-token-3',
};
export const SCHEMES = Object.keys(SECRETS) as WebhookScheme[];

/** A source named for its scheme, unless it is changed. */
export function sourceOf(
  scheme: WebhookScheme,
  changes: Partial<NemoWebhookSource> & { readonly secrets?: readonly string[] } = {},
): NemoWebhookSource {
  const { secrets = [SECRETS[scheme]], ...others } = changes;
  return {
    name: scheme,
    webhook: { scheme, secrets, toleranceMs: 300_000 },
    hasToken: true,
    readTimes: nemoTimeReader({ timezone: 'America/New_York' }),
    ...others,
  };
}

export interface Lab {
  readonly origin: string;
  readonly hinted: string[];
  readonly outcomes: string[];
  readonly logged: { readonly message: string; readonly fields: unknown }[];
  close(): Promise<unknown>;
}

export interface LabOptions extends NemoWebhookLimits {
  readonly database: Database;
  readonly sources?: readonly NemoWebhookSource[];
  readonly clock?: Clock;
  readonly bodyLimit?: number;
}

/** A server with the route and as much of error handling as it needs. */
export async function startLab(options: LabOptions): Promise<Lab> {
  const { database, sources, clock, bodyLimit = 1_048_576, ...limits } = options;
  const hinted: string[] = [];
  const outcomes: string[] = [];
  const logged: { message: string; fields: unknown }[] = [];
  const write = (message: string, fields?: unknown): void => void logged.push({ message, fields });
  const log: Log = { error: write, warn: write, info: write, debug: write, child: () => log };
  const server = fastify({ bodyLimit, forceCloseConnections: true });
  await server.register(rateLimit, { global: false });
  server.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = isAppError(error) ? PROBLEM_STATUS[error.code] : error.statusCode;
    const code: string = error.code;
    return reply.code(status ?? 500).send({ code, detail: error.message });
  });
  const environment = { database, log, clock: clock ?? clockAt(NOW_MS) };
  const routes = nemoWebhookRoutes(
    sources ?? SCHEMES.map((scheme) => sourceOf(scheme)),
    {
      onHint: (source) => void hinted.push(source),
      onOutcome: (source, outcome) => void outcomes.push(`${source} ${outcome}`),
    },
    limits,
  );
  await server.register(async (context) => routes(context, environment));
  await server.listen({ port: 0, host: '127.0.0.1' });
  const { port } = server.server.address() as AddressInfo;
  const close = () => server.close();
  closeLater(close);
  return { origin: `http://127.0.0.1:${port}`, hinted, outcomes, logged, close };
}

export type Headers = Record<string, string | string[]>;

/** A body as a usage event of NEMO is pushed by django-webhook. */
export function eventBody(id: number, changes: Record<string, unknown> = {}): string {
  return JSON.stringify({
    object: {
      ...{ id, user: 2, operator: 2, project: 1, tool: 2, start: '2026-11-21T03:00:00.540Z' },
      ...{ end: null, has_ended: 0, ...changes },
    },
    topic: 'NEMO.UsageEvent/create',
    object_type: 'NEMO.UsageEvent',
    webhook_uuid: 'cbf69ce9-e2f2-4994-811b-322c90eb1287',
  });
}

let messages = 0;

/** The headers of a genuine message. */
export function signed(
  scheme: WebhookScheme,
  body: string | Buffer,
  options: { readonly secret?: string; readonly sentAtMs?: number; readonly id?: string } = {},
): Headers {
  const { secret = SECRETS[scheme], sentAtMs = NOW_MS } = options;
  const { id = `msg_${String((messages += 1))}` } = options;
  const seconds = String(Math.floor(sentAtMs / 1000));
  const hmac = (...parts: (string | Buffer)[]): string => {
    const made = createHmac('sha256', secret);
    for (const part of parts) made.update(part);
    return made.digest('hex');
  };
  switch (scheme) {
    case 'standard-webhooks':
      return {
        'webhook-id': id,
        'webhook-timestamp': seconds,
        'webhook-signature': Buffer.isBuffer(body)
          ? `v1,${createHmac('sha256', Buffer.from(secret.slice(6), 'base64'))
              .update(`${id}.${seconds}.`)
              .update(body)
              .digest('base64')}`
          : new Webhook(secret).sign(id, new Date(sentAtMs), body),
      };
    case 'django-webhook':
      return {
        'Django-Webhook-Request-Timestamp': seconds,
        'Django-Webhook-Signature-v1': hmac(`${seconds}:`, body),
      };
    case 'x-hub-signature-256':
      return { 'X-Hub-Signature-256': `sha256=${hmac(body)}` };
    case 'static-token':
      return { Authorization: `Token ${secret}` };
  }
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | undefined;
  readonly body: unknown;
}

/** Posts bytes with exactly these headers; several pieces are sent chunked. */
export async function post(
  url: string,
  headers: Headers,
  body: string | Buffer | readonly string[],
): Promise<Answer> {
  const pieces = Array.isArray(body) ? (body as readonly string[]) : [body as string | Buffer];
  const length: Headers =
    pieces.length === 1 ? { 'Content-Length': String(Buffer.byteLength(pieces[0] ?? '')) } : {};
  const request = httpRequest(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', ...length, ...headers },
    agent: false,
  });
  const answered = once(request, 'response') as Promise<[import('node:http').IncomingMessage]>;
  // Where the server answers before it has read all, it closes the connection.
  request.on('error', () => undefined);
  for (const piece of pieces) request.write(piece);
  request.end();
  const [response] = await answered;
  let text = '';
  for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
  const parsed: unknown = JSON.parse(text);
  return {
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'],
    body: parsed,
  };
}

/** Sends a genuine message to the source of the scheme's name. */
export function send(
  { origin }: Lab,
  scheme: WebhookScheme,
  body: string,
  options: Parameters<typeof signed>[2] & { readonly headers?: Headers; readonly to?: string } = {},
): Promise<Answer> {
  const { headers = {}, to = scheme, ...signing } = options;
  return post(
    `${origin}/ingest/nemo/${to}`,
    { ...signed(scheme, body, signing), ...headers },
    body,
  );
}

/** How many rows each table has. */
export async function rowCounts({ knex, dialect }: Database): Promise<Record<string, number>> {
  const tables: unknown =
    dialect.engine === 'sqlite'
      ? await knex('sqlite_master').where('type', 'table').pluck('name')
      : await knex('pg_catalog.pg_tables').where('schemaname', 'public').pluck('tablename');
  const counts: Record<string, number> = {};
  for (const table of tables as string[]) {
    const [row] = await knex(table).count({ count: '*' });
    counts[table] = Number(row?.count);
  }
  return counts;
}
