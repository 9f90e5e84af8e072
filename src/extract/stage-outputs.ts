import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { displayName, type Location } from '../domain/location.js';
import { AppError, systemErrorCode } from '../errors.js';
import { pathBelow } from './output-locations.js';

/** One file to be written below the staging folder. */
export interface Output {
  readonly location: Location;
  readonly content: Buffer | string;
}

const SLASH = 0x2f;
/** The name itself cannot be had here: a folder has it, a file is in the place of a folder, or the path is too long. */
const CONFLICTS: readonly string[] = ['EEXIST', 'EISDIR', 'ENOTDIR', 'ENAMETOOLONG'];

/**
 * Writes the outputs of one file, all or none.
 * @returns Null, or why the names cannot be had (a sentence for the record).
 * @throws AppError FILE_NOT_WRITABLE when the folder is full, missing or read-only.
 */
export function stageOutputs(stagingPath: string, outputs: readonly Output[]): string | null {
  const written: Buffer[] = [];
  for (const { location, content } of outputs) {
    const path = pathBelow(stagingPath, location);
    try {
      writeOutput(path, content);
      written.push(path);
    } catch (error) {
      for (const one of written) rmSync(one, { force: true });
      const systemCode = error instanceof AppError ? error.details['systemCode'] : undefined;
      if (!CONFLICTS.some((conflict) => conflict === systemCode)) throw error;
      return `No preview and sidecar could be kept under the name of this file (${String(systemCode)}).`;
    }
  }
  return null;
}

/**
 * Writes a file, and the folders to it where they are missing.
 * @throws AppError FILE_NOT_WRITABLE, with the file system's code in `details.systemCode`.
 */
export function writeOutput(path: Buffer, content: Buffer | string): void {
  try {
    try {
      writeFileSync(path, content);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
      // Only the first file of a folder pays for making it.
      makeFolder(parentOf(path));
      writeFileSync(path, content);
    }
  } catch (error) {
    const systemCode = systemErrorCode(error);
    throw new AppError('FILE_NOT_WRITABLE', `${displayName(path)} cannot be written.`, {
      cause: error,
      ...(systemCode === undefined ? {} : { details: { systemCode } }),
    });
  }
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, Math.max(0, path.lastIndexOf(SLASH)));
}

/**
 * Makes a folder and those above it. Not `recursive: true`: that never returns where the file system answers ENOENT
 * although the parent is there.
 */
function makeFolder(folder: Buffer): void {
  for (const isLastTry of [false, true]) {
    try {
      mkdirSync(folder);
      return;
    } catch (error) {
      const systemCode = systemErrorCode(error);
      // Another process may have made it meanwhile; if it is no folder, writing into it says so.
      if (systemCode === 'EEXIST') return;
      const parent = parentOf(folder);
      if (isLastTry || systemCode !== 'ENOENT' || parent.length === 0) throw error;
      makeFolder(parent);
    }
  }
}
