import swagger from '@fastify/swagger';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { jsonSchemaTransform } from 'fastify-type-provider-zod';
import type { HttpEnvironment } from './http-environment.js';
import type { RoutePlugin } from './route-plugin.js';

/** Lets a request pass, or throws TOKEN_REFUSED or SCOPE_MISSING. */
export type RequestGuard = (request: FastifyRequest, reply: FastifyReply) => Promise<void>;

/** Has the routes that are added after it describe themselves by their schemas. */
export async function describeApi(server: FastifyInstance, version: string): Promise<void> {
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'recordsmith',
        description: 'Sessions of instruments and their records. Errors are RFC 9457 problems.',
        version,
      },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer' } } },
      security: [{ token: [] }],
    },
    transform: jsonSchemaTransform,
  });
}

/** `GET /api/v1/openapi.json`: what of the API is there, for whom the guard lets read. */
export function openApiRoutes(
  guardOf: (environment: HttpEnvironment) => RequestGuard,
): RoutePlugin {
  return (server, environment) => {
    let text: string | null = null;
    server.get(
      '/api/v1/openapi.json',
      { schema: { hide: true }, onRequest: guardOf(environment) },
      (_request, reply) => {
        text ??= JSON.stringify(server.swagger());
        return reply.type('application/json').send(text);
      },
    );
  };
}
