import type {} from '@fastify/rate-limit';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import type { HintReceipt, PushedHint } from '../db/webhook-hint-store.js';
import type { Clock } from '../clock.js';
import { AppError, isAppError, systemErrorCode, type ErrorCode } from '../errors.js';
import type { Log } from '../log.js';
import type { NemoTimeReader } from '../sources/nemo/nemo-times.js';
import { readWebhookBody } from '../sources/nemo/webhook-body.js';
import {
  webhookVerifier,
  type WebhookScheme,
  type WebhookVerdict,
  type WebhookVerifier,
} from '../sources/nemo/webhook-signature.js';
import { PROBLEM_STATUS } from './problem-status.js';
import type { RoutePlugin } from './route-plugin.js';
import { WebhookInbox } from './webhook-inbox.js';

/** A NEMO that pushes. */
export interface NemoWebhookSource {
  /** As in the configuration: the last part of the address. */
  readonly name: string;
  readonly webhook: {
    readonly scheme: WebhookScheme;
    readonly secrets: readonly string[];
    /** Milliseconds that the sender's clock may be off; where the scheme has no time, how long a message is known again. */
    readonly toleranceMs: number;
  };
  /** Whether what is pushed can be read from the source: then no content of a message is kept. */
  readonly hasToken: boolean;
  /** Reads times as this NEMO writes them. */
  readonly readTimes: NemoTimeReader;
}

/** What became of a message. */
export type WebhookOutcome =
  | HintReceipt
  /** About something else than a usage event. */
  | 'ignored'
  /** Not signed as it should be. */
  | 'refused'
  | 'invalid'
  | 'too-large'
  | 'too-many'
  /** The sender was told to come again. */
  | 'not-stored';

/** Who wants to know. */
export interface WebhookListeners {
  /** A hint of the source waits to be followed up, and survives whatever happens to this process. */
  onHint(source: string): void;
  /** Each message once. */
  onOutcome(source: string, outcome: WebhookOutcome): void;
}

export interface NemoWebhookLimits {
  /** From one address to one source. @default 6000: validating a month's events in bulk pushes hundreds at once */
  readonly messagesPerMinute?: number;
  /** Hints of one source that may wait to be followed up. @default 100,000 */
  readonly mostWaiting?: number;
  /** Milliseconds after which a sender is told to come again. @default 5000: some senders wait 10 s */
  readonly answerWithinMs?: number;
}

const OUTCOMES: Partial<Readonly<Record<ErrorCode, WebhookOutcome>>> = {
  SIGNATURE_REFUSED: 'refused',
  BODY_INVALID: 'invalid',
  BODY_TOO_LARGE: 'too-large',
  TOO_MANY_REQUESTS: 'too-many',
};

const RETRY_AFTER_SECONDS = 5;
/** Senders of Standard Webhooks send a message again, under the same id, for about a day. */
const SIGNED_ID_KEPT_MS = 86_400_000;
const MINUTE_MS = 60_000;

/**
 * `POST /ingest/nemo/{source}`: takes what NEMO pushes, as hints that the harvester follows up. Answers 202 once the hint is
 * kept for good. A source without a webhook has no route, as if it did not exist.
 * @throws AppError CONFIG_INVALID, when it is registered, for secrets that cannot be used
 */
export function nemoWebhookRoutes(
  sources: readonly NemoWebhookSource[],
  listeners: WebhookListeners,
  limits: NemoWebhookLimits = {},
): RoutePlugin {
  const { messagesPerMinute = 6000, mostWaiting = 100_000, answerWithinMs = 5000 } = limits;
  return (server, { database, clock, log }) => {
    const inbox = new WebhookInbox({ database, clock, mostWaiting, answerWithinMs });
    server.removeAllContentTypeParsers();
    server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
      done(null, body);
    });
    // A signature holds for bytes, whatever they are called; a malformed name would be refused before anyone looks.
    server.addHook('onRequest', (request, _reply, done) => {
      request.raw.headers['content-type'] = 'application/octet-stream';
      done();
    });
    for (const source of sources) {
      const receive = receiverOf(source, { inbox, listeners, clock, log });
      server.post(`/ingest/nemo/${source.name}`, {
        config: {
          rateLimit: {
            max: messagesPerMinute,
            timeWindow: MINUTE_MS,
            errorResponseBuilder: tooManyRequests,
          },
        },
        errorHandler: (error, _request, reply) => failWith(error, reply, source.name, listeners),
        handler: async (request, reply) => reply.code(202).send(await receive(request)),
      });
    }
  };
}

interface Surroundings {
  readonly inbox: WebhookInbox;
  readonly listeners: WebhookListeners;
  readonly clock: Clock;
  readonly log: Log;
}

/** What the sender of a message that was taken is told. */
interface Receipt {
  readonly accepted: true;
  readonly duplicate?: true;
  readonly ignored?: true;
}

function receiverOf(source: NemoWebhookSource, surroundings: Surroundings) {
  const { inbox, listeners, clock, log } = surroundings;
  const verify = webhookVerifier({ ...source.webhook, clock });
  return async (request: FastifyRequest): Promise<Receipt> => {
    const body = bytesOf(request);
    const verdict = requireGenuine(verify, request, body, source.name, log);
    const hint = hintOf(source, verdict, body, clock.now().toMillis());
    if (hint === null) {
      listeners.onOutcome(source.name, 'ignored');
      return { accepted: true, ignored: true };
    }
    const receipt = await inbox.take(hint);
    listeners.onOutcome(source.name, receipt);
    if (receipt === 'duplicate') return { accepted: true, duplicate: true };
    listeners.onHint(source.name);
    return { accepted: true };
  };
}

function bytesOf({ body }: FastifyRequest): Uint8Array {
  return body instanceof Uint8Array ? body : new Uint8Array();
}

type Genuine = Extract<WebhookVerdict, { readonly ok: true }>;

/** The sender is not told why it is refused, which would help to forge; the log is. */
function requireGenuine(
  verify: WebhookVerifier,
  { raw, ip }: FastifyRequest,
  body: Uint8Array,
  source: string,
  log: Log,
): Genuine {
  // As they came: Node joins some repeated headers and drops others.
  const verdict = verify({ headers: raw.headersDistinct, body });
  if (verdict.ok) return verdict;
  log.warn('A pushed message was refused.', { source, reason: verdict.reason, address: ip });
  throw new AppError('SIGNATURE_REFUSED', 'The message is not signed as it should be.', {
    remedy: 'Compare scheme and secret with those configured, and the clocks of both machines.',
  });
}

/** What a genuine message says; null: nothing of usage events. */
function hintOf(
  { name, webhook, hasToken, readTimes }: NemoWebhookSource,
  verdict: Genuine,
  body: Uint8Array,
  nowMs: number,
): PushedHint | null {
  const message = readWebhookBody(body, readTimes);
  if (!message.ok) {
    if (message.reason === 'not-a-usage-event') return null;
    if (message.reason === 'too-large') throw tooLarge();
    throw new AppError('BODY_INVALID', `The message cannot be understood: ${message.reason}.`, {
      details: { reason: message.reason },
    });
  }
  if (!hasToken && message.payload === null) {
    throw new AppError('BODY_INVALID', 'The message does not hold a whole usage event.', {
      remedy: 'Send all fields, or give the source a token, so that the event can be read.',
      details: { eventId: message.eventId },
    });
  }
  return {
    source: name,
    eventId: message.eventId,
    action: message.action,
    payload: hasToken ? null : message.row,
    replayKey: verdict.replayKey,
    replayExpiresAtMs: replayExpiry(webhook, verdict, nowMs),
  };
}

/** A minute longer than the message would be believed: the clocks of several daemons differ. */
function replayExpiry(
  { scheme, toleranceMs }: NemoWebhookSource['webhook'],
  { sentAtMs }: Genuine,
  nowMs: number,
): number {
  const believedUntilMs = Math.max(sentAtMs ?? nowMs, nowMs) + toleranceMs + MINUTE_MS;
  return scheme === 'standard-webhooks'
    ? Math.max(believedUntilMs, nowMs + SIGNED_ID_KEPT_MS)
    : believedUntilMs;
}

/** Counts what went wrong and gives it to the error handler of the server, which knows how to say it. */
function failWith(
  error: FastifyError,
  reply: FastifyReply,
  source: string,
  listeners: WebhookListeners,
): never {
  const failure = systemErrorCode(error) === 'FST_ERR_CTP_BODY_TOO_LARGE' ? tooLarge(error) : error;
  if (isAppError(failure)) {
    listeners.onOutcome(source, OUTCOMES[failure.code] ?? 'not-stored');
    if (PROBLEM_STATUS[failure.code] === 503) reply.header('retry-after', RETRY_AFTER_SECONDS);
  } else {
    const isOfSender = error.statusCode !== undefined && error.statusCode < 500;
    listeners.onOutcome(source, isOfSender ? 'invalid' : 'not-stored');
  }
  throw failure;
}

function tooLarge(cause?: Error): AppError {
  return new AppError('BODY_TOO_LARGE', 'The message is larger than allowed.', {
    ...(cause === undefined ? {} : { cause }),
    remedy: 'Send less; http.body_limit can be raised to 1 MiB.',
  });
}

function tooManyRequests(): AppError {
  return new AppError('TOO_MANY_REQUESTS', 'More messages a minute come than are taken.', {
    remedy: 'Wait as Retry-After says.',
  });
}
