import type { ServerResponse } from 'node:http';
import { describe, expect, test } from '@jest/globals';
import type { FakeNemo } from '../support/fake-nemo/start-fake-nemo.js';
import {
  addDays,
  all,
  clientOf,
  errorOf,
  idsOf,
  json,
  lab,
  scripted,
  TOKEN,
  type LogLine,
} from './nemo-lab.js';

describe('trouble', () => {
  test.each<[string, Parameters<FakeNemo['fail']>[0]]>([
    ['a reset', { kind: 'reset' }],
    ['an answer that is cut', { kind: 'cut' }],
    ['an HTML 500', { kind: 'error-page' }],
    ['a 502', { kind: 'status', status: 502 }],
    ['a 503', { kind: 'status', status: 503 }],
    ['a 429', { kind: 'status', status: 429 }],
    ['a slow answer', { kind: 'slow', milliseconds: 900 }],
  ])('%s is tried again, three times in all', async (_, failure) => {
    const found = await lab({}, { requestTimeoutMs: 300 });
    const ids = addDays(found, 2);
    found.nemo.fail(failure, { times: 2 });
    expect(await idsOf(found.client.usageEvents({}))).toStrictEqual(ids);
    found.nemo.fail(failure);
    const error = await errorOf(all(found.client.usageEvents({})));
    expect(error.code).toBe('SOURCE_UNAVAILABLE');
  });

  test('tries are counted; a refused connection is transient', async () => {
    const { nemo, client } = await lab();
    nemo.fail({ kind: 'status', status: 503 });
    await errorOf(client.tools());
    expect(nemo.requests).toHaveLength(3);
    await nemo.goDown();
    const error = await errorOf(client.tools());
    expect(error).toMatchObject({ code: 'SOURCE_UNAVAILABLE' });
  });

  test('Retry-After is waited for, unless it is too long', async () => {
    const { nemo, client } = await lab();
    nemo.fail({ kind: 'status', status: 429, retryAfterSeconds: 1 }, { times: 1 });
    const startedMs = Date.now();
    await client.tools();
    expect(Date.now() - startedMs).toBeGreaterThanOrEqual(990);
    nemo.fail({ kind: 'status', status: 503, retryAfterSeconds: 3600 });
    const before = nemo.requests.length;
    const error = await errorOf(client.tools({ refresh: true }));
    expect(error).toMatchObject({
      code: 'SOURCE_UNAVAILABLE',
      details: { retryAfterMs: 3_600_000 },
    });
    expect(nemo.requests.length - before).toBe(1);
  });

  test('one read has one limit of time, and is stopped on request', async () => {
    const { nemo } = await lab();
    nemo.fail({ kind: 'slow', milliseconds: 700 });
    const client = clientOf(nemo.baseUrl, nemo.token, { readTimeoutMs: 200 });
    expect((await errorOf(client.tools())).code).toBe('SOURCE_UNAVAILABLE');
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const patient = clientOf(nemo.baseUrl, nemo.token);
    expect((await errorOf(patient.tools({ signal: stop.signal }))).code).toBe('ABORTED');
    expect((await errorOf(patient.tools({ signal: AbortSignal.abort() }))).code).toBe('ABORTED');
  });

  test('a token without permission: once, with the name of the permission', async () => {
    const { nemo } = await lab();
    const poor = clientOf(nemo.baseUrl, nemo.tokens.add(['view_tool']));
    const error = await errorOf(all(poor.usageEvents({})));
    expect(error).toMatchObject({
      code: 'SOURCE_REFUSED',
      details: { status: 403, permission: 'NEMO.view_usageevent' },
    });
    expect(error.remedy).toContain('NEMO.view_usageevent');
    const wrong = await errorOf(clientOf(nemo.baseUrl, TOKEN).tools());
    expect(wrong).toMatchObject({ code: 'SOURCE_REFUSED', details: { status: 401 } });
    expect(wrong.message).toContain('Invalid token');
    expect(nemo.requests).toHaveLength(2);
  });

  test.each<[string, (path: string) => string, string]>([
    ['its slash', (path) => `${path}/`, 'trailing slash'],
    ['https', (path) => `https://HOST${path}`, 'https://'],
    ['another host', (path) => `http://other.example.org${path}`, 'other.example.org'],
    ['a sign-on page', () => 'https://login.example.org/?next=1', 'single sign-on'],
  ])('a redirect to %s is not followed', async (_, locationOf, remedy) => {
    const server = await scripted((request, response) => {
      const path = (request.url ?? '').split('?')[0] ?? '';
      const location = locationOf(path).replace('HOST', request.headers.host ?? '');
      response.writeHead(301, { location });
      response.end();
    });
    const error = await errorOf(clientOf(server.baseUrl, TOKEN).tools());
    expect(error).toMatchObject({ code: 'SOURCE_REFUSED', details: { status: 301 } });
    expect(error.remedy).toContain(remedy);
    expect(server.requests).toHaveLength(1);
  });

  test.each<[string, string, string]>([
    ['HTML', 'text/html', '<html>Sign in</html>'],
    ['HTML that calls itself JSON', 'application/json', '\n<!doctype html>'],
    ['broken JSON', 'application/json', '[{"id": 1}'],
    ['a text', 'application/json', '"x"'],
    ['a row without id', 'application/json', '[{"start": 1}]'],
    ['nothing', 'application/json', ''],
    ['bytes that are no UTF-8', 'application/json', '[{"id": 1, "name": "\xff", "visible": true}]'],
    ['a next page that is no address', 'application/json', '{"next": "http://[", "results": []}'],
  ])('%s in place of a list is no list', async (_, type, body) => {
    const server = await scripted((__, response) => {
      response.writeHead(200, { 'content-type': type });
      response.end(Buffer.from(body, 'latin1'));
    });
    const error = await errorOf(clientOf(server.baseUrl, TOKEN).tools());
    expect(error.code).toBe('SOURCE_ANSWER_INVALID');
    expect(error.message.includes('HTML')).toBe(body.includes('<'));
    expect(server.requests).toHaveLength(1);
  });

  test('an answer over the limit is not read to its end', async () => {
    let sent = 0;
    const server = await scripted((_, response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const more = (): void => {
        sent += 1;
        if (sent < 1000 && !response.destroyed) response.write(' '.repeat(65_536), () => more());
        else response.end();
      };
      more();
    });
    const client = clientOf(server.baseUrl, TOKEN, { answerLimitBytes: 100_000 });
    expect((await errorOf(client.tools())).code).toBe('SOURCE_ANSWER_INVALID');
    expect(sent).toBeLessThan(1000);
  });

  test('the token is in no error, stack or line of the log, whatever the other side says', async () => {
    const lines: LogLine[] = [];
    const answers: ((response: ServerResponse) => unknown)[] = [
      (response) => json(response, { detail: `Bad token ${TOKEN}` }, 401),
      (response) => json(response, { detail: `Bad token ${TOKEN}` }, 403),
      (response) => json(response, { [TOKEN]: ['x'] }, 400),
      (response) => json(response, { detail: TOKEN }, 418),
      (response) => json(response, TOKEN, 503),
      (response) => response.writeHead(302, { location: `/?token=${TOKEN}` }).end(),
      (response) => response.destroy(),
    ];
    for (const answer of answers) {
      const server = await scripted((_, response) => answer(response));
      lines.push({
        message: 'thrown',
        fields: await errorOf(clientOf(server.baseUrl, TOKEN, {}, lines).tools()),
      });
    }
    const failing = (): Promise<never> =>
      Promise.reject(new TypeError(`bad header Token ${TOKEN}`, { cause: new Error(TOKEN) }));
    const client = clientOf('http://127.0.0.1:9/api/', TOKEN, { fetch: failing }, lines);
    lines.push({ message: 'thrown', fields: await errorOf(client.tools()) });
    expect(lines.length).toBeGreaterThan(10);
    expect(shown(lines)).not.toContain(TOKEN);
  });
});

/** All text in a value, also in what of an error is not enumerable. */
function shown(value: unknown, depth = 0): string {
  if (typeof value !== 'object' || value === null || depth > 8) return String(value);
  return Object.getOwnPropertyNames(value)
    .map((name) => `${name}: ${shown(Reflect.get(value, name), depth + 1)}`)
    .join('\n');
}
