import { configKeys, entryKeys } from './config-keys.js';
import { describeOrigin, keyOf, originOf, type ConfigOrigin } from './config-origin.js';
import { getAt, setAt, type ConfigTree } from './config-tree.js';
import type { LoadedConfig } from './load-config.js';
import { withoutSecrets } from './secret-places.js';

type Shown = Pick<LoadedConfig, 'config' | 'origins'>;

/** A key as `config show` prints it. */
export interface ShownKey {
  /** With dots. */
  readonly key: string;
  /** Plain JSON; secrets masked. */
  readonly value: unknown;
  readonly origin: string;
}

/** Every key with its effective value, secrets masked, and where the value comes from; of sources each key of each. */
export function shownKeys(loaded: Shown): ShownKey[] {
  return configKeys().flatMap(({ path }) =>
    path[0] === 'sources' && loaded.config.sources.length > 0
      ? loaded.config.sources.flatMap((_source, index) => shownSource(loaded, index))
      : [shownKey(loaded, path, originOf(loaded.origins, path))],
  );
}

function shownKey({ config }: Shown, path: readonly PropertyKey[], origin: ConfigOrigin): ShownKey {
  const value = withoutSecrets(getAt(config, path), path);
  return { key: keyOf(path), value, origin: describeOrigin(origin) };
}

/** Variables set single keys of a source, so each has an origin of its own. */
function shownSource(loaded: Shown, index: number): ShownKey[] {
  const { config, origins } = loaded;
  const list = originOf(origins, ['sources']);
  return entryKeys(['sources', index], config).flatMap(({ path: below }) => {
    const path = ['sources', index, ...below];
    if (getAt(config, path) === undefined) return [];
    // A variable that gives the list as a whole gives every key in it.
    const whole: ConfigOrigin = list.kind === 'file' ? { kind: 'default' } : list;
    return [shownKey(loaded, path, origins.get(keyOf(path)) ?? whole)];
  });
}

/** The effective configuration as one tree, secrets masked. */
export function shownConfig({ config }: Shown): ConfigTree {
  const tree: ConfigTree = {};
  for (const { path } of configKeys()) setAt(tree, path, withoutSecrets(getAt(config, path), path));
  return tree;
}
