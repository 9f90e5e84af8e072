import type { DirectoryIndex } from './directory-index.js';
import type { FolderLister } from './folder-lister.js';
import type { StorePath } from './store-path.js';

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
  /** Lists folders beside a walk that lists everything; absent: nothing does. */
  readonly lister?: FolderLister;
  readonly nowMs: number;
  readonly signal: AbortSignal;
}

/** A folder that a walk is to look into. */
export interface FolderToWalk {
  readonly path: StorePath;
  /** Without symbolic links. */
  readonly physical: StorePath;
}
