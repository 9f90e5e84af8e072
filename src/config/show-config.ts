import { maskSecrets } from '../log-values.js';
import { configKeys } from './config-keys.js';
import { describeOrigin, originOf } from './config-origin.js';
import { getAt, setAt, type ConfigTree } from './config-tree.js';
import type { LoadedConfig } from './load-config.js';

/** A key as `config show` prints it. */
export interface ShownKey {
  /** With dots. */
  readonly key: string;
  /** Plain JSON; secrets masked. */
  readonly value: unknown;
  readonly origin: string;
}

/** Every key with its effective value, secrets masked, and where the value comes from. */
export function shownKeys({
  config,
  origins,
}: Pick<LoadedConfig, 'config' | 'origins'>): ShownKey[] {
  return configKeys().map(({ key, path, secret }) => {
    const value = getAt(config, path);
    return {
      key,
      value: secret && typeof value === 'string' ? maskedSecret(value) : value,
      origin: describeOrigin(originOf(origins, path)),
    };
  });
}

/** The effective configuration as one tree, secrets masked. */
export function shownConfig(loaded: Pick<LoadedConfig, 'config' | 'origins'>): ConfigTree {
  const tree: ConfigTree = {};
  for (const { key, value } of shownKeys(loaded)) setAt(tree, key.split('.'), value);
  return tree;
}

/** Of an address only the password is secret; anything else is hidden whole. */
function maskedSecret(value: string): string {
  return URL.canParse(value) ? maskSecrets(value) : '***';
}
