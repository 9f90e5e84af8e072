import { isAbsolute, normalize, resolve } from 'node:path';
import { zonedTime } from '../domain/zoned-time.js';
import { AppError, systemErrorCode } from '../errors.js';
import type { LookFolder, LookRequest } from './look-request.js';
import { failureText, isStoreFailure, storeUnavailable } from './store-errors.js';
import { isInsideFolder, pathText, realPath, type StorePath } from './store-path.js';

/** A folder that a look searches. */
export interface LookRoot {
  /** Absolute path as configured. */
  readonly path: string;
  /** The folder of the request whose time basis, clock offsets and patterns hold here. */
  readonly folder: LookFolder;
  /** What patterns are relative to: the path of that folder. */
  readonly folderPath: string;
}

/** What a look searches, and where symbolic links may lead. */
export interface LookRoots {
  readonly roots: readonly LookRoot[];
  readonly allowedRoots: readonly StorePath[];
  /** Annotated directories that cannot be used, in words. */
  readonly warnings: readonly string[];
}

/**
 * The absolute path of a folder of the store.
 * @throws AppError INPUT_INVALID when it leads out of paths.data.
 */
export function resolveInData(dataPath: string, folder: string): string {
  const path = isAbsolute(folder) ? normalize(folder) : resolve(dataPath, folder);
  const plain = path.length > 1 ? path.replace(/\/+$/, '') : path;
  if (!isInsideFolder(plain, dataPath) || folder.includes('\0')) {
    throw new AppError('INPUT_INVALID', `The folder "${folder}" lies outside paths.data.`, {
      remedy: 'Name a folder inside paths.data; a symbolic link there may lead to another store.',
      details: { folder, dataPath },
    });
  }
  return plain;
}

/**
 * What a request searches: the annotated directories, else the instrument's folders, the deepest first (so that a
 * folder inside another one keeps its own settings).
 * @throws AppError STORE_UNAVAILABLE when a folder is not there, INPUT_INVALID when one leads out of paths.data.
 */
export function lookRoots(request: LookRequest): LookRoots {
  const dataPath = resolve(request.dataPath);
  const physicalData = physicalRoot(dataPath);
  const folders = request.folders.map((folder) => {
    const path = resolveInData(dataPath, folder.path);
    return { path, folder, folderPath: path };
  });
  folders.sort((a, b) => b.path.length - a.path.length);
  if (request.directories.length === 0) {
    const physical = folders.map(({ path }) => physicalRoot(path));
    const further = request.allowedRoots.map((path) => physicalRoot(resolve(path)));
    return { roots: folders, allowedRoots: [physicalData, ...physical, ...further], warnings: [] };
  }
  // The folder that holds a directory says what its times mean; a directory elsewhere is read as the first one is.
  const [firstFolder] = request.folders;
  const roots: LookRoot[] = [];
  const warnings: string[] = [];
  for (const directory of request.directories) {
    const path = resolveInData(dataPath, directory);
    const refusal = refusalOf(path, physicalData);
    if (refusal !== null) {
      warnings.push(
        `The directory ${directory} given to this session is not searched: ${refusal}.`,
      );
      continue;
    }
    const holder = folders.find((one) => isInsideFolder(path, one.path));
    if (holder !== undefined) roots.push({ ...holder, path });
    else if (firstFolder !== undefined) {
      roots.push({ path, folder: { ...firstFolder, patterns: [] }, folderPath: path });
    }
  }
  return { roots, allowedRoots: [physicalData], warnings };
}

/** Why an annotated directory is not searched; null: it is. A person typed it: it may be wrong, or lead elsewhere. */
function refusalOf(path: string, physicalData: StorePath): string | null {
  try {
    return isInsideFolder(realPath(path), physicalData)
      ? null
      : 'it is a symbolic link that leads out of paths.data';
  } catch (error) {
    if (isStoreFailure(error)) throw unavailable(path, error);
    return failureText(error);
  }
}

function physicalRoot(path: string): StorePath {
  try {
    return realPath(path);
  } catch (error) {
    throw unavailable(path, error);
  }
}

function unavailable(path: string, error: unknown): AppError {
  const isMissing = systemErrorCode(error) === 'ENOENT';
  const reason = isMissing
    ? `The folder ${pathText(path)} does not exist: is the store mounted?`
    : `The folder ${pathText(path)} cannot be read: ${failureText(error)}.`;
  return storeUnavailable(reason, error);
}

/**
 * A root that is empty: when it held files before it is most likely not mounted.
 * @throws AppError STORE_UNAVAILABLE
 */
export function requireNeverUsed(root: LookRoot): void {
  const seenMs = root.folder.rootSeenNonemptyAtMs;
  if (seenMs === null || root.path !== root.folderPath) return;
  const since = zonedTime(seenMs, 'utc').toISO();
  throw storeUnavailable(
    `The folder ${root.path} is empty, but held files before (${since ?? 'earlier'}): is the store mounted?`,
  );
}
