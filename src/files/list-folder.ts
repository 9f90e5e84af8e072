import { lstatSync, statSync, type Stats } from 'node:fs';
import { joinerOf, listNames, type StorePath } from './store-path.js';

/** What an entry of a folder is. */
export const ENTRY_KINDS = { other: 0, file: 1, folder: 2, link: 3 } as const;
export type EntryKind = (typeof ENTRY_KINDS)[keyof typeof ENTRY_KINDS];

/** What of a folder itself changes when it does. */
export type FolderFacts = Pick<Stats, 'mtimeMs' | 'ctimeMs' | 'ino' | 'dev'>;

/** A folder as it was listed. Passes between threads. */
export interface FolderList {
  /** From before the list was read. */
  readonly facts: FolderFacts;
  /** Epoch milliseconds when the list was begun. */
  readonly listedAtMs: number;
  readonly names: readonly StorePath[];
  /** EntryKind and, of files, epoch milliseconds of each name. */
  readonly kinds: Uint8Array;
  readonly mtimesMs: Float64Array;
}

/** What an entry is, by its own times. */
export function kindOf(stats: Stats): EntryKind {
  if (stats.isFile()) return ENTRY_KINDS.file;
  if (stats.isDirectory()) return ENTRY_KINDS.folder;
  return stats.isSymbolicLink() ? ENTRY_KINDS.link : ENTRY_KINDS.other;
}

/**
 * Lists a folder with the kind and time of each entry.
 * @throws the file system's error, also for a single entry.
 */
export function listFolder(path: StorePath): FolderList {
  const { mtimeMs, ctimeMs, ino, dev } = statSync(path);
  const listedAtMs = Date.now();
  const names = listNames(path);
  const kinds = new Uint8Array(names.length);
  const mtimesMs = new Float64Array(names.length);
  const pathOf = joinerOf(path);
  for (const [index, name] of names.entries()) {
    const stats = lstatSync(pathOf(name));
    kinds[index] = kindOf(stats);
    mtimesMs[index] = stats.mtimeMs;
  }
  return { facts: { mtimeMs, ctimeMs, ino, dev }, listedAtMs, names, kinds, mtimesMs };
}
