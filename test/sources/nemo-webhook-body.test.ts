import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { nemoTimeReader } from '../../src/sources/nemo/nemo-times.js';
import { readWebhookBody } from '../../src/sources/nemo/webhook-body.js';

const readTimes = nemoTimeReader({ timezone: 'America/New_York' });

function read(body: unknown) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return readWebhookBody(Buffer.from(text), readTimes);
}

function reasonOf(body: unknown): string | null {
  const found = read(body);
  return found.ok ? null : found.reason;
}

/** As captured from NEMO 8.0.2 with django-webhook, section 4.2 of the reference. */
const DJANGO =
  '{"object": {"id": 6, "user": 2, "operator": 2, "project": 1, "tool": 1, "start": "2025-11-02T05:30:00Z", "end": "2025-11-02T06:15:00Z", "has_ended": 5, "note": null, "staff_charge": null, "validated": false, "validated_by": null, "remote_work": false, "training": false, "pre_run_data": null, "run_data": null, "waived": true, "waived_on": "2026-11-21T04:55:44.887Z", "waived_by": 2}, "topic": "NEMO.UsageEvent/update", "object_type": "NEMO.UsageEvent", "webhook_uuid": "d2630d0a-ccbb-4e96-a29e-16729219a01b"}';
/** The same event by drf-hooks with NEMO's own serializer. */
const HOOK =
  '{"hook": {"id": 2, "event": "usage_event.updated", "target": "http://127.0.0.1:8199/drf"}, "data": {"id": 6, "start": "2025-11-02T01:30:00-04:00", "end": "2025-11-02T01:15:00-05:00", "has_ended": 5, "note": null, "validated": false, "remote_work": false, "training": false, "pre_run_data": null, "run_data": null, "waived": true, "waived_on": "2026-11-20T23:55:44.887247-05:00", "user": 2, "operator": 2, "project": 1, "tool": 1, "staff_charge": null, "validated_by": null, "waived_by": 2}}';

const ROW = (JSON.parse(DJANGO) as { object: Record<string, unknown> }).object;
const FIELDS = Object.fromEntries(Object.entries(ROW).filter(([key]) => key !== 'id'));
const SERIALIZED = { model: 'NEMO.usageevent', pk: 6, fields: FIELDS };

describe('every known sender', () => {
  test.each<[string, unknown, string | null]>([
    ['django-webhook', DJANGO, 'updated'],
    ['drf-hooks with the serializer', HOOK, 'updated'],
    [
      'drf-hooks, django-rest-hooks',
      { hook: { id: 1, event: 'usage_event.created', target: 'x' }, data: SERIALIZED },
      'created',
    ],
    ['django-signal-webhooks', SERIALIZED, null],
    [
      'Standard Webhooks',
      { type: 'usage_event.deleted', timestamp: '2026-01-01T00:00:00Z', data: ROW },
      'deleted',
    ],
    [
      'Standard Webhooks with a serialized model',
      { type: 'x', timestamp: '2026-01-01T00:00:00Z', data: SERIALIZED },
      null,
    ],
    ['the bare row', ROW, null],
    ['the expanded row', { ...ROW, user: { id: 2, username: 'pierre' }, tool: { id: 1 } }, null],
  ])('%s', (_, body, action) => {
    expect(read(body)).toMatchObject({
      ok: true,
      eventId: 6,
      action,
      payload: {
        id: 6,
        userId: 2,
        toolId: 1,
        start: { epochMs: Date.parse('2025-11-02T05:30:00Z') },
        end: { epochMs: Date.parse('2025-11-02T06:15:00Z') },
      },
    });
  });

  test('times with a blank, as django-signal-webhooks writes them, are cut to milliseconds', () => {
    const fields = { ...FIELDS, start: '2026-11-21 04:51:33.540902+00:00', end: null };
    expect(read({ ...SERIALIZED, fields })).toMatchObject({
      payload: { start: { epochMs: Date.parse('2026-11-21T04:51:33.540Z') }, end: null },
    });
  });

  test.each([
    ['NEMO.UsageEvent/create', 'created'],
    ['NEMO.UsageEvent/update', 'updated'],
    ['NEMO.UsageEvent/delete', 'deleted'],
    ['NEMO.UsageEvent/archive', null],
  ])('topic %s: %s', (topic, action) => {
    expect(read({ topic, object: ROW })).toMatchObject({ ok: true, action });
  });

  test('the hash is that of the bytes', () => {
    const bodyHash = createHash('sha256').update(DJANGO).digest('hex');
    expect(read(DJANGO)).toMatchObject({ bodyHash });
    expect(read('[')).toMatchObject({
      ok: false,
      bodyHash: expect.stringMatching(/^[0-9a-f]{64}$/),
    });
  });

  test('a message with the id alone, or a payload that cannot be read, is a hint', () => {
    const hint = { ok: true, eventId: 6, action: 'updated', payload: null };
    expect(read({ type: 'usage_event.updated', timestamp: 'x', data: { id: 6 } })).toMatchObject(
      hint,
    );
    const object = { ...ROW, start: 'yesterday' };
    expect(read({ topic: 'NEMO.UsageEvent/update', object })).toMatchObject(hint);
  });
});

describe('what is refused', () => {
  const huge = (id: string): string => DJANGO.replace('"id": 6', `"id": ${id}`);
  test.each<[string, unknown, string]>([
    ['another model', { topic: 'NEMO.Reservation/update', object: ROW }, 'not-a-usage-event'],
    [
      'another object type',
      { topic: 'NEMO.UsageEvent/update', object_type: 'NEMO.Tool', object: ROW },
      'not-a-usage-event',
    ],
    ['another serialized model', { ...SERIALIZED, model: 'NEMO.user' }, 'not-a-usage-event'],
    [
      'a model of another application',
      { ...SERIALIZED, model: 'other.usageevent' },
      'not-a-usage-event',
    ],
    ['another row', { id: 6, name: 'FEI Titan TEM', visible: true }, 'not-a-usage-event'],
    [
      'a reservation of a hook',
      {
        hook: { event: 'reservation.created' },
        data: { id: 6, start: 'x', end: 'x', tool: 1, user: 1, creator: 1, project: 1 },
      },
      'not-a-usage-event',
    ],
    ['no id', { type: 'usage_event.updated', timestamp: 'x', data: {} }, 'no-event-id'],
    [
      'an id that is text',
      { type: 'usage_event.updated', timestamp: 'x', data: { id: '6' } },
      'no-event-id',
    ],
    ['an id of zero', huge('0'), 'no-event-id'],
    ['a negative id', huge('-6'), 'no-event-id'],
    ['an id with fraction', huge('6.5'), 'no-event-id'],
    ['an id over 2^53', huge('9007199254740993'), 'no-event-id'],
    ['an endless id', huge('1e999'), 'no-event-id'],
    ['an id of many digits', huge('9'.repeat(5000)), 'no-event-id'],
    ['a list', [ROW], 'unknown-shape'],
    ['a number', '6', 'unknown-shape'],
    ['null', 'null', 'unknown-shape'],
    ['nothing', '', 'not-json'],
    ['cut JSON', DJANGO.slice(0, -1), 'not-json'],
    ['two documents', `${DJANGO}${DJANGO}`, 'not-json'],
    ['NaN', huge('NaN'), 'not-json'],
    ['a key twice', huge('5, "id": 6'), 'duplicate-key'],
    ['a key twice, once escaped', huge('5, "\\u0069d": 6'), 'duplicate-key'],
    ['a key twice, with blanks', huge('5, "id" \n: 6'), 'duplicate-key'],
    ['__proto__', huge('6, "__proto__": {"id": 7}'), 'unsafe-key'],
    ['an escaped __proto__', huge('6, "__\\u0070roto__": {}'), 'unsafe-key'],
    ['65 levels', '['.repeat(65) + ']'.repeat(65), 'too-deep'],
    ['300,000 levels', `{"a":`.repeat(150_000) + '1' + '}'.repeat(150_000), 'too-deep'],
    [
      '300,000 levels beside the event',
      huge(`6, "x": ${'['.repeat(300_000)}${']'.repeat(300_000)}`),
      'too-deep',
    ],
  ])('%s', (_, body, reason) => {
    expect(reasonOf(body)).toBe(reason);
  });

  test('invalid UTF-8, and more than a MiB', () => {
    const bytes = Buffer.from(DJANGO.replace('"note": null', '"note": "\xff"'), 'latin1');
    expect(readWebhookBody(bytes, readTimes)).toMatchObject({ ok: false, reason: 'not-utf8' });
    expect(reasonOf(`${DJANGO}${' '.repeat(1_048_576)}`)).toBe('too-large');
  });

  test('names that every object has are no keys of the message', () => {
    expect(reasonOf('{"constructor": {"id": 1}, "toString": 1, "hasOwnProperty": 2}')).toBe(
      'not-a-usage-event',
    );
  });

  test('the same key in two objects, and braces and quotes in texts, are no fault', () => {
    const note = 'a "quoted" \\ {[ "id": 1, "id": 2 ]} \\" text\\';
    expect(read({ topic: 'NEMO.UsageEvent/update', object: { ...ROW, note } })).toMatchObject({
      ok: true,
      payload: { note },
    });
  });
});
