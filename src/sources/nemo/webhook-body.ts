import { createHash } from 'node:crypto';
import { z } from 'zod';
import { isAppError } from '../../errors.js';
import { readJson, type JsonFault } from './json-text.js';
import { id, parseUsageEvent, type UsageEvent } from './nemo-rows.js';
import type { NemoTimeReader } from './nemo-times.js';

/** What happened to an event, by the word of the sender; to be believed only after a look at the event itself. */
export type WebhookAction = 'created' | 'updated' | 'deleted';

/** Why a body is not taken. */
export type WebhookBodyFault =
  | 'too-large'
  | 'not-utf8'
  | JsonFault
  /** None of the shapes that senders are known to have. */
  | 'unknown-shape'
  /** It is about a reservation, a tool... */
  | 'not-a-usage-event'
  | 'no-event-id';

/** What a body says. */
export type WebhookBody =
  | {
      readonly ok: true;
      readonly eventId: number;
      /** Null: the sender does not say, or in words of its own. */
      readonly action: WebhookAction | null;
      /** The event as it is said to be now (for a deletion: was last); null: not, or not readably, in the message. */
      readonly payload: UsageEvent | null;
      /** What `payload` was read from, as parseUsageEvent takes it. */
      readonly row: Readonly<Record<string, unknown>>;
      /** SHA-256 of the bytes, in hexadecimal. */
      readonly bodyHash: string;
    }
  | { readonly ok: false; readonly reason: WebhookBodyFault; readonly bodyHash: string };

/** What a shape comes down to. */
interface Message {
  /** What the sender calls the event: `NEMO.UsageEvent/update`, `usage_event.updated`. */
  readonly name: string | null;
  /** Django's name of the model: `NEMO.usageevent`. */
  readonly model: string | null;
  readonly row: Readonly<Record<string, unknown>>;
}

const MOST_BYTES = 1_048_576;

const row = z.record(z.string(), z.unknown());

/** Django's serializer: `{model, pk, fields}`. */
const serialized = z
  .object({ model: z.string(), pk: z.unknown(), fields: row })
  .transform(({ model, pk, fields }): Message => ({
    name: null,
    model,
    row: { ...fields, id: pk },
  }));

const flat = row.transform((object): Message => ({ name: null, model: null, row: object }));

const data = z.union([serialized, flat]);

/** The shapes of django-webhook, drf-hooks and django-rest-hooks, Standard Webhooks, Django's serializer, NEMO's REST. */
const bodySchema = z.union([
  z
    .object({ topic: z.string(), object: row, object_type: z.string().nullish() })
    .transform(({ topic, object, object_type }): Message => ({
      name: topic,
      model: object_type ?? topic.split('/')[0] ?? null,
      row: object,
    })),
  z
    .object({ hook: z.object({ event: z.string() }), data })
    .transform(({ hook, data: message }): Message => ({ ...message, name: hook.event })),
  z
    .object({ type: z.string(), timestamp: z.unknown(), data })
    .transform(({ type, data: message }): Message => ({ ...message, name: type })),
  data,
]);

/** The last word of a name says what happened: Django's signals, and the words that senders make of them. */
const ACTIONS: readonly (readonly [RegExp, WebhookAction])[] = [
  [/(?:create|created|add|added)$/i, 'created'],
  [/(?:update|updated|change|changed)$/i, 'updated'],
  [/(?:delete|deleted|remove|removed)$/i, 'deleted'],
];

/** Keys that a row of usage events has in every version; no other model of NEMO has all of them. */
const EVENT_KEYS = ['start', 'end', 'tool', 'user', 'operator', 'project'] as const;

/**
 * Reads the body of a message from NEMO, whichever package sent it. Nothing is thrown for what a sender may get wrong.
 */
export function readWebhookBody(body: Uint8Array, readTimes: NemoTimeReader): WebhookBody {
  const bodyHash = createHash('sha256').update(body).digest('hex');
  const refuse = (reason: WebhookBodyFault): WebhookBody => ({ ok: false, reason, bodyHash });
  if (body.byteLength > MOST_BYTES) return refuse('too-large');
  const text = decode(body);
  if (text === null) return refuse('not-utf8');
  const read = readJson(text);
  if (!read.ok) return refuse(read.reason);
  const message = bodySchema.safeParse(read.value);
  if (!message.success) return refuse('unknown-shape');
  if (!isUsageEvent(message.data)) return refuse('not-a-usage-event');
  const eventId = id.safeParse(message.data.row['id']);
  if (!eventId.success) return refuse('no-event-id');
  return {
    ok: true,
    eventId: eventId.data,
    action: actionOf(message.data.name),
    payload: payloadOf(message.data.row, readTimes),
    row: message.data.row,
    bodyHash,
  };
}

function decode(body: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

/** By the name of the model where it is told; else by that of the event, which is the site's own, or by its keys. */
function isUsageEvent({ name, model, row: fields }: Message): boolean {
  if (model !== null) return /^nemo\.usageevent$/i.test(model);
  if (name !== null && /usage[._ -]?event/i.test(name)) return true;
  return EVENT_KEYS.every((key) => Object.hasOwn(fields, key));
}

function actionOf(name: string | null): WebhookAction | null {
  const found = ACTIONS.find(([words]) => name !== null && words.test(name));
  return found?.[1] ?? null;
}

function payloadOf(fields: Message['row'], readTimes: NemoTimeReader): UsageEvent | null {
  try {
    return parseUsageEvent(fields, readTimes);
  } catch (error) {
    if (isAppError(error)) return null;
    throw error;
  }
}
