import { isList, type JsonValue } from './rows.js';

function ascii(text: string): string {
  return text.replace(
    /[\u007f-\uffff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

function oneLine(value: JsonValue): string {
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isList(value)) return `[${value.map(oneLine).join(', ')}]`;
  const pairs = Object.entries(value).map(
    ([key, item]) => `${JSON.stringify(key)}: ${oneLine(item)}`,
  );
  return `{${pairs.join(', ')}}`;
}

/**
 * JSON as Python's json.dumps writes it: a space after ':' and ',' and nothing but ASCII; with an indent over several
 * lines. A receiver that serializes again before it checks the signature is caught by that.
 */
export function pythonJson(value: JsonValue, indent?: string): string {
  return ascii(indent === undefined ? oneLine(value) : JSON.stringify(value, null, indent));
}
