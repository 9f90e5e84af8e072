import type { FastifyReply, FastifyRequest } from 'fastify';
import { useApiToken, type ApiToken } from '../db/api-token-store.js';
import { allowsScope, type ApiScope } from '../domain/api-scopes.js';
import { AppError } from '../errors.js';
import type { HttpEnvironment } from './http-environment.js';

/** Who makes a request: the owner of its token. */
export type Caller = Pick<ApiToken, 'id' | 'name' | 'scopes' | 'instrumentPid'>;

/** Guards the routes that ask for one scope. */
export interface TokenGuard {
  /** For `onRequest` of a route: refuses before the body is read. */
  readonly check: (request: FastifyRequest, reply: FastifyReply) => Promise<void>;
  /** Who makes the request; for handlers of routes that have `check`. */
  readonly callerOf: (request: FastifyRequest) => Caller;
}

const REFUSALS = {
  unknown: 'The token is not known.',
  revoked: 'The token was revoked.',
  expired: 'The token has expired.',
} as const;

function refused(reply: FastifyReply, message: string): AppError {
  void reply.header('WWW-Authenticate', 'Bearer');
  return new AppError('TOKEN_REFUSED', message, {
    remedy:
      '`recordsmith tokens create` makes one: send it in the header Authorization, scheme Bearer.',
  });
}

/**
 * The caller of a request by its bearer token.
 * @throws AppError TOKEN_REFUSED (with `WWW-Authenticate`) without a token that holds, SCOPE_MISSING when it allows something else.
 */
async function authenticate(
  request: FastifyRequest,
  reply: FastifyReply,
  { database, clock }: HttpEnvironment,
  scope: ApiScope,
): Promise<Caller> {
  const text = /^Bearer +(\S+) *$/i.exec(request.headers.authorization ?? '')?.[1];
  if (text === undefined) throw refused(reply, 'The request has no token.');
  const found = await database.createScope(() => useApiToken(text, clock.now().toMillis()));
  if (found.kind !== 'valid') throw refused(reply, REFUSALS[found.kind]);
  const { id, name, scopes, instrumentPid } = found.token;
  if (!allowsScope(scopes, scope)) {
    throw new AppError('SCOPE_MISSING', `The token ${name} lacks the scope ${scope}.`, {
      remedy: `Make one that has it: recordsmith tokens create --name NAME --scope ${scope}`,
      details: { scope },
    });
  }
  return { id, name, scopes, instrumentPid };
}

/** The guard of routes that ask for a scope. */
export function requireToken(environment: HttpEnvironment, scope: ApiScope): TokenGuard {
  const callers = new WeakMap<FastifyRequest, Caller>();
  return {
    check: async (request, reply) => {
      callers.set(request, await authenticate(request, reply, environment, scope));
    },
    callerOf: (request) => {
      const caller = callers.get(request);
      if (caller !== undefined) return caller;
      throw new AppError('INTERNAL', 'A route asks for its caller without checking the token.');
    },
  };
}

/**
 * Refuses what concerns another instrument than the one that the caller speaks for.
 * @throws AppError SCOPE_MISSING
 */
export function requireInstrument(caller: Caller, instrumentPid: string): void {
  if (caller.instrumentPid === null || caller.instrumentPid === instrumentPid) return;
  throw new AppError(
    'SCOPE_MISSING',
    `The token ${caller.name} is for the instrument ${caller.instrumentPid} only.`,
    {
      remedy: 'Use a token of this instrument, or one that is for all.',
      details: { instrument: caller.instrumentPid },
    },
  );
}
