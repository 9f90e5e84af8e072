import { DateTime } from 'luxon';
import { z } from 'zod';
import { readJson } from './json-text.js';
import { LUXON_OPTIONS } from './datetime-format.js';
import {
  hideSecret,
  invalidAnswer,
  notPermitted,
  redirected,
  refused,
  unavailable,
  type RequestFacts,
} from './nemo-errors.js';

/** An answer that is one of the expected ones; the others are thrown. */
export type NemoAnswer =
  | { readonly kind: 'found'; readonly value: unknown }
  /** 404. `byRest`: the REST interface says so, not a proxy or a NEMO whose `/api/` is switched off. */
  | { readonly kind: 'not-found'; readonly byRest: boolean }
  /** 400 with the parameters that NEMO does not like. */
  | { readonly kind: 'bad-request'; readonly parameters: readonly string[] };

/** What an answer is judged by. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Uint8Array;
}

const detailSchema = z.object({ detail: z.string() });
const faultsSchema = z.record(z.string(), z.unknown());
const LONGEST_SAYING = 200;

/**
 * Judges what came back.
 * @throws AppError SOURCE_UNAVAILABLE (429, 5xx), SOURCE_REFUSED (redirects, 401, 403 and other 4xx), SOURCE_ANSWER_INVALID
 * (no JSON).
 */
export function judgeAnswer(
  raw: RawAnswer,
  facts: RequestFacts,
  context: { readonly token: string; readonly nowMs: number },
): NemoAnswer {
  const { status, headers } = raw;
  if (status >= 200 && status < 300) return { kind: 'found', value: parseBody(raw, facts) };
  if (status >= 300 && status < 400) throw redirected(facts, status, headers.get('location'));
  if (status === 429 || status >= 500) {
    const retryAfterMs = readRetryAfter(headers.get('retry-after'), context.nowMs);
    throw unavailable(facts, `answers with status ${status}`, {
      status,
      ...(retryAfterMs === null ? {} : { retryAfterMs }),
    });
  }
  const value = jsonOf(raw.body);
  const detail = detailSchema.safeParse(value);
  const said = detail.success
    ? hideSecret(detail.data.detail, context.token).slice(0, LONGEST_SAYING)
    : null;
  if (status === 401 || status === 403) throw notPermitted(facts, status, said);
  if (status === 404) return { kind: 'not-found', byRest: detail.success };
  const faults = faultsSchema.safeParse(value);
  if (status === 400 && faults.success) {
    const parameters = Object.keys(faults.data).map((name) => hideSecret(name, context.token));
    return { kind: 'bad-request', parameters };
  }
  throw refused(
    facts,
    status,
    `refuses the request${said === null ? '' : `: ${said}`}`,
    'Check the address and version of NEMO.',
  );
}

/** The JSON value of a body; undefined: it is none. */
function jsonOf(body: Uint8Array): unknown {
  const text = textOf(body);
  const read = text === null ? null : readJson(text);
  return read?.ok === true ? read.value : undefined;
}

function textOf(body: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch {
    return null;
  }
}

function parseBody({ headers, body }: RawAnswer, facts: RequestFacts): unknown {
  const text = textOf(body);
  if (text === null) throw invalidAnswer(facts, 'answers with text that is not UTF-8');
  const isHtml = headers.get('content-type')?.includes('html') === true || /^\s*</.test(text);
  if (isHtml) {
    throw invalidAnswer(
      facts,
      'answers with HTML where JSON is expected',
      'Write the address of NEMO up to /api/; a sign-on page in front of NEMO must leave /api/ alone.',
    );
  }
  const read = readJson(text);
  if (!read.ok) throw invalidAnswer(facts, `answers with JSON that is refused (${read.reason})`);
  return read.value;
}

/** Retry-After (RFC 9110: seconds or an HTTP date) in milliseconds from now; null: none that can be understood. */
function readRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header) * 1000;
  const until = readHttpDate(header);
  return until === null ? null : Math.max(0, until - nowMs);
}

/** An HTTP date (RFC 9110) in epoch milliseconds; null: it is none. */
export function readHttpDate(header: string): number | null {
  const date = DateTime.fromHTTP(header, LUXON_OPTIONS);
  return date.isValid ? date.toMillis() : null;
}
