import type { Config } from './schema.js';

/** What `mode: shadow` comes to, as a sentence for logs. */
export const SHADOW_MODE =
  'Shadow mode: records are built and kept as in live mode; nothing is exported or mailed.';

/** What a mode comes to, for people. */
export function describeMode(mode: Config['mode']): string {
  return mode === 'shadow'
    ? SHADOW_MODE
    : 'Live mode: records are built and kept. This version exports and mails nothing yet.';
}
