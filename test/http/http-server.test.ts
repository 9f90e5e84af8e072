import { describe, expect, test } from '@jest/globals';
import type { ZodTypeProvider } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { scopedSession } from '../../src/db/scope.js';
import { AppError } from '../../src/errors.js';
import { inUnitOfWork } from '../../src/http/in-unit-of-work.js';
import { openApiRoutes, type RequestGuard } from '../../src/http/openapi.js';
import { requestLog } from '../../src/http/request-log.js';
import type { RoutePlugin } from '../../src/http/route-plugin.js';
import { addInstrument } from '../support/session-rows.js';
import { rawAnswer, serve } from './http-lab.js';

const SECRET = 'hunter2';

const routes: RoutePlugin = (server, environment) => {
  const typed = server.withTypeProvider<ZodTypeProvider>();
  typed.post(
    '/events/:id',
    {
      schema: {
        params: z.object({ id: z.coerce.number().int() }),
        body: z.strictObject({ instrument: z.string(), at: z.object({ time: z.iso.datetime() }) }),
        response: { 200: z.object({ instrument: z.string() }) },
      },
    },
    (request) => ({ instrument: request.body.instrument }),
  );
  server.get('/fails/:code', (request) => {
    const { code } = z.object({ code: z.string() }).parse(request.params);
    switch (code) {
      case 'defect':
        throw new TypeError(`the inside: ${SECRET}`);
      case 'inside':
        throw new AppError('FILE_NOT_WRITABLE', `/srv/${SECRET}`, { remedy: SECRET });
      case 'away':
        throw new AppError('DATABASE_UNAVAILABLE', `No connection to ${SECRET}:5432.`);
      case 'token':
        throw new AppError('TOKEN_REFUSED', 'No token.');
      default:
        throw new AppError('SESSION_NOT_FOUND', 'There is no session x.', {
          remedy: 'Look.',
          details: { session: 'x', password: SECRET },
        });
    }
  });
  server.get('/who', (request) => {
    requestLog(environment, request).info('asked');
    return { address: request.ip };
  });
  server.get(
    '/instruments',
    inUnitOfWork(environment, async () => {
      const rows = await scopedSession().reader()('instruments').select('instrument_pid');
      return rows.length;
    }),
  );
  server.post(
    '/half-done',
    inUnitOfWork(environment, async () => {
      await (await scopedSession().writer())('instruments').del();
      throw new AppError('INPUT_INVALID', 'Not so.');
    }),
  );
};

/** Takes any bytes, beside routes that take JSON alone. */
const rawRoutes: RoutePlugin = (server) => {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => {
    done(null, body);
  });
  server.post('/raw', (request) => {
    if (!Buffer.isBuffer(request.body)) throw new AppError('BODY_INVALID', 'There is no body.');
    return { hex: request.body.toString('hex') };
  });
};

async function problemOf(answer: Response): Promise<Record<string, unknown>> {
  expect(answer.headers.get('content-type')).toMatch(/^application\/problem\+json/);
  const document = (await answer.json()) as Record<string, unknown>;
  const id = answer.headers.get('x-request-id');
  expect(document).toMatchObject({
    type: `urn:recordsmith:error:${String(document['code'])}`,
    status: answer.status,
    instance: `urn:recordsmith:request:${String(id)}`,
  });
  expect(document['title']).not.toBe('');
  return document;
}

function post(address: string, path: string, body: unknown): Promise<Response> {
  return fetch(`${address}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

describe('a request with faults', () => {
  test('has every key of its body named', async () => {
    const { address } = await serve({ routes: [routes] });
    const answer = await post(address, '/events/1', { at: { time: 'noon' }, extra: 1 });
    expect(answer.status).toBe(400);
    const problem = await problemOf(answer);
    expect(problem['code']).toBe('BODY_INVALID');
    const faults = problem['faults'] as { key: string; message: string }[];
    expect(faults.map(({ key }) => key).sort()).toEqual(['', 'at.time', 'instrument']);
    expect(problem['detail']).toContain('extra');
  });

  test.each([
    ['a wrong value in its address', '/events/one', { instrument: 'a' }, 422, 'INPUT_INVALID'],
    ['a body that is no JSON', '/events/1', '{"instrument":', 400, 'BODY_INVALID'],
    ['an empty body', '/events/1', '', 400, 'BODY_INVALID'],
    ['a body that is too large', '/events/1', 'x'.repeat(10_001), 413, 'BODY_TOO_LARGE'],
    ['no route', '/eventz/1', {}, 404, 'ROUTE_NOT_FOUND'],
    ['an address that cannot be decoded', '/events/%ff', {}, 400, 'ROUTE_NOT_FOUND'],
  ])('as %s is told so by a problem', async (_what, path, body, status, code) => {
    const { address } = await serve({ routes: [routes] });
    const answer = await post(address, path, body);
    expect(answer.status).toBe(status);
    expect(await problemOf(answer)).toMatchObject({ code });
  });

  test('as another content type than JSON is a 415', async () => {
    const { address } = await serve({ routes: [routes] });
    const answer = await fetch(`${address}/events/1`, { method: 'POST', body: 'instrument=a' });
    expect(answer.status).toBe(415);
    expect(await problemOf(answer)).toMatchObject({ code: 'BODY_INVALID' });
  });

  test('as a method that the address does not take is told those it does', async () => {
    const { address } = await serve({ routes: [routes], settings: { basePath: '/lab' } });
    const answer = await fetch(`${address}/events/7`, { method: 'DELETE' });
    expect(answer.status).toBe(405);
    expect(answer.headers.get('allow')).toBe('POST');
    expect(await problemOf(answer)).toMatchObject({ code: 'ROUTE_NOT_FOUND' });
  });
});

describe('an error of a route', () => {
  test('that the caller can mend has code, message and remedy', async () => {
    const { address, lines } = await serve({ routes: [routes] });
    const answer = await fetch(`${address}/fails/unknown`);
    expect(answer.status).toBe(404);
    expect(await problemOf(answer)).toMatchObject({
      code: 'SESSION_NOT_FOUND',
      detail: 'There is no session x.',
      remedy: 'Look.',
      details: { session: 'x', password: '***' },
    });
    expect(lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('that a token is refused says how to give one', async () => {
    const { address } = await serve({ routes: [routes] });
    const answer = await fetch(`${address}/fails/token`);
    expect(answer.status).toBe(401);
    expect(answer.headers.get('www-authenticate')).toBe('Bearer');
  });

  test.each(['defect', 'inside'])('of the %s tells nothing but the request id', async (kind) => {
    const { address, lines } = await serve({ routes: [routes] });
    const answer = await fetch(`${address}/fails/${kind}`, { headers: { 'x-request-id': 'abc' } });
    expect(answer.status).toBe(500);
    const text = await answer.text();
    expect(text).not.toContain(SECRET);
    expect(JSON.parse(text)).toMatchObject({
      code: 'INTERNAL',
      detail: expect.stringContaining('abc'),
    });
    const [error] = lines.filter(({ level }) => level === 'error');
    expect(error?.fields).toMatchObject({ requestId: 'abc', path: `/fails/${kind}` });
    expect((error?.fields['error'] as Error).message).toContain(SECRET);
  });

  test('that the database is away is a 503 with Retry-After that names no address', async () => {
    const { address, lines } = await serve({ routes: [routes] });
    const answer = await fetch(`${address}/fails/away`);
    expect(answer.status).toBe(503);
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    const text = JSON.stringify(await problemOf(answer));
    expect(text).toContain('DATABASE_UNAVAILABLE');
    expect(text).not.toContain(SECRET);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});

describe('a request', () => {
  test('keeps a sane id, gets one otherwise, and all its lines carry it', async () => {
    const { address, lines } = await serve({ routes: [routes] });
    const kept = await fetch(`${address}/who`, { headers: { 'x-request-id': 'proxy-17.a' } });
    expect(kept.headers.get('x-request-id')).toBe('proxy-17.a');
    expect(lines.map(({ message }) => message)).toEqual(['asked', 'A request was answered.']);
    expect(lines.map(({ fields }) => fields['requestId'])).toEqual(['proxy-17.a', 'proxy-17.a']);
    for (const odd of ['two words', `x${'y'.repeat(64)}`, '<b>']) {
      const answer = await fetch(`${address}/who`, { headers: { 'x-request-id': odd } });
      expect(answer.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  test('is one line of the log, without its query, its headers and its body', async () => {
    const { address, lines } = await serve({ routes: [routes] });
    await fetch(`${address}/who?key=${SECRET}`, { headers: { authorization: `Bearer ${SECRET}` } });
    await post(address, '/events/1', { instrument: SECRET, at: { time: '2026-01-01T00:00:00Z' } });
    const answered = lines.filter(({ message }) => message === 'A request was answered.');
    expect(answered.map(({ fields }) => fields)).toMatchObject([
      { method: 'GET', path: '/who', status: 200, address: '127.0.0.1' },
      { method: 'POST', path: '/events/1', status: 200 },
    ]);
    expect(JSON.stringify(lines)).not.toContain(SECRET);
  });

  test('of health and metrics is a line for debugging only', async () => {
    const { address, lines } = await serve();
    for (const path of ['/livez', '/readyz', '/metrics']) await fetch(`${address}${path}`);
    expect(lines.map(({ level }) => level)).toEqual(['debug', 'debug', 'debug']);
  });

  test('is answered with headers that keep it from being stored or sniffed, and name no program', async () => {
    const { address } = await serve({ routes: [routes] });
    const { headers } = await fetch(`${address}/who`);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('cache-control')).toBe('no-store');
    expect(headers.get('server')).toBeNull();
    expect(headers.get('x-powered-by')).toBeNull();
  });

  test('may be one unit of work: what it wrote before its error is taken back', async () => {
    const { address, environment } = await serve({ routes: [routes] });
    await addInstrument(environment.database, 'titan');
    const failed = await fetch(`${address}/half-done`, { method: 'POST' });
    expect(failed.status).toBe(422);
    expect(await (await fetch(`${address}/instruments`)).json()).toBe(1);
  });
});

describe('an address', () => {
  test('that asks too often is told when to come again, and /livez answers it still', async () => {
    const { address } = await serve({ routes: [routes], settings: { requestsPerMinute: 3 } });
    for (const path of ['/who', '/nothing', '/readyz']) await fetch(`${address}${path}`);
    for (const path of ['/who', '/nothing']) {
      const answer = await fetch(`${address}${path}`);
      expect(answer.status).toBe(429);
      expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
      expect(await problemOf(answer)).toMatchObject({ code: 'TOO_MANY_REQUESTS' });
    }
    expect((await fetch(`${address}/livez`)).status).toBe(200);
  });

  test('is that of X-Forwarded-For only behind a proxy that is trusted', async () => {
    const headers = { 'x-forwarded-for': '198.51.100.7' };
    const open = await serve({ routes: [routes] });
    expect(await (await fetch(`${open.address}/who`, { headers })).json()).toEqual({
      address: '127.0.0.1',
    });
    const settings = { trustedProxies: ['127.0.0.0/8'] };
    const proxied = await serve({ routes: [routes], settings });
    expect(await (await fetch(`${proxied.address}/who`, { headers })).json()).toEqual({
      address: '198.51.100.7',
    });
  });
});

describe('routes of a plugin', () => {
  test('may take any bytes as they are, beside others that take JSON', async () => {
    const { address } = await serve({ routes: [routes, rawRoutes] });
    const send = (type: string, body: Buffer): Promise<Response> =>
      fetch(`${address}/raw`, {
        method: 'POST',
        headers: { 'content-type': type },
        body: new Uint8Array(body),
      });
    const bytes = Buffer.from([0x7b, 0xff, 0x00]);
    for (const type of ['application/json', 'text/plain', 'x/y']) {
      expect(await (await send(type, bytes)).json()).toEqual({ hex: '7bff00' });
    }
    expect((await send('x/y', Buffer.alloc(10_001))).status).toBe(413);
    const empty = await fetch(`${address}/raw`, { method: 'POST' });
    expect(empty.status).toBe(400);
    expect((await post(address, '/events/1', '{')).status).toBe(400);
  });

  test('lie below the base path, as all others do', async () => {
    const { address } = await serve({ routes: [routes], settings: { basePath: '/em/records' } });
    expect(new URL(address).pathname).toBe('/em/records');
    for (const path of ['/who', '/livez', '/readyz', '/metrics']) {
      expect((await fetch(`${address}${path}`)).status).toBe(200);
      expect((await fetch(new URL(path, address))).status).toBe(404);
    }
  });

  test('are in the OpenAPI document as their schemas say, for whom the guard lets read', async () => {
    let guarded = 0;
    const guard: RequestGuard = async ({ headers }) => {
      guarded += 1;
      if (headers.authorization === undefined) throw new AppError('TOKEN_REFUSED', 'No token.');
    };
    const { address } = await serve({ routes: [openApiRoutes(() => guard), routes] });
    const url = `${address}/api/v1/openapi.json`;
    expect((await fetch(url)).status).toBe(401);
    const answer = await fetch(url, { headers: { authorization: 'Bearer x' } });
    const document = (await answer.json()) as Record<string, unknown>;
    expect(guarded).toBe(2);
    expect(document['openapi']).toBe('3.1.0');
    const paths = document['paths'] as Record<string, unknown>;
    expect(paths).not.toHaveProperty(['/livez']);
    expect(paths['/events/{id}']).toMatchObject({
      post: {
        requestBody: {
          content: {
            'application/json': { schema: { required: ['instrument', 'at'], type: 'object' } },
          },
        },
      },
    });
  });
});

test('what is no HTTP is refused with a problem and the connection ended', async () => {
  const { address } = await serve();
  const answer = await rawAnswer(address, 'HELO there\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/);
  expect(answer).toContain('application/problem+json');
  const large = await rawAnswer(address, `GET / HTTP/1.1\r\nx: ${'y'.repeat(20_000)}\r\n\r\n`);
  expect(large).toMatch(/^HTTP\/1\.1 431 /);
});
