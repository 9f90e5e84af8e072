import type { Override } from '../../sessions/assemble-sessions.js';

/** A correction as `--json` shows it. */
export function overrideDocument(override: Override) {
  const { field, value, sourceValue, who, at, why } = override;
  return { field, value, source_value: sourceValue, who, at, why };
}
