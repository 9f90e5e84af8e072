import { expect, test } from '@jest/globals';
import type { Database } from '../../src/db/database.js';
import { removeExpiredReplayKeys, takeDueHints } from '../../src/db/webhook-hint-store.js';
import { nemoTimeReader } from '../../src/sources/nemo/nemo-times.js';
import { parseUsageEvent } from '../../src/sources/nemo/nemo-rows.js';
import type { WebhookScheme } from '../../src/sources/nemo/webhook-signature.js';
import { describeDatabases } from '../support/databases.js';
import { startFakeNemo } from '../support/fake-nemo/start-fake-nemo.js';
import type { WebhookOptions } from '../support/fake-nemo/webhook.js';
import {
  clockAt,
  closeLater,
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
} from './nemo-webhook-lab.js';

const ACCEPTED = { status: 202, body: { accepted: true } };
const DUPLICATE = { status: 202, body: { accepted: true, duplicate: true } };

function hintRows(database: Database) {
  return database.knex('webhook_hints').orderBy('id').select();
}

const TOKEN_HEADER = { Authorization: `Token ${SECRETS['static-token']}` };
const SENDERS: readonly (readonly [WebhookScheme, Omit<WebhookOptions, 'url'>])[] = [
  ['django-webhook', { body: 'django-webhook' }],
  ['django-webhook', { body: 'django-webhook2' }],
  ['django-webhook', { body: 'django-webhook', scheme: 'django-model-webhooks' }],
  ['standard-webhooks', { body: 'standard-webhooks' }],
  ['x-hub-signature-256', { body: 'standard-webhooks', scheme: 'github' }],
  ['static-token', { body: 'drf-hooks', headers: TOKEN_HEADER }],
  ['static-token', { body: 'drf-hooks-fields', headers: TOKEN_HEADER }],
  ['static-token', { body: 'signal-webhooks', headers: TOKEN_HEADER }],
];

const STANDARD = {
  secret: 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw',
  headers: {
    'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
    'webhook-timestamp': '1614265330',
    'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
  },
  body: '{"test": 2432232314}',
};
const DJANGO = {
  timestamp: 1795237005,
  signature: 'e65909ef6b103488233325864f69e3a20fb35e3a993abbefbcf716246b8fc053',
  body: '{"object": {"id": 5, "user": 2, "operator": 2, "project": 1, "tool": 2, "start": "2026-11-21T04:51:33.540Z", "end": null, "has_ended": 0, "note": null, "staff_charge": null, "validated": false, "validated_by": null, "remote_work": false, "training": false, "pre_run_data": "", "run_data": null, "waived": false, "waived_on": null, "waived_by": null}, "topic": "NEMO.UsageEvent/create", "object_type": "NEMO.UsageEvent", "webhook_uuid": "cbf69ce9-e2f2-4994-811b-322c90eb1287"}',
};

describeDatabases('a pushed message is taken:', (fixture) => {
  test.each(SENDERS)('%s: all that a NEMO with %j pushes', async (scheme, options) => {
    const { database } = fixture;
    const lab = await startLab({ database, sources: [sourceOf(scheme, { hasToken: false })] });
    const nemo = await startFakeNemo({ now: new Date(NOW_MS).toISOString() });
    closeLater(() => nemo.close());
    nemo.addWebhook({
      secrets: [SECRETS[scheme]],
      ...options,
      url: `${lab.origin}/ingest/nemo/${scheme}`,
    });
    const tool = nemo.addTool({ name: 'FEI Titan TEM' }).id;
    const user = nemo.addUser({ username: 'pierre' }).id;
    const project = nemo.addProject({ name: 'Grain boundary study' }).id;
    const { id } = nemo.enable(tool, user, user, project);
    await nemo.settled();
    nemo.disable(tool);
    await nemo.settled();
    nemo.delete(id);
    await nemo.settled();

    const [taken, ...others] = await database.createScope(() =>
      takeDueHints({ source: scheme, limit: 10, claimSeconds: 60 }),
    );
    expect(others).toStrictEqual([]);
    expect(taken).toMatchObject({ source: scheme, eventId: id, tries: 0 });
    const isSilent = options.body === 'signal-webhooks';
    // Without a word of what happened a deletion says what the message before said, byte for byte.
    const actions = isSilent ? [null, null] : ['created', 'updated', 'deleted'];
    expect(taken?.messages.map(({ action }) => action)).toStrictEqual(actions);
    expect(lab.hinted).toHaveLength(actions.length);
    const readTimes = nemoTimeReader({ timezone: 'America/New_York' });
    for (const { payload } of taken?.messages ?? []) {
      expect(parseUsageEvent(payload, readTimes)).toMatchObject({
        start: { epochMs: NOW_MS },
        toolId: tool,
        userId: user,
      });
    }
  });

  test.each(SCHEMES)(
    '%s: as a hint, without its content where NEMO can be asked',
    async (scheme) => {
      const { database } = fixture;
      const lab = await startLab({ database });
      expect(await send(lab, scheme, eventBody(5, { note: 'secret note' }))).toMatchObject(
        ACCEPTED,
      );
      expect(await hintRows(database)).toMatchObject([
        { source: scheme, event_id: 5, action: 'created', payload: null, tries: 0 },
      ]);
      expect(lab.hinted).toStrictEqual([scheme]);
      expect(lab.outcomes).toStrictEqual([`${scheme} accepted`]);
    },
  );

  test('the published vectors', async () => {
    const { database } = fixture;
    const standard = await startLab({
      database,
      clock: clockAt(1614265330_000),
      sources: [sourceOf('standard-webhooks', { secrets: [STANDARD.secret] })],
    });
    // It is about no usage event.
    expect(
      await post(
        `${standard.origin}/ingest/nemo/standard-webhooks`,
        STANDARD.headers,
        STANDARD.body,
      ),
    ).toMatchObject({ status: 202, body: { accepted: true, ignored: true } });
    const django = await startLab({ database, clock: clockAt(DJANGO.timestamp * 1000) });
    const headers = {
      'Django-Webhook-Request-Timestamp': String(DJANGO.timestamp),
      'Django-Webhook-Signature-v1': DJANGO.signature,
    };
    expect(
      await post(`${django.origin}/ingest/nemo/django-webhook`, headers, DJANGO.body),
    ).toMatchObject(ACCEPTED);
  });

  test('what is about a tool or a reservation is answered and left alone', async () => {
    const before = await rowCounts(fixture.database);
    const lab = await startLab({ database: fixture.database });
    const body = eventBody(5).replaceAll('UsageEvent', 'Reservation');
    expect(await send(lab, 'django-webhook', body)).toMatchObject({
      status: 202,
      body: { accepted: true, ignored: true },
    });
    expect(await rowCounts(fixture.database)).toStrictEqual(before);
    expect([lab.hinted, lab.outcomes]).toStrictEqual([[], ['django-webhook ignored']]);
  });

  test.each<[string, Headers, boolean]>([
    ['another name of its content', { 'Content-Type': 'text/xml; charset=utf-16' }, false],
    ['a senseless name of its content', { 'Content-Type': 'nonsense' }, false],
    ['chunks', {}, true],
    [
      'the headers of other schemes, wrong ones',
      { 'webhook-id': ['a', 'b'], 'X-Secret': 'x' },
      false,
    ],
  ])('with %s', async (_, changes, isChunked) => {
    const { database } = fixture;
    const lab = await startLab({ database });
    const body = eventBody(5, { note: 'Grüße 😀' });
    const answer = await post(
      `${lab.origin}/ingest/nemo/django-webhook`,
      { ...signed('django-webhook', body), ...changes },
      isChunked ? [body.slice(0, 40), body.slice(40)] : body,
    );
    expect(answer).toMatchObject(ACCEPTED);
    expect(await hintRows(database)).toHaveLength(1);
  });

  test('signed with any of several secrets, while they are changed', async () => {
    const secrets = ['old-secret-token-0', 'new-secret-token-1'];
    const lab = await startLab({
      database: fixture.database,
      sources: [sourceOf('django-webhook', { secrets })],
    });
    for (const [index, secret] of secrets.entries()) {
      const body = eventBody(index + 1);
      expect(await send(lab, 'django-webhook', body, { secret })).toMatchObject(ACCEPTED);
    }
  });

  test.each(SCHEMES)('%s: once, also when it comes again after a restart', async (scheme) => {
    const { database } = fixture;
    const body = eventBody(5);
    const options = { id: 'x'.repeat(256) };
    const lab = await startLab({ database });
    expect(await send(lab, scheme, body, options)).toMatchObject(ACCEPTED);
    expect(await send(lab, scheme, body, options)).toMatchObject(DUPLICATE);
    await lab.close();
    const another = await fixture.openAnother();
    const restarted = await startLab({ database: another });
    const counts = await rowCounts(database);
    expect(await send(restarted, scheme, body, options)).toMatchObject(DUPLICATE);
    expect(await rowCounts(database)).toStrictEqual(counts);
    expect([lab.hinted, restarted.hinted]).toStrictEqual([[scheme], []]);
    // Another source knows nothing of it.
    const twin = await startLab({ database, sources: [sourceOf(scheme, { name: 'twin' })] });
    expect(await send(twin, scheme, body, { ...options, to: 'twin' })).toMatchObject(ACCEPTED);
    await restarted.close();
    await another.close();
  });

  test('a sender of Standard Webhooks may try again with a new time under the same id', async () => {
    const lab = await startLab({ database: fixture.database });
    const body = eventBody(5);
    await send(lab, 'standard-webhooks', body, { id: 'msg_a', sentAtMs: NOW_MS - 60_000 });
    const again = await send(lab, 'standard-webhooks', body, { id: 'msg_a' });
    expect(again).toMatchObject(DUPLICATE);
  });

  test('a key is forgotten only when its message would not be believed any more', async () => {
    const { database } = fixture;
    const body = eventBody(5);
    const early = await startLab({ database });
    // By the clock of a sender that is ahead: believed for twice the tolerance.
    const sentAtMs = NOW_MS + 300_000;
    await send(early, 'django-webhook', body, { sentAtMs });
    const lastMs = sentAtMs + 300_000;
    expect(await database.createScope(() => removeExpiredReplayKeys(lastMs))).toBe(0);
    const late = await startLab({ database, clock: clockAt(lastMs) });
    expect(await send(late, 'django-webhook', body, { sentAtMs })).toMatchObject(DUPLICATE);
    const later = await startLab({ database, clock: clockAt(lastMs + 1) });
    expect(await send(later, 'django-webhook', body, { sentAtMs })).toMatchObject({ status: 401 });
    expect(await database.createScope(() => removeExpiredReplayKeys(lastMs + 60_000))).toBe(1);
  });

  test('without a signed time, the same words later are news again', async () => {
    const { database } = fixture;
    const body = eventBody(5);
    const lab = await startLab({ database });
    expect(await send(lab, 'static-token', body)).toMatchObject(ACCEPTED);
    const later = await startLab({ database, clock: clockAt(NOW_MS + 361_000) });
    expect(await send(later, 'static-token', body)).toMatchObject(ACCEPTED);
    expect(await hintRows(database)).toHaveLength(2);
  });

  test('hundreds at once, each once, though each is sent twice', async () => {
    const { database } = fixture;
    const lab = await startLab({ database });
    const bodies = Array.from({ length: 150 }, (_, index) => eventBody(index + 1));
    const answers = await Promise.all(
      [...bodies, ...bodies].map((body) => send(lab, 'django-webhook', body)),
    );
    expect(answers.map(({ status }) => status)).toStrictEqual(Array(300).fill(202));
    const isDuplicate = answers.filter(({ body }) => JSON.stringify(body).includes('duplicate'));
    expect(isDuplicate).toHaveLength(150);
    const rows = await hintRows(database);
    expect(new Set(rows.map((row: { event_id: number }) => row.event_id)).size).toBe(150);
    expect(rows).toHaveLength(150);
  });
});
