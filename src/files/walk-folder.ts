import { lstatSync, statSync, type Stats } from 'node:fs';
import { setImmediate as yieldToEvents } from 'node:timers/promises';
import { AppError, isAppError, systemErrorCode } from '../errors.js';
import { ContentsGatherer, YOUNG_MS, type FolderContents } from './directory-index.js';
import { receivedList } from './folder-lister.js';
import { ENTRY_KINDS, kindOf, type FolderFacts, type FolderList } from './list-folder.js';
import { failureText, isStoreFailure, rootFailure } from './store-errors.js';
import {
  folderKey,
  isInsideFolder,
  joinerOf,
  joinStorePath,
  listNames,
  pathBytes,
  pathText,
  realPath,
  splitPath,
  type StorePath,
} from './store-path.js';
import type { FolderToWalk, WalkFolderOptions } from './walk-options.js';
import { WorkingFolder } from './working-folder.js';

const OR_UNDEFINED = { throwIfNoEntry: false } as const;

/** How often other work (an abort) gets its turn, in milliseconds. */
const YIELD_EVERY_MS = 50;

/**
 * The search of one folder of a store: reports the regular files near the session. Synchronous calls, since this runs in
 * a process of its own and they are several times faster than promises. First searchFolders of every folder, then
 * followLinks of every folder: so a file that can be reached in two ways has its real place.
 */
export class FolderWalk {
  readonly #options: WalkFolderOptions;
  readonly #folders: FolderToWalk[] = [];
  #links: StorePath[] = [];
  #fileCount = 0;
  #faultCount = 0;
  #rootState: 'not searched' | 'empty' | 'holds something' = 'not searched';
  #yieldAtMs = 0;
  readonly #workingFolder = new WorkingFolder();

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
    try {
      await this.#searchAll();
    } finally {
      this.#workingFolder.leave();
    }
  }

  async #searchAll(): Promise<void> {
    const lister = this.#options.useIndex ? undefined : this.#options.lister;
    /** What the other thread has at hand. */
    const lent = new Map<string, FolderToWalk>();
    for (;;) {
      for (const folder of lister?.offer(this.#folders) ?? []) {
        lent.set(pathText(folder.path), folder);
      }
      for (const { path, list } of lister?.poll() ?? []) {
        const folder = lent.get(path);
        lent.delete(path);
        if (folder === undefined) continue;
        if (list === null) this.#visit(folder);
        else this.#accept(folder, receivedList(list));
      }
      const folder = this.#folders.pop();
      if (folder !== undefined) this.#visit(folder);
      else if (lent.size === 0) return;
      else if (lister?.isBusy === true) lister.wait();
      else {
        // The thread was lost.
        this.#folders.push(...lent.values());
        lent.clear();
      }
      await this.#breathe();
    }
  }

  async #breathe(): Promise<void> {
    if (performance.now() < this.#yieldAtMs) return;
    this.#workingFolder.leave();
    await yieldToEvents();
    if (this.#options.signal.aborted) {
      throw new AppError('ABORTED', 'The look at the store was stopped.');
    }
    this.#yieldAtMs = performance.now() + YIELD_EVERY_MS;
  }

  #enter(path: StorePath, physical: StorePath): void {
    const { seenFolders } = this.#options;
    const key = folderKey(physical);
    if (seenFolders.has(key)) return;
    seenFolders.add(key);
    this.#folders.push({ path, physical });
  }

  #visit(folder: FolderToWalk): void {
    const { index, useIndex, nowMs } = this.#options;
    const isRoot = folder.path === this.#options.root;
    try {
      // Its own times first: what changes while the list is read is then seen as a change the next time.
      const stats = statSync(folder.path);
      let known: FolderContents | null = useIndex
        ? index.unchanged(folder.path, stats, nowMs)
        : null;
      if (known === null || !this.#isStillFar(folder, known)) {
        known = this.#list(folder, stats);
      } else {
        for (const name of known.subfolders) this.#enterSubfolder(folder, name);
      }
      this.#conclude(folder, known);
    } catch (error) {
      if (isAppError(error)) throw error;
      if (isRoot) throw rootFailure(folder.path, error);
      this.#unreadable(folder.path, 'folder', error);
    }
  }

  #conclude(folder: FolderToWalk, { fileMtimesMs, links, isEmpty }: FolderContents): void {
    this.#fileCount += fileMtimesMs.length;
    for (const name of links) this.#links.push(joinStorePath(folder.path, name));
    if (folder.path !== this.#options.root) return;
    this.#rootState = isEmpty ? 'empty' : 'holds something';
  }

  /**
   * Whether no file of a folder that did not change is near the session: by the times remembered, and by fresh ones of
   * those that may have been written again.
   */
  #isStillFar(folder: FolderToWalk, { fileMtimesMs, youngFiles }: FolderContents): boolean {
    const { isNear, nowMs } = this.#options;
    if (youngFiles === null) return false;
    for (const { name, index } of youngFiles) {
      if ((fileMtimesMs[index] ?? Infinity) < nowMs - YOUNG_MS) continue;
      const stats = lstatSync(joinStorePath(folder.path, name), { throwIfNoEntry: false });
      // Gone or no file any more, although the folder says that it is as it was: let its list say.
      if (stats?.isFile() !== true) return false;
      fileMtimesMs[index] = stats.mtimeMs;
    }
    return !fileMtimesMs.some(isNear);
  }

  #enterSubfolder(folder: FolderToWalk, name: StorePath): void {
    if (this.#options.ignoresFolder(pathText(name))) return;
    const path = joinStorePath(folder.path, name);
    this.#enter(
      path,
      folder.physical === folder.path ? path : joinStorePath(folder.physical, name),
    );
  }

  #list(folder: FolderToWalk, facts: FolderFacts): FolderContents {
    const listedAtMs = Date.now();
    const siblings = listNames(folder.path);
    const contents = new ContentsGatherer(listedAtMs);
    const faultsBefore = this.#faultCount;
    const pathOf = joinerOf(folder.path);
    const isInside = this.#workingFolder.enter(folder.path);
    for (const name of siblings) {
      const path = pathOf(name);
      const found = this.#lstat(path, isInside ? name : path);
      if (found === null) continue;
      this.#meet(folder, siblings, name, kindOf(found), found.mtimeMs, contents);
    }
    // What the store failed on is not in the list: the folder has to be listed again.
    const isWhole = this.#faultCount === faultsBefore;
    return this.#remember(folder, facts, siblings, contents, isWhole);
  }

  /** A folder that the other thread listed. */
  #accept(folder: FolderToWalk, { facts, listedAtMs, names, kinds, mtimesMs }: FolderList): void {
    const contents = new ContentsGatherer(listedAtMs);
    const faultsBefore = this.#faultCount;
    for (const [index, name] of names.entries()) {
      let kind = kinds[index] ?? ENTRY_KINDS.other;
      let mtimeMs = mtimesMs[index] ?? 0;
      if (kind === ENTRY_KINDS.file && this.#options.isNear(mtimeMs)) {
        // It was listed a while ago: what is near is looked at afresh.
        const found = this.#lstat(joinStorePath(folder.path, name));
        if (found === null) continue;
        kind = kindOf(found);
        mtimeMs = found.mtimeMs;
      }
      this.#meet(folder, names, name, kind, mtimeMs, contents);
    }
    const isWhole = this.#faultCount === faultsBefore;
    this.#conclude(folder, this.#remember(folder, facts, names, contents, isWhole));
  }

  #meet(
    folder: FolderToWalk,
    siblings: readonly StorePath[],
    name: StorePath,
    kind: number,
    mtimeMs: number,
    contents: ContentsGatherer,
  ): void {
    if (kind === ENTRY_KINDS.file) {
      contents.addFile(name, mtimeMs);
      if (!this.#options.isNear(mtimeMs)) return;
      const path = joinStorePath(folder.path, name);
      this.#options.onNearFile({ path, name, siblings, linkTarget: null });
    } else if (kind === ENTRY_KINDS.folder) {
      contents.subfolders.push(name);
      this.#enterSubfolder(folder, name);
    } else if (kind === ENTRY_KINDS.link) {
      contents.links.push(name);
    }
  }

  #remember(
    folder: FolderToWalk,
    facts: FolderFacts,
    siblings: readonly StorePath[],
    gathered: ContentsGatherer,
    isWhole: boolean,
  ): FolderContents {
    const contents = gathered.contents(siblings.length === 0);
    if (isWhole) this.#options.index.remember(folder.path, facts, contents);
    return contents;
  }

  /** @param shortPath leads there from the working folder */
  #lstat(path: StorePath, shortPath = path): Stats | null {
    try {
      const stats = lstatSync(shortPath, OR_UNDEFINED);
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
