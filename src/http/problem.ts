import type { FastifyReply, FastifyRequest } from 'fastify';
import { hasZodFastifySchemaValidationErrors } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { ERROR_CODES, isAppError, type AppError, type ErrorCode } from '../errors.js';
import { maskSecrets, toLogFields } from '../log-values.js';
import { PROBLEM_STATUS } from './problem-status.js';

/** Seconds after which a request that met a database that is away may be sent again. */
const RETRY_SECONDS = 5;

/** One wrong value of a request. */
export const faultSchema = z.object({
  key: z.string().meta({ description: 'The key, with dots: events.0.instrument' }),
  message: z.string(),
});

/** An error as RFC 9457 has it, and what recordsmith adds to it. */
export const problemSchema = z.object({
  type: z.string().meta({ description: 'urn:recordsmith:error: and the code' }),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  instance: z.string().meta({ description: 'urn:recordsmith:request: and the id of the request' }),
  code: z.string().meta({ description: 'Stable; docs/errors.md lists all' }),
  remedy: z.string().exactOptional().meta({ description: 'What helps' }),
  details: z
    .record(z.string(), z.unknown())
    .exactOptional()
    .meta({ description: 'Facts for programs' }),
  faults: z.array(faultSchema).exactOptional().meta({ description: 'Every wrong value' }),
});

/** See problemSchema. */
export type ProblemDocument = z.output<typeof problemSchema>;
type Fault = z.output<typeof faultSchema>;

/** What an error comes to for the caller. */
export interface Problem {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly document: ProblemDocument;
  /** Whether the cause is inside, so that it has to be logged. */
  readonly isDefect: boolean;
}

/** What a problem says besides what its code says. */
export interface ProblemFacts {
  readonly code: ErrorCode;
  readonly status: number;
  readonly detail: string;
  readonly requestId: string;
  readonly remedy?: string | undefined;
  readonly details?: Readonly<Record<string, unknown>>;
  readonly faults?: readonly Fault[];
  readonly headers?: Readonly<Record<string, string>>;
  readonly isDefect?: boolean;
}

/** The problem that these facts make. */
export function problemFrom(facts: ProblemFacts): Problem {
  const { code, status, detail, requestId, remedy, faults, headers = {}, isDefect = false } = facts;
  const { details = {} } = facts;
  return {
    status,
    headers,
    isDefect,
    document: {
      type: `urn:recordsmith:error:${code}`,
      title: ERROR_CODES[code],
      status,
      detail: maskSecrets(detail),
      instance: `urn:recordsmith:request:${requestId}`,
      code,
      ...(remedy === undefined ? {} : { remedy: maskSecrets(remedy) }),
      ...(Object.keys(details).length === 0 ? {} : { details: toLogFields(details) }),
      ...(faults === undefined ? {} : { faults: [...faults] }),
    },
  };
}

/** Faults of a request that fastify finds before a handler runs. */
const FRAMEWORK_FAULTS: Readonly<
  Record<string, { readonly code: ErrorCode; readonly status: number; readonly detail: string }>
> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'BODY_TOO_LARGE',
    status: 413,
    detail: 'The body is larger than http.body_limit allows.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'BODY_INVALID',
    status: 415,
    detail: 'This address does not take a body of this content type; most take application/json.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: {
    code: 'BODY_INVALID',
    status: 400,
    detail: 'The body is empty, but its content type promises JSON.',
  },
  FST_ERR_CTP_INVALID_JSON_BODY: {
    code: 'BODY_INVALID',
    status: 400,
    detail: 'The body is no JSON.',
  },
  FST_ERR_BAD_URL: {
    code: 'ROUTE_NOT_FOUND',
    status: 400,
    detail: 'The address cannot be decoded.',
  },
};

const frameworkError = z.object({
  code: z.string().optional(),
  statusCode: z.int().min(400).max(499),
});

/** A key as zod's JSON pointer names it: `/events/0/instrument`. */
function keyOf(instancePath: string): string {
  return instancePath.replace(/^\//, '').replaceAll('/', '.');
}

function problemOfFaults(
  context: string | undefined,
  faults: readonly Fault[],
  requestId: string,
): Problem {
  const inBody = context === 'body';
  const named = faults.map(({ key, message }) => (key === '' ? message : `${key}: ${message}`));
  const what = inBody ? 'The body' : 'The address or a header of the request';
  return problemFrom({
    code: inBody ? 'BODY_INVALID' : 'INPUT_INVALID',
    status: inBody ? 400 : 422,
    detail: `${what} is wrong: ${named.join('; ')}.`,
    faults,
    requestId,
  });
}

function problemOfAppError(error: AppError, requestId: string): Problem | null {
  const { code, message, remedy, details } = error;
  const status = PROBLEM_STATUS[code];
  if (status === undefined) return null;
  if (status === 503) {
    // Its message may name what is none of the caller's business: address, file, statement.
    return problemFrom({
      code,
      status,
      detail: 'The request could not be worked on now; nothing was changed.',
      remedy: `Send it again after ${RETRY_SECONDS} seconds.`,
      headers: { 'retry-after': `${RETRY_SECONDS}` },
      requestId,
      isDefect: true,
    });
  }
  const headers = code === 'TOKEN_REFUSED' ? { 'www-authenticate': 'Bearer' } : {};
  return problemFrom({ code, status, detail: message, remedy, details, headers, requestId });
}

/** What a caller is told of an error. Of one that is not the caller's, nothing but the id of the request. */
export function problemOf(error: unknown, requestId: string): Problem {
  if (isAppError(error)) {
    const problem = problemOfAppError(error, requestId);
    if (problem !== null) return problem;
  }
  if (hasZodFastifySchemaValidationErrors(error)) {
    const faults = error.validation.map(({ instancePath, message = 'wrong' }) => ({
      key: keyOf(instancePath),
      message,
    }));
    return problemOfFaults(error.validationContext, faults, requestId);
  }
  const framework = frameworkError.safeParse(error);
  if (framework.success && !isAppError(error)) {
    const { code = '', statusCode } = framework.data;
    const fault = FRAMEWORK_FAULTS[code] ?? {
      code: 'BODY_INVALID' as const,
      status: statusCode,
      detail: 'The request cannot be read.',
    };
    return problemFrom({ ...fault, requestId });
  }
  return problemFrom({
    code: 'INTERNAL',
    status: 500,
    detail: `The request failed inside. The log tells more: look for requestId ${requestId}.`,
    requestId,
    isDefect: true,
  });
}

/** Sends a problem document. */
export function sendProblem(reply: FastifyReply, problem: Problem): FastifyReply {
  return reply
    .code(problem.status)
    .headers(problem.headers)
    .type('application/problem+json')
    .send(JSON.stringify(problem.document));
}

/** What the problem of a request with no route says; `allowed` are the methods that the address has. */
export function noRouteProblem(
  { id, method }: Pick<FastifyRequest, 'id' | 'method'>,
  allowed: readonly string[],
): Problem {
  const code = 'ROUTE_NOT_FOUND';
  if (allowed.length === 0) {
    return problemFrom({
      code,
      status: 404,
      detail: 'There is nothing at this address.',
      remedy: 'Check the address, and http.base_path before it.',
      requestId: id,
    });
  }
  const methods = allowed.join(', ');
  return problemFrom({
    code,
    status: 405,
    detail: `This address does not take ${method}, only ${methods}.`,
    headers: { allow: methods },
    requestId: id,
  });
}
