import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { ask, atSecond, startNautilus } from '../support/fake-nemo/nautilus.js';
import { serveControlPage } from '../support/fake-nemo/control-page.js';
import type { FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';

let nemo: FakeNemo;

beforeEach(async () => {
  nemo = await startNautilus({ now: atSecond('10') });
  nemo.enable(1, 2, 2, 1);
  nemo.disable(1);
  nemo.enable(1, 3, 3, 1, { note: 'kept' });
});
afterEach(() => nemo.close());

describe('who may ask, and what for (1.5)', () => {
  test.each([
    ['', 401, '{"detail":"Authentication credentials were not provided."}'],
    ['Bearer x', 401, '{"detail":"Authentication credentials were not provided."}'],
    ['Token x', 401, '{"detail":"Invalid token."}'],
  ])('Authorization: %s', async (authorization, status, body) => {
    const told = await ask(nemo, 'usage_events/', { headers: { Authorization: authorization } });
    expect([told.status, told.text]).toEqual([status, body]);
    expect(told.headers.get('www-authenticate')).toBe('Token');
  });

  test('permissions are looked at per model; an inactive user has none', async () => {
    nemo.tokens.allow(nemo.token, ['view_usageevent']);
    expect((await ask(nemo, 'usage_events/')).status).toBe(200);
    expect((await ask(nemo, 'metadata/')).status).toBe(200);
    for (const path of ['tools/', 'tool_status/', 'content_types/']) {
      const told = await ask(nemo, path);
      expect([told.status, told.text]).toEqual([
        403,
        '{"detail":"You do not have permission to perform this action."}',
      ]);
    }
    nemo.tokens.deactivate(nemo.token);
    expect((await ask(nemo, 'usage_events/')).status).toBe(401);
  });

  test.each([
    ['usage_events/99/', 404, '{"detail":"No UsageEvent matches the given query."}'],
    ['usage_events/?id=99', 200, '[]'],
  ])('%s', async (path, status, body) => {
    const told = await ask(nemo, path);
    expect([told.status, told.text]).toEqual([status, body]);
  });

  test('a path without its slash is redirected, with the query', async () => {
    const told = await ask(nemo, 'usage_events?id=1');
    expect([told.status, told.headers.get('location')]).toEqual([301, '/api/usage_events/?id=1']);
  });

  test('what it cannot serve is 406; HTML has pages', async () => {
    expect((await ask(nemo, 'tools/', { headers: { Accept: 'text/csv' } })).status).toBe(406);
    const html = await ask(nemo, 'tools/', { headers: { Accept: 'text/html' } });
    expect(html.headers.get('content-type')).toContain('text/html');
    expect(html.text).toContain('&quot;count&quot;: 2');
  });

  test('a public instance has no API', async () => {
    await nemo.close();
    nemo = await startNautilus({ hasApi: false });
    expect((await ask(nemo, 'usage_events/')).status).toBe(404);
  });
});

function write(method: string, path: string, body: unknown) {
  const headers = { 'Content-Type': 'application/json' };
  return ask(nemo, path, { method, headers, body: JSON.stringify(body) });
}

const EVENT = { user: 2, operator: 2, project: 1, tool: 2 };

describe('writing (1.5)', () => {
  test.each([
    [
      'a second open event',
      { ...EVENT, tool: 1 },
      'non_field_errors',
      'The fields tool, has_ended must make a unique set.',
    ],
    [
      'an end before the start',
      { ...EVENT, start: '2026-01-02T00:00:00Z', end: '2026-01-01T00:00:00Z' },
      'end',
      'The end must be on or after the start',
    ],
    ['a missing field', { user: 2, operator: 2, project: 1 }, 'tool', 'This field is required.'],
    ['an unknown tool', { ...EVENT, tool: 77 }, 'tool', 'Invalid pk "77" - object does not exist.'],
  ])('POST of %s is 400', async (_, body, name, text) => {
    const told = await write('POST', 'usage_events/', body);
    expect([told.status, JSON.parse(told.text)]).toEqual([400, { [name]: [text] }]);
  });

  test('POST answers 200 and makes one or many; a close counts has_ended up', async () => {
    const times = { start: '2026-01-01T00:00:00', end: '2026-01-01T01:00:00Z' };
    const one = await write('POST', 'usage_events/', { ...EVENT, start: times.end });
    expect([one.status, JSON.parse(one.text)]).toMatchObject([200, { id: 3, has_ended: 0 }]);
    const end = '2026-01-01T06:00:00Z';
    const many = await write('POST', 'usage_events/', [
      { ...EVENT, ...times, end },
      { ...EVENT, ...times, end },
    ]);
    expect([many.status, JSON.parse(many.text)]).toMatchObject([
      200,
      [
        { id: 4, start: '2026-01-01T00:00:00-05:00', has_ended: 2, pre_run_data: null },
        { id: 5, has_ended: 3 },
      ],
    ]);
  });

  test('PATCH reopens, but not while another is open: then 500 in HTML', async () => {
    const refused = await write('PATCH', 'usage_events/1/', { end: null });
    expect(refused.status).toBe(500);
    expect(refused.headers.get('content-type')).toContain('text/html');
    nemo.disable(1);
    const reopened = await write('PATCH', 'usage_events/1/', { end: null });
    expect(JSON.parse(reopened.text)).toMatchObject({ end: null, has_ended: 0 });
  });

  test('DELETE answers 204', async () => {
    expect((await ask(nemo, 'usage_events/1/', { method: 'DELETE' })).status).toBe(204);
    expect((await ask(nemo, 'usage_events/1/')).status).toBe(404);
  });
});

describe('what people do (3.2)', () => {
  test('a forced shutdown keeps the note and leaves run_data null; other ends blank them', () => {
    const [shut] = nemo.forceShutdown(1);
    expect(shut).toMatchObject({ run_data: null, note: 'kept', has_ended: 2, end: nemo.now() });
    nemo.enable(1, 3, 3, 1, { note: 'lost' });
    expect(nemo.disable(1)).toMatchObject({ run_data: '', note: null });
  });

  test('one tool of a family is in use at a time, under the id that was chosen', async () => {
    const child = nemo.addTool({ name: 'child', parent_tool: 1 });
    expect(() => nemo.enable(child.id, 2, 2, 1)).toThrow('in use: usage event 2');
    nemo.disable(1);
    expect(nemo.enable(child.id, 2, 2, 1).tool).toBe(3);
    const told = await ask(nemo, 'tools/3/?fields=_operational,parent_tool');
    expect(told.text).toBe('{"_operational":false,"parent_tool":1}');
  });

  test('an adjustment leaves a request with its old and new times', async () => {
    const end = '2026-11-21T05:00:00Z';
    const { id } = nemo.adjust(1, { end, project: 2, by: 3 });
    const told = await ask(nemo, 'adjustment_requests/?applied=true&item_type=38');
    expect(JSON.parse(told.text)).toMatchObject([
      {
        id,
        item_id: 1,
        status: 1,
        new_end: '2026-11-21T00:00:00-05:00',
        new_project: 2,
        reviewer: 3,
      },
    ]);
    expect(nemo.state.usageEvents.get(1)).toMatchObject({ project: 2, has_ended: 1 });
    nemo.revertAdjustment(id);
    expect(nemo.state.usageEvents.get(1)).toMatchObject({ project: 1, end: nemo.now() });
  });

  test('a moved reservation is a new row with the answers of the old', () => {
    const start = '2026-11-21T10:00:00Z';
    const question_data = { data_consent: { user_input: 'Agree' } };
    nemo.addReservation({ user: 2, tool: 1, start, end: '2026-11-21T12:00:00Z', question_data });
    nemo.moveReservation(1, { start, end: '2026-11-21T11:00:00Z' });
    nemo.moveReservation(2, { start: '2026-11-21T10:30:00Z', end: '2026-11-21T11:30:00Z' });
    nemo.cancelReservation(3);
    expect(nemo.state.reservations.all()).toMatchObject([
      { id: 1, shortened: true, cancelled: false, descendant: 2 },
      { id: 2, shortened: false, cancelled: true, descendant: 3, question_data },
      { id: 3, cancelled: true, descendant: null, question_data },
    ]);
  });
});

describe('failures', () => {
  test('each kind, then the right answer again', async () => {
    nemo.fail({ kind: 'status', status: 503, retryAfterSeconds: 2 }, { times: 1, path: 'tools' });
    nemo.fail({ kind: 'error-page' }, { times: 1 });
    nemo.fail({ kind: 'reset' }, { times: 1 });
    nemo.fail({ kind: 'cut' }, { times: 1 });
    nemo.fail({ kind: 'slow', milliseconds: 50 }, { times: 1 });
    expect((await ask(nemo, 'tools/')).headers.get('retry-after')).toBe('2');
    expect((await ask(nemo, 'tools/')).text).toContain('<h1>Server Error (500)</h1>');
    await expect(ask(nemo, 'tools/')).rejects.toThrow('fetch failed');
    await expect(ask(nemo, 'tools/')).rejects.toThrow('terminated');
    const before = performance.now();
    expect((await ask(nemo, 'tools/')).status).toBe(200);
    expect(performance.now() - before).toBeGreaterThan(45);
    expect(nemo.requests.map(({ status }) => status)).toEqual([503, 500, null, 200, 200]);
  });

  test('down and up again on the same port', async () => {
    await nemo.goDown();
    await expect(ask(nemo, 'tools/')).rejects.toThrow('fetch failed');
    await nemo.comeUp();
    expect((await ask(nemo, 'tools/')).status).toBe(200);
  });
});

test('the page enables and disables tools; names are text, nothing comes from elsewhere', async () => {
  serveControlPage(nemo);
  nemo.addTool({ name: '<img src="https://example.org/x">' });
  const body = new URLSearchParams('tool=2&user=2&operator=3&project=1&remote=on').toString();
  const headers = { 'Content-Type': 'application/x-www-form-urlencoded' };
  const post = (path: string) => ask(nemo, `..${path}`, { method: 'POST', headers, body });
  expect((await post('/enable')).status).toBe(303);
  expect(nemo.state.usageEvents.get(3)).toMatchObject({ tool: 2, operator: 3, remote_work: true });
  const page = await post('/enable');
  expect(page.text).toContain('Tool 2 is in use: usage event 3.');
  expect(page.text).toContain('&lt;img src=&quot;https://example.org/x');
  expect(page.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect((await post('/disable')).status).toBe(303);
  expect(nemo.state.usageEvents.get(3).end).toBe(nemo.now());
});
