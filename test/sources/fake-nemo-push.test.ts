import { createHmac } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ask, atSecond, startNautilus } from '../support/fake-nemo/nautilus.js';
import { signatureHeaders } from '../support/fake-nemo/push-signatures.js';
import type { WebhookBody } from '../support/fake-nemo/push-bodies.js';
import { startReceiver, type Receiver } from '../support/fake-nemo/receiver.js';
import type { FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';

let nemo: FakeNemo;
let receiver: Receiver;

beforeEach(async () => {
  receiver = await startReceiver();
  nemo = await startNautilus({ now: atSecond('33.540902') });
});
afterEach(async () => {
  await nemo.close();
  await receiver.close();
});

/** The ids and actions that arrived, in their order. */
function arrived(): readonly unknown[] {
  return receiver.received.map(({ body }) => {
    const [, id, topic] = /"id": (\d+).*"topic": "NEMO.UsageEvent\/(\w+)"/.exec(body) ?? [];
    return `${topic ?? '?'} ${id ?? '?'}`;
  });
}

/** Four events that are over, so that the next has the number 5. */
function makePast(): void {
  const start = '2026-11-20T00:00:00Z';
  for (const tool of [1, 1, 1, 1])
    nemo.backdate({ tool, user: 2, project: 1, start, end: '2026-11-20T01:00:00Z' });
}

const TEST_VECTOR =
  '{"object": {"id": 5, "user": 2, "operator": 2, "project": 1, "tool": 2, "start": "2026-11-21T04:51:33.540Z", "end": null, "has_ended": 0, "note": null, "staff_charge": null, "validated": false, "validated_by": null, "remote_work": false, "training": false, "pre_run_data": "", "run_data": null, "waived": false, "waived_on": null, "waived_by": null}, "topic": "NEMO.UsageEvent/create", "object_type": "NEMO.UsageEvent", "webhook_uuid": "cbf69ce9-e2f2-4994-811b-322c90eb1287"}';
const SERIALIZED =
  '{"id": 5, "start": "2026-11-20T23:51:33.540902-05:00", "end": null, "has_ended": 0, "note": null, "validated": false, "remote_work": false, "training": false, "pre_run_data": "", "run_data": null, "waived": false, "waived_on": null, "user": 2, "operator": 2, "project": 1, "tool": 2, "staff_charge": null, "validated_by": null, "waived_by": null}';

describe('bodies (4.2)', () => {
  test.each([
    [
      'drf-hooks',
      `{"hook": {"id": 1, "event": "usage_event.created", "target": "URL"}, "data": ${SERIALIZED}}`,
    ],
    [
      'drf-hooks-fields',
      '{"hook": {"id": 1, "event": "usage_event.created", "target": "URL"}, "data": {"model": "NEMO.usageevent", "pk": 5, "fields": {"user": 2, "operator": 2, "project": 1, "tool": 2, "start": "2026-11-21T04:51:33.540Z", "end": null, "has_ended": 0,',
    ],
    [
      'signal-webhooks',
      '{"model": "NEMO.usageevent", "pk": 5, "fields": {"user": 2, "operator": 2, "project": 1, "tool": 2, "start": "2026-11-21 04:51:33.540902+00:00", "end": null,',
    ],
    [
      'standard-webhooks',
      `{"type": "usage_event.created", "timestamp": "2026-11-21T04:51:33.540Z", "data": ${SERIALIZED}}`,
    ],
    ['django-webhook', TEST_VECTOR],
    ['django-webhook2', `${TEST_VECTOR.slice(0, -1)}, "event_id": "`],
  ] satisfies [WebhookBody, string][])('%s', async (body: WebhookBody, expected) => {
    makePast();
    const uuid = 'cbf69ce9-e2f2-4994-811b-322c90eb1287';
    nemo.addWebhook({ url: receiver.url, body, uuid, headers: { Authorization: 'Token x' } });
    nemo.enable(2, 2, 2, 1);
    await nemo.settled();
    const [only, ...more] = receiver.received;
    expect(only?.body.replace(receiver.url, 'URL')).toContain(expected);
    expect(only?.headers['authorization']).toBe('Token x');
    expect(more).toEqual([]);
  });

  test('text is ASCII, as Python writes it', async () => {
    nemo.addWebhook({ url: receiver.url, body: 'signal-webhooks' });
    nemo.enable(2, 2, 2, 1, { note: 'Größe 😀' });
    await nemo.settled();
    expect(receiver.received[0]?.body).toContain(
      String.raw`"note": "Gr\u00f6\u00dfe \ud83d\ude00"`,
    );
  });
});

describe('signatures (4.3)', () => {
  test('django-webhook: the test vector, with a signature for each secret of a rotation', async () => {
    makePast();
    const hook = nemo.addWebhook({
      url: receiver.url,
      body: 'django-webhook',
      uuid: 'cbf69ce9-e2f2-4994-811b-322c90eb1287',
      secrets: ['very-secret-token-1'],
    });
    hook.rotate(['very-secret-token-1', 'old-secret-token-0']);
    // The reference took it with a clock that was 312 seconds ahead of the event.
    hook.setClockAhead(312);
    nemo.enable(2, 2, 2, 1);
    await nemo.settled();
    const [only] = receiver.received;
    expect(only?.headers).toMatchObject({
      'content-type': 'application/json',
      'django-webhook-request-timestamp': '1795237005',
      'django-webhook-signature-v1':
        'e65909ef6b103488233325864f69e3a20fb35e3a993abbefbcf716246b8fc053,0542c20bfd951cc6ee0cf55ae982a2364ba89bde06d6b2d5d53633a6da3ce21d',
      'django-webhook-uuid': 'cbf69ce9-e2f2-4994-811b-322c90eb1287',
      'user-agent': 'python-urllib3/1.26.12',
    });
    expect(only?.names).toContain('Django-Webhook-Signature-v1');
  });

  test('Standard Webhooks and GitHub: the test vectors', () => {
    const signable = { id: '', webhookUuid: '', timestamp: 0, event: 'e', body: '' };
    const standard = {
      ...signable,
      id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
      timestamp: 1614265330,
      body: '{"test": 2432232314}',
    };
    const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
    expect(signatureHeaders('standard-webhooks', standard, [secret])).toMatchObject({
      'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
    });
    const github = { ...signable, body: 'Hello, World!' };
    expect(signatureHeaders('github', github, ["It's a Secret to Everybody"])).toMatchObject({
      'X-Hub-Signature-256':
        'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    });
  });

  test('a retry keeps the id and the body and signs its own time', async () => {
    const secret = `whsec_${Buffer.from('k'.repeat(24)).toString('base64')}`;
    const options = { url: receiver.url, secrets: [secret], retryDelayMs: 1 };
    const hook = nemo.addWebhook({ ...options, body: 'standard-webhooks' });
    receiver.answerNext(500);
    nemo.enable(2, 2, 2, 1);
    hook.setClockAhead(60);
    await nemo.settled();
    const [first, second] = receiver.received;
    expect(second?.body).toBe(first?.body);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    for (const { headers, body } of receiver.received) {
      const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`;
      const hash = createHmac('sha256', 'k'.repeat(24)).update(signed).digest('base64');
      expect(headers['webhook-signature']).toBe(`v1,${hash}`);
    }
  });
});

describe('what is pushed (3.2)', () => {
  test('saves and deletes, also by cascade; bulk updates are not', async () => {
    const hook = nemo.addWebhook({ url: receiver.url, body: 'django-webhook' });
    nemo.enable(1, 2, 2, 1);
    nemo.takeOver(1, 3, 3, 1);
    nemo.waive(1, 3);
    nemo.bulkTransfer([1, 2], 2);
    nemo.delete(1);
    nemo.deleteTool(1);
    await nemo.settled();
    const expected = ['create 1', 'update 1', 'create 2', 'update 1', 'delete 1', 'delete 2'];
    expect(arrived().toSorted()).toEqual(expected.toSorted());
    const last = hook.attempts.find(({ action }) => action === 'delete')?.body;
    expect(last).toContain('"project": 2');
  });

  test('before the commit: a create whose row is not there, and never is when rolled back', async () => {
    nemo.addWebhook({ url: receiver.url, body: 'django-webhook' });
    nemo.addWebhook({ url: receiver.url, body: 'django-webhook2' });
    nemo.holdCommits();
    nemo.enable(1, 2, 2, 1);
    await nemo.settled();
    expect(arrived()).toEqual(['create 1']);
    expect((await ask(nemo, 'usage_events/1/')).status).toBe(404);
    nemo.commit();
    await nemo.settled();
    expect(arrived()).toEqual(['create 1', 'create 1']);
    expect((await ask(nemo, 'usage_events/1/')).status).toBe(200);
    nemo.holdCommits();
    nemo.enable(2, 2, 2, 1);
    nemo.rollBack();
    await nemo.settled();
    expect(arrived()).toEqual(['create 1', 'create 1', 'create 2']);
    expect((await ask(nemo, 'usage_events/2/')).status).toBe(404);
    expect(nemo.enable(2, 2, 2, 1).id).toBe(3);
  });
});

describe('faults of the sender', () => {
  const use = () => {
    nemo.enable(1, 2, 2, 1);
    nemo.disable(1);
  };

  test('reordered, lost, doubled byte for byte', async () => {
    const secrets = ['very-secret-token-1'];
    const hook = nemo.addWebhook({ url: receiver.url, body: 'django-webhook', secrets });
    hook.hold();
    use();
    hook.release('reversed');
    await nemo.settled();
    expect(arrived()).toEqual(['update 1', 'create 1']);
    hook.drop();
    hook.duplicate(2);
    use();
    await nemo.settled();
    expect(arrived().slice(2)).toEqual(['update 2', 'update 2']);
    const [, , one, other] = receiver.received;
    expect(one?.body).toBe(other?.body);
    expect(one?.headers).toEqual(other?.headers);
  });

  test.each([
    ['django-webhook', [500, 502, 400, 404, 503, 500], 6],
    ['django-webhook', [500, 200, 500], 2],
    ['drf-hooks', [500, 500], 1],
  ] satisfies [WebhookBody, number[], number][])(
    '%s after %j makes %i tries',
    async (body: WebhookBody, statuses: number[], tries) => {
      nemo.addWebhook({ url: receiver.url, body, retryDelayMs: 1 });
      receiver.answerNext(...statuses);
      nemo.enable(1, 2, 2, 1);
      await nemo.settled();
      expect(receiver.received).toHaveLength(tries);
    },
  );

  test('a refused connection is not tried again', async () => {
    const hook = nemo.addWebhook({ url: receiver.url, body: 'django-webhook', retryDelayMs: 1 });
    await receiver.close();
    nemo.enable(1, 2, 2, 1);
    await nemo.settled();
    expect(hook.attempts).toMatchObject([{ action: 'create', eventId: 1, status: null }]);
  });

  test('closing gives up what waits for its next try', async () => {
    const hook = nemo.addWebhook({ url: receiver.url, body: 'django-webhook' });
    hook.delay(60_000);
    nemo.enable(1, 2, 2, 1);
    await nemo.close();
    expect(hook.attempts).toEqual([]);
  });
});
