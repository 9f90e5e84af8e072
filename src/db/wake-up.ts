import { setTimeout as delay } from 'node:timers/promises';
import type { Client } from 'pg';
import { sleep } from '../clock.js';
import { toError } from '../errors.js';
import type { Log } from '../log.js';
import type { PostgresSettings } from './database-settings.js';

/** What a WakeUp needs. */
export interface WakeUpOptions {
  readonly settings: PostgresSettings;
  /** Something may be there to build. Called at most once in `quietMs`, and after each connecting. */
  readonly onWake: () => void;
  readonly log: Log;
  /** Milliseconds in which notifications gather, once one was passed on. @default 1000 */
  readonly quietMs?: number;
}

/** Milliseconds before connecting anew: doubled with each failure up to the longest. */
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 60_000;

/**
 * Listens, on a connection of its own, for what the triggers of the database tell (PostgreSQL's LISTEN and NOTIFY), so
 * that a daemon need not wait for its next pass. A connection that is lost is made anew, with one warning for each
 * outage; until then the schedule of the daemon is what it goes by.
 */
export class WakeUp {
  readonly #options: WakeUpOptions;
  readonly #controller = new AbortController();
  #listening: Promise<void> | null = null;
  #quietUntilMs = 0;
  #pending: NodeJS.Timeout | null = null;

  constructor(options: WakeUpOptions) {
    this.#options = options;
  }

  /** Begins to listen. Does not wait for the connection and never throws. */
  start(): void {
    this.#listening ??= this.#listen();
  }

  /** Closes the connection; onWake is not called any more. */
  async stop(): Promise<void> {
    this.#controller.abort();
    if (this.#pending !== null) clearTimeout(this.#pending);
    await this.#listening;
  }

  async #listen(): Promise<void> {
    const { log } = this.#options;
    let failures = 0;
    for (;;) {
      const lost = await this.#listenOnce(() => {
        if (failures > 0) log.info('The database wakes the daemon again.');
        else log.debug('The database wakes the daemon.');
        failures = 0;
        // Whatever came in while nobody listened.
        this.#wake();
      });
      if (this.#controller.signal.aborted) return;
      if (failures === 0) {
        log.warn('The database cannot wake the daemon for now; it looks by its schedule.', {
          error: lost,
        });
      }
      const longestMs = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures);
      failures += 1;
      // Many daemons lose their connections at the same moment.
      await sleep(longestMs * (0.5 + Math.random() / 2), this.#controller.signal);
    }
  }

  /** One connection, from its making to its end. @returns why it ended; never rejects. */
  async #listenOnce(onListening: () => void): Promise<Error> {
    const { settings } = this.#options;
    const { signal } = this.#controller;
    const { default: driver } = await import('pg');
    const client = new driver.Client({
      connectionString: settings.url,
      application_name: 'recordsmith wake-up',
      connectionTimeoutMillis: 10_000,
      keepAlive: true,
      keepAliveInitialDelayMillis: 30_000,
    });
    const over = new AbortController();
    const ended = new Promise<Error>((resolve) => {
      client.on('error', resolve);
      client.on('end', () => resolve(new Error('The connection was closed.')));
      const onStop = (): void => resolve(new Error('Stopped.'));
      signal.addEventListener('abort', onStop, { signal: over.signal });
      // It may have been stopped while it waited: that is not told again.
      if (signal.aborted) onStop();
    });
    client.on('notification', () => this.#wake());
    try {
      // Else stopping would wait for a server that does not answer.
      await Promise.race([listenOn(client, settings.schema ?? 'public'), rejected(ended)]);
      onListening();
      return await ended;
    } catch (error) {
      return toError(error);
    } finally {
      over.abort();
      // A connection that is broken already has nothing to end, and one that hangs is not waited for.
      await Promise.race([
        client.end().catch(() => undefined),
        delay(1000, undefined, { ref: false }),
      ]);
    }
  }

  /** Passes a notification on, or lets it gather with others. */
  #wake(): void {
    if (this.#controller.signal.aborted || this.#pending !== null) return;
    const waitMs = this.#quietUntilMs - performance.now();
    if (waitMs > 0) {
      this.#pending = setTimeout(() => {
        this.#pending = null;
        this.#wake();
      }, waitMs);
      return;
    }
    this.#quietUntilMs = performance.now() + (this.#options.quietMs ?? 1000);
    this.#options.onWake();
  }
}

async function rejected(ended: Promise<Error>): Promise<never> {
  throw await ended;
}

/** Connects and listens on the channel of the schema, whose name the database knows. */
async function listenOn(client: Client, schema: string): Promise<void> {
  await client.connect();
  await client.query(`set search_path to ${client.escapeIdentifier(schema)}`);
  const { rows } = await client.query<{ channel: string }>(
    'select wake_up_channel($1) as channel',
    [schema],
  );
  for (const { channel } of rows) await client.query(`listen ${client.escapeIdentifier(channel)}`);
}
