import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { expect, test } from '@jest/globals';
import type { WebhookScheme } from '../../src/sources/nemo/webhook-signature.js';
import { describeDatabases } from '../support/databases.js';
import {
  eventBody,
  NOW_MS,
  post,
  rowCounts,
  SCHEMES,
  SECRETS,
  send,
  signed,
  sourceOf,
  startLab,
  type Headers,
  type Lab,
} from './nemo-webhook-lab.js';

const BODY = eventBody(5);

interface Forgery {
  readonly what: string;
  readonly scheme: WebhookScheme;
  readonly headers: Headers;
  readonly body?: string | Buffer | readonly string[];
  readonly reason: string;
}

const TIMED = ['standard-webhooks', 'django-webhook'] as const;
const SIGNED = [...TIMED, 'x-hub-signature-256'] as const;
const MINUTE_MS = 60_000;

/** The same headers in other letters, each twice. */
function doubled(headers: Headers): Headers {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, [String(value), String(value)]]),
  );
}

const FORGERIES: readonly Forgery[] = [
  ...SCHEMES.flatMap((scheme): Forgery[] => [
    { what: 'no signature', scheme, headers: {}, reason: 'header-missing' },
    {
      what: 'another secret',
      scheme,
      headers: signed(scheme, BODY, {
        secret:
          scheme === 'standard-webhooks'
            ? `whsec_${Buffer.alloc(32, 9).toString('base64')}`
            : 'some-other-secret',
      }),
      reason: 'signature-wrong',
    },
    {
      what: 'each header twice',
      scheme,
      headers: doubled(signed(scheme, BODY)),
      reason: 'header-repeated',
    },
  ]),
  ...SCHEMES.flatMap((scheme) =>
    SCHEMES.filter((other) => other !== scheme).map((other): Forgery => ({
      what: `signed rightly, but by ${other}`,
      scheme,
      headers: signed(other, BODY),
      reason: 'header-missing',
    })),
  ),
  ...SCHEMES.map((scheme): Forgery => ({
    what: 'all other schemes at once',
    scheme,
    headers: Object.assign(
      {},
      ...SCHEMES.filter((other) => other !== scheme).map((other) => signed(other, BODY)),
    ) as Headers,
    reason: 'header-missing',
  })),
  ...SIGNED.flatMap((scheme): Forgery[] => [
    ...(
      [
        ['another body', eventBody(6)],
        ['a body with a space more', `${BODY} `],
        ['a body cut off', BODY.slice(0, -1)],
        ['an empty body', ''],
        ['a body in UTF-16', Buffer.from(BODY, 'utf16le')],
        ['a body with a byte order mark', `\ufeff${BODY}`],
        ['a compressed body', gzipSync(BODY)],
        ['a body in pieces with one too many', [BODY.slice(0, 9), 'x', BODY.slice(9)]],
      ] as const
    ).map(([what, body]) => ({
      what,
      scheme,
      headers: signed(scheme, BODY),
      body,
      reason: 'signature-wrong',
    })),
  ]),
  ...TIMED.flatMap((scheme): Forgery[] => [
    {
      what: 'six minutes old',
      scheme,
      headers: signed(scheme, BODY, { sentAtMs: NOW_MS - 6 * MINUTE_MS }),
      reason: 'too-old',
    },
    {
      what: 'six minutes ahead',
      scheme,
      headers: signed(scheme, BODY, { sentAtMs: NOW_MS + 6 * MINUTE_MS }),
      reason: 'in-the-future',
    },
  ]),
  {
    what: 'the older signature',
    scheme: 'x-hub-signature-256',
    headers: {
      'X-Hub-Signature': `sha1=${createHmac('sha1', SECRETS['x-hub-signature-256']).update(BODY).digest('hex')}`,
    },
    reason: 'header-missing',
  },
  {
    what: 'two tokens of which one is right',
    scheme: 'static-token',
    headers: { Authorization: [`Token ${SECRETS['static-token']}`, 'Token of-somebody-else'] },
    reason: 'header-repeated',
  },
];

/** Signed rightly, and of no use. */
const UNREADABLE: readonly (readonly [string, Buffer, number, string])[] = [
  ['nothing', Buffer.alloc(0), 400, 'BODY_INVALID'],
  ['no JSON', Buffer.from('Hello, World!'), 400, 'BODY_INVALID'],
  ['JSON that is cut off', Buffer.from(BODY.slice(0, -1)), 400, 'BODY_INVALID'],
  ['a list', Buffer.from(`[${BODY}]`), 400, 'BODY_INVALID'],
  ['bytes that are no UTF-8', Buffer.from('{"id": 5, "note": "\xff"}', 'latin1'), 400, ''],
  ['UTF-16', Buffer.from(BODY, 'utf16le'), 400, ''],
  ['compressed JSON', gzipSync(BODY), 400, ''],
  ['an event without id', Buffer.from(eventBody(5, { id: null })), 400, 'BODY_INVALID'],
  ['a key twice', Buffer.from('{"id": 5, "id": 6}'), 400, 'BODY_INVALID'],
  ['nested too deep', Buffer.from('['.repeat(5000) + ']'.repeat(5000)), 400, 'BODY_INVALID'],
  [
    'too many bytes',
    Buffer.from(eventBody(5, { note: 'x'.repeat(20_000) })),
    413,
    'BODY_TOO_LARGE',
  ],
];

describeDatabases('a pushed message is refused, and nothing of it is kept:', (fixture) => {
  const untouched = async (work: (lab: Lab) => Promise<void>): Promise<Lab> => {
    const before = await rowCounts(fixture.database);
    const lab = await startLab({ database: fixture.database, bodyLimit: 16_384 });
    await work(lab);
    expect(await rowCounts(fixture.database)).toStrictEqual(before);
    expect(lab.hinted).toStrictEqual([]);
    return lab;
  };

  test('forged and stale ones by 401, with the reason in the log alone', async () => {
    expect(FORGERIES.length).toBeGreaterThan(50);
    const lab = await untouched(async ({ origin, logged }) => {
      for (const { what, scheme, headers, body = BODY, reason } of FORGERIES) {
        const answer = await post(`${origin}/ingest/nemo/${scheme}`, headers, body);
        expect({ what, scheme, ...answer }).toMatchObject({
          what,
          scheme,
          status: 401,
          body: {
            code: 'SIGNATURE_REFUSED',
            detail: 'The message is not signed as it should be.',
          },
        });
        expect({ what, scheme, fields: logged.at(-1)?.fields }).toMatchObject({
          fields: { source: scheme, reason, address: '127.0.0.1' },
        });
      }
    });
    expect(lab.logged).toHaveLength(FORGERIES.length);
    expect(lab.outcomes).toStrictEqual(FORGERIES.map(({ scheme }) => `${scheme} refused`));
    const log = JSON.stringify(lab.logged);
    for (const secret of Object.values(SECRETS)) expect(log).not.toContain(secret);
  });

  test('genuine ones that nobody can read by 400, too large ones by 413', async () => {
    await untouched(async ({ origin, outcomes }) => {
      for (const scheme of SCHEMES) {
        for (const [what, body, status, code] of UNREADABLE) {
          const url = `${origin}/ingest/nemo/${scheme}`;
          const answer = await post(url, signed(scheme, body), body);
          // The library of Standard Webhooks signs text: what is none has no right signature there.
          const isUnsigned = code === '' && scheme === 'standard-webhooks' && what !== 'UTF-16';
          expect({ what, scheme, ...answer }).toMatchObject({
            status: isUnsigned ? 401 : status,
            body: { code: isUnsigned ? 'SIGNATURE_REFUSED' : code || 'BODY_INVALID' },
          });
        }
      }
      expect(outcomes.filter((outcome) => outcome.endsWith(' too-large'))).toHaveLength(4);
    });
  });

  test('too large ones before the end, whatever length they claim', async () => {
    await untouched(async ({ origin, outcomes }) => {
      const pieces = ['{"note": "', ...Array.from({ length: 40 }, () => 'x'.repeat(1000)), '"}'];
      const answer = await post(`${origin}/ingest/nemo/static-token`, {}, pieces);
      expect(answer).toMatchObject({ status: 413, body: { code: 'BODY_TOO_LARGE' } });
      expect(outcomes).toStrictEqual(['static-token too-large']);
    });
  });

  test('a source without webhook is not told from one that does not exist', async () => {
    await untouched(async (lab) => {
      const answers = ['nothing-here', 'instrument-pc', 'Static-Token'].map(async (to) => {
        const answer = await send(lab, 'static-token', BODY, { to });
        return JSON.stringify(answer).replaceAll(to, 'NAME');
      });
      expect(new Set(await Promise.all(answers)).size).toBe(1);
      expect(await Promise.all(answers)).toContainEqual(expect.stringContaining('"status":404'));
    });
  });

  test('without a token for NEMO, a message that does not hold the whole event', async () => {
    const before = await rowCounts(fixture.database);
    const lab = await startLab({
      database: fixture.database,
      sources: [sourceOf('django-webhook', { hasToken: false })],
    });
    const answer = await send(lab, 'django-webhook', eventBody(5, { start: undefined }));
    expect(answer).toMatchObject({ status: 400, body: { code: 'BODY_INVALID' } });
    expect(await rowCounts(fixture.database)).toStrictEqual(before);
  });
});
