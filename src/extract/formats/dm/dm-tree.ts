import type { DmType } from './dm-types.js';

/** An array that was left in the file: pixels, tables, long texts. */
export interface DmArray {
  readonly kind: 'array';
  /** Where its first byte lies in the file. */
  readonly offset: number;
  readonly sizeBytes: number;
  readonly count: number;
  readonly element: DmType;
}

/** A tag's value; structs and short arrays are lists. 64-bit integers are bigint only when a number cannot hold them. */
export type DmValue = number | bigint | boolean | string | readonly DmValue[] | DmArray;

/** A named collection of tags. */
export interface DmGroup {
  readonly kind: 'group';
  /** In the order of the file; unnamed groups are TagGroup0, TagGroup1..., unnamed values Data0, Data1.... */
  readonly entries: ReadonlyMap<string, DmValue | DmGroup>;
}

/** The entry at a path of names, or undefined. */
export function entryAt(group: DmGroup, ...path: readonly string[]): DmValue | DmGroup | undefined {
  let found: DmValue | DmGroup | undefined = group;
  for (const name of path) {
    if (!isDmGroup(found)) return undefined;
    found = found.entries.get(name);
  }
  return found;
}

/** The group at a path of names, or null. */
export function groupAt(group: DmGroup, ...path: readonly string[]): DmGroup | null {
  const found = entryAt(group, ...path);
  return isDmGroup(found) ? found : null;
}

/** The number at a path of names, or null when there is none (or it is no number). */
export function numberAt(group: DmGroup, ...path: readonly string[]): number | null {
  const found = entryAt(group, ...path);
  if (typeof found === 'number') return found;
  if (typeof found === 'bigint' || typeof found === 'boolean') return Number(found);
  if (typeof found === 'string' && /^\s*[-+]?[\d.]+(e[-+]?\d+)?\s*$/i.test(found)) {
    const value = Number(found);
    return Number.isFinite(value) ? value : null;
  }
  return null;
}

/** The text at a path of names, or null when there is none, it is blank or no text. */
export function textAt(group: DmGroup, ...path: readonly string[]): string | null {
  const found = entryAt(group, ...path);
  const text = typeof found === 'string' ? found.trim() : '';
  return text === '' ? null : text;
}

/** Whether an entry is a group. */
export function isDmGroup(entry: DmValue | DmGroup | undefined): entry is DmGroup {
  return typeof entry === 'object' && 'kind' in entry && entry.kind === 'group';
}

/** Whether an entry is an array that was left in the file. */
export function isDmArray(entry: DmValue | DmGroup | undefined): entry is DmArray {
  return typeof entry === 'object' && 'kind' in entry && entry.kind === 'array';
}
