import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { isUtf8 } from 'node:buffer';
import { Webhook } from 'standardwebhooks';
import type { Clock } from '../../clock.js';
import { AppError } from '../../errors.js';

/**
 * How a sender proves itself. Chosen by configuration, never by the headers that happen to be there: else whoever forges a
 * message would choose the weakest.
 */
export type WebhookScheme =
  /** `webhook-id`, `webhook-timestamp`, `webhook-signature`: https://www.standardwebhooks.com, version 1.0.0, `v1` only. */
  | 'standard-webhooks'
  /** `Django-Webhook-*` or `Django-Model-Webhooks-*`: the Django package django-webhook and its successors. */
  | 'django-webhook'
  /** `X-Hub-Signature-256`, as GitHub has it; without time, so without protection from replay by itself. */
  | 'x-hub-signature-256'
  /** The secret itself in `Authorization` or `X-Secret`; proves nothing about the body. */
  | 'static-token';

/** A message as it arrived. */
export interface WebhookRequest {
  /** As node:http has them; names in any case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** The raw bytes: a signature holds for them only. */
  readonly body: Uint8Array;
}

/** Why a message is not taken, for the log; says nothing about secrets or the right signature. */
export type WebhookFault =
  | 'header-missing'
  | 'header-repeated'
  | 'header-malformed'
  | 'signature-wrong'
  | 'too-old'
  | 'in-the-future';

/** Whether a message comes from who has the secret. */
export type WebhookVerdict =
  | {
      readonly ok: true;
      /**
       * The same for the same message sent again. Without a signed id (all schemes but Standard Webhooks) it is made of the
       * body, with the signed time where there is one.
       */
      readonly replayKey: string;
      /** When it was sent, by the sender's clock, in epoch milliseconds; null: the scheme does not say. */
      readonly sentAtMs: number | null;
    }
  | { readonly ok: false; readonly reason: WebhookFault };

export interface WebhookVerifierOptions {
  readonly scheme: WebhookScheme;
  /** One, or several while they are changed; each is good. */
  readonly secrets: readonly string[];
  readonly clock: Clock;
  /** Milliseconds that the sender's time may be off, both ways. @default 300 s, as the libraries of Standard Webhooks have it */
  readonly toleranceMs?: number;
}

/** Tells whether a message is genuine. */
export type WebhookVerifier = (request: WebhookRequest) => WebhookVerdict;

/** Checks the headers by one scheme; whether the time is right is the caller's to judge. */
type SchemeCheck = (request: WebhookRequest) => WebhookVerdict;

const MOST_SIGNATURES = 32;
const LONGEST_ID = 256;
const TIMESTAMP = /^[1-9]\d{0,10}$/;
const HEX_SHA256 = /^[0-9a-f]{64}$/i;

/** Header names of the django-webhook family; its successors have another prefix. */
const DJANGO_PREFIXES = ['django-webhook', 'django-model-webhooks'] as const;

/**
 * Makes the verifier of one sender.
 * @throws AppError CONFIG_INVALID without secrets, or for one that is too short for its scheme or wrongly written; the secret
 * does not occur in it.
 */
export function webhookVerifier(options: WebhookVerifierOptions): WebhookVerifier {
  const { scheme, secrets, clock, toleranceMs = 300_000 } = options;
  if (secrets.length === 0) throw invalidSecret(scheme, 'There is none');
  const check = checkOf(scheme, secrets);
  return (request) => {
    const verdict = check(request);
    if (!verdict.ok || verdict.sentAtMs === null) return verdict;
    const ageMs = clock.now().toMillis() - verdict.sentAtMs;
    if (ageMs > toleranceMs) return { ok: false, reason: 'too-old' };
    return ageMs < -toleranceMs ? { ok: false, reason: 'in-the-future' } : verdict;
  };
}

function checkOf(scheme: WebhookScheme, secrets: readonly string[]): SchemeCheck {
  if (scheme === 'standard-webhooks') return standardCheck(secrets.map(standardSecret));
  for (const secret of secrets) {
    if (secret.length < 12) throw invalidSecret(scheme, 'One has less than 12 characters');
  }
  if (scheme === 'django-webhook') return djangoCheck(secrets);
  return scheme === 'x-hub-signature-256' ? hubCheck(secrets) : tokenCheck(secrets);
}

function invalidSecret(scheme: WebhookScheme, why: string): AppError {
  return new AppError('CONFIG_INVALID', `The secrets of ${scheme} cannot be used. ${why}.`, {
    remedy:
      scheme === 'standard-webhooks'
        ? 'Write whsec_ and 24 to 64 random bytes in base64.'
        : 'Name at least one, of 12 random characters or more.',
    details: { scheme },
  });
}

function standardSecret(secret: string): Webhook {
  const bytes = Buffer.from(secret.replace(/^whsec_/, ''), 'base64').byteLength;
  if (bytes < 24 || bytes > 64) {
    throw invalidSecret('standard-webhooks', 'One is not of 24 to 64 bytes');
  }
  try {
    return new Webhook(secret);
  } catch {
    // Without the cause, which may show the secret.
    throw invalidSecret('standard-webhooks', 'One is not base64');
  }
}

function standardCheck(webhooks: readonly Webhook[]): SchemeCheck {
  return ({ headers, body }) => {
    const id = readHeader(headers, 'webhook-id');
    const timestamp = readHeader(headers, 'webhook-timestamp');
    const signature = readHeader(headers, 'webhook-signature');
    if (!id.ok) return id;
    if (!timestamp.ok) return timestamp;
    if (!signature.ok) return signature;
    const given = signature.value.split(' ');
    if (!isProperId(id.value) || !TIMESTAMP.test(timestamp.value)) return fault('header-malformed');
    if (given.length > MOST_SIGNATURES) return fault('header-malformed');
    // The library signs text: bytes that are none would be signed as something else.
    if (!isUtf8(body)) return fault('signature-wrong');
    const text = Buffer.from(body).toString('utf8');
    const sentAtMs = Number(timestamp.value) * 1000;
    const isGenuine = webhooks.some((webhook) => {
      const expected = webhook.sign(id.value, new Date(sentAtMs), text);
      return given.some((candidate) => isSame(candidate, expected));
    });
    return isGenuine
      ? { ok: true, replayKey: `standard-webhooks:${id.value}`, sentAtMs }
      : fault('signature-wrong');
  };
}

/** The id is signed with points around it: one with a point could be that of another message, with another time. */
function isProperId(id: string): boolean {
  return id.length <= LONGEST_ID && /^[\x21-\x7e]+$/.test(id) && !id.includes('.');
}

function djangoCheck(secrets: readonly string[]): SchemeCheck {
  return (request) => {
    // Time and signature of one prefix belong together; a message may have both prefixes.
    const verdicts = DJANGO_PREFIXES.map((prefix) => djangoPair(request, prefix, secrets));
    const telling = (verdict: WebhookVerdict): boolean =>
      verdict.ok || verdict.reason !== 'header-missing';
    return verdicts.find(({ ok }) => ok) ?? verdicts.find(telling) ?? fault('header-missing');
  };
}

function djangoPair(
  { headers, body }: WebhookRequest,
  prefix: string,
  secrets: readonly string[],
): WebhookVerdict {
  const timestamp = readHeader(headers, `${prefix}-request-timestamp`);
  const signature = readHeader(headers, `${prefix}-signature-v1`);
  if (!timestamp.ok) return timestamp;
  if (!signature.ok) return signature;
  const given = signature.value.split(',').map((text) => text.trim());
  if (!TIMESTAMP.test(timestamp.value) || given.length > MOST_SIGNATURES) {
    return fault('header-malformed');
  }
  if (!isSignedByAny(given, secrets, [Buffer.from(`${timestamp.value}:`), body])) {
    return fault('signature-wrong');
  }
  return {
    ok: true,
    // Not of the signature: of a list of them, or of two secrets, there is a choice.
    replayKey: `django-webhook:${timestamp.value}:${hashOf(body)}`,
    sentAtMs: Number(timestamp.value) * 1000,
  };
}

function hubCheck(secrets: readonly string[]): SchemeCheck {
  return ({ headers, body }) => {
    const signature = readHeader(headers, 'x-hub-signature-256');
    if (!signature.ok) return signature;
    if (!signature.value.startsWith('sha256=')) return fault('header-malformed');
    const hex = signature.value.slice('sha256='.length);
    if (!isSignedByAny([hex], secrets, [body])) return fault('signature-wrong');
    return { ok: true, replayKey: `x-hub-signature-256:${hashOf(body)}`, sentAtMs: null };
  };
}

function tokenCheck(secrets: readonly string[]): SchemeCheck {
  return ({ headers, body }) => {
    const authorization = readHeader(headers, 'authorization');
    const secret = readHeader(headers, 'x-secret');
    const given = [
      // With a word before it, or (django-signal-webhooks) bare.
      ...(authorization.ok ? [authorization.value.replace(/^(?:bearer|token) +/i, '')] : []),
      ...(secret.ok ? [secret.value] : []),
    ];
    if (given.length === 0) {
      const isRepeated = [authorization, secret].some(
        (header) => !header.ok && header.reason === 'header-repeated',
      );
      return fault(isRepeated ? 'header-repeated' : 'header-missing');
    }
    const isGenuine = secrets.some((known) => given.some((candidate) => isSame(candidate, known)));
    return isGenuine
      ? { ok: true, replayKey: `static-token:${hashOf(body)}`, sentAtMs: null }
      : fault('signature-wrong');
  };
}

/** Whether one of the signatures (HMAC-SHA256 in hexadecimal) is that of the message by one of the secrets. */
function isSignedByAny(
  signatures: readonly string[],
  secrets: readonly string[],
  message: readonly Uint8Array[],
): boolean {
  const candidates = signatures
    .filter((signature) => HEX_SHA256.test(signature))
    .map((signature) => Buffer.from(signature, 'hex'));
  return secrets.some((secret) => {
    const hmac = createHmac('sha256', secret);
    for (const part of message) hmac.update(part);
    const expected = hmac.digest();
    return candidates.some((candidate) => timingSafeEqual(candidate, expected));
  });
}

/** In a time that tells nothing about the texts: of their hashes, which have one length. */
function isSame(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}

function hashOf(body: Uint8Array): string {
  return createHash('sha256').update(body).digest('hex');
}

function fault(reason: WebhookFault): { readonly ok: false; readonly reason: WebhookFault } {
  return { ok: false, reason };
}

/** A header that is there once. */
function readHeader(
  headers: WebhookRequest['headers'],
  name: string,
): { readonly ok: true; readonly value: string } | ReturnType<typeof fault> {
  const values = Object.entries(headers)
    .filter(([other]) => other.toLowerCase() === name)
    .flatMap(([, value]) => value ?? []);
  const [value] = values;
  if (value === undefined || value === '') return fault('header-missing');
  return values.length === 1 ? { ok: true, value } : fault('header-repeated');
}
