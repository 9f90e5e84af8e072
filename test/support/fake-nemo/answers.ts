import { isCell, type JsonValue } from './rows.js';

/** What the server answers. */
export interface Answer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: string;
}

/** As Django REST framework writes it: without spaces, text as it is. */
export function jsonAnswer(
  status: number,
  body: JsonValue,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return {
    status,
    headers: { 'Content-Type': 'application/json', ...headers },
    body: JSON.stringify(body),
  };
}

export function detail(status: number, text: string, headers?: Record<string, string>): Answer {
  return jsonAnswer(status, { detail: text }, headers);
}

/** Text that stands in HTML. */
export function escaped(text: string): string {
  const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '"': '&quot;' };
  return text.replace(/[&<"]/g, (character) => entities[character] ?? character);
}

export function htmlAnswer(status: number, title: string, body = ''): Answer {
  return {
    status,
    headers: { 'Content-Type': 'text/html; charset=utf-8' },
    body:
      '<!doctype html>\n<html lang="en">\n<head>\n' +
      `  <title>${escaped(title)}</title>\n</head>\n<body>\n  <h1>${escaped(title)}</h1><p>${body}</p>\n</body>\n</html>\n`,
  };
}

/** Django's page for an exception nobody caught. */
export const SERVER_ERROR = htmlAnswer(500, 'Server Error (500)');

export const NOT_FOUND = htmlAnswer(
  404,
  'Not Found',
  'The requested resource was not found on this server.',
);

/** The JSON text as a value, or what DRF says about it. */
export function parsedJson(
  text: string,
): { readonly value: JsonValue } | { readonly error: string } {
  try {
    const value: unknown = JSON.parse(text);
    return isCell(value) && typeof value !== 'bigint' ? { value } : { error: 'no JSON value' };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}
