import { systemClock, type Clock } from '../../clock.js';
import { AppError } from '../../errors.js';
import type { Log } from '../../log.js';
import type { NemoHttpSettings, RetrySettings } from './nemo-http.js';
import type { NemoTimeSettings } from './nemo-times.js';

/** One NEMO instance and how it is read. */
export interface NemoClientOptions extends NemoTimeSettings {
  /** Address of its REST interface; ends in `/api/`. */
  readonly baseUrl: string;
  /** Token of a user with the permissions to read. */
  readonly token: string;
  readonly log: Log;
  /** @default the clock of this machine */
  readonly clock?: Clock;
  /** Milliseconds that one answer may take. @default 30 s */
  readonly requestTimeoutMs?: number;
  /** Milliseconds that the requests of one read may take together, with all tries. @default 10 min */
  readonly readTimeoutMs?: number;
  /** Rows that are asked for at once. @default 500 */
  readonly pageSize?: number;
  /** Bytes that one answer may have. @default 64 MiB */
  readonly answerLimitBytes?: number;
  /** Milliseconds for which tools, users, projects and accounts are remembered. @default 10 min */
  readonly cacheLifetimeMs?: number;
  /** @default four tries, after 0.5 to 10 s, and a Retry-After of at most 60 s */
  readonly retry?: Partial<RetrySettings>;
  /** @default the one of Node.js */
  readonly fetch?: typeof fetch;
}

const RETRY: RetrySettings = {
  tries: 4,
  firstDelayMs: 500,
  longestDelayMs: 10_000,
  longestRetryAfterMs: 60_000,
};

function invalid(message: string, remedy: string): AppError {
  return new AppError('CONFIG_INVALID', message, { remedy });
}

/**
 * The address of a REST interface with its trailing slash. Never shown in what is thrown: it may hold a password.
 * @throws AppError CONFIG_INVALID
 */
export function nemoBaseUrl(text: string): URL {
  const remedy = 'Write it like https://nemo.example.org/api/.';
  if (!URL.canParse(text)) throw invalid('The address of NEMO is no address.', remedy);
  const url = new URL(text);
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    throw invalid('The address of NEMO begins with neither https:// nor http://.', remedy);
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw invalid('The address of NEMO has a user, a password, a query or a fragment.', remedy);
  }
  if (!url.pathname.endsWith('/')) url.pathname += '/';
  if (!url.pathname.endsWith('/api/')) {
    throw invalid(`The address of NEMO (${url.toString()}) does not end in /api/.`, remedy);
  }
  return url;
}

/** Fetch shows a header that it does not take, so the token is looked at before. */
function checkedToken(token: string): string {
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw invalid(
    'The token of NEMO is empty or has blanks or other characters in it that no token has.',
    'Copy the 40 hexadecimal digits from the detailed administration of NEMO.',
  );
}

function checkedCount(name: string, value: number, least: number): number {
  if (Number.isSafeInteger(value) && value >= least) return value;
  throw invalid(`${name} is ${value}.`, `Make it a whole number from ${least} up.`);
}

/**
 * The settings of the requests to one NEMO.
 * @throws AppError CONFIG_INVALID; neither token nor password occur in it.
 */
export function httpSettings(options: NemoClientOptions): NemoHttpSettings {
  const retry = { ...RETRY, ...options.retry };
  checkedCount('The number of tries', retry.tries, 1);
  return {
    baseUrl: nemoBaseUrl(options.baseUrl),
    token: checkedToken(options.token),
    requestTimeoutMs: checkedCount('requestTimeoutMs', options.requestTimeoutMs ?? 30_000, 1),
    answerLimitBytes: checkedCount('answerLimitBytes', options.answerLimitBytes ?? 67_108_864, 1),
    retry,
    clock: options.clock ?? systemClock,
    log: options.log,
    fetch: options.fetch ?? fetch,
  };
}

/** @throws AppError CONFIG_INVALID: 0 would mean 1000 to NEMO. */
export function pageSizeOf(options: NemoClientOptions): number {
  return checkedCount('pageSize', options.pageSize ?? 500, 1);
}
