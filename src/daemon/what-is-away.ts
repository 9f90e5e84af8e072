import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { isAppError, systemErrorCode } from '../errors.js';
import { writeUnfinished } from '../record/write-file-durably.js';
import type { WhatIsAway } from './build-ending.js';
import { discardStaging, stagingPath, type StagedAttempt } from './staging.js';

/** What a file system answers when it is full. */
const FULL: readonly string[] = ['ENOSPC', 'EDQUOT'];
/** What it answers when nothing, or nothing in one folder, can be written. */
const REFUSED: readonly string[] = [
  ...FULL,
  'EROFS',
  'EIO',
  'ESTALE',
  'ETIMEDOUT',
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTDIR',
];
/** Room for the record and the sidecars of a usual session. */
const PROBE_BYTES = 1024 * 1024;

/** The folders that every build writes to, absolute. */
interface OwnFolders {
  readonly output: string;
  readonly records: string;
}

function refusalOf(error: unknown): string | null {
  if (!isAppError(error) || error.code !== 'FILE_NOT_WRITABLE') return null;
  const { systemCode } = error.details;
  return typeof systemCode === 'string' ? systemCode : null;
}

/** Whether a build failed for want of space. */
export function isOutOfSpace(error: unknown): boolean {
  return FULL.includes(refusalOf(error) ?? '');
}

/**
 * What a build that threw cannot have for the time being, and other builds neither. A path of one session that cannot be
 * written (too long a name, a folder with wrong rights) stops no others; nor does a session that has filled the disk with
 * its own previews, once these are removed: what it staged is discarded before it is tried whether files can be written.
 */
export async function whatIsAway(
  error: unknown,
  folders: OwnFolders,
  attempt: StagedAttempt,
): Promise<WhatIsAway | null> {
  if (isAppError(error) && error.code === 'STORE_UNAVAILABLE') return 'store';
  if (!REFUSED.includes(refusalOf(error) ?? '')) return null;
  return (await takesFiles(folders, attempt)) ? null : 'folders';
}

async function takesFiles(folders: OwnFolders, attempt: StagedAttempt): Promise<boolean> {
  try {
    await discardStaging(folders.output, attempt);
    for (const folder of [folders.output, folders.records]) {
      await access(folder, constants.W_OK | constants.X_OK);
    }
    // In places that are cleaned up when this process is killed meanwhile.
    for (const folder of [stagingPath(folders.output, attempt), folders.records]) {
      const probe = await writeUnfinished(join(folder, 'probe'), [new Uint8Array(PROBE_BYTES)]);
      await probe.discard();
    }
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined && !isAppError(error)) throw error;
    return false;
  }
}
