import type { FastifyInstance } from 'fastify';
import type { HttpEnvironment } from './http-environment.js';

/**
 * Adds the routes of one part of the interface, below the base path: `server.withTypeProvider<ZodTypeProvider>().get(...)`
 * with zod schemas, which check what comes in and describe the route in the OpenAPI document. Each plugin has a context of
 * its own, so that its hooks and content type parsers hold for its routes alone. Routes that do not check who asks are open
 * to all.
 */
export type RoutePlugin = (
  server: FastifyInstance,
  environment: HttpEnvironment,
) => Promise<void> | void;
