import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createApiToken } from '../../src/db/api-token-store.js';
import { listInstrumentClocks } from '../../src/db/instrument-clock-store.js';
import { sessionLogRoutes } from '../../src/http/session-log-routes.js';
import { describeDatabases } from '../support/databases.js';
import { startPlainServer } from '../support/plain-server.js';
import { addInstrument } from '../support/session-rows.js';

const CLIENT = fileURLToPath(new URL('../../docs/clients/recordsmith-client.sh', import.meta.url));
const TOKEN = 'rs_a-token-that-nobody-may-see';

interface ClientResult {
  readonly code: number | null;
  readonly output: string;
}

/** The client with a queue of its own. */
class Client {
  readonly folder = mkdtempSync(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'rs-client-'));
  url = 'http://127.0.0.1:9';

  constructor(token = TOKEN) {
    writeFileSync(join(this.folder, 'token'), `${token}\n`, { mode: 0o600 });
  }

  get queue(): string {
    return join(this.folder, 'queue');
  }

  waiting(): string[] {
    return readdirSync(join(this.queue, 'waiting')).sort();
  }

  run(...args: string[]): Promise<ClientResult> {
    return new Promise((resolve, reject) => {
      const child = spawn('sh', [CLIENT, ...args], {
        env: {
          PATH: process.env['PATH'],
          RS_URL: this.url,
          RS_INSTRUMENT: 'titan',
          RS_TOKEN_FILE: join(this.folder, 'token'),
          RS_QUEUE: this.queue,
        },
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      let output = '';
      child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()));
      child.on('error', reject);
      child.on('close', (code) => resolve({ code, output }));
    });
  }
}

interface SeenRequest {
  readonly key: string;
  readonly token: string;
  readonly body: Record<string, unknown>;
}

/** A server that answers by a list, the last answer again and again. `drop`: it dies without an answer. */
class ScriptedServer {
  readonly seen: SeenRequest[] = [];
  #answers: readonly (number | 'drop')[] = [201];
  headers: Readonly<Record<string, string>> = {};
  during: () => void = () => undefined;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => void this.#answer(request, response));
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${String((this.#server.address() as AddressInfo).port)}`;
  }

  answer(...answers: (number | 'drop')[]): void {
    this.#answers = answers;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = JSON.parse(await text(request)) as Record<string, unknown>;
    this.seen.push({
      key: String(request.headers['idempotency-key']),
      token: String(request.headers.authorization),
      body,
    });
    this.during();
    const [next = 201, ...rest] = this.#answers;
    if (rest.length > 0) this.#answers = rest;
    if (next === 'drop') {
      request.socket.destroy();
      return;
    }
    response.writeHead(next, { 'content-type': 'application/json', ...this.headers });
    response.end(
      JSON.stringify(
        next < 300
          ? { session_key: 'abc', kind: 'inserted', status: 'WAITING_FOR_END', warnings: [] }
          : { code: 'X', detail: 'No.' },
      ),
    );
  }
}

describe('the shell client', () => {
  let client: Client;
  let server: ScriptedServer;
  let url: string;
  const events = () => server.seen.map(({ body }) => body['event']);

  beforeEach(async () => {
    client = new Client();
    server = new ScriptedServer();
    url = await server.start();
  });
  afterEach(async () => {
    await server.stop();
    rmSync(client.folder, { recursive: true });
  });

  test('events wait while the server is away, and are sent in their order with the time they happened', async () => {
    const name = 'Ada "Lady" Müller\\Ström';
    expect(await client.run('start', '--user', name, '--note', 'a\nb')).toMatchObject({ code: 75 });
    expect(await client.run('end')).toMatchObject({ code: 75 });
    expect(client.waiting()).toHaveLength(2);
    // The back-off of a server that was away.
    client.url = url;
    expect(await client.run('flush')).toMatchObject({ code: 75 });
    expect(server.seen).toEqual([]);
    expect(await client.run('flush', '--now')).toMatchObject({ code: 0 });
    expect(events()).toEqual(['START', 'END']);
    const [start, end] = server.seen;
    expect(start).toMatchObject({
      token: `Bearer ${TOKEN}`,
      key: expect.stringMatching(/^[0-9a-f]{32}$/),
      body: {
        instrument: 'titan',
        user: name,
        note: 'a b',
        timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?[+-]\d{4}$/),
        sent_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT/),
        session_identifier: expect.stringMatching(/^titan-\d{8}T\d{6}Z-[0-9a-f]{8}$/),
      },
    });
    expect(end?.body['session_identifier']).toBe(start?.body['session_identifier']);
    expect(client.waiting()).toEqual([]);
    expect((await client.run('status')).output).toContain('open session: none');
  });

  test('a server that dies in the middle of the queue gets the rest later, with the same key', async () => {
    await client.run('start');
    await client.run('end');
    client.url = url;
    server.answer(201, 'drop', 201);
    expect(await client.run('flush', '--now')).toMatchObject({ code: 75 });
    expect(client.waiting()).toHaveLength(1);
    expect(await client.run('flush', '--now')).toMatchObject({ code: 0 });
    expect(events()).toEqual(['START', 'END', 'END']);
    expect(server.seen[1]?.key).toBe(server.seen[2]?.key);
  });

  test.each([500, 503, 429])(
    'after %i the event waits, for as long as the server asks',
    async (status) => {
      client.url = url;
      server.headers = { 'retry-after': '3000' };
      server.answer(status);
      expect(await client.run('start')).toMatchObject({ code: 75 });
      expect(client.waiting()).toHaveLength(1);
      const notBefore = Number(readFileSync(join(client.queue, 'not-before'), 'utf8'));
      expect(notBefore - Date.now() / 1000).toBeGreaterThan(2900);
      expect(await client.run('flush')).toMatchObject({ code: 75 });
      expect(server.seen).toHaveLength(1);
    },
  );

  test('a refused token keeps all events; a refused event steps aside and the next ones are sent', async () => {
    client.url = url;
    server.answer(401);
    expect(await client.run('start')).toMatchObject({ code: 77 });
    expect(client.waiting()).toHaveLength(1);
    server.answer(422, 201);
    const ended = await client.run('end');
    expect(ended).toMatchObject({ code: 65 });
    expect(ended.output).toContain('refused (422): No.');
    expect(events()).toEqual(['START', 'START', 'END']);
    expect(client.waiting()).toEqual([]);
    const refused = readdirSync(join(client.queue, 'refused')).sort();
    expect(refused).toEqual([
      expect.stringMatching(/^0000000001-.*\.answer$/),
      expect.stringMatching(/^0000000001-.*\.json$/),
    ]);
  });

  test('a wrong address keeps the events and says so', async () => {
    client.url = url;
    server.answer(404);
    const started = await client.run('start');
    expect(started).toMatchObject({ code: 78, output: expect.stringContaining('is the address') });
    expect(client.waiting()).toHaveLength(1);
  });

  test('several at once send each event once', async () => {
    client.url = url;
    const results = await Promise.all(
      [1, 2, 3, 4].map((n) => client.run('start', '--session', `s${String(n)}`)),
    );
    expect(results.map(({ code }) => code)).toEqual([0, 0, 0, 0]);
    expect(server.seen.map(({ body }) => body['session_identifier']).sort()).toEqual([
      's1',
      's2',
      's3',
      's4',
    ]);
    expect(readdirSync(client.queue).sort()).toEqual(['current', 'refused', 'sequence', 'waiting']);
  });

  test('a lock that a crash left is broken', async () => {
    await client.run('start');
    // A process that lives, but is none of ours.
    for (const lock of ['state.lock', 'send.lock']) {
      writeFileSync(join(client.queue, lock), String(process.pid));
    }
    client.url = url;
    expect(await client.run('end')).toMatchObject({ code: 0 });
    expect(events()).toEqual(['START', 'END']);
  });

  test('the token is neither in the list of processes nor in the output', async () => {
    client.url = url;
    let processes = '';
    // While the client waits for its answer.
    server.during = () => {
      processes = execFileSync('ps', ['-eww', '-o', 'args=']).toString();
    };
    const { output } = await client.run('start');
    expect(processes).toContain('curl --disable');
    expect(processes).not.toContain(TOKEN);
    expect(output).not.toContain(TOKEN);
  });

  test('without its settings it says which one is missing, and loses nothing', async () => {
    client.url = '';
    expect(await client.run('start')).toMatchObject({
      code: 78,
      output: expect.stringContaining('RS_URL'),
    });
    expect(client.waiting()).toHaveLength(1);
    expect(await client.run('begin')).toMatchObject({ code: 64 });
  });
});

describeDatabases('the shell client and the server', (fixture) => {
  test('a session reported off line comes complete into the log', async () => {
    await addInstrument(fixture.database, 'titan');
    const { text: token } = await fixture.database.createScope(() =>
      createApiToken({
        name: 'pc',
        scopes: ['ingest'],
        instrumentPid: 'titan',
        expiresAtMs: null,
        author: 'test',
      }),
    );
    const client = new Client(token);
    const server = await startPlainServer(
      fixture.database,
      sessionLogRoutes({ name: 'pcs', closesAtNextStart: () => false }),
    );
    try {
      await client.run('start', '--user', "Zoë O'Neill");
      client.url = server.url;
      const ended = await client.run('end');
      expect(ended).toMatchObject({ code: 0, output: expect.stringContaining('TO_BE_BUILT') });
      const rows = await fixture.database.knex('session_log').orderBy('id_session_log');
      expect(rows).toMatchObject([
        { event_type: 'START', user: "Zoë O'Neill", source: 'pcs' },
        { event_type: 'END', user: "Zoë O'Neill", record_status: 'TO_BE_BUILT' },
      ]);
      const clocks = await fixture.database.createScope(() => listInstrumentClocks());
      expect(clocks).toHaveLength(1);
      expect(Math.abs(clocks[0]?.offsetMs ?? Infinity)).toBeLessThan(30_000);
    } finally {
      await server.stop();
      rmSync(client.folder, { recursive: true });
    }
  });
});
