import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer, connect, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TLSSocket } from 'node:tls';
import { describe, expect, test } from '@jest/globals';
import { sleep } from '../../src/clock.js';
import { startHttpServer } from '../../src/http/start-http-server.js';
import type { RoutePlugin } from '../../src/http/route-plugin.js';
import {
  closeAfterTest,
  gate,
  rawAnswer,
  serve,
  serverOptions,
  type Served,
  type ServedOptions,
} from './http-lab.js';
import { TEST_CERTIFICATES } from './test-certificates.js';

/** Answers when it is told to, and says when it was asked. */
function slowRoute(word = 'done') {
  const asked = gate();
  const told = gate();
  const routes: RoutePlugin = (server) => {
    server.get('/slow', async () => {
      asked.open();
      await told.opened;
      return { word };
    });
    server.get('/quick', () => ({ word }));
  };
  return { routes: [routes], asked: asked.opened, tell: told.open };
}

async function wordOf(answer: Response | Promise<Response>): Promise<unknown> {
  const document = (await (await answer).json()) as { word: unknown };
  return document.word;
}

async function isRefused(address: string): Promise<boolean> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve) => {
    const socket = connect(Number(port), hostname, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', () => resolve(true));
  });
}

/** A server in the place of another one, stopped after the test. */
async function replace(old: Served, options: ServedOptions): Promise<Served> {
  const server = await old.server.replaceBy(await serverOptions(options, old.lines));
  closeAfterTest(() => server.stop(AbortSignal.abort()));
  return { ...old, server, address: server.address };
}

const portOf = ({ address }: Served): number => Number(new URL(address).port);

describe('a client that is too slow', () => {
  const timeLimits = { headersMs: 150, requestMs: 300, checkMs: 30 };

  test.each([
    ['the head', 'GET /livez HTTP/1.1\r\nx: '],
    ['the body', 'POST /x HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n{"a":'],
  ])('with %s of its request is told so and cut off', async (_what, beginning) => {
    const { address } = await serve({ timeLimits });
    const answer = await rawAnswer(address, beginning);
    // A body that nobody asked for may be answered before it is there.
    expect(answer).toMatch(/^HTTP\/1\.1 (?:408|404) /);
  });

  test('is cut off when it asks for nothing more', async () => {
    const { address } = await serve({ timeLimits: { ...timeLimits, keepAliveMs: 50 } });
    const answer = await rawAnswer(address, 'GET /livez HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(answer).toContain('alive');
  });
});

describe('stopping', () => {
  test('takes nothing new, and lets a request that is under way be answered', async () => {
    const { routes, asked, tell } = slowRoute();
    const { server, address } = await serve({ routes });
    const answer = fetch(`${address}/slow`);
    await asked;
    let isStopped = false;
    const stopped = server.stop(AbortSignal.timeout(60_000)).then(() => {
      isStopped = true;
    });
    expect(await isRefused(address)).toBe(true);
    // Longer than the last bytes of an answer are waited for.
    await sleep(400);
    expect(isStopped).toBe(false);
    tell();
    expect((await answer).headers.get('connection')).toBe('close');
    expect(await wordOf(answer)).toBe('done');
    await stopped;
  });

  test('does not wait for a request longer than it may', async () => {
    const { routes, asked, tell } = slowRoute();
    const { server, address } = await serve({ routes });
    const outcome = fetch(`${address}/slow`).then(
      () => 'answered',
      () => 'broken off',
    );
    await asked;
    await server.stop(AbortSignal.timeout(50));
    expect(await outcome).toBe('broken off');
    tell();
  });

  test('does not wait for connections on which nothing is asked', async () => {
    const { server, address } = await serve();
    await (await fetch(`${address}/livez`)).text();
    const { hostname, port } = new URL(address);
    const silent = connect(Number(port), hostname);
    await new Promise((resolve) => silent.once('connect', resolve));
    const patience = AbortSignal.timeout(20_000);
    await server.stop(patience);
    expect(patience.aborted).toBe(false);
    silent.destroy();
  });
});

describe('listening', () => {
  test('on a port that is taken names host, port and remedy', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => other.once('listening', resolve));
    closeAfterTest(() => new Promise((resolve) => other.close(resolve)));
    const { port } = other.address() as AddressInfo;
    await expect(serve({ settings: { port } })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      message: `The HTTP interface cannot listen on 127.0.0.1 port ${port}: another program does.`,
      remedy: expect.stringContaining('http.port'),
      details: { host: '127.0.0.1', port, systemCode: 'EADDRINUSE' },
    });
  });

  test('on an address that is not of this machine says so', async () => {
    await expect(serve({ settings: { host: '192.0.2.1' } })).rejects.toMatchObject({
      code: 'LISTEN_FAILED',
      remedy: expect.stringContaining('http.host'),
    });
  });
});

describe('a server in the place of another one', () => {
  test('answers on the same socket, while the other one ends what it has begun', async () => {
    const first = slowRoute('first');
    const old = await serve({ routes: first.routes });
    const answer = fetch(`${old.address}/slow`);
    await first.asked;
    const second = slowRoute('second');
    const next = await replace(old, { routes: second.routes, settings: { basePath: '/new' } });
    expect(next.address).toBe(`${old.address}/new`);
    expect(await wordOf(fetch(`${next.address}/quick`))).toBe('second');
    const stopped = old.server.stop(AbortSignal.timeout(60_000));
    first.tell();
    expect(await wordOf(answer)).toBe('first');
    await stopped;
    expect(await wordOf(fetch(`${next.address}/quick`))).toBe('second');
  });

  test('may listen elsewhere; the old place is free when the other one has stopped', async () => {
    const old = await serve(slowRoute('first'));
    const settings = { host: '127.0.0.2' };
    const next = await replace(old, { ...slowRoute('second'), settings });
    expect(await wordOf(fetch(`${old.address}/quick`))).toBe('first');
    expect(await wordOf(fetch(`${next.address}/quick`))).toBe('second');
    await old.server.stop(AbortSignal.timeout(1000));
    expect(await isRefused(old.address)).toBe(true);
  });

  test('may need the port of the other one for another address', async () => {
    const old = await serve(slowRoute('first'));
    const settings = { host: '0.0.0.0', port: portOf(old) };
    const next = await replace(old, { ...slowRoute('second'), settings });
    expect(await wordOf(fetch(`${old.address}/quick`))).toBe('second');
    expect(new URL(next.address).hostname).toBe('0.0.0.0');
  });

  test('that cannot listen leaves the other one as it is', async () => {
    const old = await serve(slowRoute('first'));
    const settings = { host: '192.0.2.1', port: portOf(old) };
    await expect(replace(old, { settings })).rejects.toMatchObject({ code: 'LISTEN_FAILED' });
    expect(await wordOf(fetch(`${old.address}/quick`))).toBe('first');
  });
});

describe('HTTPS', () => {
  function filesOf(name: 'one' | 'two') {
    const folder = mkdtempSync(join(tmpdir(), 'recordsmith-tls-'));
    closeAfterTest(async () => rmSync(folder, { recursive: true }));
    const files = { certificate: join(folder, 'chain.pem'), key: join(folder, 'key.pem') };
    writeFileSync(files.certificate, TEST_CERTIFICATES[name].certificate);
    writeFileSync(files.key, TEST_CERTIFICATES[name].key);
    return files;
  }

  /** Asks as a client that trusts this certificate alone; gives its name and the answer's status. */
  function ask(address: string, name: 'one' | 'two') {
    const ca = TEST_CERTIFICATES[name].certificate;
    return new Promise<{ readonly name: string; readonly status: number | undefined }>(
      (resolve, reject) => {
        get(`${address}/livez`, { ca, agent: false }, (answer) => {
          const { socket } = answer;
          const names = socket instanceof TLSSocket ? socket.getPeerCertificate().subject : null;
          answer.resume();
          resolve({ name: String(names?.CN), status: answer.statusCode });
        }).once('error', reject);
      },
    );
  }

  test('is served by a certificate of the facility; a replaced server takes another one', async () => {
    const old = await serve({ settings: { tls: filesOf('one') } });
    expect(old.address).toMatch(/^https:/);
    expect(await ask(old.address, 'one')).toEqual({ name: 'one.example', status: 200 });
    const next = await replace(old, { settings: { tls: filesOf('two') } });
    expect(next.address).toBe(old.address);
    expect(await ask(next.address, 'two')).toEqual({ name: 'two.example', status: 200 });
  });

  test.each([
    ['whose key belongs to another one', 'two', 'http.tls'],
    ['that is not there', 'missing', 'http.tls.key'],
  ])('by a certificate %s is a fault of the configuration', async (_what, kind, key) => {
    const files = filesOf('one');
    if (kind === 'missing') rmSync(files.key);
    else writeFileSync(files.key, TEST_CERTIFICATES.two.key);
    const options = await serverOptions({ settings: { tls: files } }, []);
    await expect(startHttpServer(options)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      details: { key },
    });
  });
});
