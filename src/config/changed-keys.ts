import { isDeepStrictEqual } from 'node:util';
import { configKeys } from './config-keys.js';
import { getAt } from './config-tree.js';
import type { Config } from './schema.js';

/** The keys, with dots, whose values differ between two configurations. */
export function changedKeys(before: Config, after: Config): string[] {
  return configKeys()
    .filter(({ path }) => !isDeepStrictEqual(getAt(before, path), getAt(after, path)))
    .map(({ key }) => key);
}
