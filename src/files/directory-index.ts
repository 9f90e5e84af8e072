import type { Stats } from 'node:fs';
import type { StorePath } from './store-path.js';

/** What a look remembers of one folder: enough to know whether it must be listed again. */
export interface DirectoryEntry {
  /** Of the folder itself, epoch milliseconds with fractions: change on create, delete and rename in it. */
  readonly mtimeMs: number;
  readonly ctimeMs: number;
  readonly inode: number;
  /** When its list was begun. */
  readonly listedAtMs: number;
  /** Whether it held nothing at all. */
  readonly isEmpty: boolean;
  readonly subfolders: readonly StorePath[];
  readonly links: readonly StorePath[];
  /** Epoch milliseconds of each regular file in it. */
  readonly fileMtimesMs: Float64Array;
}

/** A file written this recently may be written again: its folder is always listed. */
const YOUNG_MS = 7 * 24 * 3600 * 1000;
/**
 * A folder that had changed this shortly before it was listed may have changed again within the same tick of its
 * clock (2 s on the coarsest file systems), which its time would not show: it is listed once more.
 */
const RACY_MS = 10_000;
/** How far the clocks of file server and this machine may differ before an index is trusted too much. */
const CLOCK_SLACK_MS = 60_000;
/** A full walk is repeated after this long: it alone finds old files that were written again in place. */
const FULL_WALK_EVERY_MS = 3600 * 1000;

/**
 * The folders of one root as the last look saw them, kept in the memory of a store process: a cache that may be lost
 * at any time. It only spares listing folders; which files count is always decided from fresh times.
 */
export class DirectoryIndex {
  readonly #entries = new Map<StorePath, DirectoryEntry>();
  #walkedAtMs: number | null = null;

  /**
   * Whether a look may rely on the index: the last full walk began after everything of the session was written, so an
   * old file that was written again in the session has been seen with its new time, and it is not long ago.
   */
  isUsable(sessionEndMs: number, nowMs: number): boolean {
    if (this.#walkedAtMs === null) return false;
    if (this.#walkedAtMs <= sessionEndMs + CLOCK_SLACK_MS) return false;
    const ageMs = nowMs - this.#walkedAtMs;
    return ageMs >= 0 && ageMs < FULL_WALK_EVERY_MS;
  }

  /** Begins anew; call finishWalk when all was seen. */
  clear(): void {
    this.#entries.clear();
    this.#walkedAtMs = null;
  }

  /** A full walk that began at `startedAtMs` is complete. */
  finishWalk(startedAtMs: number): void {
    this.#walkedAtMs = startedAtMs;
  }

  /** Remembers a folder that was just listed. Paths that are bytes are not kept: they are listed every time. */
  remember(folder: StorePath, entry: DirectoryEntry): void {
    if (typeof folder === 'string') this.#entries.set(folder, entry);
  }

  /**
   * What is known of a folder, or null when it must be listed: it changed, or it holds files that are near the session
   * (`isNear` of their times) or young.
   */
  unchanged(
    folder: StorePath,
    stats: Stats,
    nowMs: number,
    isNear: (mtimeMs: number) => boolean,
  ): DirectoryEntry | null {
    const entry = this.#entries.get(folder);
    if (entry === undefined) return null;
    const { mtimeMs, ctimeMs, inode, listedAtMs, fileMtimesMs } = entry;
    if (stats.mtimeMs !== mtimeMs || stats.ctimeMs !== ctimeMs || stats.ino !== inode) return null;
    if (Math.max(mtimeMs, ctimeMs) > listedAtMs - RACY_MS) return null;
    const youngFromMs = Math.min(nowMs, listedAtMs) - YOUNG_MS;
    if (fileMtimesMs.some((time) => time >= youngFromMs || isNear(time))) return null;
    return entry;
  }
}
