import type { Hdf5File } from './hdf5-file.js';

/** Groups and datasets that are looked at. */
const MAX_OBJECTS = 20_000;
const DEEPEST = 40;

/** An object below the root. */
export interface Hdf5Object {
  readonly path: string;
  /** Path of the group that it was found in. */
  readonly parent: string;
  readonly name: string;
  readonly kind: 'group' | 'dataset';
}

/** All groups and datasets of a file by name, each once, links not followed; of a huge file the first 20,000. */
export function* objectsIn(file: Hdf5File): Generator<Hdf5Object, void, undefined> {
  const seen = new Set<string>([file.addressOf('/')]);
  const waiting: { readonly path: string; readonly depth: number }[] = [{ path: '/', depth: 0 }];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { path: parent, depth } = next;
    const groups: typeof waiting = [];
    const children = [...(file.children(parent) ?? [])].sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const { name, path, kind } of children) {
      if (kind !== 'group' && kind !== 'dataset') continue;
      const address = file.addressOf(path);
      if (seen.has(address)) continue;
      seen.add(address);
      if (seen.size > MAX_OBJECTS) return;
      yield { path, parent, name, kind };
      if (kind === 'group' && depth < DEEPEST) groups.push({ path, depth: depth + 1 });
    }
    waiting.push(...groups.reverse());
  }
}

/** The path of what lies in a group. */
export function pathIn(group: string, name: string): string {
  return group === '/' ? `/${name}` : `${group}/${name}`;
}
