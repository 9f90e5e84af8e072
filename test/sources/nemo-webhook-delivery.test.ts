import type { IncomingHttpHeaders } from 'node:http';
import { expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { nemoTimeReader } from '../../src/sources/nemo/nemo-times.js';
import { readWebhookBody } from '../../src/sources/nemo/webhook-body.js';
import { webhookVerifier, type WebhookScheme } from '../../src/sources/nemo/webhook-signature.js';
import type { WebhookOptions } from '../support/fake-nemo/webhook.js';
import { lab, scripted } from './nemo-lab.js';

const NOW_MS = Date.parse('2026-11-21T04:00:00.540902Z');
const clock = { now: () => DateTime.fromMillis(NOW_MS, { zone: 'utc' }) as DateTime<true> };
const readTimes = nemoTimeReader({ timezone: 'America/New_York' });

interface Arrived {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

async function receiver(): Promise<{ url: string; arrived: Arrived[] }> {
  const arrived: Arrived[] = [];
  const { baseUrl } = await scripted((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      arrived.push({ headers: request.headers, body: Buffer.concat(chunks) });
      response.writeHead(204).end();
    });
  });
  return { url: baseUrl, arrived };
}

const SECRETS = ['old-secret-token-0', 'very-secret-token-1'];
const STANDARD_SECRETS = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
const TOKEN_HEADER = { Authorization: `Token ${SECRETS[1] ?? ''}` };

test.each<[WebhookScheme, Omit<WebhookOptions, 'url'>]>([
  ['django-webhook', { body: 'django-webhook', secrets: SECRETS }],
  ['django-webhook', { body: 'django-webhook2', secrets: SECRETS }],
  ['django-webhook', { body: 'django-webhook', scheme: 'django-model-webhooks', secrets: SECRETS }],
  ['standard-webhooks', { body: 'standard-webhooks', secrets: STANDARD_SECRETS }],
  [
    'x-hub-signature-256',
    { body: 'standard-webhooks', scheme: 'github', secrets: SECRETS.slice(1) },
  ],
  ['static-token', { body: 'drf-hooks', headers: TOKEN_HEADER }],
  ['static-token', { body: 'drf-hooks-fields', headers: TOKEN_HEADER }],
  ['static-token', { body: 'signal-webhooks', headers: TOKEN_HEADER }],
])(
  '%s: what a sender with %j tells is genuine, and what the REST interface says',
  async (scheme, options) => {
    const { nemo, client, tool, user, project } = await lab({ now: '2026-11-21T04:00:00.540902Z' });
    const { url, arrived } = await receiver();
    nemo.addWebhook({ ...options, url });
    const { id } = nemo.enable(tool, user, user, project);
    await nemo.settled();
    const event = await client.usageEvent(id);
    nemo.disable(tool);
    await nemo.settled();
    nemo.delete(id);
    await nemo.settled();

    const secret = (scheme === 'standard-webhooks' ? STANDARD_SECRETS : SECRETS)[1] ?? '';
    const verify = webhookVerifier({ scheme, secrets: [secret], clock });
    expect(arrived.map((request) => verify(request).ok)).toStrictEqual([true, true, true]);
    const bodies = arrived.map(({ body }) => readWebhookBody(body, readTimes));
    const actions = bodies.map((body) => (body.ok ? body.action : body.reason));
    const isSilent = options.body === 'signal-webhooks';
    expect(actions).toStrictEqual(
      isSilent ? [null, null, null] : ['created', 'updated', 'deleted'],
    );
    // Whatever the channel, an instant is the same number.
    expect(event?.start.epochMs).toBe(NOW_MS);
    for (const body of bodies) {
      expect(body).toMatchObject({
        eventId: id,
        payload: { start: { epochMs: NOW_MS }, toolId: tool, userId: user },
      });
    }
  },
);
