import { createHmac } from 'node:crypto';

/** How a delivery is signed. `django-model-webhooks` differs from `django-webhook` in the names of its headers only. */
export type WebhookScheme =
  'django-webhook' | 'django-model-webhooks' | 'standard-webhooks' | 'github' | 'none';

/** What the signature of one attempt covers. */
export interface Signable {
  /** The same over all attempts of one delivery. */
  readonly id: string;
  readonly webhookUuid: string;
  /** Unix seconds of the attempt, by the sender's clock. */
  readonly timestamp: number;
  readonly body: string;
  readonly event: string;
}

function hmac(key: string | Buffer, message: string) {
  return createHmac('sha256', key).update(message, 'utf8');
}

function djangoWebhookHeaders(
  prefix: string,
  { timestamp, body, webhookUuid }: Signable,
  secrets: readonly string[],
): Record<string, string> {
  const signatures = secrets.map((secret) => hmac(secret, `${timestamp}:${body}`).digest('hex'));
  return {
    [`${prefix}-Request-Timestamp`]: String(timestamp),
    [`${prefix}-Signature-v1`]: signatures.join(','),
    [`${prefix}-UUID`]: webhookUuid,
  };
}

function standardHeaders(
  { id, timestamp, body }: Signable,
  secrets: readonly string[],
): Record<string, string> {
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    return `v1,${hmac(key, `${id}.${timestamp}.${body}`).digest('base64')}`;
  });
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  };
}

/** GitHub knows one secret. */
function githubHeaders({ id, body, event }: Signable, secret: string): Record<string, string> {
  return {
    'X-GitHub-Delivery': id,
    'X-GitHub-Event': event,
    'X-Hub-Signature-256': `sha256=${hmac(secret, body).digest('hex')}`,
  };
}

/** The headers of one attempt; during a rotation of secrets there is a signature with each. */
export function signatureHeaders(
  scheme: WebhookScheme,
  signable: Signable,
  secrets: readonly string[],
): Record<string, string> {
  switch (scheme) {
    case 'django-webhook':
      return djangoWebhookHeaders('Django-Webhook', signable, secrets);
    case 'django-model-webhooks':
      return djangoWebhookHeaders('Django-Model-Webhooks', signable, secrets);
    case 'standard-webhooks':
      return standardHeaders(signable, secrets);
    case 'github':
      return githubHeaders(signable, secrets[0] ?? '');
    case 'none':
      return {};
  }
}
