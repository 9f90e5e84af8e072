import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { expect, test } from '@jest/globals';
import { openDatabase, type Database } from '../../src/db/database.js';
import { describeDatabases } from '../support/databases.js';
import { waitFor } from '../support/wait-for.js';
import { closeLater, eventBody, rowCounts, send, sourceOf, startLab } from './nemo-webhook-lab.js';

const BODY = eventBody(5);

async function hintCount(database: Database): Promise<number | undefined> {
  return (await rowCounts(database))['webhook_hints'];
}

/** Forwards to a port until it is cut. */
async function wireTo(port: number): Promise<{ port: number; cut(): void; mend(): void }> {
  const sockets = new Set<Socket>();
  let isCut = false;
  const server = createServer((socket) => {
    if (isCut) {
      socket.destroy();
      return;
    }
    const upstream = connect(port, '127.0.0.1');
    for (const end of [socket, upstream]) {
      sockets.add(end);
      end.on('error', () => undefined).on('close', () => sockets.delete(end));
    }
    socket.pipe(upstream).pipe(socket);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const cut = (): void => {
    isCut = true;
    for (const socket of sockets) socket.destroy();
  };
  closeLater(() => {
    cut();
    return new Promise((resolve) => void server.close(resolve));
  });
  return { port: (server.address() as AddressInfo).port, cut, mend: () => (isCut = false) };
}

describeDatabases('in trouble a sender is told to come again, and nothing is lost:', (fixture) => {
  test('while another process keeps the database locked', async () => {
    const { database } = fixture;
    const lab = await startLab({ database, answerWithinMs: 200 });
    const another = await fixture.openAnother();
    const lock = await another.knex.transaction();
    await lock('replay_cache').insert({
      ...{ source: 'other', replay_key: 'x', expires_at: '2026-11-22T00:00:00.000Z' },
    });
    if (fixture.engine === 'postgres') await lock.raw('lock table replay_cache');
    expect(await send(lab, 'django-webhook', BODY)).toMatchObject({
      status: 503,
      retryAfter: '5',
      body: { code: 'DATABASE_BUSY' },
    });
    expect(lab.outcomes).toStrictEqual(['django-webhook not-stored']);
    await lock.rollback();
    await another.close();
    // The first attempt may have been kept meanwhile.
    const again = await waitFor('the message is taken', async () => {
      const answer = await send(lab, 'django-webhook', BODY);
      return answer.status === 202 ? answer : null;
    });
    expect(again.body).toMatchObject({ accepted: true });
    expect(await hintCount(database)).toBe(1);
  });

  test('while the database is away', async () => {
    const { database } = fixture;
    let away: () => Promise<unknown>;
    let back: () => Promise<unknown>;
    let used = database;
    if (fixture.engine === 'postgres') {
      const url = new URL(fixture.url);
      const wire = await wireTo(Number(url.port));
      url.port = String(wire.port);
      used = await openDatabase(url.toString());
      closeLater(() => used.close());
      away = async () => wire.cut();
      back = async () => wire.mend();
    } else {
      // What a full or broken disk does to SQLite.
      away = () => database.knex.raw('pragma query_only = on');
      back = () => database.knex.raw('pragma query_only = off');
    }
    const lab = await startLab({ database: used });
    expect(await send(lab, 'django-webhook', eventBody(1))).toMatchObject({ status: 202 });
    await away();
    for (const scheme of ['django-webhook', 'standard-webhooks'] as const) {
      const answer = await send(lab, scheme, BODY, { id: 'msg_of_trouble' });
      expect(answer).toMatchObject({
        status: 503,
        retryAfter: '5',
        body: { code: 'DATABASE_UNAVAILABLE' },
      });
    }
    await back();
    expect(await hintCount(database)).toBe(1);
    for (const scheme of ['django-webhook', 'standard-webhooks'] as const) {
      const answer = await send(lab, scheme, BODY, { id: 'msg_of_trouble' });
      expect(answer).toMatchObject({ status: 202, body: { accepted: true } });
      expect(answer.body).not.toHaveProperty('duplicate');
    }
    expect(await hintCount(database)).toBe(3);
  });

  test('when more wait than are kept, of this source alone', async () => {
    const { database } = fixture;
    const sources = [sourceOf('django-webhook'), sourceOf('static-token')];
    const lab = await startLab({ database, sources, mostWaiting: 3 });
    for (const id of [1, 2, 3]) {
      expect(await send(lab, 'django-webhook', eventBody(id))).toMatchObject({ status: 202 });
    }
    expect(await send(lab, 'django-webhook', eventBody(4))).toMatchObject({
      status: 503,
      retryAfter: '5',
      body: { code: 'BACKLOG_FULL' },
    });
    expect(await send(lab, 'static-token', eventBody(4))).toMatchObject({ status: 202 });
    await database.knex('webhook_hints').where('source', 'django-webhook').del();
    await waitFor('there is room again', async () => {
      const answer = await send(lab, 'django-webhook', eventBody(4));
      return answer.status === 202 && !JSON.stringify(answer.body).includes('duplicate');
    });
  });

  test('when one address sends too much, before its bodies are read', async () => {
    const { database } = fixture;
    const lab = await startLab({ database, messagesPerMinute: 2, bodyLimit: 10_000 });
    for (const id of [1, 2]) await send(lab, 'django-webhook', eventBody(id));
    const tooLarge = eventBody(3, { note: 'x'.repeat(20_000) });
    const answer = await send(lab, 'django-webhook', tooLarge);
    expect(answer).toMatchObject({ status: 429, body: { code: 'TOO_MANY_REQUESTS' } });
    expect(Number(answer.retryAfter)).toBeGreaterThan(0);
    expect(lab.outcomes.at(-1)).toBe('django-webhook too-many');
    // Each source has its own measure.
    expect(await send(lab, 'static-token', eventBody(3))).toMatchObject({ status: 202 });
  });

  test('a message that the database does not take keeps out none that came with it', async () => {
    const { database } = fixture;
    // A name that is longer than its column.
    const name = 'x'.repeat(101);
    const sources = [sourceOf('django-webhook', { name }), sourceOf('static-token')];
    const lab = await startLab({ database, sources });
    const answers = await Promise.all([
      ...[1, 2].map((id) => send(lab, 'static-token', eventBody(id))),
      send(lab, 'django-webhook', eventBody(3), { to: name }),
      ...[4, 5].map((id) => send(lab, 'static-token', eventBody(id))),
    ]);
    expect(answers.map(({ status }) => status)).toStrictEqual([202, 202, 500, 202, 202]);
    expect(await hintCount(database)).toBe(4);
  });
});
