import type { FolderFacts } from './list-folder.js';
import type { StorePath } from './store-path.js';

/** What a look remembers of one folder: enough to know whether it must be listed again, and what it then held. */
export interface DirectoryEntry {
  /** Of the folder itself, epoch milliseconds with fractions: change on create, delete and rename in it. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
  readonly device: number;
  /** When these times were first seen, and when the list was begun, by the clock of this machine. */
  readonly firstSeenAtMs: number;
  readonly listedAtMs: number;
  /** Whether it held nothing at all. */
  readonly isEmpty: boolean;
  readonly subfolders: readonly StorePath[];
  readonly links: readonly StorePath[];
  /** Epoch milliseconds of each regular file in it. */
  readonly fileMtimesMs: Float64Array;
  /**
   * Those of its files that were young when it was listed: they may be written again, which the folder does not show. `index`
   * is that in fileMtimesMs. Null: too many, the folder is always listed.
   */
  readonly youngFiles: readonly { readonly name: StorePath; readonly index: number }[] | null;
}

/** What a full walk saw of one root, with what was seen since: what is kept in a file. */
export interface DirectoryIndexContents {
  /** Epoch milliseconds when the last full walk began. */
  readonly walkedAtMs: number;
  readonly entries: ReadonlyMap<string, DirectoryEntry>;
}

/** A file written this recently may be written again. */
export const YOUNG_MS = 7 * 24 * 3600 * 1000;
/** Young files of one folder that are remembered by name. */
const MOST_YOUNG_FILES = 10_000;
/**
 * A folder that changed again within the same tick of the store's clock (2 s on the coarsest file systems) does not show it.
 * Its times are believed when they were still the same in a list begun this long after they were first seen.
 */
const RACY_MS = 10_000;
/** Times older than this when the folder was listed are believed at once: no clock of a store is that wrong. */
const LONG_PAST_MS = 24 * 3600 * 1000;
/** A full walk is repeated after this long: it alone finds files that were old and were written again in place. */
const FULL_WALK_EVERY_MS = 7 * 24 * 3600 * 1000;
/** Folders and files that are remembered of one root: bounds memory to some 200 MB. Others are listed every time. */
const MOST_FOLDERS = 500_000;
const MOST_FILES = 10_000_000;

/**
 * The folders of one root as earlier looks saw them: a cache that may be lost at any time. It only spares listing
 * folders that did not change; which files count is always decided from fresh times.
 */
export class DirectoryIndex {
  readonly #entries: Map<string, DirectoryEntry>;
  readonly #met = new Set<string>();
  #walkedAtMs: number | null;
  #fileCount = 0;
  #isChanged = false;

  constructor(contents: DirectoryIndexContents | null = null) {
    this.#entries = new Map(contents?.entries);
    this.#walkedAtMs = contents?.walkedAtMs ?? null;
    for (const { fileMtimesMs } of this.#entries.values()) this.#fileCount += fileMtimesMs.length;
  }

  /** Whether a look may rely on it: there was a full walk, not too long ago, and the clock was not set back since. */
  isUsable(nowMs: number): boolean {
    if (this.#walkedAtMs === null) return false;
    const ageMs = nowMs - this.#walkedAtMs;
    return ageMs >= 0 && ageMs < FULL_WALK_EVERY_MS;
  }

  /** Whether it holds what contents() did not give out yet. */
  get isChanged(): boolean {
    return this.#isChanged;
  }

  /** To be kept; null before the first full walk. */
  contents(): DirectoryIndexContents | null {
    if (this.#walkedAtMs === null) return null;
    this.#isChanged = false;
    return { walkedAtMs: this.#walkedAtMs, entries: this.#entries };
  }

  /** A look begins. */
  beginLook(): void {
    this.#met.clear();
  }

  /**
   * A look has seen everything: folders that it did not come to are forgotten.
   * @param walkedAtMs when it began, if it was a full walk
   */
  finishLook(walkedAtMs: number | null): void {
    for (const folder of this.#entries.keys()) if (!this.#met.has(folder)) this.#forget(folder);
    this.#met.clear();
    if (walkedAtMs === null) return;
    this.#walkedAtMs = walkedAtMs;
    this.#isChanged = true;
  }

  /**
   * Remembers a folder that was just listed. Paths that are bytes are not kept: they are listed every time.
   * @param stats of the folder, from before it was listed
   */
  remember(folder: StorePath, stats: FolderFacts, listed: FolderContents): void {
    if (typeof folder !== 'string') return;
    const before = this.#entries.get(folder);
    const isSame = before !== undefined && isOf(before, stats);
    this.#forget(folder);
    this.#isChanged = true;
    const isTooMuch =
      this.#entries.size >= MOST_FOLDERS ||
      this.#fileCount + listed.fileMtimesMs.length > MOST_FILES;
    if (isTooMuch) return;
    const { listedAtMs, isEmpty, subfolders, links, fileMtimesMs, youngFiles } = listed;
    const firstSeenAtMs = isSame ? Math.min(before.firstSeenAtMs, listedAtMs) : listedAtMs;
    const { mtimeMs, ctimeMs, ino: inode, dev: device } = stats;
    this.#met.add(folder);
    this.#fileCount += fileMtimesMs.length;
    this.#entries.set(folder, {
      mtimeMs,
      ctimeMs,
      inode,
      device,
      firstSeenAtMs,
      listedAtMs,
      isEmpty,
      subfolders,
      links,
      fileMtimesMs,
      youngFiles,
    });
  }

  /** What is known of a folder; null when it changed since, or may have, and has to be listed. */
  unchanged(folder: StorePath, stats: FolderFacts, nowMs: number): DirectoryEntry | null {
    if (typeof folder !== 'string') return null;
    const entry = this.#entries.get(folder);
    if (entry === undefined) return null;
    this.#met.add(folder);
    if (!isOf(entry, stats) || entry.youngFiles === null) return null;
    const { mtimeMs, ctimeMs, firstSeenAtMs, listedAtMs } = entry;
    // A clock that was set back says nothing about what is young.
    if (listedAtMs > nowMs) return null;
    const isLongPast = Math.max(mtimeMs, ctimeMs) < listedAtMs - LONG_PAST_MS;
    return isLongPast || listedAtMs - firstSeenAtMs >= RACY_MS ? entry : null;
  }

  #forget(folder: string): void {
    const entry = this.#entries.get(folder);
    if (entry === undefined) return;
    this.#fileCount -= entry.fileMtimesMs.length;
    this.#entries.delete(folder);
    this.#isChanged = true;
  }
}

function isOf(entry: DirectoryEntry, { mtimeMs, ctimeMs, ino, dev }: FolderFacts): boolean {
  return (
    entry.mtimeMs === mtimeMs &&
    entry.ctimeMs === ctimeMs &&
    entry.inode === ino &&
    entry.device === dev
  );
}

/** What a list of a folder says, fresh or remembered. */
export type FolderContents = Pick<
  DirectoryEntry,
  'listedAtMs' | 'isEmpty' | 'subfolders' | 'links' | 'fileMtimesMs' | 'youngFiles'
>;

/** Gathers what a folder holds while it is listed. */
export class ContentsGatherer {
  readonly subfolders: StorePath[] = [];
  readonly links: StorePath[] = [];
  readonly #listedAtMs: number;
  readonly #fileMtimesMs: number[] = [];
  readonly #young: { name: StorePath; index: number }[] = [];

  /** @param listedAtMs when the list was begun */
  constructor(listedAtMs: number) {
    this.#listedAtMs = listedAtMs;
  }

  addFile(name: StorePath, mtimeMs: number): void {
    if (mtimeMs >= this.#listedAtMs - YOUNG_MS && this.#young.length <= MOST_YOUNG_FILES) {
      this.#young.push({ name, index: this.#fileMtimesMs.length });
    }
    this.#fileMtimesMs.push(mtimeMs);
  }

  /** All of it. */
  contents(isEmpty: boolean): FolderContents {
    const { subfolders, links } = this;
    return {
      listedAtMs: this.#listedAtMs,
      isEmpty,
      subfolders,
      links,
      fileMtimesMs: new Float64Array(this.#fileMtimesMs),
      youngFiles: this.#young.length > MOST_YOUNG_FILES ? null : this.#young,
    };
  }
}
