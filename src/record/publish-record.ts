import { createHash } from 'node:crypto';
import { type Dirent, createReadStream } from 'node:fs';
import { readdir, rm, rmdir, stat, utimes } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { AppError, isAppError, systemErrorCode } from '../errors.js';
import type { RecordPaths } from './record-names.js';
import { isUnfinished, notWritable, syncFolder, writeUnfinished } from './write-file-durably.js';

/** The current version of a session's record and the names it is to be seen under. */
export interface Publication {
  /** Files of the version, relative to the records folder. */
  readonly version: RecordPaths;
  /** Public names, relative to the records folder. */
  readonly target: RecordPaths;
  /** Public names of earlier versions of this session; they must not belong to another session by now. */
  readonly former: readonly RecordPaths[];
}

/**
 * The absolute path of a file of a record.
 * @throws AppError INPUT_INVALID when it leads out of the records folder: damaged data, and nothing is touched.
 */
export function pathInRecords(recordsFolder: string, path: string): string {
  const absolute = resolve(recordsFolder, path);
  if (!absolute.startsWith(resolve(recordsFolder) + sep)) {
    throw new AppError('INPUT_INVALID', `${path} is not inside the records folder.`, {
      remedy: 'Check the paths of this record in the database.',
      details: { path, recordsFolder },
    });
  }
  return absolute;
}

/** The sha256 of a file in hex, or null when there is none. @throws the file system's error. */
export async function sha256OfFile(path: string): Promise<string | null> {
  const hash = createHash('sha256');
  try {
    const bytes: AsyncIterable<Buffer> = createReadStream(path);
    for await (const chunk of bytes) hash.update(chunk);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw error;
  }
  return hash.digest('hex');
}

async function projectFile(source: string, target: string): Promise<boolean> {
  let same: boolean;
  try {
    const wanted = await sha256OfFile(source);
    if (wanted === null) {
      throw new AppError('FILE_UNREADABLE', `The version file ${source} is missing.`, {
        remedy:
          'Restore it from a backup, or build the session again with `recordsmith sessions retry`.',
        details: { path: source },
      });
    }
    same = wanted === (await sha256OfFile(target));
  } catch (error) {
    if (isAppError(error)) throw error;
    throw new AppError('FILE_UNREADABLE', `${source} or ${target} cannot be read.`, {
      cause: error,
      remedy: 'Check the permissions of the records folder.',
      details: { source, target },
    });
  }
  if (!same) {
    const bytes: AsyncIterable<Buffer> = createReadStream(source);
    await (await writeUnfinished(target, bytes)).finish();
  }
  // Not before it has its name: by an old time a clean-up would take it for the remains of a crash.
  await giveTimeOf(source, target);
  return !same;
}

/** A public file that has the time of its version shows by its size and time alone that nobody changed it: see looksPublished. */
async function giveTimeOf(source: string, target: string): Promise<void> {
  try {
    const { atimeMs, mtimeMs } = await stat(source);
    await utimes(target, atimeMs / 1000, mtimeMs / 1000);
  } catch (error) {
    // A file system that keeps no given times costs later checks a comparison of the content, nothing else.
    if (systemErrorCode(error) === undefined) throw error;
  }
}

/**
 * Makes the public files of a record from its version files (temporary file, rename) and removes those under former
 * names. Idempotent: files that are right already are not touched. Call it after the settling transaction, and again for what a
 * crash left undone.
 * @returns whether anything had to be written
 * @throws AppError FILE_NOT_WRITABLE; FILE_UNREADABLE when a version file is missing
 */
export async function publishRecord(recordsFolder: string, given: Publication): Promise<boolean> {
  let written = false;
  for (const kind of ['json', 'xml'] as const) {
    const source = pathInRecords(recordsFolder, given.version[kind]);
    const target = pathInRecords(recordsFolder, given.target[kind]);
    written = (await projectFile(source, target)) || written;
  }
  const kept = new Set([given.target.xml, given.target.json]);
  const leftovers = given.former.flatMap(({ xml, json }) => [xml, json]);
  await removeRecordFiles(
    recordsFolder,
    leftovers.filter((path) => !kept.has(path)),
  );
  return written;
}

/**
 * Removes files of records (public ones, versions, kept-aside ones), and folders that are empty then.
 * @param paths relative to the records folder; missing files are no error
 * @throws AppError FILE_NOT_WRITABLE
 */
export async function removeRecordFiles(
  recordsFolder: string,
  paths: readonly string[],
): Promise<void> {
  for (const path of paths) {
    const absolute = pathInRecords(recordsFolder, path);
    const folder = dirname(absolute);
    try {
      await rm(absolute, { force: true });
      if (relative(recordsFolder, folder) !== '' && (await removeIfEmpty(folder))) continue;
      await syncFolder(folder);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw notWritable(absolute, error);
    }
  }
}

async function removeIfEmpty(folder: string): Promise<boolean> {
  try {
    await rmdir(folder);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}

/**
 * Finds unfinished files that a killed process left in the records folder.
 * @param beforeMs epoch milliseconds: younger ones may still be written by another process and are left out
 * @throws AppError FILE_NOT_WRITABLE
 */
export async function* findUnfinished(
  recordsFolder: string,
  beforeMs: number,
): AsyncGenerator<string, void, undefined> {
  const folders = [recordsFolder];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    let entries: Dirent[];
    try {
      entries = await readdir(folder, { withFileTypes: true });
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') continue;
      throw notWritable(folder, error);
    }
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (isUnfinished(path) && (await isOlder(path, beforeMs))) yield path;
    }
  }
}

/** Removes what findUnfinished finds. @returns how many were removed. Throws as it does. */
export async function removeUnfinished(recordsFolder: string, beforeMs: number): Promise<number> {
  let removed = 0;
  for await (const path of findUnfinished(recordsFolder, beforeMs)) {
    try {
      await rm(path, { force: true });
    } catch (error) {
      throw notWritable(path, error);
    }
    removed += 1;
  }
  return removed;
}

async function isOlder(path: string, beforeMs: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs < beforeMs;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw notWritable(path, error);
  }
}
