import type { IncomingMessage, ServerResponse } from 'node:http';
import rateLimit from '@fastify/rate-limit';
import { fastify, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { serializerCompiler, validatorCompiler } from 'fastify-type-provider-zod';
import { AppError, toError } from '../errors.js';
import type { HttpEnvironment } from './http-environment.js';
import type { HttpSettings } from './http-settings.js';
import { describeApi } from './openapi.js';
import { noRouteProblem, problemOf, sendProblem } from './problem.js';
import { requestIdOf } from './request-id.js';
import { requestLog } from './request-log.js';
import { RequestsUnderWay } from './requests-under-way.js';
import { RouteMethods } from './route-methods.js';
import type { RoutePlugin } from './route-plugin.js';

/** What a site is made from. */
export interface SiteOptions {
  readonly environment: HttpEnvironment;
  readonly settings: Pick<
    HttpSettings,
    'basePath' | 'trustedProxies' | 'bodyLimit' | 'requestsPerMinute'
  >;
  readonly routes: readonly RoutePlugin[];
  /** Of recordsmith. */
  readonly version: string;
}

/** Everything that answers requests, without a socket. */
export interface Site {
  readonly handle: (request: IncomingMessage, response: ServerResponse) => void;
  /** Waits until the requests under way are answered, at the latest until the signal, and ends. */
  close(signal: AbortSignal): Promise<void>;
}

const HEADERS = {
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'referrer-policy': 'no-referrer',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
} as const;

function pathOf({ url }: Pick<FastifyRequest, 'url'>): string {
  return (url.split('?', 1)[0] ?? '').slice(0, 300);
}

function logAnswers(server: FastifyInstance, environment: HttpEnvironment): void {
  const fieldsOf = (request: FastifyRequest, reply: FastifyReply) => ({
    method: request.method,
    path: pathOf(request),
    status: reply.statusCode,
    durationMs: Math.round(reply.elapsedTime),
    address: request.ip,
  });
  server.addHook('onResponse', (request, reply, done) => {
    const log = requestLog(environment, request);
    const fields = fieldsOf(request, reply);
    if (request.routeOptions.config.isProbe === true) log.debug('A request was answered.', fields);
    else log.info('A request was answered.', fields);
    done();
  });
  server.addHook('onRequestAbort', (request, done) => {
    const { method, ip: address } = request;
    const fields = { method, path: pathOf(request), address };
    requestLog(environment, request).info('A request was broken off by its sender.', fields);
    done();
  });
}

function answerErrors(server: FastifyInstance, environment: HttpEnvironment): void {
  server.setErrorHandler((error, request, reply) => {
    const problem = problemOf(error, request.id);
    if (problem.isDefect) {
      const log = requestLog(environment, request);
      const fields = { method: request.method, path: pathOf(request), error: toError(error) };
      if (problem.status === 503) log.warn('A request could not be worked on.', fields);
      else log.error('A request failed.', fields);
    }
    return sendProblem(reply, problem);
  });
}

async function limitRates(server: FastifyInstance, requestsPerMinute: number): Promise<void> {
  await server.register(rateLimit, {
    max: requestsPerMinute,
    timeWindow: 60_000,
    addHeadersOnExceeding: {
      'x-ratelimit-limit': false,
      'x-ratelimit-remaining': false,
      'x-ratelimit-reset': false,
    },
    errorResponseBuilder: (_request, { after }) =>
      new AppError('TOO_MANY_REQUESTS', 'This address makes more requests than allowed.', {
        remedy: `Wait ${after}.`,
      }),
  });
}

/**
 * Makes the site: everything around the routes that they need not know about.
 * @throws AppError CONFIG_INVALID when the proxies that are trusted are no addresses.
 */
export async function openSite(options: SiteOptions): Promise<Site> {
  const { environment, settings, routes, version } = options;
  const server = fastify({
    logger: false,
    bodyLimit: settings.bodyLimit,
    trustProxy: settings.trustedProxies.length === 0 ? false : [...settings.trustedProxies],
    requestIdHeader: false,
    genReqId: ({ headers }) => requestIdOf(headers['x-request-id']),
    // An address that cannot be decoded meets no hook.
    frameworkErrors: (error, request, reply) => {
      const { method, ip: address } = request;
      requestLog(environment, request).info('A request was refused.', { method, address, error });
      void reply.headers(HEADERS).header('x-request-id', request.id);
      void sendProblem(reply, problemOf(error, request.id));
    },
  });
  // JSON alone, unless a plugin says otherwise for its own routes.
  server.removeContentTypeParser('text/plain');
  server.setValidatorCompiler(validatorCompiler);
  server.setSerializerCompiler(serializerCompiler);
  server.addHook('onRequest', (request, reply, done) => {
    void reply.headers(HEADERS).header('x-request-id', request.id);
    done();
  });
  logAnswers(server, environment);
  answerErrors(server, environment);
  const methods = new RouteMethods();
  server.addHook('onRoute', ({ url, method }) => methods.add(url, method));
  await limitRates(server, settings.requestsPerMinute);
  server.setNotFoundHandler({ preHandler: server.rateLimit() }, (request, reply) =>
    sendProblem(reply, noRouteProblem(request, methods.of(pathOf(request)))),
  );
  await describeApi(server, version);
  for (const plugin of routes) {
    await server.register(async (part) => plugin(part, environment), {
      prefix: settings.basePath,
    });
  }
  await server.ready();
  const underWay = new RequestsUnderWay();
  return {
    handle: (request, response) => {
      underWay.add(response);
      server.routing(request, response);
    },
    close: async (signal) => {
      await underWay.none(signal);
      await server.close();
    },
  };
}
