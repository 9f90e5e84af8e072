import { randomUUID } from 'node:crypto';
import type { Context, SavedAction, Signal } from './context.js';
import { isoCutToMilliseconds, pythonText, type Instant } from './instants.js';
import { pythonJson } from './python-json.js';
import { RESOURCES } from './resources.js';
import type { Cell, JsonValue, UsageEventRow } from './rows.js';
import { Serializer } from './serialize.js';

/**
 * What the packages send: django-webhook and its fork, drf-hooks with NEMO's serializer or with Django's own (as
 * django-rest-hooks does), django-signal-webhooks (no word of what happened), and the envelope of Standard Webhooks.
 */
export type WebhookBody =
  | 'django-webhook'
  | 'django-webhook2'
  | 'drf-hooks'
  | 'drf-hooks-fields'
  | 'signal-webhooks'
  | 'standard-webhooks';

/** How the web hook is set up, as its bodies name it. */
export interface WebhookIdentity {
  /** Number in the table of hooks. */
  readonly id: number;
  readonly url: string;
  readonly uuid: string;
}

const MODEL_ORDER: readonly (keyof UsageEventRow)[] = [
  ...(['id', 'user', 'operator', 'project', 'tool', 'start', 'end', 'has_ended', 'note'] as const),
  ...(['staff_charge', 'validated', 'validated_by', 'remote_work', 'training'] as const),
  ...(['pre_run_data', 'run_data', 'waived', 'waived_on', 'waived_by'] as const),
];

const PAST: Readonly<Record<SavedAction, string>> = {
  create: 'created',
  update: 'updated',
  delete: 'deleted',
};

/** The columns in the order of the model, other than that of the REST API. */
function modelFields(
  context: Context,
  event: UsageEventRow,
  time: (instant: Instant) => string,
): Record<string, JsonValue> {
  const isOld = context.settings.version === '4.x';
  const columns = MODEL_ORDER.filter(
    (column) => !(isOld && RESOURCES.usage_events.notInOldVersion.has(column)),
  );
  const value = (cell: Cell): JsonValue => (typeof cell === 'bigint' ? time(cell) : cell);
  return Object.fromEntries(columns.map((column) => [column, value(event[column])]));
}

function withoutId(fields: Record<string, JsonValue>): JsonValue {
  return Object.fromEntries(Object.entries(fields).filter(([column]) => column !== 'id'));
}

function bodyOf(
  body: WebhookBody,
  context: Context,
  { action, event }: Signal,
  hook: WebhookIdentity,
): JsonValue {
  const fields = modelFields(context, event, isoCutToMilliseconds);
  const model = { model: 'NEMO.usageevent', pk: event.id };
  const serialized = new Serializer(context.database, context.settings).object(
    RESOURCES.usage_events,
    event,
  );
  const eventName = `usage_event.${PAST[action]}`;
  const now = isoCutToMilliseconds(context.clock.now());
  const djangoWebhook = {
    object: fields,
    topic: `NEMO.UsageEvent/${action}`,
    object_type: 'NEMO.UsageEvent',
    webhook_uuid: hook.uuid,
  };
  const envelope = { hook: { id: hook.id, event: eventName, target: hook.url } };
  switch (body) {
    case 'django-webhook':
      return djangoWebhook;
    case 'django-webhook2':
      return { ...djangoWebhook, event_id: randomUUID(), occurred_at: now };
    case 'drf-hooks':
      return { ...envelope, data: serialized };
    case 'drf-hooks-fields':
      return { ...envelope, data: { ...model, fields: withoutId(fields) } };
    case 'signal-webhooks':
      return { ...model, fields: withoutId(modelFields(context, event, pythonText)) };
    case 'standard-webhooks':
      return { type: eventName, timestamp: now, data: serialized };
  }
}

/** The bytes that are sent for a signal; the state is that of the moment of the signal. */
export function pushBody(
  body: WebhookBody,
  context: Context,
  signal: Signal,
  hook: WebhookIdentity,
): string {
  return pythonJson(bodyOf(body, context, signal, hook));
}
