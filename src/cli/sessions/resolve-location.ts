import { realpath, stat } from 'node:fs/promises';
import { isAbsolute, normalize, resolve } from 'node:path';
import type { Location } from '../../domain/location.js';
import { AppError, systemErrorCode } from '../../errors.js';
import {
  isInsideFolder,
  locationOf,
  pathOfLocation,
  storePath,
  type StorePath,
} from '../../files/store-path.js';

/** Where typed paths may lie. */
export interface ResolveLocationOptions {
  /** paths.data, absolute. */
  readonly dataPath: string;
  /** Where the person types, absolute: what their shell completes begins there. */
  readonly workingFolder: string;
  /** Folders of the session's instrument, absolute: each may be a symbolic link to another store. */
  readonly folders: readonly string[];
  /** Locations that a look or the record of the session named. */
  readonly known: ReadonlySet<Location>;
  /** Whether the file must be there; else one that the session knows is taken as well. */
  readonly mustExist: boolean;
}

async function physical(path: StorePath): Promise<StorePath | null> {
  try {
    return storePath(await realpath(path, { encoding: 'buffer' }));
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') return null;
    throw new AppError('FILE_UNREADABLE', `${String(path)} cannot be read.`, {
      cause: error,
      remedy: 'Check that the store is mounted and that the file may be read.',
    });
  }
}

function refuse(typed: string, why: string, remedy: string): never {
  throw new AppError('INPUT_INVALID', `${typed.slice(0, 300)} ${why}.`, {
    remedy,
    details: { path: typed },
  });
}

/** A percent-encoded location, as the verbs print it, and nothing that leads out of the store. */
function isLocation(typed: string): boolean {
  const parts = typed.split('/');
  return /^\/[\x21-\x7e]+$/.test(typed) && !parts.some((part) => part === '.' || part === '..');
}

/** What a typed path may mean inside paths.data, likeliest first. */
function candidatesOf(typed: string, dataPath: string, workingFolder: string): StorePath[] {
  if (typed.includes('\0')) return [];
  if (!isAbsolute(typed)) {
    const fromHere = resolve(workingFolder, typed);
    const fromData = resolve(dataPath, typed);
    return isInsideFolder(fromHere, dataPath) ? [fromHere, fromData] : [fromData];
  }
  const asPath = normalize(typed);
  return [
    ...(isInsideFolder(asPath, dataPath) ? [asPath] : []),
    ...(isLocation(typed) ? [pathOfLocation(typed, dataPath)] : []),
  ];
}

/**
 * The location of a file as typed: absolute, relative to the working folder or to paths.data, or a location. Symbolic links may lead to where
 * they may lead a look.
 * @throws AppError INPUT_INVALID for what is outside of paths.data, is no file or does not exist; FILE_UNREADABLE.
 */
export async function resolveLocation(
  typed: string,
  options: ResolveLocationOptions,
): Promise<Location> {
  const dataPath = resolve(options.dataPath);
  const realData = await physical(dataPath);
  const candidates = candidatesOf(typed, dataPath, options.workingFolder);
  const inside = candidates.filter((path) => isInsideFolder(path, dataPath));
  for (const path of inside) {
    const real = realData === null ? null : await physical(path);
    if (real === null || realData === null) continue;
    const allowed = [realData];
    for (const folder of options.folders) {
      const realFolder = await physical(folder);
      if (realFolder !== null) allowed.push(realFolder);
    }
    if (!allowed.some((folder) => isInsideFolder(real, folder))) {
      refuse(typed, 'is a symbolic link that leads out of paths.data', 'Name the file itself.');
    }
    if (!(await stat(real)).isFile()) {
      refuse(typed, 'is no file', 'Name each file of the folder, such as FOLDER/*.dm3.');
    }
    return canonical(path, real, { dataPath, realData, known: options.known });
  }
  const known = inside
    .map((path) => locationOf(path, dataPath))
    .find((location) => options.known.has(location));
  if (known !== undefined && !options.mustExist) return known;
  return refuseOutside(typed, resolve(options.workingFolder, typed), inside, realData);
}

/** One file has one location: the one a look gave it, else the one without symbolic links. */
function canonical(
  path: StorePath,
  real: StorePath,
  {
    dataPath,
    realData,
    known,
  }: { dataPath: string; realData: StorePath; known: ReadonlySet<Location> },
): Location {
  const location = locationOf(path, dataPath);
  if (known.has(location) || !isInsideFolder(real, realData)) return location;
  return typeof realData === 'string' ? locationOf(real, realData) : location;
}

async function refuseOutside(
  typed: string,
  fromHere: string,
  inside: readonly StorePath[],
  realData: StorePath | null,
): Promise<Location> {
  if (!typed.includes('\0') && typeof realData === 'string') {
    // The same file named by the place that paths.data links to.
    const real = await physical(fromHere);
    if (real !== null && isInsideFolder(real, realData) && (await stat(real)).isFile()) {
      return locationOf(real, realData);
    }
    if (real !== null && !isInsideFolder(real, realData)) {
      refuse(typed, 'lies outside paths.data', 'Only files below paths.data can be in a record.');
    }
  }
  return inside.length === 0
    ? refuse(typed, 'lies outside paths.data', 'Only files below paths.data can be in a record.')
    : refuse(typed, 'does not exist in paths.data', 'See `recordsmith sessions explain ID`.');
}
