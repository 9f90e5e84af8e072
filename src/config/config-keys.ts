import { z } from 'zod';
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

function childNode(node: Node, step: PropertyKey): Node | null {
  const child =
    typeof step === 'number' ? node.items : node.properties?.[typeof step === 'string' ? step : ''];
  return isNode(child) ? child : null;
}

/** The schema's node at a place, or null when there is no such key. */
function nodeAt(path: readonly PropertyKey[]): Node | null {
  let node: Node | null = rootNode();
  for (const step of path) {
    if (node === null) return null;
    node = childNode(node, step);
  }
  return node;
}

function typesOf(node: Node): readonly string[] {
  const own =
    typeof node.type === 'string' ? [node.type] : Array.isArray(node.type) ? node.type : [];
  const alternatives = (node.anyOf ?? []).flatMap((option) =>
    isNode(option) ? typesOf(option) : [],
  );
  return [...own, ...alternatives].filter((type) => typeof type === 'string');
}

function collectKeys(node: Node, path: readonly string[], keys: ConfigKey[]): void {
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    if (!isNode(child)) continue;
    const childPath = [...path, name];
    if (child.properties !== undefined) {
      collectKeys(child, childPath, keys);
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

/** The names that are known at a place; empty where there are none. */
export function namesAt(path: readonly PropertyKey[]): readonly string[] {
  return Object.keys(nodeAt(path)?.properties ?? {});
}

/** The values that a key allows when it is a choice; else empty. */
export function choicesAt(path: readonly PropertyKey[]): readonly string[] {
  return (nodeAt(path)?.enum ?? []).filter((choice) => typeof choice === 'string');
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
export function expectedAt(path: readonly PropertyKey[]): string | null {
  const node = nodeAt(path);
  if (node === null) return null;
  const choices = choicesAt(path);
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
