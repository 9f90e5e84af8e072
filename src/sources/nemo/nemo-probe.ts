import { z } from 'zod';
import { NemoHttp, type Parameters, type ServerClockOffset } from './nemo-http.js';
import { readList, type ListReader } from './nemo-list.js';
import { parseTool, type Tool } from './nemo-lookups.js';
import { readMetadata, type NemoMetadata } from './nemo-metadata.js';
import { httpSettings, type NemoClientOptions } from './nemo-options.js';
import {
  parseReservation,
  parseRow,
  parseUsageEvent,
  type Reservation,
  type UsageEvent,
} from './nemo-rows.js';
import { nemoTimeReader, type NemoTimeReader } from './nemo-times.js';
import { instantText } from './usage-event-filter.js';

/** A tool with its place in NEMO's list: `Electron microscopy/TEM`. */
export interface ListedTool extends Tool {
  /** Null: this version of NEMO does not tell. */
  readonly category: string | null;
}

const categoryRow = z.object({ _category: z.string().nullish() });

function parseListedTool(row: unknown): ListedTool {
  const tool = parseTool(row);
  const { _category: category } = parseRow('tool', categoryRow, row);
  // The columns of a child tool mean nothing.
  return { ...tool, category: tool.parentToolId === null ? (category ?? null) : null };
}

/** Endpoints that are asked for no row, only to see whether that is permitted. */
export type PermissionEndpoint =
  'users' | 'projects' | 'accounts' | 'adjustment_requests' | 'content_types';

/** A query that gives no row, or few. */
const NO_ROWS: Readonly<Record<PermissionEndpoint, Parameters>> = {
  users: [['id', '0']],
  projects: [['id', '0']],
  accounts: [['id', '0']],
  adjustment_requests: [['last_updated__gte', '9999-01-01T00:00:00Z']],
  content_types: [
    ['app_label', 'NEMO'],
    ['model', 'usageevent'],
  ],
};

/**
 * Looks at a NEMO for somebody who sets it up: each question is asked once, and what is wrong is thrown (as NemoClient throws
 * it), also the permissions that NemoClient does without.
 */
export class NemoProbe {
  readonly #http: NemoHttp;
  readonly #reader: ListReader;
  readonly #readTimes: NemoTimeReader;
  readonly #timeLimitMs: number;

  /** @param timeLimitMs Milliseconds that one question may take. @throws AppError CONFIG_INVALID as NemoClient. */
  constructor(options: NemoClientOptions, timeLimitMs: number) {
    const retry = { ...options.retry, tries: 1 };
    const settings = httpSettings({ ...options, requestTimeoutMs: timeLimitMs, retry });
    this.#http = new NemoHttp(settings);
    this.#reader = {
      http: this.#http,
      log: options.log,
      baseUrl: settings.baseUrl,
      pageSize: options.pageSize ?? 50,
    };
    this.#readTimes = nemoTimeReader(options);
    this.#timeLimitMs = timeLimitMs;
  }

  /** By the last answer that told NEMO's time; null: none did. */
  get serverClockOffset(): ServerClockOffset | null {
    return this.#http.clockOffset;
  }

  /** Version and plugins; null: it does not tell, or there is no NEMO at this address. */
  async metadata(): Promise<NemoMetadata | null> {
    const path = 'metadata/';
    const answer = await this.#http.get(path, [], this.#read());
    const address = new URL(path, this.#reader.baseUrl).toString();
    return answer.kind === 'found' ? readMetadata(answer.value, { address, path }) : null;
  }

  /** Whether an endpoint may be read is whether this throws. */
  async permission(endpoint: PermissionEndpoint): Promise<void> {
    await this.#first(`${endpoint}/`, NO_ROWS[endpoint], 1);
  }

  /** All tools, child tools included. */
  async tools(): Promise<readonly ListedTool[]> {
    return (await this.#first('tools/', [], Infinity)).map(parseListedTool);
  }

  /** At most `most` usage events that began after `sinceMs` (epoch milliseconds), the newest first. */
  async newestUsageEvents(sinceMs: number, most: number): Promise<readonly UsageEvent[]> {
    const rows = await this.#first('usage_events/', [['start__gte', instantText(sinceMs)]], most);
    return rows.map((row) => parseUsageEvent(row, this.#readTimes));
  }

  /** At most `most` reservations that begin after `sinceMs` (epoch milliseconds), the latest first. */
  async newestReservations(sinceMs: number, most: number): Promise<readonly Reservation[]> {
    const rows = await this.#first('reservations/', [['start__gte', instantText(sinceMs)]], most);
    return rows.map((row) => parseReservation(row, this.#readTimes));
  }

  async #first(path: string, parameters: Parameters, most: number): Promise<unknown[]> {
    const rows: unknown[] = [];
    for await (const row of readList(this.#reader, path, parameters, this.#read())) {
      rows.push(row);
      if (rows.length >= most) break;
    }
    return rows;
  }

  #read() {
    return { signal: undefined, leftMs: this.#timeLimitMs };
  }
}
