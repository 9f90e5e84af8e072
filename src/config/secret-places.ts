import { maskSecrets } from '../log-values.js';
import { isAddressAt, isSecretAt } from './config-keys.js';
import { keyOf } from './config-origin.js';
import { isTree, type ConfigTree } from './config-tree.js';

/** Of an address only the password is secret; anything else is hidden whole. */
function maskedSecret(value: string, path: readonly PropertyKey[]): string {
  return isAddressAt(path) ? maskSecrets(value) : '***';
}

/** The places of a configuration, entries of lists included, that hold something secret: `sources[0].token`. */
export function secretPlaces(tree: ConfigTree): string[] {
  const found: string[] = [];
  const walk = (value: unknown, path: readonly PropertyKey[]): void => {
    if (path.length > 0 && isSecretAt(path)) {
      const values: unknown[] = Array.isArray(value) ? value : [value];
      const holdsAny = values.some(
        (one) => typeof one === 'string' && maskedSecret(one, path) !== one,
      );
      if (holdsAny) found.push(keyOf(path));
    } else if (isTree(value)) {
      for (const [name, entry] of Object.entries(value)) walk(entry, [...path, name]);
    } else if (Array.isArray(value)) {
      value.forEach((entry: unknown, index) => walk(entry, [...path, index]));
    }
  };
  walk(tree, []);
  return found;
}

/** What stands at a place of a configuration, all that is secret in it masked. */
export function withoutSecrets(value: unknown, path: readonly PropertyKey[]): unknown {
  const isSecret = path.length > 0 && isSecretAt(path);
  if (isSecret && typeof value === 'string') return maskedSecret(value, path);
  if (Array.isArray(value)) {
    return value.map((entry: unknown, index) => withoutSecrets(entry, [...path, index]));
  }
  if (!isTree(value)) return value;
  const entries = Object.entries(value);
  return Object.fromEntries(
    entries.map(([name, entry]) => [name, withoutSecrets(entry, [...path, name])]),
  );
}
