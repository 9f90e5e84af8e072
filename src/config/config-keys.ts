import { z } from 'zod';
import { getAt } from './config-tree.js';
import { configSchema } from './schema.js';

type Node = z.core.JSONSchema.BaseSchema;

/** A key that holds a value (a list counts as one value), as the schema describes it. */
export interface ConfigKey {
  /** With dots: `build.limits.readers`. */
  readonly key: string;
  readonly path: readonly string[];
  /** Masked when shown; may come from a file. */
  readonly secret: boolean;
  /** Holds a path or a list of them; a relative one is resolved from the folder of the configuration file. */
  readonly isPath: boolean;
  /** Takes any text: an environment variable is not read as a number or list. */
  readonly textOnly: boolean;
}

/** The schema in a form that can be walked; made at first use. */
let root: Node | null = null;

function rootNode(): Node {
  root ??= z.toJSONSchema(configSchema, { io: 'input' });
  return root;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A node with the alternatives that it stands for (`oneOf`, `anyOf`). */
function alternatives(node: Node): readonly Node[] {
  const options = [...(node.oneOf ?? []), ...(node.anyOf ?? [])].filter(isNode);
  return [node, ...options.flatMap(alternatives)];
}

/** Whether an alternative is for another `kind` than that of the value. */
function isOfOtherKind(node: Node, value: unknown): boolean {
  return Object.entries(node.properties ?? {}).some(([name, property]) => {
    if (!isNode(property) || property.const === undefined) return false;
    const found = getAt(value, [name]);
    return found !== undefined && found !== property.const;
  });
}

function childNodes(node: Node, step: PropertyKey, value: unknown): readonly Node[] {
  const options = alternatives(node);
  const ofKind = options.filter((option) => !isOfOtherKind(option, value));
  // Of a kind that there is not, any may be meant.
  const meant = ofKind.some(({ properties }) => properties !== undefined) ? ofKind : options;
  return meant.flatMap((option) => {
    const child =
      typeof step === 'number'
        ? option.items
        : option.properties?.[typeof step === 'string' ? step : ''];
    return isNode(child) ? [child] : [];
  });
}

/** The schema's nodes at a place; several where entries of a list are of several kinds, as far as `tree` does not tell which. */
function nodesAt(path: readonly PropertyKey[], tree?: unknown): readonly Node[] {
  let nodes: readonly Node[] = [rootNode()];
  path.forEach((step, depth) => {
    const value = getAt(tree, path.slice(0, depth));
    nodes = nodes.flatMap((node) => childNodes(node, step, value));
  });
  return nodes;
}

function typesOf(node: Node): readonly string[] {
  const own =
    typeof node.type === 'string' ? [node.type] : Array.isArray(node.type) ? node.type : [];
  const others = [...(node.anyOf ?? []), ...(node.oneOf ?? [])].flatMap((option) =>
    isNode(option) ? typesOf(option) : [],
  );
  return [...own, ...others].filter((type) => typeof type === 'string');
}

function collectKeys(node: Node, path: readonly string[], keys: ConfigKey[]): void {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    if (!isNode(child)) continue;
    const childPath = [...path, name];
    const group = alternatives(child).find(({ properties }) => properties !== undefined);
    if (group !== undefined) {
      collectKeys(group, childPath, keys);
    } else {
      const types = typesOf(child).filter((type) => type !== 'null');
      keys.push({
        key: childPath.join('.'),
        path: childPath,
        secret: child['secret'] === true,
        isPath: [child, child.items, ...(child.anyOf ?? [])].some(
          (option) => isNode(option) && option['path'] === true,
        ),
        textOnly: types.length > 0 && types.every((type) => type === 'string'),
      });
    }
  }
}

let allKeys: readonly ConfigKey[] | null = null;

/** Every key of the configuration that holds a value, in the order of the schema. */
export function configKeys(): readonly ConfigKey[] {
  if (allKeys === null) {
    const keys: ConfigKey[] = [];
    collectKeys(rootNode(), [], keys);
    allKeys = keys;
  }
  return allKeys;
}

/**
 * The keys that hold a value of the entries of a kind in a list; places are those below the entry.
 * @param tree a configuration with such an entry at `path`
 */
export function entryKeys(path: readonly PropertyKey[], tree: unknown): readonly ConfigKey[] {
  const keys: ConfigKey[] = [];
  const entry = getAt(tree, path);
  for (const node of nodesAt(path, tree).flatMap(alternatives)) {
    if (!isOfOtherKind(node, entry)) collectKeys(node, [], keys);
  }
  const byName = new Map(keys.map((key) => [key.key, key]));
  return [...byName.values()];
}

/** Whether what stands at a place is secret, or part of a secret. */
export function isSecretAt(path: readonly PropertyKey[]): boolean {
  return path.some((_step, index) =>
    nodesAt(path.slice(0, index + 1)).some((node) => node['secret'] === true),
  );
}

/** Whether the secret at a place is an address, of which only the password is to be hidden. */
export function isAddressAt(path: readonly PropertyKey[]): boolean {
  return nodesAt(path).some((node) => node['address'] === true);
}

/** The names that are known at a place; empty where there are none. `tree` tells of which kind an entry of a list is. */
export function namesAt(path: readonly PropertyKey[], tree?: unknown): readonly string[] {
  const value = getAt(tree, path);
  const options = nodesAt(path, tree).flatMap(alternatives);
  const ofKind = options.filter((node) => !isOfOtherKind(node, value));
  const meant = ofKind.some(({ properties }) => properties !== undefined) ? ofKind : options;
  return [...new Set(meant.flatMap(({ properties }) => Object.keys(properties ?? {})))];
}

/** The values that a key allows when it is a choice; else empty. */
export function choicesAt(path: readonly PropertyKey[], tree?: unknown): readonly string[] {
  return nodesAt(path, tree)
    .flatMap((node) => node.enum ?? (node.const === undefined ? [] : [node.const]))
    .filter((choice) => typeof choice === 'string');
}

const TYPE_WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  integer: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a group of keys',
  null: 'null',
};

/** Of a longer list its description is shown. */
const MOST_CHOICES = 20;

/** What a key takes, in words: `a whole number of at least 1`, `one of live, shadow`. */
export function expectedAt(path: readonly PropertyKey[], tree?: unknown): string | null {
  const [node] = nodesAt(path, tree);
  if (node === undefined) return null;
  const choices = choicesAt(path, tree);
  if (choices.length > MOST_CHOICES && node.description !== undefined) return node.description;
  if (choices.length > 0) return `one of ${choices.join(', ')}`;
  const words = [...new Set(typesOf(node))].map((type) =>
    type === 'string' && (node.minLength ?? 0) > 0
      ? 'text that is not empty'
      : (TYPE_WORDS[type] ?? type),
  );
  if (words.length === 0) return null;
  const bounds = [
    ...(node.exclusiveMinimum === undefined ? [] : [`more than ${String(node.exclusiveMinimum)}`]),
    ...(node.minimum === undefined || node.minimum <= Number.MIN_SAFE_INTEGER
      ? []
      : [`at least ${node.minimum}`]),
    ...(node.maximum === undefined || node.maximum >= Number.MAX_SAFE_INTEGER
      ? []
      : [`at most ${node.maximum}`]),
  ];
  return words.join(' or ') + (bounds.length === 0 ? '' : ` (${bounds.join(', ')})`);
}
