/** Why a text is not taken as JSON. */
export type JsonFault = 'not-json' | 'too-deep' | 'duplicate-key' | 'unsafe-key';

/** JSON text as a value, or why not. */
export type ReadJson =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly reason: JsonFault };

/** Answers of forms are nested about six levels; what is far beyond has other aims. */
const MOST_LEVELS = 64;

/**
 * Reads JSON text that may be hostile. Refused, beyond what RFC 8259 refuses: nesting over 64 levels (whoever walks the value
 * later does so by recursion), a key twice in one object (two programs would read two different things), and the key
 * `__proto__` (a copy of the object could get another prototype).
 */
export function readJson(text: string): ReadJson {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { ok: false, reason: 'not-json' };
  }
  const reason = structureFault(text);
  return reason === null ? { ok: true, value } : { ok: false, reason };
}

/** Walks text that is known to be JSON. */
function structureFault(text: string): JsonFault | null {
  /** The keys of each object that is open, null for an array. */
  const open: (Set<string> | null)[] = [];
  for (let index = 0; index < text.length; index += 1) {
    const character = text[index];
    if (character === '{' || character === '[') {
      open.push(character === '{' ? new Set() : null);
      if (open.length > MOST_LEVELS) return 'too-deep';
    } else if (character === '}' || character === ']') {
      open.pop();
    } else if (character === '"') {
      const end = endOfString(text, index);
      if (isKey(text, end)) {
        const fault = keyFault(text.slice(index, end + 1), open.at(-1) ?? null);
        if (fault !== null) return fault;
      }
      index = end;
    }
  }
  return null;
}

/** Where the closing quote of the string is whose opening one is at `start`. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  while (isEscaped(text, end)) end = text.indexOf('"', end + 1);
  return end;
}

function isEscaped(text: string, index: number): boolean {
  let backslashes = 0;
  while (text[index - 1 - backslashes] === '\\') backslashes += 1;
  return backslashes % 2 === 1;
}

/** In JSON only a key is followed by a colon. */
function isKey(text: string, endOfText: number): boolean {
  let next = endOfText + 1;
  while (' \t\n\r'.includes(text.charAt(next)) && next < text.length) next += 1;
  return text[next] === ':';
}

function keyFault(quoted: string, keys: Set<string> | null): JsonFault | null {
  // Decoded, since one key can be written in several ways ("id", "\u0069d").
  const decoded: unknown = quoted.includes('\\') ? JSON.parse(quoted) : quoted.slice(1, -1);
  const key = String(decoded);
  if (key === '__proto__') return 'unsafe-key';
  if (keys === null) return null;
  if (keys.has(key)) return 'duplicate-key';
  keys.add(key);
  return null;
}
