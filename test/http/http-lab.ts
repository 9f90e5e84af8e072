import { connect } from 'node:net';
import { afterEach } from '@jest/globals';
import { systemClock } from '../../src/clock.js';
import type { Database } from '../../src/db/database.js';
import { openDatabase } from '../../src/db/database.js';
import { Figures } from '../../src/http/figures.js';
import type { HttpEnvironment } from '../../src/http/http-environment.js';
import type { HttpSettings } from '../../src/http/http-settings.js';
import { Metrics } from '../../src/http/metrics.js';
import { Readiness, type ReadinessOptions } from '../../src/http/readiness.js';
import {
  startHttpServer,
  type HttpServer,
  type HttpServerOptions,
} from '../../src/http/start-http-server.js';
import type { Log } from '../../src/log.js';
import type { LogFields } from '../../src/log-values.js';
import { createTestDatabase } from '../support/databases.js';

const toClose: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of toClose.splice(0).reverse()) await close();
});

/** Has something closed after the test, the last first. */
export function closeAfterTest(close: () => Promise<unknown>): void {
  toClose.push(close);
}

/** A line of the log. */
export interface LoggedLine {
  readonly level: string;
  readonly message: string;
  readonly fields: LogFields;
}

/** A log that keeps its lines. */
export function recordingLog(lines: LoggedLine[], bound: LogFields = {}): Log {
  const at = (level: string) => (message: string, fields?: LogFields) =>
    void lines.push({ level, message, fields: { ...bound, ...fields } });
  return {
    error: at('error'),
    warn: at('warn'),
    info: at('info'),
    debug: at('debug'),
    child: (fields) => recordingLog(lines, { ...bound, ...fields }),
  };
}

const SETTINGS: HttpSettings = {
  host: '127.0.0.1',
  port: 0,
  basePath: '',
  tls: null,
  trustedProxies: [],
  bodyLimit: 10_000,
  requestsPerMinute: 1000,
};

/** What a test says of a server; the rest has plain values. */
export interface ServedOptions extends Partial<
  Pick<HttpServerOptions, 'routes' | 'timeLimits' | 'metrics'>
> {
  readonly settings?: Partial<HttpSettings>;
  readonly readiness?: ReadinessOptions;
  readonly sources?: readonly string[];
  /** Default: an empty SQLite database. */
  readonly database?: Database;
}

/** A server with what it logs. */
export interface Served {
  readonly server: HttpServer;
  readonly address: string;
  readonly lines: LoggedLine[];
  readonly environment: HttpEnvironment;
}

/** The options of a server on an empty database. */
export async function serverOptions(
  options: ServedOptions,
  lines: LoggedLine[],
): Promise<HttpServerOptions> {
  const database = options.database ?? (await emptyDatabase());
  const environment = { database, log: recordingLog(lines), clock: systemClock };
  return {
    environment,
    settings: { ...SETTINGS, ...options.settings },
    routes: options.routes ?? [],
    readiness: new Readiness(options.readiness ?? { groups: [] }),
    metrics: options.metrics ?? new Metrics('1.2.3'),
    figures: new Figures({
      environment,
      sources: options.sources ?? [],
      problemAgeMs: 86_400_000,
      keepMs: 0,
      keepFinishedMs: 0,
    }),
    version: '1.2.3',
    ...(options.timeLimits === undefined ? {} : { timeLimits: options.timeLimits }),
  };
}

async function emptyDatabase(): Promise<Database> {
  const test = await createTestDatabase('sqlite');
  const database = await openDatabase(test.url);
  closeAfterTest(async () => {
    await database.close();
    await test.remove();
  });
  return database;
}

/** Starts a server that is stopped after the test. */
export async function serve(options: ServedOptions = {}): Promise<Served> {
  const lines: LoggedLine[] = [];
  const made = await serverOptions(options, lines);
  const server = await startHttpServer(made);
  closeAfterTest(() => server.stop(AbortSignal.abort()));
  return { server, address: server.address, lines, environment: made.environment };
}

/** Sends bytes to a server and gives back everything that came until the connection ended. */
export function rawAnswer(
  address: string,
  ...pieces: readonly (string | Buffer)[]
): Promise<string> {
  const { hostname, port } = new URL(address);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      for (const piece of pieces) socket.write(piece);
    });
    let answer = '';
    socket.setEncoding('utf8').on('data', (text: string) => {
      answer += text;
    });
    socket.once('close', () => resolve(answer));
    socket.once('error', reject);
  });
}

/** A promise with its resolver. */
export function gate(): { readonly opened: Promise<void>; open: () => void } {
  let open = (): void => undefined;
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { opened, open };
}
