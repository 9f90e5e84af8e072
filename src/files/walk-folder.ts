import { lstatSync, statSync, type Stats } from 'node:fs';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { AppError, isAppError, systemErrorCode } from '../errors.js';
import type { DirectoryEntry, DirectoryIndex } from './directory-index.js';
import { failureText, isStoreFailure, storeUnavailable } from './store-errors.js';
import {
  isInsideFolder,
  joinStorePath,
  listNames,
  pathBytes,
  pathText,
  realPath,
  splitPath,
  type StorePath,
} from './store-path.js';

/** A regular file near the session, met in a walk. */
export interface WalkedFile {
  readonly path: StorePath;
  readonly name: StorePath;
  /** All names in its folder. */
  readonly siblings: readonly StorePath[];
  /** When `path` is a symbolic link to the file: where it truly lies; else null. */
  readonly linkTarget: StorePath | null;
}

/** How a folder is walked. */
export interface WalkFolderOptions {
  /** Absolute, as configured: what locations are made from. */
  readonly root: StorePath;
  /** Physical folders that symbolic links may lead into. */
  readonly allowedRoots: readonly StorePath[];
  /** Physical paths of folders seen before, over all walks of one look: a folder is searched once. */
  readonly seenFolders: Set<string>;
  readonly ignoresFolder: (name: string) => boolean;
  /** A quick check on a file's mtime, epoch milliseconds, that must not say no to a file that counts. */
  readonly isNear: (mtimeMs: number) => boolean;
  readonly onNearFile: (file: WalkedFile) => void;
  /**
   * What cannot be seen, and why. `entry`: one name, which may be none of ours (a temporary file that vanished, a link
   * that leads nowhere); `folder`: everything below it. `isStoreFault`: the store failed on it, it may come back.
   * What it throws ends the walk.
   */
  readonly onUnreadable: (
    path: StorePath,
    kind: 'entry' | 'folder',
    reason: string,
    isStoreFault: boolean,
  ) => void;
  readonly index: DirectoryIndex;
  /** Whether the index may spare listing folders that did not change. */
  readonly useIndex: boolean;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

interface Folder {
  readonly path: StorePath;
  /** Without symbolic links. */
  readonly physical: StorePath;
}

/** How often other work (an abort) gets its turn, in milliseconds. */
const YIELD_EVERY_MS = 50;

/**
 * The search of one folder of a store: reports the regular files near the session. Synchronous calls, since this runs in
 * a process of its own and they are several times faster than promises. First searchFolders of every folder, then
 * followLinks of every folder: so a file that can be reached in two ways has its real place.
 */
export class FolderWalk {
  readonly #options: WalkFolderOptions;
  readonly #folders: Folder[] = [];
  #links: StorePath[] = [];
  #fileCount = 0;
  #faultCount = 0;
  #rootState: 'not searched' | 'empty' | 'holds something' = 'not searched';
  #yieldAtMs = 0;

  constructor(options: WalkFolderOptions) {
    this.#options = options;
  }

  /** How many regular files were met; those behind links to files are not among them. */
  get fileCount(): number {
    return this.#fileCount;
  }

  /** `not searched`: another walk had been there before. */
  get rootState(): 'not searched' | 'empty' | 'holds something' {
    return this.#rootState;
  }

  /**
   * Searches the root and the folders in it.
   * @throws AppError STORE_UNAVAILABLE when the root cannot be read; ABORTED; what onUnreadable throws.
   */
  async searchFolders(): Promise<void> {
    const { root } = this.#options;
    try {
      this.#enter(root, realPath(root));
    } catch (error) {
      throw rootFailure(root, error);
    }
    await this.#searchEntered();
  }

  /** Follows the symbolic links met, in the order of their names, and the links met in doing so. Throws as above. */
  async followLinks(): Promise<void> {
    while (this.#links.length > 0) {
      const links = this.#links.sort((a, b) => Buffer.compare(pathBytes(a), pathBytes(b)));
      this.#links = [];
      for (const link of links) {
        this.#follow(link);
        await this.#searchEntered();
        await this.#breathe();
      }
    }
  }

  async #searchEntered(): Promise<void> {
    for (let folder = this.#folders.pop(); folder !== undefined; folder = this.#folders.pop()) {
      this.#visit(folder);
      await this.#breathe();
    }
  }

  async #breathe(): Promise<void> {
    if (performance.now() < this.#yieldAtMs) return;
    await yieldToEvents();
    if (this.#options.signal.aborted) {
      throw new AppError('ABORTED', 'The look at the store was stopped.');
    }
    this.#yieldAtMs = performance.now() + YIELD_EVERY_MS;
  }

  #enter(path: StorePath, physical: StorePath): void {
    const { seenFolders } = this.#options;
    const key = pathBytes(physical).toString('latin1');
    if (seenFolders.has(key)) return;
    seenFolders.add(key);
    this.#folders.push({ path, physical });
  }

  #visit(folder: Folder): void {
    const { index, useIndex, nowMs, isNear } = this.#options;
    const isRoot = folder.path === this.#options.root;
    try {
      // Its own times first: what changes while the list is read is then seen as a change the next time.
      const stats = statSync(folder.path);
      let known = useIndex ? index.unchanged(folder.path, stats, nowMs, isNear) : null;
      if (known === null) {
        known = this.#list(folder, stats);
      } else {
        for (const name of known.subfolders) this.#enterSubfolder(folder, name);
      }
      this.#fileCount += known.fileMtimesMs.length;
      for (const name of known.links) this.#links.push(joinStorePath(folder.path, name));
      if (isRoot) this.#rootState = known.isEmpty ? 'empty' : 'holds something';
    } catch (error) {
      if (isAppError(error)) throw error;
      if (isRoot) throw rootFailure(folder.path, error);
      this.#unreadable(folder.path, 'folder', error);
    }
  }

  #enterSubfolder(folder: Folder, name: StorePath): void {
    if (this.#options.ignoresFolder(pathText(name))) return;
    const path = joinStorePath(folder.path, name);
    this.#enter(
      path,
      folder.physical === folder.path ? path : joinStorePath(folder.physical, name),
    );
  }

  #list(folder: Folder, stats: Stats): DirectoryEntry {
    const { index, isNear, onNearFile } = this.#options;
    const listedAtMs = Date.now();
    const siblings = listNames(folder.path);
    const subfolders: StorePath[] = [];
    const links: StorePath[] = [];
    const fileMtimesMs: number[] = [];
    const faultsBefore = this.#faultCount;
    for (const name of siblings) {
      const path = joinStorePath(folder.path, name);
      const found = this.#lstat(path);
      if (found === null) continue;
      if (found.isFile()) {
        fileMtimesMs.push(found.mtimeMs);
        if (isNear(found.mtimeMs)) onNearFile({ path, name, siblings, linkTarget: null });
      } else if (found.isDirectory()) {
        subfolders.push(name);
        this.#enterSubfolder(folder, name);
      } else if (found.isSymbolicLink()) {
        links.push(name);
      }
    }
    const entry: DirectoryEntry = {
      mtimeMs: stats.mtimeMs,
      ctimeMs: stats.ctimeMs,
      inode: stats.ino,
      listedAtMs,
      isEmpty: siblings.length === 0,
      subfolders,
      links,
      fileMtimesMs: Float64Array.from(fileMtimesMs),
    };
    // What the store failed on is not in the entry: the folder has to be listed again.
    if (this.#faultCount === faultsBefore) index.remember(folder.path, entry);
    return entry;
  }

  #lstat(path: StorePath): Stats | null {
    try {
      const stats = lstatSync(path, { throwIfNoEntry: false });
      if (stats !== undefined) return stats;
      this.#options.onUnreadable(path, 'entry', 'it vanished while it was looked at', false);
    } catch (error) {
      this.#unreadable(path, 'entry', error);
    }
    return null;
  }

  #follow(link: StorePath): void {
    const { allowedRoots, isNear, onNearFile, onUnreadable, ignoresFolder } = this.#options;
    try {
      const physical = realPath(link);
      if (!allowedRoots.some((root) => isInsideFolder(physical, root))) {
        const reason = 'it is a symbolic link that leads out of the allowed folders';
        onUnreadable(link, 'folder', reason, false);
        return;
      }
      const stats = statSync(link);
      const { folder, name } = splitPath(link);
      if (stats.isDirectory()) {
        if (!ignoresFolder(pathText(name))) this.#enter(link, physical);
      } else if (stats.isFile()) {
        if (!isNear(stats.mtimeMs)) return;
        onNearFile({ path: link, name, siblings: listNames(folder), linkTarget: physical });
      }
    } catch (error) {
      if (isAppError(error)) throw error;
      this.#brokenLink(link, error);
    }
  }

  /** Old links that lead nowhere or in a circle lie about on every store: only those made near the session matter. */
  #brokenLink(link: StorePath, error: unknown): void {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ELOOP') {
      const stats = this.#lstat(link);
      if (stats === null || !this.#options.isNear(stats.mtimeMs)) return;
    }
    this.#unreadable(link, 'entry', error);
  }

  #unreadable(path: StorePath, kind: 'entry' | 'folder', error: unknown): void {
    const isStoreFault = isStoreFailure(error);
    if (isStoreFault) this.#faultCount += 1;
    this.#options.onUnreadable(path, kind, failureText(error), isStoreFault);
  }
}

function rootFailure(root: StorePath, error: unknown): AppError {
  return storeUnavailable(
    `The folder ${pathText(root)} cannot be read: ${failureText(error)}.`,
    error,
  );
}
