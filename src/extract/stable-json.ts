import { AppError } from '../errors.js';

/** Structures deeper than this are cut: no vendor nests so far, a broken file may. */
const DEEPEST = 100;
/** Characters of one document. */
const LONGEST = 64 * 1024 * 1024;

/**
 * JSON whose bytes depend on the value alone: keys sorted by code unit, no blanks. What JSON cannot hold becomes text
 * (NaN, infinities, bigints); typed arrays and what is too deep become a text that says so; functions and undefined
 * are left out.
 * @throws AppError LIMIT_EXCEEDED for more than 64 Mi characters.
 */
export function stableJson(value: unknown): string {
  const parts: string[] = [];
  let length = 0;
  const put = (text: string): void => {
    length += text.length;
    if (length > LONGEST) {
      throw new AppError('LIMIT_EXCEEDED', `More than ${LONGEST} characters of JSON.`);
    }
    parts.push(text);
  };
  const write = (item: unknown, depth: number): void => {
    if (typeof item === 'number') {
      put(Number.isFinite(item) ? JSON.stringify(item) : `"${item}"`);
    } else if (typeof item === 'string' || typeof item === 'boolean') {
      put(JSON.stringify(item));
    } else if (typeof item === 'bigint') {
      put(`"${item}"`);
    } else if (typeof item !== 'object' || item === null) {
      put('null');
    } else if (depth > DEEPEST) {
      put('"(nested too deeply)"');
    } else if (ArrayBuffer.isView(item)) {
      put(`"(${item.byteLength} bytes left out)"`);
    } else if (Array.isArray(item)) {
      put('[');
      item.forEach((entry: unknown, index) => {
        if (index > 0) put(',');
        write(entry, depth + 1);
      });
      put(']');
    } else {
      put('{');
      const entries = Object.entries(item)
        .filter(([, entry]) => entry !== undefined && typeof entry !== 'function')
        .sort(([a], [b]) => (a < b ? -1 : 1));
      entries.forEach(([key, entry], index) => {
        put(`${index > 0 ? ',' : ''}${JSON.stringify(key)}:`);
        write(entry, depth + 1);
      });
      put('}');
    }
  };
  write(value, 0);
  return parts.join('');
}
