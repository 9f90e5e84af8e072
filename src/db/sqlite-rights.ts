import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { dirname } from 'node:path';
import { AppError, systemErrorCode } from '../errors.js';

const LACKS_RIGHTS: readonly (string | undefined)[] = ['EACCES', 'EPERM', 'EROFS'];

/** Whether there is a file. @throws the file system's error when that cannot be told. */
export async function fileExists(path: string): Promise<boolean> {
  try {
    await access(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw error;
  }
}

/**
 * Checks that the account may use the file of a SQLite database and its folder: SQLite itself would only say that it
 * cannot open the file.
 * @throws AppError DATABASE_NOT_PERMITTED; another error of the file system, such as ENOENT for a file to be read.
 */
export async function requireSqliteRights(file: string, readOnly: boolean): Promise<void> {
  try {
    await requireRights(file, readOnly);
  } catch (error) {
    const systemCode = systemErrorCode(error);
    if (!LACKS_RIGHTS.includes(systemCode)) throw error;
    const user = accountName();
    const folder = dirname(file);
    throw new AppError(
      'DATABASE_NOT_PERMITTED',
      `The ${user} may not ${readOnly ? 'read' : 'write'} the database ${file} in its folder (${String(systemCode)}).`,
      {
        cause: error,
        remedy: `Give the ${user} the right to read and write ${file} and the folder ${folder}, or run recordsmith as their owner.`,
        details: { file, user, systemCode },
      },
    );
  }
}

async function requireRights(file: string, readOnly: boolean): Promise<void> {
  const folder = dirname(file);
  if (readOnly) {
    await access(file, constants.R_OK);
    // Whoever is the only reader makes the log beside the file, and takes it away again.
    if (!(await fileExists(`${file}-wal`))) await access(folder, constants.W_OK | constants.X_OK);
    return;
  }
  if (await fileExists(file)) await access(file, constants.R_OK | constants.W_OK);
  // A missing folder is made in the nearest one above it.
  let place = folder;
  while (dirname(place) !== place && !(await fileExists(place))) place = dirname(place);
  await access(place, constants.W_OK | constants.X_OK);
}

function accountName(): string {
  try {
    return `user ${userInfo().username}`;
  } catch {
    // In a container the account may have no name.
    return `user with the number ${process.getuid?.() ?? 'unknown'}`;
  }
}
