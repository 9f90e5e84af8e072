/**
 * Anything that XML 1.0 forbids (https://www.w3.org/TR/xml/#charsets): C0 controls but tab, line feed and carriage return,
 * lone surrogates, U+FFFE and U+FFFF. With the `u` flag a pair of surrogates is one character.
 */
const FORBIDDEN = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu;

/** A quick look without the `u` flag: also true for proper pairs, which the exact pattern then leaves alone. */
const SUSPICIOUS = /[^\t\n\r\x20-\ud7ff\ue000-\ufffd]/;

/** The text with each character that XML 1.0 forbids replaced by U+FFFD. */
export function replaceForbidden(text: string): string {
  return SUSPICIOUS.test(text) ? text.replaceAll(FORBIDDEN, '\ufffd') : text;
}

/** How many forbidden characters a value holds in all of its texts and keys, however deep. */
export function countForbidden(value: unknown): number {
  if (typeof value === 'string') {
    return SUSPICIOUS.test(value) ? (value.match(FORBIDDEN)?.length ?? 0) : 0;
  }
  if (typeof value !== 'object' || value === null) return 0;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) count += countForbidden(item);
    return count;
  }
  for (const [key, item] of Object.entries(value)) {
    count += countForbidden(key) + countForbidden(item);
  }
  return count;
}
