import { createHash } from 'node:crypto';
import type { DateTime } from 'luxon';

/** A session whose START/END pair is complete: what a build works on. Overrides are already applied. */
export interface Session {
  /** As the source reports it; for NEMO `{base_url}usage_events/?id={id}`. */
  readonly identifier: string;
  /** Short form, accepted wherever an identifier is. */
  readonly key: string;
  readonly instrumentPid: string;
  readonly user: string | null;
  readonly start: DateTime<true>;
  readonly end: DateTime<true>;
  /** Name of the event source that reported it; null when rows were inserted by hand. */
  readonly source: string | null;
  /** Rises with every change of what the record depends on. */
  readonly inputsRevision: number;
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567';

/** The key of a session: the first 16 characters (80 bits) of the lower-case base32 of the identifier's sha256. */
export function sessionKeyOf(identifier: string): string {
  const digest = createHash('sha256').update(identifier, 'utf8').digest();
  let key = '';
  let bits = 0;
  let value = 0;
  for (const byte of digest.subarray(0, 10)) {
    value = (value << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      key += BASE32.charAt((value >> bits) & 31);
      value &= (1 << bits) - 1;
    }
  }
  return key;
}

/** The usage event id in a NEMO-like identifier (`...usage_events/?id=42` gives `42`), or null. */
export function usageEventIdOf(identifier: string): string | null {
  const match = /\/usage_events\/?\?(?:[^#]*&)?id=([^&#]+)/.exec(identifier);
  return match?.[1] ?? null;
}
