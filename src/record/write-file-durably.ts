import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError, isAppError, systemErrorCode } from '../errors.js';

/** How names of unfinished files begin: after a crash they are clutter, removed by removeUnfinished. */
export const UNFINISHED_PREFIX = '.unfinished-';

/** A file as it was written. */
export interface WrittenFile {
  readonly path: string;
  /** Hexadecimal. */
  readonly sha256: string;
  readonly sizeBytes: number;
}

const REMEDIES: Readonly<Record<string, string>> = {
  ENOSPC: 'Free some space on this file system.',
  EDQUOT: 'Raise the quota of the account that recordsmith runs under, or free some space.',
  EROFS: 'Mount this file system writable.',
  EACCES: 'Give the account that recordsmith runs under the right to write there.',
  EPERM: 'Give the account that recordsmith runs under the right to write there.',
  ENOTDIR: 'A part of the path is a file where a folder is needed: move it away.',
  EISDIR: 'A folder has the name of the file: move it away.',
};

/** The error for a path that could not be written, with what helps against it. */
export function notWritable(path: string, cause: unknown): AppError {
  if (isAppError(cause)) return cause;
  const code = systemErrorCode(cause);
  return new AppError('FILE_NOT_WRITABLE', `${path} cannot be written (${code ?? 'unknown'}).`, {
    cause,
    remedy:
      (code === undefined ? undefined : REMEDIES[code]) ?? 'Check this folder and its file system.',
    details: { path, systemCode: code ?? null },
  });
}

/** Makes the name of a file or folder in `folder` survive a power cut. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/**
 * Makes a folder and those above it; node's own way of doing so calls a read-only file system a missing folder.
 * @returns The topmost folder that was made; null: it was there.
 */
async function makeFolder(folder: string): Promise<string | null> {
  const above = dirname(folder);
  try {
    await mkdir(folder);
    return folder;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'EEXIST') return null;
    if (code !== 'ENOENT' || above === folder) throw error;
  }
  const topmost = await makeFolder(above);
  try {
    await mkdir(folder);
  } catch (error) {
    // Another process made it meanwhile.
    if (systemErrorCode(error) !== 'EEXIST') throw error;
  }
  return topmost ?? folder;
}

/** Texts (written as UTF-8) or bytes. */
export type Chunks = Iterable<string | Uint8Array> | AsyncIterable<string | Uint8Array>;

async function writeChunks(handle: FileHandle, chunks: Chunks) {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of chunks) {
    const bytes = typeof chunk === 'string' ? Buffer.from(chunk, 'utf8') : chunk;
    hash.update(bytes);
    sizeBytes += bytes.length;
    let written = 0;
    while (written < bytes.length) {
      const result = await handle.write(bytes, written);
      written += result.bytesWritten;
    }
  }
  await handle.sync();
  return { sha256: hash.digest('hex'), sizeBytes };
}

/** A file that has its content, but not yet its name. */
export interface UnfinishedFile extends WrittenFile {
  /** Gives the file its name (over an older one) and makes the name durable. */
  finish(): Promise<WrittenFile>;
  /** Removes it. */
  discard(): Promise<void>;
}

/**
 * Writes chunks into an unfinished file beside `path` and syncs it; folders are made. Never holds more than a chunk.
 * @param mode permissions of the file
 * @throws AppError FILE_NOT_WRITABLE, leaving nothing behind; what `chunks` throws goes through
 */
export async function writeUnfinished(
  path: string,
  chunks: Chunks,
  mode = 0o644,
): Promise<UnfinishedFile> {
  const folder = dirname(path);
  const temporary = join(folder, `${UNFINISHED_PREFIX}${randomBytes(8).toString('hex')}`);
  let handle: FileHandle;
  try {
    const made = await makeFolder(folder);
    if (made !== null) await syncFolder(dirname(made));
    handle = await open(temporary, 'wx', mode);
  } catch (error) {
    throw notWritable(path, error);
  }
  try {
    const { sha256, sizeBytes } = await writeChunks(handle, chunks);
    await handle.close();
    return {
      path: temporary,
      sha256,
      sizeBytes,
      finish: async () => {
        try {
          await rename(temporary, path);
          await syncFolder(folder);
        } catch (error) {
          await rm(temporary, { force: true });
          throw notWritable(path, error);
        }
        return { path, sha256, sizeBytes };
      },
      discard: () => rm(temporary, { force: true }),
    };
  } catch (error) {
    // The first error counts; a handle that cannot be closed again adds nothing to it.
    await handle.close().catch(() => undefined);
    await rm(temporary, { force: true });
    throw systemErrorCode(error) === undefined ? error : notWritable(path, error);
  }
}

/** Whether a file name is one of ours that was never finished. */
export function isUnfinished(path: string): boolean {
  return basename(path).startsWith(UNFINISHED_PREFIX);
}
