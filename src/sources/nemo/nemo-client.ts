import { isAppError } from '../../errors.js';
import { systemClock } from '../../clock.js';
import { isUsageEventType, readMetadata, type NemoMetadata } from './nemo-metadata.js';
import { invalidAnswer } from './nemo-errors.js';
import {
  NemoHttp,
  type Parameters,
  type ReadContext,
  type ServerClockOffset,
} from './nemo-http.js';
import { notThere, readList, type ListReader } from './nemo-list.js';
import {
  parseAccount,
  parseProject,
  parseTool,
  parseUser,
  withChildTools,
  type Account,
  type NemoUser,
  type Project,
  type Tool,
} from './nemo-lookups.js';
import { httpSettings, pageSizeOf, type NemoClientOptions } from './nemo-options.js';
import {
  parseAdjustmentRequest,
  parseReservation,
  parseUsageEvent,
  rowId,
  type AdjustmentRequest,
  type Reservation,
  type UsageEvent,
} from './nemo-rows.js';
import { nemoTimeReader, type NemoTimeReader } from './nemo-times.js';
import { Remembered } from './remembered.js';
import { isUnknownTool, readUsageEvents, type UsageEventReports } from './read-usage-events.js';
import { instantText, isWithin, type UsageEventFilter } from './usage-event-filter.js';

/** How one read is done. */
export interface ReadOptions {
  readonly signal?: AbortSignal;
}

/** How something that is remembered is read. */
export interface LookUpOptions extends ReadOptions {
  /** Not from memory. */
  readonly refresh?: boolean;
}

/** Adjustment requests tell which usage events to read again. */
export interface UsageEventAdjustment extends AdjustmentRequest {
  /** Whether `itemId` is a usage event; null: NEMO does not let us know. */
  readonly isUsageEvent: boolean | null;
}

/**
 * Reads from the REST interface of one NEMO instance (4.x to 8.x). Every read may throw AppError SOURCE_UNAVAILABLE (transient;
 * `details.retryAfterMs` where NEMO named a time), SOURCE_REFUSED (a person must act; the remedy names what lacks),
 * SOURCE_ANSWER_INVALID (`details.rowId` and `details.key` name the row) and ABORTED. The token occurs in none of them.
 */
export class NemoClient {
  readonly #http: NemoHttp;
  readonly #reader: ListReader;
  readonly #readTimes: NemoTimeReader;
  readonly #readTimeoutMs: number;
  readonly #tools: Remembered<'all', readonly Tool[]>;
  readonly #users: Remembered<number, NemoUser>;
  readonly #projects: Remembered<number, Project>;
  readonly #accounts: Remembered<number, Account>;
  readonly #usageEventType: Remembered<'id', number>;

  /** @throws AppError CONFIG_INVALID for an address, token, zone, format or number that cannot be. */
  constructor(options: NemoClientOptions) {
    const settings = httpSettings(options);
    this.#http = new NemoHttp(settings);
    this.#reader = {
      http: this.#http,
      log: options.log,
      baseUrl: settings.baseUrl,
      pageSize: pageSizeOf(options),
    };
    this.#readTimes = nemoTimeReader(options);
    this.#readTimeoutMs = options.readTimeoutMs ?? 600_000;
    const { cacheLifetimeMs = 600_000, clock = systemClock } = options;
    this.#tools = new Remembered(cacheLifetimeMs, clock);
    this.#users = new Remembered(cacheLifetimeMs, clock);
    this.#projects = new Remembered(cacheLifetimeMs, clock);
    this.#accounts = new Remembered(cacheLifetimeMs, clock);
    this.#usageEventType = new Remembered(cacheLifetimeMs, clock);
  }

  /** How far NEMO's clock is ahead of ours, by the last answer; null: no answer told its time. */
  get serverClockOffset(): ServerClockOffset | null {
    return this.#http.clockOffset;
  }

  /**
   * The usage events of a filter, each once, those of child tools included, in no certain order. While it is read, rows may be
   * inserted and deleted: that an id did not come is no proof that it is gone, `usageEvent` is.
   */
  async *usageEvents(
    filter: UsageEventFilter,
    options: ReadOptions & UsageEventReports = {},
  ): AsyncGenerator<UsageEvent, void, undefined> {
    const { toolIds } = filter;
    const family =
      toolIds === undefined || toolIds.length === 0
        ? toolIds
        : withChildTools(toolIds, await this.tools(options));
    yield* readUsageEvents(this.#reader, this.#readTimes, filter, family, {
      read: this.#begin(options),
      reports: options,
    });
  }

  /** One usage event; null: NEMO has none with this id. */
  async usageEvent(id: number, options: ReadOptions = {}): Promise<UsageEvent | null> {
    const row = await this.#row('usage_events', id, options);
    return row === null ? null : parseUsageEvent(row, this.#readTimes);
  }

  /**
   * The reservations of a tool that overlap the time from `fromMs` to `toMs` (epoch milliseconds), cancelled, missed and
   * replaced ones included. None for a tool that NEMO does not know.
   */
  async reservations(
    toolId: number,
    fromMs: number,
    toMs: number,
    options: ReadOptions = {},
  ): Promise<Reservation[]> {
    const parameters: Parameters = [
      ['tool_id', String(toolId)],
      ['start__lt', instantText(toMs)],
      ['end__gte', instantText(fromMs)],
    ];
    try {
      const rows = await this.#rows('reservations/', parameters, options);
      return rows
        .map((row) => parseReservation(row, this.#readTimes))
        .filter(
          ({ toolId: found, start, end }) =>
            found === toolId &&
            isWithin(start, undefined, toMs) &&
            isWithin(end, fromMs, undefined),
        );
    } catch (error) {
      if (isUnknownTool(error)) return [];
      throw error;
    }
  }

  /**
   * Adjustment requests that were applied and last touched since `sinceMs` (epoch milliseconds), of usage events or, where the
   * token may not read content types, of anything. Null: the token may not read them, or NEMO is older than 6.0.0.
   */
  async adjustmentRequests(
    sinceMs: number,
    options: ReadOptions = {},
  ): Promise<UsageEventAdjustment[] | null> {
    const parameters: Parameters = [
      ['last_updated__gte', instantText(sinceMs)],
      ['applied', 'true'],
    ];
    try {
      const rows = await this.#rows('adjustment_requests/', parameters, options);
      const requests = rows
        .map((row) => parseAdjustmentRequest(row, this.#readTimes))
        .filter(({ applied, lastUpdated }) => applied && isWithin(lastUpdated, sinceMs, undefined));
      const type = requests.length === 0 ? null : await this.#usageEventTypeId(options);
      return requests
        .map((request) => ({
          ...request,
          isUsageEvent: type === null ? null : request.itemTypeId === type,
        }))
        .filter(({ isUsageEvent }) => isUsageEvent !== false);
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }

  /** All tools, child tools included. */
  async tools(options: LookUpOptions = {}): Promise<readonly Tool[]> {
    const tools = await this.#tools.get('all', options.refresh ?? false, async () => {
      const rows = await this.#rows('tools/', [], options);
      return rows.map(parseTool);
    });
    return tools ?? [];
  }

  /** The user with this id; null: there is none. */
  async user(id: number, options: LookUpOptions = {}): Promise<NemoUser | null> {
    return this.#lookUp(this.#users, 'users', id, parseUser, options);
  }

  /** The project with this id; null: there is none. */
  async project(id: number, options: LookUpOptions = {}): Promise<Project | null> {
    return this.#lookUp(this.#projects, 'projects', id, parseProject, options);
  }

  /** The account with this id; null: there is none. */
  async account(id: number, options: LookUpOptions = {}): Promise<Account | null> {
    return this.#lookUp(this.#accounts, 'accounts', id, parseAccount, options);
  }

  /**
   * Version and plugins of NEMO, for which any token will do. Null: it does not tell, since it is too old or there is no NEMO at
   * this address.
   */
  async metadata(options: ReadOptions = {}): Promise<NemoMetadata | null> {
    const facts = this.#facts('metadata/');
    const answer = await this.#http.get(facts.path, [], this.#begin(options));
    return answer.kind === 'found' ? readMetadata(answer.value, facts) : null;
  }

  #begin({ signal }: ReadOptions): ReadContext {
    return { signal, leftMs: this.#readTimeoutMs };
  }

  #facts(path: string): { address: string; path: string } {
    return { address: new URL(path, this.#reader.baseUrl).toString(), path };
  }

  async #rows(path: string, parameters: Parameters, options: ReadOptions): Promise<unknown[]> {
    const rows: unknown[] = [];
    for await (const row of readList(this.#reader, path, parameters, this.#begin(options))) {
      rows.push(row);
    }
    return rows;
  }

  /** A row by its id; null: NEMO itself says that there is none. */
  async #row(endpoint: string, id: number, options: ReadOptions): Promise<unknown> {
    const facts = this.#facts(`${endpoint}/${id}/`);
    const answer = await this.#http.get(facts.path, [], this.#begin(options));
    // Only the word of the REST interface counts: a proxy's 404 must not read as a deleted row.
    if (answer.kind === 'not-found' && answer.byRest) return null;
    if (answer.kind !== 'found') throw notThere(facts);
    if (rowId(answer.value) !== id) throw invalidAnswer(facts, 'answers with another row');
    return answer.value;
  }

  #lookUp<Row>(
    remembered: Remembered<number, Row>,
    endpoint: string,
    id: number,
    parse: (row: unknown) => Row,
    options: LookUpOptions,
  ): Promise<Row | null> {
    return remembered.get(id, options.refresh ?? false, async () => {
      const row = await this.#row(endpoint, id, options);
      return row === null ? null : parse(row);
    });
  }

  /** Id of the content type of usage events; null: the token may not read content types. */
  async #usageEventTypeId(options: ReadOptions): Promise<number | null> {
    const parameters: Parameters = [
      ['app_label', 'NEMO'],
      ['model', 'usageevent'],
    ];
    try {
      return await this.#usageEventType.get('id', false, async () => {
        const rows = await this.#rows('content_types/', parameters, options);
        return rowId(rows.find(isUsageEventType));
      });
    } catch (error) {
      if (isMissing(error)) return null;
      throw error;
    }
  }
}

function statusOf(error: unknown): unknown {
  return isAppError(error) && error.code === 'SOURCE_REFUSED' ? error.details['status'] : null;
}

/** Not permitted, or not there in this version. */
function isMissing(error: unknown): boolean {
  const status = statusOf(error);
  return status === 403 || status === 404;
}
