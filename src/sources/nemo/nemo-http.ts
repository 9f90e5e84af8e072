import pRetry from 'p-retry';
import { sleep, type Clock } from '../../clock.js';
import { AppError, isAppError } from '../../errors.js';
import type { Log } from '../../log.js';
import { judgeAnswer, readHttpDate, type NemoAnswer, type RawAnswer } from './nemo-answer.js';
import { invalidAnswer, unavailable, withoutSecret, type RequestFacts } from './nemo-errors.js';
import { withTimeLimit } from './time-limit.js';

/** Parameters of a query, in order. */
export type Parameters = readonly (readonly [name: string, value: string])[];

/** How often, and how soon, a request is tried again that failed for a transient reason. */
export interface RetrySettings {
  /** Tries in all. */
  readonly tries: number;
  /** Milliseconds before the second try; doubled from try to try, and up to doubled again by chance. */
  readonly firstDelayMs: number;
  readonly longestDelayMs: number;
  /** The longest Retry-After, in milliseconds, that is waited for; a longer one ends the read. */
  readonly longestRetryAfterMs: number;
}

/** One read, which may take many requests. */
export interface ReadContext {
  readonly signal: AbortSignal | undefined;
  /** Milliseconds that its requests may still take, with all waiting in between. */
  leftMs: number;
}

/** How far the clock of NEMO is ahead of this one. */
export interface ServerClockOffset {
  /** Milliseconds; negative: NEMO's clock is behind. */
  readonly offsetMs: number;
  /** Milliseconds that it may be wrong: the Date header has whole seconds, and the answer was on its way. */
  readonly uncertaintyMs: number;
  /** Epoch milliseconds of this clock. */
  readonly measuredAtMs: number;
}

export interface NemoHttpSettings {
  /** Ends in `/api/`. */
  readonly baseUrl: URL;
  readonly token: string;
  readonly requestTimeoutMs: number;
  readonly answerLimitBytes: number;
  readonly retry: RetrySettings;
  readonly clock: Clock;
  readonly log: Log;
  readonly fetch: typeof fetch;
}

/** A query in which every reserved character is escaped: a raw `+` is a blank for NEMO. */
export function queryText(parameters: Parameters): string {
  return parameters
    .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
    .join('&');
}

/** Reads from the REST interface of one NEMO, as often as it takes. The token occurs in nothing that it throws or logs. */
export class NemoHttp {
  readonly #settings: NemoHttpSettings;
  #clockOffset: ServerClockOffset | null = null;

  constructor(settings: NemoHttpSettings) {
    this.#settings = settings;
  }

  /** By the last answer that told NEMO's time; null: none did. */
  get clockOffset(): ServerClockOffset | null {
    return this.#clockOffset;
  }

  /**
   * Gets `path` (relative, with trailing slash) below the base URL.
   * @throws AppError SOURCE_UNAVAILABLE after the last try or when the time of the read is over, SOURCE_REFUSED,
   * SOURCE_ANSWER_INVALID, ABORTED.
   */
  async get(path: string, parameters: Parameters, read: ReadContext): Promise<NemoAnswer> {
    const url = new URL(path, this.#settings.baseUrl);
    url.search = queryText(parameters);
    const facts = { address: `${url.origin}${url.pathname}`, path };
    const startedMs = performance.now();
    try {
      return await withTimeLimit(read.leftMs, read.signal, async (limit) => {
        try {
          return await this.#tryOften(url, facts, limit.signal);
        } catch (error) {
          if (read.signal?.aborted === true) throw aborted(facts);
          if (!limit.isOver) throw error;
          const cause = isAppError(error) ? { cause: error } : {};
          throw unavailable(facts, 'takes too long for one read', cause);
        }
      });
    } finally {
      read.leftMs -= performance.now() - startedMs;
    }
  }

  #tryOften(url: URL, facts: RequestFacts, signal: AbortSignal): Promise<NemoAnswer> {
    const { retry, log } = this.#settings;
    return pRetry(() => this.#try(url, facts, signal), {
      retries: retry.tries - 1,
      minTimeout: retry.firstDelayMs,
      maxTimeout: retry.longestDelayMs,
      randomize: true,
      signal,
      shouldRetry: async ({ error, attemptNumber }) => {
        if (!isAppError(error) || error.code !== 'SOURCE_UNAVAILABLE') return false;
        const asked = error.details['retryAfterMs'];
        const waitMs = typeof asked === 'number' ? asked : 0;
        if (waitMs > retry.longestRetryAfterMs) return false;
        log.debug('NEMO is asked again', { path: facts.path, attemptNumber, waitMs, error });
        await sleep(waitMs, signal);
        return !signal.aborted;
      },
    });
  }

  async #try(url: URL, facts: RequestFacts, outer: AbortSignal): Promise<NemoAnswer> {
    const { token, clock, requestTimeoutMs } = this.#settings;
    return withTimeLimit(requestTimeoutMs, outer, async (limit) => {
      try {
        const raw = await this.#fetch(url, facts, limit.signal);
        return judgeAnswer(raw, facts, { token, nowMs: clock.now().toMillis() });
      } catch (error) {
        if (isAppError(error)) throw error;
        const why = limit.isOver
          ? `did not answer within ${requestTimeoutMs / 1000} s`
          : 'cannot be reached';
        throw unavailable(facts, why, { cause: withoutSecret(error, token) });
      }
    });
  }

  async #fetch(url: URL, facts: RequestFacts, signal: AbortSignal): Promise<RawAnswer> {
    const { token, clock } = this.#settings;
    const sentMs = clock.now().toMillis();
    const response = await this.#settings.fetch(url, {
      headers: { authorization: `Token ${token}`, accept: 'application/json' },
      // Whoever a redirect leads to would get the token.
      redirect: 'manual',
      signal,
    });
    this.#noteClock(response.headers, sentMs, clock.now().toMillis());
    const body = await this.#readBody(response, facts);
    return { status: response.status, headers: response.headers, body };
  }

  async #readBody(response: Response, facts: RequestFacts): Promise<Uint8Array> {
    const limit = this.#settings.answerLimitBytes;
    if (response.body === null) return new Uint8Array();
    const arriving: AsyncIterable<Uint8Array> = response.body;
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of arriving) {
      size += chunk.byteLength;
      if (size > limit) {
        throw invalidAnswer(
          facts,
          `answers with more than ${limit} bytes`,
          'Ask for less at once: a smaller page size; an old NEMO without page_size needs a higher limit.',
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  #noteClock(headers: Headers, sentMs: number, receivedMs: number): void {
    const date = headers.get('date');
    const serverMs = date === null ? null : readHttpDate(date);
    // What a cache answers was dated long ago.
    if (serverMs === null || headers.get('age') !== null) return;
    this.#clockOffset = {
      // In the middle of the second that the header names.
      offsetMs: serverMs + 500 - (sentMs + receivedMs) / 2,
      uncertaintyMs: 500 + (receivedMs - sentMs) / 2,
      measuredAtMs: receivedMs,
    };
  }
}

function aborted(facts: RequestFacts): AppError {
  return new AppError('ABORTED', `Reading from NEMO at ${facts.address} was stopped.`, {
    details: { ...facts },
  });
}
