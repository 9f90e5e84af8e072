import { lstat, mkdir, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { displayName } from '../domain/location.js';
import { AppError, systemErrorCode } from '../errors.js';

/** The folder below paths.output in which attempts keep their outputs until they settle. */
export const STAGING_FOLDER = '.recordsmith';

/**
 * The age at which staging folders of attempts that the database does not know are removed, milliseconds: younger ones may
 * be another database's with the same paths.output, or newer than the backup that was restored.
 */
export const UNKNOWN_STAGING_AGE_MS = 24 * 3_600_000;

/** Which attempt a staging folder belongs to. */
export interface StagedAttempt {
  readonly sessionKey: string;
  /** The lease's token, unique for the session. */
  readonly token: number;
}

/** Where an attempt keeps its sidecars and previews until it settles: the tree below paths.output, mirrored. */
export function stagingPath(output: string, attempt: StagedAttempt): string {
  return join(output, STAGING_FOLDER, `${attempt.sessionKey}-${attempt.token}`);
}

/** The attempts that have a staging folder: those at work, and those that a crash left behind. */
export async function listStagedAttempts(output: string): Promise<StagedAttempt[]> {
  let names: string[];
  try {
    names = await readdir(join(output, STAGING_FOLDER));
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return [];
    throw error;
  }
  return names.flatMap((name) => {
    const match = /^([a-z2-7]{16})-(\d+)$/.exec(name);
    return match?.[1] === undefined ? [] : [{ sessionKey: match[1], token: Number(match[2]) }];
  });
}

/**
 * Whether the staging folder of an attempt is there and older than this.
 * @param beforeMs epoch milliseconds
 * @throws AppError FILE_UNREADABLE
 */
export async function isStagedBefore(
  output: string,
  attempt: StagedAttempt,
  beforeMs: number,
): Promise<boolean> {
  const path = stagingPath(output, attempt);
  try {
    return (await stat(path)).mtimeMs < beforeMs;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw new AppError('FILE_UNREADABLE', `${path} cannot be looked at.`, {
      cause: error,
      remedy: 'Check the permissions of paths.output.',
      details: { path },
    });
  }
}

/** Removes what an attempt staged; nothing there is fine. */
export async function discardStaging(output: string, attempt: StagedAttempt): Promise<void> {
  await rm(stagingPath(output, attempt), { recursive: true, force: true });
}

/**
 * Moves everything an attempt staged to its place below paths.output, replacing older sidecars and previews. Can be
 * repeated after a crash: what was moved already is no longer there to move.
 * @throws AppError FILE_NOT_WRITABLE
 */
export async function promoteStaging(output: string, attempt: StagedAttempt): Promise<void> {
  await moveTree(Buffer.from(stagingPath(output, attempt)), Buffer.from(output));
}

const SLASH = Buffer.from('/');

async function moveTree(from: Buffer, to: Buffer): Promise<void> {
  let entries;
  try {
    entries = await readdir(from, { withFileTypes: true, encoding: 'buffer' });
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return;
    throw notWritable(from, error);
  }
  let folderMade = false;
  for (const entry of entries) {
    const source = Buffer.concat([from, SLASH, entry.name]);
    const target = Buffer.concat([to, SLASH, entry.name]);
    if (entry.isDirectory()) {
      if (!(await moveWholeFolder(source, target))) await moveTree(source, target);
      continue;
    }
    try {
      if (!folderMade) await mkdir(to, { recursive: true });
      folderMade = true;
      await rename(source, target);
    } catch (error) {
      // Another process that repairs the same attempt was faster.
      if (systemErrorCode(error) === 'ENOENT' && !(await isThere(source))) continue;
      throw notWritable(target, error);
    }
  }
  try {
    await rmdir(from);
  } catch (error) {
    if (systemErrorCode(error) !== 'ENOENT') throw notWritable(from, error);
  }
}

/** A folder that is new below paths.output moves in one step, however many files it has. */
async function moveWholeFolder(from: Buffer, to: Buffer): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch {
    // Mostly it is there already. Whatever else is wrong shows, and is told, when its files are moved one by one.
    return false;
  }
}

async function isThere(path: Buffer): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw notWritable(path, error);
  }
}

function notWritable(path: Buffer, cause: unknown): AppError {
  return new AppError('FILE_NOT_WRITABLE', `${displayName(path)} cannot be written.`, {
    cause,
    remedy: 'Make paths.output writable for the user that runs recordsmith.',
    details: { systemCode: systemErrorCode(cause) ?? null },
  });
}
