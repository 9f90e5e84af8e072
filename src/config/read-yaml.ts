import { isAlias, isMap, isScalar, isSeq, LineCounter, parseDocument, type Document } from 'yaml';
import { toError } from '../errors.js';
import type { ConfigFault } from './config-faults.js';
import { keyOf, type ConfigOrigin } from './config-origin.js';
import { isTree, type ConfigTree } from './config-tree.js';

/** A configuration file as read: its keys, the line of each, and what is wrong with its form. */
export interface YamlReading {
  readonly tree: ConfigTree;
  readonly origins: Map<string, ConfigOrigin>;
  readonly faults: readonly ConfigFault[];
}

/** Against files whose aliases multiply ("billion laughs"). */
const MAX_ALIASES = 50;

function collectOrigins(
  node: unknown,
  path: readonly PropertyKey[],
  lineAt: (node: unknown) => number | null,
  note: (path: readonly PropertyKey[], line: number) => void,
): void {
  if (isMap(node)) {
    for (const { key, value } of node.items) {
      const name = isScalar(key) ? String(key.value) : String(key);
      const line = lineAt(key);
      if (line !== null) note([...path, name], line);
      if (!isAlias(value)) collectOrigins(value, [...path, name], lineAt, note);
    }
  } else if (isSeq(node)) {
    node.items.forEach((item, index) => {
      const line = lineAt(item);
      if (line !== null) note([...path, index], line);
      if (!isAlias(item)) collectOrigins(item, [...path, index], lineAt, note);
    });
  }
}

function plainTree(document: Document): unknown {
  return document.toJS({ maxAliasCount: MAX_ALIASES });
}

/** Reads the text of a configuration file; faults of its form come with their lines. An empty file has no keys. */
export function readYaml(text: string, file: string): YamlReading {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const origins = new Map<string, ConfigOrigin>();
  const faults: ConfigFault[] = document.errors.map((error) => ({
    key: null,
    where: `${file}:${lines.linePos(error.pos[0]).line}`,
    problem: error.message.replace(/\s+/g, ' ').trim(),
  }));
  if (faults.length > 0) return { tree: {}, origins, faults };
  const lineAt = (node: unknown): number | null => {
    const range =
      typeof node === 'object' && node !== null && 'range' in node ? node.range : undefined;
    const start: unknown = Array.isArray(range) ? range[0] : undefined;
    return typeof start === 'number' ? lines.linePos(start).line : null;
  };
  collectOrigins(document.contents, [], lineAt, (path, line) =>
    origins.set(keyOf(path), { kind: 'file', file, line }),
  );
  let tree: unknown;
  try {
    tree = plainTree(document) ?? {};
  } catch (error) {
    const problem = toError(error).message;
    return { tree: {}, origins, faults: [{ key: null, where: file, problem }] };
  }
  if (!isTree(tree)) {
    const problem = 'expected keys with values (`mode: live`)';
    return { tree: {}, origins, faults: [{ key: null, where: `${file}:1`, problem }] };
  }
  return { tree, origins, faults };
}
