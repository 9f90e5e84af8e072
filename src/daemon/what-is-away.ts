import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { isAppError, systemErrorCode } from '../errors.js';
import type { WhatIsAway } from './build-ending.js';

/** What a file system answers when nothing can be written to any of its folders. */
const WHOLE_DISK: readonly string[] = ['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'ESTALE', 'ETIMEDOUT'];
/** What the account, or a person who moved it, may have done to a whole folder or to one below it. */
const MAYBE_ONE_FOLDER: readonly string[] = ['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR'];

/**
 * What a build that threw cannot have for the time being, and other builds neither. A path of one session that cannot be
 * written (too long a name, a folder with wrong rights) stops no others.
 * @param paths the folders that every build writes to.
 */
export async function whatIsAway(
  error: unknown,
  paths: { readonly output: string; readonly records: string },
): Promise<WhatIsAway | null> {
  if (!isAppError(error)) return null;
  if (error.code === 'STORE_UNAVAILABLE') return 'store';
  if (error.code !== 'FILE_NOT_WRITABLE') return null;
  const { systemCode } = error.details;
  if (typeof systemCode !== 'string') return null;
  if (WHOLE_DISK.includes(systemCode)) return 'folders';
  if (!MAYBE_ONE_FOLDER.includes(systemCode)) return null;
  const usable = (await isUsable(paths.output)) && (await isUsable(paths.records));
  return usable ? null : 'folders';
}

/** Whether files can be made in a folder, as far as its rights say. */
async function isUsable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return false;
  }
}
