import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { basename, dirname } from 'node:path';
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

/** A database whose folder is not mounted must not look like a new one. */
async function requireFolderOf(file: string): Promise<void> {
  const folder = dirname(file);
  if (await fileExists(folder)) return;
  throw new AppError(
    'DATABASE_UNAVAILABLE',
    `The folder ${folder} of the database does not exist.`,
    {
      remedy: `Mount it or correct database.file (${file}); for a new database run \`recordsmith init\`.`,
      details: { file, folder },
    },
  );
}

/** What is to be done with the file of a SQLite database. */
export interface SqliteUse {
  readonly readOnly: boolean;
  /** A missing folder will be made; false: it has to be there. */
  readonly makeFolder: boolean;
}

/**
 * Checks that the account may use the file of a SQLite database and its folder: SQLite itself would only say that it
 * cannot open the file.
 * @throws AppError DATABASE_NOT_PERMITTED, DATABASE_UNAVAILABLE for a missing folder; another error of the file system,
 * such as ENOENT for a file to be read.
 */
export async function requireSqliteRights(file: string, use: SqliteUse): Promise<void> {
  try {
    await requireRights(file, use);
  } catch (error) {
    const systemCode = systemErrorCode(error);
    if (!LACKS_RIGHTS.includes(systemCode)) throw error;
    throw notPermitted(file, use.readOnly, error);
  }
}

function notPermitted(file: string, readOnly: boolean, cause: unknown): AppError {
  const user = accountName();
  const folder = dirname(file);
  const systemCode = systemErrorCode(cause);
  const details = { file, user, systemCode };
  if (readOnly && textOf(cause, 'path') === folder) {
    return new AppError(
      'DATABASE_NOT_PERMITTED',
      `The ${user} may read the database ${file}, but not write into its folder (${String(systemCode)}): who is alone with a SQLite database has to make the files ${basename(file)}-wal and -shm beside it, also to read.`,
      {
        cause,
        remedy: `Give the ${user} the right to write into ${folder}, run recordsmith as its owner, or try again while a daemon runs: the files are there then.`,
        details,
      },
    );
  }
  return new AppError(
    'DATABASE_NOT_PERMITTED',
    `The ${user} may not ${readOnly ? 'read' : 'write'} the database ${file} in its folder (${String(systemCode)}).`,
    {
      cause,
      remedy: `Give the ${user} the right to read and write ${file} and the folder ${folder}, or run recordsmith as their owner.`,
      details,
    },
  );
}

function textOf(value: unknown, name: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  const property: unknown = Reflect.get(value, name);
  return typeof property === 'string' ? property : null;
}

async function requireRights(file: string, { readOnly, makeFolder }: SqliteUse): Promise<void> {
  if (!makeFolder) await requireFolderOf(file);
  const folder = dirname(file);
  if (readOnly) {
    await access(file, constants.R_OK);
    // SQLite opens a database in WAL mode only with these two beside it. Whoever is alone with the database makes them,
    // and takes them away again.
    const areThere = (await fileExists(`${file}-wal`)) && (await fileExists(`${file}-shm`));
    if (!areThere) await access(folder, constants.W_OK | constants.X_OK);
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
