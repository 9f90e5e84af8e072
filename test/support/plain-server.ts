import fastify, { type FastifyInstance } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { systemClock, type Clock } from '../../src/clock.js';
import type { Database } from '../../src/db/database.js';
import { isAppError } from '../../src/errors.js';
import { PROBLEM_STATUS } from '../../src/http/problem-status.js';
import type { RoutePlugin } from '../../src/http/route-plugin.js';
import type { Log } from '../../src/log.js';

/** A line that was logged. */
export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

/** A log that keeps its lines. */
export function keepingLog(lines: LoggedLine[]): Log {
  const at =
    (level: string) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}): void => {
      lines.push({ level, message, fields });
    };
  const log: Log = {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: () => log,
  };
  return log;
}

/** What a request was answered. */
export interface PlainAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Record<string, unknown>;
}

/** The routes of one plugin on a server of their own. */
export interface PlainServer {
  readonly url: string;
  readonly lines: readonly LoggedLine[];
  request(
    method: 'GET' | 'POST',
    path: string,
    options?: {
      readonly token?: string;
      readonly body?: unknown;
      readonly headers?: Readonly<Record<string, string>>;
    },
  ): Promise<PlainAnswer>;
  stop(): Promise<void>;
}

/** Starts a server with nothing but the plugin; errors are answered as problems, the rest is fastify's own. */
export async function startPlainServer(
  database: Database,
  plugin: RoutePlugin,
  clock: Clock = systemClock,
): Promise<PlainServer> {
  const lines: LoggedLine[] = [];
  const server: FastifyInstance = fastify();
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.setErrorHandler(async (error, _request, reply) => {
    const status = isAppError(error) ? (PROBLEM_STATUS[error.code] ?? 500) : 500;
    void reply.code(status);
    return isAppError(error)
      ? { code: error.code, detail: error.message, remedy: error.remedy, ...error.details }
      : { code: 'INTERNAL', detail: String(error) };
  });
  await server.register((instance) =>
    plugin(instance, { database, clock, log: keepingLog(lines) }),
  );
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  return {
    url,
    lines,
    request: async (method, path, { token, body, headers = {} } = {}) => {
      const answer = await fetch(url + path, {
        method,
        headers: {
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      const text = await answer.text();
      return {
        status: answer.status,
        headers: answer.headers,
        body: JSON.parse(text === '' ? '{}' : text) as Record<string, unknown>,
      };
    },
    stop: () => server.close(),
  };
}
