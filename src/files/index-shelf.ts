import { statSync } from 'node:fs';
import { DirectoryIndex } from './directory-index.js';
import { indexPath, readIndexFile, writeIndexFile } from './directory-index-file.js';

/** Indexes that one process has in memory: a store has few roots, but people may give sessions folders of their own. */
const MOST_INDEXES = 8;
/** What indexed looks add is kept this often at most: it costs time, and losing it costs only listing some folders again. */
const KEEP_EVERY_MS = 5 * 60_000;

/** What an index belongs to. */
export interface IndexKey {
  /** The same for what is searched in the same way. */
  readonly text: string;
  /** Whether it is a folder of an instrument, which is searched again and again: only such an index is kept in a file. */
  readonly isLasting: boolean;
}

interface Shelved {
  readonly index: DirectoryIndex;
  /** Which state of the file it holds; null: there was no file. */
  readonly stamp: string | null;
  readonly keptAtMs: number;
}

/**
 * The indexes of a store process: in its memory, and in files below paths.state, which all processes of this machine
 * share and which outlive them.
 */
export class IndexShelf {
  readonly #shelved = new Map<string, Shelved>();

  /**
   * The index of a key.
   * @param folder of the files; null: only what this process has
   */
  take(folder: string | null, key: string): DirectoryIndex {
    const known = this.#shelved.get(key);
    this.#shelved.delete(key);
    const stamp = folder === null ? null : stampOf(folder, key);
    const isNewer = folder !== null && stamp !== null && stamp !== known?.stamp;
    const kept = isNewer ? readIndexFile(folder, key) : null;
    const shelved =
      known === undefined || kept !== null
        ? { index: new DirectoryIndex(kept), stamp, keptAtMs: 0 }
        : { ...known, stamp };
    this.#shelved.set(key, shelved);
    for (const oldest of this.#shelved.keys()) {
      if (this.#shelved.size <= MOST_INDEXES) break;
      this.#shelved.delete(oldest);
    }
    return shelved.index;
  }

  /**
   * Keeps an index after a look, where that is due.
   * @param isWalk a full walk is always kept
   * @throws AppError FILE_NOT_WRITABLE; the look itself is none the worse.
   */
  keep(folder: string, key: string, isWalk: boolean, nowMs: number): void {
    const shelved = this.#shelved.get(key);
    if (shelved?.index.isChanged !== true) return;
    const { index, keptAtMs } = shelved;
    if (!isWalk && Math.abs(nowMs - keptAtMs) < KEEP_EVERY_MS) return;
    const contents = index.contents();
    if (contents === null) return;
    writeIndexFile(folder, key, contents, nowMs);
    this.#shelved.set(key, { index, stamp: stampOf(folder, key), keptAtMs: nowMs });
  }
}

/** Tells one state of the file from another; null: there is none. */
function stampOf(folder: string, key: string): string | null {
  try {
    const { mtimeNs, ino, size } = statSync(indexPath(folder, key), { bigint: true });
    return `${mtimeNs} ${ino} ${size}`;
  } catch {
    return null;
  }
}
