import { configKeys } from '../config/config-keys.js';
import { isTree, mergeTrees, setAt, type ConfigTree } from '../config/config-tree.js';
import { configValueOf } from '../config/read-environment.js';
import { AppError } from '../errors.js';

/** Single settings of an instrument as typed: `build.strategy=inclusive` and `build.strategy`. */
export interface SettingChanges {
  readonly set: readonly string[];
  readonly unset: readonly string[];
}

function withoutKey(tree: ConfigTree, path: readonly string[]): ConfigTree {
  const [name, ...rest] = path;
  const kept: ConfigTree = {};
  for (const [key, value] of Object.entries(tree)) {
    if (key !== name) {
      setAt(kept, [key], value);
    } else if (rest.length > 0 && isTree(value)) {
      const group = withoutKey(value, rest);
      if (Object.keys(group).length > 0) setAt(kept, [key], group);
    }
  }
  return kept;
}

/**
 * The settings with single keys set and taken out. Values are read as in the environment: text, numbers, true, false,
 * lists. Whether keys and values are right is checked by checkInstrument.
 * @throws AppError USAGE for a text that is not KEY=VALUE.
 */
export function changedSettings(
  settings: Readonly<Record<string, unknown>>,
  changes: SettingChanges,
): ConfigTree {
  let changed = mergeTrees({}, settings);
  for (const key of changes.unset) changed = withoutKey(changed, key.split('.'));
  for (const text of changes.set) {
    const equals = text.indexOf('=');
    if (equals < 1) {
      throw new AppError('USAGE', `'${text.slice(0, 100)}' is not KEY=VALUE.`, {
        remedy: 'Write it like --set build.strategy=inclusive.',
      });
    }
    const key = text.slice(0, equals);
    const known = configKeys().find((one) => one.key === key);
    const value = configValueOf({ textOnly: known?.textOnly ?? false }, text.slice(equals + 1));
    const over: ConfigTree = {};
    setAt(over, key.split('.'), value);
    changed = mergeTrees(changed, over);
  }
  return changed;
}
