import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { compareByTime, type FileVerdict, type FoundFile } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import { AppError } from '../errors.js';
import type { DirectoryIndex } from './directory-index.js';
import type { FolderLister } from './folder-lister.js';
import type { IndexKey } from './index-shelf.js';
import { FileJudge, type Judgement } from './judge-file.js';
import type { Companion } from './name-rules.js';
import type { LookRequest } from './look-request.js';
import type { LookResult } from './look-result.js';
import { lookRoots, requireNeverUsed, type LookRoot, type LookRoots } from './look-roots.js';
import { probeStore } from './probe-store.js';
import { nearFilter } from './session-window.js';
import { failureText, isStoreFailure, storeUnavailable } from './store-errors.js';
import {
  folderKey,
  isInsideFolder,
  locationOf,
  pathOfLocation,
  pathText,
  realPath,
  splitPath,
  textInside,
  type StorePath,
} from './store-path.js';
import { FolderWalk } from './walk-folder.js';
import type { WalkedFile } from './walk-options.js';

/** What a look has besides its request. */
export interface FindSessionFilesOptions {
  readonly signal: AbortSignal;
  /** The index for a root; the same one each time the same is searched in the same way. */
  readonly indexOf: (key: IndexKey) => DirectoryIndex;
  /** Told when an index is complete after a look, with whether that was a full walk. */
  readonly onIndexed?: (key: IndexKey, isWalk: boolean) => void;
  /** Lists folders of large trees beside the look, which ends it; absent: nothing does. */
  readonly lister?: FolderLister;
  /** Epoch milliseconds. */
  readonly nowMs: number;
}

/** More warnings than this are only counted: a store full of broken links must not fill a record. */
const WARNINGS_SHOWN = 50;

/**
 * Looks for the files of one session: every file near it gets a verdict, those that count come back sorted. Runs in a
 * store process, with synchronous calls. Files far from the session are counted and not kept.
 * @throws AppError ABORTED by the signal, INPUT_INVALID when a folder leads out of paths.data.
 */
export async function findSessionFiles(
  request: LookRequest,
  options: FindSessionFilesOptions,
): Promise<LookResult> {
  const startedMs = performance.now();
  try {
    const look = new Look(request, lookRoots(request));
    await look.run(options);
    return look.result(performance.now() - startedMs);
  } catch (error) {
    if (error instanceof AppError && error.code === 'STORE_UNAVAILABLE') {
      return { kind: 'store-unavailable', reason: error.message };
    }
    throw error;
  } finally {
    options.lister?.stop();
  }
}

class Look {
  readonly #request: LookRequest;
  readonly #roots: LookRoots;
  readonly #dataPath: string;
  readonly #judge: FileJudge;
  readonly #files: FoundFile[] = [];
  readonly #needsAcquiredTime: FoundFile[] = [];
  readonly #verdicts = new Map<Location, FileVerdict>();
  readonly #takenOver: Location[] = [];
  readonly #storeFaults: Location[] = [];
  readonly #warnings: string[];
  readonly #nonempty = new Set<string>();
  readonly #seenFolders = new Set<string>();
  readonly #linked: { file: WalkedFile; target: StorePath; root: LookRoot }[] = [];
  readonly #linkedFiles = new Set<string>();
  #warningCount = 0;
  #fileCount = 0;
  #nearCount = 0;
  /** Companions of the folder in work: one entry, since a folder's files come one after the other. */
  #companions: { names: readonly StorePath[]; map: ReadonlyMap<string, Companion> } | null = null;

  constructor(request: LookRequest, roots: LookRoots) {
    this.#request = request;
    this.#roots = roots;
    this.#dataPath = resolve(request.dataPath);
    this.#judge = new FileJudge(request);
    this.#warnings = [...roots.warnings];
  }

  async run({ signal, indexOf, onIndexed, lister, nowMs }: FindSessionFilesOptions): Promise<void> {
    const { ignoredFolders, effort } = this.#request;
    const searches = this.#roots.roots.map((root) => {
      const isLasting = root.path === root.folderPath;
      const key = { text: JSON.stringify([root.path, ignoredFolders]), isLasting };
      const index = indexOf(key);
      const useIndex = effort === 'index' && index.isUsable(nowMs);
      index.beginLook();
      const walk = new FolderWalk({
        root: root.path,
        allowedRoots: this.#roots.allowedRoots,
        seenFolders: this.#seenFolders,
        ignoresFolder: (name) => this.#judge.names.ignoresFolder(name),
        isNear: nearFilter(this.#request, root.folder),
        onNearFile: (file) => this.#take(file, root),
        onUnreadable: (path, kind, reason, isStoreFault) =>
          this.#cannotSee(path, root, kind, reason, isStoreFault),
        index,
        useIndex,
        ...(lister === undefined ? {} : { lister }),
        nowMs,
        signal,
      });
      return { root, walk, index, key, useIndex };
    });
    for (const { root, walk } of searches) {
      await walk.searchFolders();
      if (walk.rootState === 'holds something') this.#nonempty.add(root.folder.path);
      else if (walk.rootState === 'empty') requireNeverUsed(root);
    }
    for (const { walk } of searches) await walk.followLinks();
    for (const { file, target, root } of this.#linked) this.#takeLinked(file, target, root);
    for (const location of this.#request.included) this.#takeIncluded(location);
    const undecided = new Set(this.#needsAcquiredTime.map(({ location }) => location));
    for (const location of this.#request.recorded) {
      if (!this.#verdicts.has(location) && !undecided.has(location)) this.#takeRecorded(location);
    }
    for (const { walk, index, key, useIndex } of searches) {
      this.#fileCount += walk.fileCount;
      index.finishLook(useIndex ? null : nowMs);
      onIndexed?.(key, !useIndex);
    }
  }

  result(durationMs: number): LookResult {
    const hidden = this.#warningCount - WARNINGS_SHOWN;
    if (hidden > 0) this.#warnings.push(`${hidden} further files or folders cannot be read.`);
    const verdicts = [...this.#verdicts.values()];
    return {
      kind: 'looked',
      files: this.#files.sort(compareByTime),
      needsAcquiredTime: this.#needsAcquiredTime.sort(compareByTime),
      takenOver: this.#takenOver,
      storeFaults: this.#storeFaults,
      verdicts: verdicts.sort((a, b) => compare(a.location, b.location)),
      otherFileCount: Math.max(0, this.#fileCount - this.#nearCount),
      warnings: this.#warnings,
      nonemptyFolders: [...this.#nonempty],
      durationMs,
    };
  }

  #take(file: WalkedFile, root: LookRoot): void {
    if (file.linkTarget !== null) this.#linked.push({ file, target: file.linkTarget, root });
    else this.#judgeFile(file.path, file.name, root, this.#companionsIn(file.siblings));
  }

  /** A link to a file counts only when the file itself was not searched, and once however many links lead to it. */
  #takeLinked(file: WalkedFile, target: StorePath, root: LookRoot): void {
    const physical = folderKey(target);
    const folder = folderKey(splitPath(target).folder);
    if (this.#seenFolders.has(folder) || this.#linkedFiles.has(physical)) return;
    this.#linkedFiles.add(physical);
    this.#judgeFile(file.path, file.name, root, this.#companionsIn(file.siblings));
  }

  #takeIncluded(location: Location): void {
    if (this.#verdicts.has(location)) return;
    const path = pathOfLocation(location, this.#dataPath);
    const refusal = this.#refusalOf(path);
    if (refusal !== null) {
      this.#warn(`The file ${location} was included by a person, but ${refusal.text}.`);
      if (refusal.isStoreFault) this.#noteStoreFault(location);
      const rule = `included by a person, but ${refusal.text}`;
      this.#verdicts.set(location, {
        location,
        verdict: 'unreadable',
        rule,
        sizeBytes: 0,
        mtimeNs: 0n,
      });
      return;
    }
    const holder = this.#roots.roots.find((root) => isInsideFolder(path, root.folderPath));
    const root = holder ?? this.#roots.roots[0];
    if (root !== undefined) this.#judgeFile(path, splitPath(path).name, root, new Map());
  }

  /** A file of the record that lies far from the session; what is gone gets no verdict. */
  #takeRecorded(location: Location): void {
    const path = pathOfLocation(location, this.#dataPath);
    const root = this.#roots.roots.find((one) => isInsideFolder(path, one.folderPath));
    if (root === undefined) return;
    const refusal = this.#refusalOf(path);
    if (refusal === null) this.#judgeFile(path, splitPath(path).name, root, new Map());
    else if (refusal.isStoreFault) this.#noteStoreFault(location);
  }

  #refusalOf(path: StorePath): { readonly text: string; readonly isStoreFault: boolean } | null {
    const because = (text: string) => ({ text, isStoreFault: false });
    try {
      const physical = realPath(path);
      if (!this.#roots.allowedRoots.some((root) => isInsideFolder(physical, root))) {
        return because('it lies outside the allowed folders');
      }
      return statSync(path).isFile() ? null : because('it is no file');
    } catch (error) {
      return { text: failureText(error), isStoreFault: isStoreFailure(error) };
    }
  }

  /** One file or folder that the store fails on does not make it away, as long as its roots answer. */
  #noteStoreFault(location: Location): void {
    this.#storeFaults.push(location);
    for (const { path } of this.#roots.roots) {
      const probe = probeStore(path);
      if (probe.kind === 'store-unavailable') throw storeUnavailable(probe.reason);
    }
  }

  #judgeFile(
    path: StorePath,
    name: StorePath,
    root: LookRoot,
    companions: ReadonlyMap<string, Companion>,
  ): void {
    const judgement = this.#judge.judge({
      path,
      name,
      location: locationOf(path, this.#dataPath),
      pathInData: textInside(path, this.#dataPath),
      pathInFolder: textInside(path, root.folderPath),
      folder: root.folder,
      companions,
    });
    if (judgement.kind !== 'far') this.#nearCount += 1;
    this.#note(judgement);
  }

  #companionsIn(names: readonly StorePath[]): ReadonlyMap<string, Companion> {
    if (this.#companions?.names !== names) {
      this.#companions = { names, map: this.#judge.names.companionsIn(names.map(pathText)) };
    }
    return this.#companions.map;
  }

  #cannotSee(
    path: StorePath,
    root: LookRoot,
    kind: 'entry' | 'folder',
    reason: string,
    isStoreFault: boolean,
  ): void {
    // A temporary file that came and went is no loss.
    const text = textInside(path, root.folderPath);
    const name = text.slice(text.lastIndexOf('/') + 1);
    if (kind === 'entry' && this.#judge.names.judge(name, text, new Map()) !== null) return;
    const location = locationOf(path, this.#dataPath);
    this.#note(this.#judge.judgeUnreadable(location, reason, isStoreFault));
  }

  #warn(sentence: string): void {
    this.#warningCount += 1;
    if (this.#warningCount <= WARNINGS_SHOWN) this.#warnings.push(sentence);
  }

  #note(judgement: Judgement): void {
    if (judgement.kind === 'far') return;
    if (judgement.kind === 'needs-acquired-time') {
      this.#needsAcquiredTime.push(judgement.file);
      return;
    }
    const { kind, verdict } = judgement;
    const { location, rule } = verdict;
    this.#verdicts.set(location, verdict);
    if (kind === 'taken-over') {
      this.#takenOver.push(location);
    } else if (kind === 'unreadable') {
      this.#warn(`${location} ${rule}.`);
      if (judgement.isStoreFault) this.#noteStoreFault(location);
    } else if (judgement.file !== null) {
      this.#files.push(judgement.file);
    }
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
