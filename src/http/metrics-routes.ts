import type { Figures } from './figures.js';
import type { Metrics } from './metrics.js';
import type { RoutePlugin } from './route-plugin.js';

/** `/metrics` for Prometheus; open to all. */
export function metricsRoutes(metrics: Metrics, figures: Figures): RoutePlugin {
  return (server) => {
    server.get(
      '/metrics',
      { schema: { hide: true }, config: { isProbe: true } },
      async (_request, reply) => {
        const text = await metrics.text(await figures.read());
        return reply.type(metrics.contentType).send(text);
      },
    );
  };
}
