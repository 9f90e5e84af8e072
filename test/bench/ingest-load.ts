/*
 * The sender of the benchmark `ingest`, in a process of its own: signs messages, then sends them over connections that stay
 * open. Plain sockets, since an HTTP client costs more than what is measured.
 */
import { connect, type Socket } from 'node:net';
import { Webhook } from 'standardwebhooks';

/** What the parent asks for. */
export interface LoadOrder {
  readonly port: number;
  readonly path: string;
  readonly secret: string;
  readonly connections: number;
  /** Number of the first event; each message is about another one. */
  readonly firstEvent: number;
  readonly count: number;
  /** Messages a second; null: each connection sends as soon as it has its answer. */
  readonly perSecond: number | null;
}

/** What the parent gets. */
export interface LoadReport {
  readonly seconds: number;
  /** Milliseconds of each message, from when it was due until its answer; ascending. */
  readonly latenciesMs: readonly number[];
  /** Answers other than 202, by their first line. */
  readonly failures: readonly string[];
}

function bodyOf(event: number): string {
  return JSON.stringify({
    type: 'usage_event.updated',
    timestamp: '2026-11-21T04:51:33.540Z',
    data: {
      ...{ id: event, start: '2026-11-20T23:51:33.391881-05:00', end: null, has_ended: 0 },
      ...{ note: null, validated: false, remote_work: false, training: false },
      ...{ pre_run_data: '', run_data: null, waived: false, waived_on: null, user: 2 },
      ...{ operator: 2, project: 1, tool: 2, staff_charge: null, validated_by: null },
    },
  });
}

function requestsOf({ path, secret, firstEvent, count }: LoadOrder): Buffer[] {
  const webhook = new Webhook(secret);
  const now = new Date();
  return Array.from({ length: count }, (_, index) => {
    const body = bodyOf(firstEvent + index);
    const id = `msg_${String(firstEvent + index)}`;
    return Buffer.from(
      `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n` +
        `Content-Length: ${String(Buffer.byteLength(body))}\r\nwebhook-id: ${id}\r\n` +
        `webhook-timestamp: ${String(Math.floor(now.getTime() / 1000))}\r\n` +
        `webhook-signature: ${webhook.sign(id, now, body)}\r\n\r\n${body}`,
    );
  });
}

function opened(port: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true }, () => resolve(socket));
    socket.once('error', reject);
  });
}

/** The first line of the answer to one request. */
function exchange(socket: Socket, request: Buffer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    const onData = (chunk: Buffer): void => {
      text += chunk.toString('latin1');
      const headerEnd = text.indexOf('\r\n\r\n');
      if (headerEnd === -1) return;
      const length = Number(/content-length: (\d+)/i.exec(text)?.[1] ?? Number.NaN);
      if (Number.isNaN(length)) reject(new Error(`An answer without length: ${text}`));
      if (text.length < headerEnd + 4 + length) return;
      socket.off('data', onData);
      resolve(text.slice(0, text.indexOf('\r\n')));
    };
    socket.on('data', onData);
    socket.write(request);
  });
}

async function send(order: LoadOrder): Promise<LoadReport> {
  const requests = requestsOf(order);
  const sockets = await Promise.all(
    Array.from({ length: order.connections }, () => opened(order.port)),
  );
  const latenciesMs: number[] = [];
  const failures: string[] = [];
  const beganMs = performance.now();
  let next = 0;
  const dueMs = (index: number): number =>
    order.perSecond === null ? performance.now() : beganMs + (index * 1000) / order.perSecond;
  await Promise.all(
    sockets.map(async (socket) => {
      for (let index = next++; index < requests.length; index = next++) {
        // One that is late because no connection was free has waited, too.
        const due = dueMs(index);
        const early = due - performance.now();
        if (early > 0) await new Promise((resolve) => setTimeout(resolve, early));
        const line = await exchange(socket, requests[index] ?? Buffer.alloc(0));
        latenciesMs.push(performance.now() - due);
        if (!line.startsWith('HTTP/1.1 202')) failures.push(line);
      }
    }),
  );
  const seconds = (performance.now() - beganMs) / 1000;
  for (const socket of sockets) socket.destroy();
  return { seconds, latenciesMs: latenciesMs.sort((a, b) => a - b), failures };
}

process.once('message', (order: LoadOrder) => {
  void send(order).then((report) => {
    process.send?.(report);
    process.disconnect();
  });
});
