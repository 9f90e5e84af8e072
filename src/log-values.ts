import { isAppError } from './errors.js';

/** What a line of the log carries besides its message: plain JSON after `toLogValue`. */
export type LogFields = Readonly<Record<string, unknown>>;

const MASK = '***';
const MAX_TEXT_LENGTH = 16_384;
const MAX_DEPTH = 8;
const MAX_ENTRIES = 200;

const URL_PASSWORD = /\b([a-z][a-z0-9+.-]*:\/\/[^\s:/?#@]*):[^\s/?#]*@/gi;
const URL_PARAMETER =
  /([?&;](?:password|passwd|token|access_token|api_?key|secret|signature)=)[^&#\s"']+/gi;
const AUTHORIZATION = /\b(authorization["']?\s*[:=]\s*["']?(?:[a-z]+\s+)?|bearer\s+)[^\s"',;]+/gi;
const SECRET_NAME =
  /^(?:.*[_.-])?(?:password|passwd|passphrase|token|secret|api_?key|authorization|cookie|credentials)$/i;

/** Replaces what is secret in a text: passwords in URLs and their parameters, authorization headers. */
export function maskSecrets(text: string): string {
  return text
    .replace(URL_PASSWORD, `$1:${MASK}@`)
    .replace(URL_PARAMETER, `$1${MASK}`)
    .replace(AUTHORIZATION, `$1${MASK}`);
}

const UNSAFE_CHARACTER = /[\p{Cc}\p{Bidi_Control}\p{Cs}\u2028\u2029\ufeff]/gu;
const SHORT_ESCAPES: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' };

/**
 * A text on one line that a terminal or journal shows as it is: control characters, line separators, direction
 * overrides and lone surrogates are written as escapes, so that no file name or user name can forge a line.
 */
export function escapeControls(text: string): string {
  return text.replace(
    UNSAFE_CHARACTER,
    (character) =>
      SHORT_ESCAPES[character] ?? `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

/** Writes what JSON text may hold unescaped but a terminal or line reader may take amiss as JSON escapes. */
export function escapeInJson(json: string): string {
  return json.replace(
    UNSAFE_CHARACTER,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function shorten(text: string): string {
  return text.length <= MAX_TEXT_LENGTH
    ? text
    : `${text.slice(0, MAX_TEXT_LENGTH)}... (${text.length} characters)`;
}

/** Whether a caught value looks like an Error (also one of another realm or process). */
function isErrorLike(value: object): value is Error {
  return (
    value instanceof Error ||
    ('message' in value &&
      typeof value.message === 'string' &&
      (('stack' in value && typeof value.stack === 'string') || isAppError(value)))
  );
}

function errorFields(error: Error, depth: number, seen: readonly object[]): LogFields {
  const expected = isAppError(error);
  const fields: Record<string, unknown> = {
    name: error.name,
    message: shorten(maskSecrets(error.message)),
  };
  if ('code' in error && (typeof error.code === 'string' || typeof error.code === 'number')) {
    fields['code'] = error.code;
  }
  if (expected) {
    if (error.remedy !== undefined) fields['remedy'] = error.remedy;
    if (Object.keys(error.details).length > 0) {
      fields['details'] = plain(error.details, depth + 1, seen);
    }
  } else if (error.stack !== undefined) {
    fields['stack'] = shorten(maskSecrets(error.stack));
  }
  if (error.cause !== undefined) fields['cause'] = plain(error.cause, depth + 1, seen);
  return fields;
}

function hasToJson(value: object): value is { toJSON(): unknown } {
  return 'toJSON' in value && typeof value.toJSON === 'function';
}

function plainObject(value: object, depth: number, seen: readonly object[]): unknown {
  if (seen.includes(value)) return '(circular)';
  if (depth > MAX_DEPTH) return '(too deep)';
  const path = [...seen, value];
  if (isErrorLike(value)) return errorFields(value, depth, path);
  if (Array.isArray(value)) {
    const kept: unknown[] = value
      .slice(0, MAX_ENTRIES)
      .map((entry) => plain(entry, depth + 1, path));
    if (value.length > kept.length) kept.push(`(${value.length - kept.length} more)`);
    return kept;
  }
  if (ArrayBuffer.isView(value)) return `(${value.byteLength} bytes)`;
  if (value instanceof Map) return plain(Object.fromEntries(value), depth, path);
  if (value instanceof Set) return plain([...value], depth, path);
  if (hasToJson(value)) {
    const shown = value.toJSON();
    return shown === value ? '(circular)' : plain(shown, depth + 1, path);
  }
  const fields: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(value).slice(0, MAX_ENTRIES)) {
    if (entry === undefined) continue;
    fields[name] =
      typeof entry === 'string' && SECRET_NAME.test(name) ? MASK : plain(entry, depth + 1, path);
  }
  return fields;
}

function plain(value: unknown, depth: number, seen: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
      return shorten(maskSecrets(value));
    case 'number':
      return Number.isFinite(value) ? value : String(value);
    case 'bigint':
    case 'symbol':
      return value.toString();
    case 'function':
      return '(function)';
    case 'object':
      return value === null ? null : plainObject(value, depth, seen);
    default:
      return value;
  }
}

/**
 * A value as a line of the log shows it: plain JSON, bounded in size and depth. Errors become objects with code,
 * message, remedy, details and the chain of their causes (the stack only where the error is not one of our own);
 * secrets are masked. Never throws for cycles, bigints, buffers or errors of other realms.
 */
export function toLogValue(value: unknown): unknown {
  return plain(value, 0, []);
}

/** The fields of a line as plain JSON; entries that are undefined are left out. */
export function toLogFields(fields: LogFields): LogFields {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    shown[name] = typeof value === 'string' && SECRET_NAME.test(name) ? MASK : toLogValue(value);
  }
  return shown;
}
