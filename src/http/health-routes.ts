import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { ReadinessReport, Readiness } from './readiness.js';
import type { RoutePlugin } from './route-plugin.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Asked every few seconds by machines: its requests are logged as debug lines. */
    readonly isProbe?: boolean;
  }
}

function textOf({ ready, findings }: ReadinessReport): string {
  const faults = findings.filter(({ ok }) => !ok);
  const lines = faults.map(({ name, reason }) => `${name}: ${reason ?? ''}\n`);
  return `${ready ? 'ready' : 'not ready'}\n${lines.join('')}`;
}

function wantsJson({ query, headers }: FastifyRequest): boolean {
  const isVerbose = typeof query === 'object' && query !== null && 'verbose' in query;
  return isVerbose || (headers.accept?.includes('application/json') ?? false);
}

/** `/livez`: the event loop advances. `/readyz`: everything works that the daemon needs; open to all. */
export function healthRoutes(readiness: Readiness): RoutePlugin {
  return (server: FastifyInstance) => {
    server.get(
      '/livez',
      { schema: { hide: true }, config: { isProbe: true, rateLimit: false } },
      (_request, reply) => reply.type('text/plain; charset=utf-8').send('alive\n'),
    );
    server.get(
      '/readyz',
      { schema: { hide: true }, config: { isProbe: true } },
      async (request, reply) => {
        const report = await readiness.report();
        void reply.code(report.ready ? 200 : 503);
        return wantsJson(request)
          ? reply.type('application/json').send(JSON.stringify(report))
          : reply.type('text/plain; charset=utf-8').send(textOf(report));
      },
    );
  };
}
