/** A configuration before it is checked: groups of keys, values of any kind. */
export type ConfigTree = Record<string, unknown>;

/** Whether a value is a group of keys. */
export function isTree(value: unknown): value is ConfigTree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Writes a value at a place, making the groups on the way; what stood there is replaced. */
export function setAt(tree: ConfigTree, path: readonly string[], value: unknown): void {
  const [name, ...rest] = path;
  if (name === undefined) return;
  if (rest.length === 0) {
    defineOwn(tree, name, value);
    return;
  }
  const present = Object.hasOwn(tree, name) ? tree[name] : undefined;
  const group = isTree(present) ? present : {};
  if (group !== present) defineOwn(tree, name, group);
  setAt(group, rest, value);
}

/** The value at a place, or undefined. */
export function getAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let value = tree;
  for (const step of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, step))
      return undefined;
    value = Reflect.get(value, step);
  }
  return value;
}

/** A new tree with the keys of both; where both have one, groups are joined and other values come from `over`. */
export function mergeTrees(under: ConfigTree, over: ConfigTree): ConfigTree {
  const merged: ConfigTree = {};
  for (const [name, value] of Object.entries(under)) defineOwn(merged, name, value);
  for (const [name, value] of Object.entries(over)) {
    const present = Object.hasOwn(merged, name) ? merged[name] : undefined;
    defineOwn(merged, name, isTree(present) && isTree(value) ? mergeTrees(present, value) : value);
  }
  return merged;
}

/** Makes a value and all below it unchangeable. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    Object.values(value).forEach((entry: unknown) => deepFreeze(entry));
  }
  return value;
}

/** Assignment would run the setter of `__proto__`. */
function defineOwn(tree: ConfigTree, name: string, value: unknown): void {
  Object.defineProperty(tree, name, {
    value,
    enumerable: true,
    writable: true,
    configurable: true,
  });
}
