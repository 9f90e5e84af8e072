import { createHmac } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { Webhook } from 'standardwebhooks';
import { isAppError } from '../../src/errors.js';
import {
  webhookVerifier,
  type WebhookScheme,
  type WebhookVerdict,
} from '../../src/sources/nemo/webhook-signature.js';

type Headers = Record<string, string | string[]>;

/** The verdict of a receiver whose clock stands at `nowMs`. */
function verdictOf(
  scheme: WebhookScheme,
  secrets: readonly string[],
  headers: Headers,
  body: string | Uint8Array,
  nowMs: number,
): WebhookVerdict {
  const clock = { now: () => DateTime.fromMillis(nowMs, { zone: 'utc' }) as DateTime<true> };
  return webhookVerifier({ scheme, secrets, clock })({
    headers,
    body: typeof body === 'string' ? Buffer.from(body) : body,
  });
}

const STANDARD = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
  signature: 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
};
const STANDARD_MS = STANDARD.timestamp * 1000;

function standardHeaders(changes: Headers = {}): Headers {
  return {
    'webhook-id': STANDARD.id,
    'webhook-timestamp': String(STANDARD.timestamp),
    'webhook-signature': STANDARD.signature,
    ...changes,
  };
}

const DJANGO = {
  secret: 'very-secret-token-1',
  oldSecret: 'old-secret-token-0',
  timestamp: 1795237005,
  body: '{"object": {"id": 5, "user": 2, "operator": 2, "project": 1, "tool": 2, "start": "2026-11-21T04:51:33.540Z", "end": null, "has_ended": 0, "note": null, "staff_charge": null, "validated": false, "validated_by": null, "remote_work": false, "training": false, "pre_run_data": "", "run_data": null, "waived": false, "waived_on": null, "waived_by": null}, "topic": "NEMO.UsageEvent/create", "object_type": "NEMO.UsageEvent", "webhook_uuid": "cbf69ce9-e2f2-4994-811b-322c90eb1287"}',
  signature: 'e65909ef6b103488233325864f69e3a20fb35e3a993abbefbcf716246b8fc053',
  oldSignature: '0542c20bfd951cc6ee0cf55ae982a2364ba89bde06d6b2d5d53633a6da3ce21d',
};
const DJANGO_MS = DJANGO.timestamp * 1000;

function djangoHeaders(changes: Headers = {}): Headers {
  return {
    'Django-Webhook-Request-Timestamp': String(DJANGO.timestamp),
    'Django-Webhook-Signature-v1': DJANGO.signature,
    'Django-Webhook-UUID': 'cbf69ce9-e2f2-4994-811b-322c90eb1287',
    ...changes,
  };
}

const HUB = {
  secret: "It's a Secret to Everybody",
  body: 'Hello, World!',
  signature: 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
};

describe('Standard Webhooks', () => {
  const verdict = (
    headers: Headers,
    nowMs = STANDARD_MS,
    body: string | Uint8Array = STANDARD.body,
    secrets = [STANDARD.secret],
  ) => verdictOf('standard-webhooks', secrets, headers, body, nowMs);

  test('the published vector; its id is the replay key', () => {
    expect(verdict(standardHeaders())).toStrictEqual({
      ok: true,
      replayKey: `standard-webhooks:${STANDARD.id}`,
      sentAtMs: STANDARD_MS,
    });
  });

  test('one of several signatures and one of several secrets suffice', () => {
    const other = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;
    const signatures = `v1a,AAAA v1,${'A'.repeat(43)}= ${STANDARD.signature}`;
    const headers = standardHeaders({ 'webhook-signature': signatures });
    expect(verdict(headers, STANDARD_MS, STANDARD.body, [other, STANDARD.secret]).ok).toBe(true);
    expect(verdict(headers, STANDARD_MS, STANDARD.body, [other])).toStrictEqual({
      ok: false,
      reason: 'signature-wrong',
    });
  });

  test('text of several bytes a character is signed as its bytes', () => {
    const body = '{"note": "Grüße 😀"}';
    const signature = new Webhook(STANDARD.secret).sign(STANDARD.id, new Date(STANDARD_MS), body);
    expect(verdict(standardHeaders({ 'webhook-signature': signature }), STANDARD_MS, body).ok).toBe(
      true,
    );
  });

  test.each<[string, Headers, number, string]>([
    ['just in time', {}, 300_000, 'ok'],
    ['too old', {}, 300_001, 'too-old'],
    ['just not too early', {}, -300_000, 'ok'],
    ['of a clock that is ahead', {}, -300_001, 'in-the-future'],
    ['with another id', { 'webhook-id': 'msg_other' }, 0, 'signature-wrong'],
    ['with another time', { 'webhook-timestamp': '1614265331' }, 0, 'signature-wrong'],
    [
      'with a time that is no whole number',
      { 'webhook-timestamp': '1614265330.0' },
      0,
      'header-malformed',
    ],
    [
      'with a time of the same value',
      { 'webhook-timestamp': '01614265330' },
      0,
      'header-malformed',
    ],
    ['with a huge time', { 'webhook-timestamp': '9'.repeat(400) }, 0, 'header-malformed'],
    ['with a negative time', { 'webhook-timestamp': '-1' }, 0, 'header-malformed'],
    ['with a point in its id', { 'webhook-id': 'a.b' }, 0, 'header-malformed'],
    ['with a huge id', { 'webhook-id': 'a'.repeat(257) }, 0, 'header-malformed'],
    ['without signature', { 'webhook-signature': '' }, 0, 'header-missing'],
    ['without id', { 'webhook-id': '' }, 0, 'header-missing'],
    [
      'with another version only',
      { 'webhook-signature': STANDARD.signature.replace('v1', 'v2') },
      0,
      'signature-wrong',
    ],
    ['without version', { 'webhook-signature': STANDARD.signature.slice(3) }, 0, 'signature-wrong'],
    [
      'with a cut signature',
      { 'webhook-signature': STANDARD.signature.slice(0, -1) },
      0,
      'signature-wrong',
    ],
    [
      'with a thousand signatures',
      { 'webhook-signature': 'v1,x '.repeat(1000) },
      0,
      'header-malformed',
    ],
    ['with two ids', { 'webhook-id': [STANDARD.id, 'b'] }, 0, 'header-repeated'],
    ['with two ids in two cases', { 'Webhook-Id': 'b' }, 0, 'header-repeated'],
  ])('a message %s: %s', (_, changes, lateMs, expected) => {
    const found = verdict(standardHeaders(changes), STANDARD_MS + lateMs);
    expect(found.ok ? 'ok' : found.reason).toBe(expected);
  });

  test('bytes that are no text do not pass as the text that replaces them', () => {
    const signature = new Webhook(STANDARD.secret).sign(
      STANDARD.id,
      new Date(STANDARD_MS),
      '{"a": "\ufffd"}',
    );
    const headers = standardHeaders({ 'webhook-signature': signature });
    expect(verdict(headers, STANDARD_MS, '{"a": "\ufffd"}').ok).toBe(true);
    const forged = Buffer.from('{"a": "\xff"}', 'latin1');
    expect(verdict(headers, STANDARD_MS, forged)).toStrictEqual({
      ok: false,
      reason: 'signature-wrong',
    });
  });
});

describe('django-webhook', () => {
  const verdict = (headers: Headers, lateMs = 0, secrets = [DJANGO.secret], body = DJANGO.body) =>
    verdictOf('django-webhook', secrets, headers, body, DJANGO_MS + lateMs);

  test('the published vectors, of both secrets', () => {
    expect(Buffer.from(DJANGO.body)).toHaveLength(475);
    expect(verdict(djangoHeaders())).toMatchObject({ ok: true, sentAtMs: DJANGO_MS });
    const old = djangoHeaders({ 'Django-Webhook-Signature-v1': DJANGO.oldSignature });
    expect(verdict(old, 0, [DJANGO.oldSecret]).ok).toBe(true);
  });

  test('while secrets are changed one match is enough', () => {
    const both = djangoHeaders({
      'Django-Webhook-Signature-v1': `${DJANGO.oldSignature},${DJANGO.signature}`,
    });
    expect(verdict(both).ok).toBe(true);
    expect(verdict(both, 0, [DJANGO.oldSecret]).ok).toBe(true);
    expect(verdict(djangoHeaders(), 0, ['some-other-secret', DJANGO.secret]).ok).toBe(true);
  });

  test('leaving out one of two signatures makes no new message', () => {
    const secrets = [DJANGO.oldSecret, DJANGO.secret];
    const keys = [`${DJANGO.oldSignature},${DJANGO.signature}`, DJANGO.signature].map((value) =>
      verdict(djangoHeaders({ 'Django-Webhook-Signature-v1': value }), 0, secrets),
    );
    expect(keys[0]).toStrictEqual(keys[1]);
  });

  test('the header names of its successors', () => {
    const headers = {
      'django-model-webhooks-request-timestamp': String(DJANGO.timestamp),
      'django-model-webhooks-signature-v1': DJANGO.signature,
    };
    expect(verdict(headers).ok).toBe(true);
    // Both families at once are no fault, but a pair is never made of the two.
    expect(verdict({ ...headers, ...djangoHeaders() }).ok).toBe(true);
    expect(
      verdict({
        'django-model-webhooks-request-timestamp': String(DJANGO.timestamp),
        'django-webhook-signature-v1': DJANGO.signature,
      }),
    ).toStrictEqual({ ok: false, reason: 'header-missing' });
  });

  test.each<[string, Headers, number, string]>([
    ['just in time', {}, 300_000, 'ok'],
    ['too old', {}, 300_001, 'too-old'],
    ['of a clock that is ahead', {}, -300_001, 'in-the-future'],
    [
      'with another time',
      { 'Django-Webhook-Request-Timestamp': '1795237006' },
      0,
      'signature-wrong',
    ],
    [
      'with a time that is none',
      { 'Django-Webhook-Request-Timestamp': 'NaN' },
      0,
      'header-malformed',
    ],
    ['without time', { 'Django-Webhook-Request-Timestamp': '' }, 0, 'header-missing'],
    ['with a short signature', { 'Django-Webhook-Signature-v1': 'e659' }, 0, 'signature-wrong'],
    ['with an empty list', { 'Django-Webhook-Signature-v1': ',,' }, 0, 'signature-wrong'],
    [
      'with a thousand signatures',
      { 'Django-Webhook-Signature-v1': 'a,'.repeat(1000) },
      0,
      'header-malformed',
    ],
  ])('a message %s: %s', (_, changes, lateMs, expected) => {
    const found = verdict(djangoHeaders(changes), lateMs);
    expect(found.ok ? 'ok' : found.reason).toBe(expected);
  });

  test('JSON written anew is another message', () => {
    const rewritten = JSON.stringify(JSON.parse(DJANGO.body));
    expect(verdict(djangoHeaders(), 0, [DJANGO.secret], rewritten).ok).toBe(false);
  });
});

describe('X-Hub-Signature-256', () => {
  const verdict = (headers: Headers, body = HUB.body) =>
    verdictOf('x-hub-signature-256', [HUB.secret], headers, body, 0);

  test('the published vector, which has no time', () => {
    const found = verdict({ 'X-Hub-Signature-256': HUB.signature });
    expect(found).toMatchObject({ ok: true, sentAtMs: null });
  });

  test('a header that is not signed changes no replay key', () => {
    const signed = { 'X-Hub-Signature-256': HUB.signature };
    expect(verdict({ ...signed, 'X-GitHub-Delivery': 'a' })).toStrictEqual(
      verdict({ ...signed, 'X-GitHub-Delivery': 'b' }),
    );
  });

  const sha1 = createHmac('sha1', HUB.secret).update(HUB.body).digest('hex');
  test.each<[string, Headers, string]>([
    [
      'of another body',
      { 'X-Hub-Signature-256': HUB.signature.replace('757', '758') },
      'signature-wrong',
    ],
    ['with the older signature', { 'X-Hub-Signature': `sha1=${sha1}` }, 'header-missing'],
    [
      'with the older signature in the new header',
      { 'X-Hub-Signature-256': `sha1=${sha1}` },
      'header-malformed',
    ],
    ['without method', { 'X-Hub-Signature-256': HUB.signature.slice(7) }, 'header-malformed'],
    ['with nothing', {}, 'header-missing'],
  ])('a message %s: %s', (_, headers, expected) => {
    const found = verdict(headers);
    expect(found.ok ? 'ok' : found.reason).toBe(expected);
  });
});

describe('static token', () => {
  const secret = 'a-token-of-some-length';
  test.each<[Headers, string]>([
    [{ authorization: `Bearer ${secret}` }, 'ok'],
    [{ authorization: `Token ${secret}` }, 'ok'],
    [{ authorization: secret }, 'ok'],
    [{ 'X-Secret': secret }, 'ok'],
    [{ authorization: 'Basic Og==', 'x-secret': secret }, 'ok'],
    [{ authorization: `Bearer ${secret}x` }, 'signature-wrong'],
    [{ authorization: 'Bearer ' }, 'signature-wrong'],
    [{ 'x-secret': secret.slice(0, -1) }, 'signature-wrong'],
    [{ 'x-secret': [secret, secret] }, 'header-repeated'],
    [{}, 'header-missing'],
  ])('%j: %s', (headers, expected) => {
    const found = verdictOf('static-token', ['another-secret', secret], headers, '{}', 0);
    expect(found.ok ? 'ok' : found.reason).toBe(expected);
  });
});

describe('the scheme is the configured one', () => {
  const secret = `whsec_${Buffer.alloc(24, 1).toString('base64')}`;
  const body = '{}';
  const hex = createHmac('sha256', secret).update(body).digest('hex');
  const everything: Record<WebhookScheme, Headers> = {
    'standard-webhooks': {
      'webhook-id': 'a',
      'webhook-timestamp': '1000',
      'webhook-signature': new Webhook(secret).sign('a', new Date(1_000_000), body),
    },
    'django-webhook': {
      'django-webhook-request-timestamp': '1000',
      'django-webhook-signature-v1': createHmac('sha256', secret)
        .update(`1000:${body}`)
        .digest('hex'),
    },
    'x-hub-signature-256': { 'x-hub-signature-256': `sha256=${hex}` },
    'static-token': { 'x-secret': secret },
  };
  const schemes = Object.keys(everything) as WebhookScheme[];
  const pairs = schemes.flatMap((scheme) => schemes.map((sent) => [scheme, sent] as const));

  test.each(pairs)('configured %s, sent %s', (scheme, sent) => {
    const found = verdictOf(scheme, [secret], everything[sent], body, 1_000_000);
    expect(found.ok).toBe(scheme === sent);
  });

  test.each(schemes)('%s: a right signature of another scheme does not help', (scheme) => {
    const others = schemes
      .filter((other) => other !== scheme)
      .flatMap((other) => Object.entries(everything[other]));
    const found = verdictOf(scheme, [secret], Object.fromEntries(others), body, 1_000_000);
    expect(found.ok).toBe(false);
  });
});

test.each<[WebhookScheme, string[]]>([
  ['standard-webhooks', []],
  ['standard-webhooks', ['whsec_c2hvcnQtc2VjcmV0']],
  ['standard-webhooks', ['whsec_!!!!MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw']],
  ['django-webhook', ['']],
  ['x-hub-signature-256', ['short-secr']],
  ['static-token', ['good-enough-secret', '']],
])('secrets that cannot be used are refused and not shown: %s %j', (scheme, secrets) => {
  let thrown: unknown;
  try {
    verdictOf(scheme, secrets, {}, '', 0);
  } catch (error) {
    thrown = error;
  }
  expect(isAppError(thrown) && thrown.code).toBe('CONFIG_INVALID');
  const shown = JSON.stringify(thrown, Object.getOwnPropertyNames(thrown));
  for (const secret of secrets.filter((text) => text !== '')) expect(shown).not.toContain(secret);
});
