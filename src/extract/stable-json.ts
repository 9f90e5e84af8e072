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
  return text(value, 0);
}

function text(item: unknown, depth: number): string {
  if (typeof item === 'number') return Number.isFinite(item) ? String(item) : `"${item}"`;
  if (typeof item === 'string') return JSON.stringify(item);
  if (typeof item === 'boolean') return String(item);
  if (typeof item === 'bigint') return `"${item}"`;
  if (typeof item !== 'object' || item === null) return 'null';
  if (depth > DEEPEST) return '"(nested too deeply)"';
  if (ArrayBuffer.isView(item)) return `"(${item.byteLength} bytes left out)"`;
  let written = '';
  if (Array.isArray(item)) {
    for (const entry of item) {
      written = bounded(`${written === '' ? '' : `${written},`}${text(entry, depth + 1)}`);
    }
    return `[${written}]`;
  }
  const entries: ReadonlyMap<unknown, unknown> =
    item instanceof Map ? item : new Map(Object.entries(item));
  for (const key of [...entries.keys()].sort()) {
    const entry: unknown = entries.get(key);
    if (entry === undefined || typeof entry === 'function') continue;
    const before = written === '' ? '' : `${written},`;
    written = bounded(`${before}${JSON.stringify(key)}:${text(entry, depth + 1)}`);
  }
  return `{${written}}`;
}

function bounded(written: string): string {
  if (written.length <= LONGEST) return written;
  throw new AppError('LIMIT_EXCEEDED', `More than ${LONGEST} characters of JSON.`);
}
