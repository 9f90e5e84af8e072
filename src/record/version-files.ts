import type { Dir } from 'node:fs';
import { opendir } from 'node:fs/promises';
import { join } from 'node:path';
import { AppError, systemErrorCode } from '../errors.js';
import { isNamedAfter } from './record-names.js';

/** Names of version files end in a dot, 16 digits of the fingerprint and the extension: see versionPaths. */
const VERSION_FILE = /\.[0-9a-f]{16}\.(?:xml|json)$/;

async function openFolder(path: string): Promise<Dir | null> {
  try {
    return await opendir(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw new AppError('FILE_UNREADABLE', `The folder ${path} cannot be listed.`, {
      cause: error,
      remedy: 'Check the permissions of the records folder.',
      details: { path },
    });
  }
}

/**
 * Every file of a version there is, relative to the records folder, in no order. Other files are left out, symbolic links
 * are not followed.
 * @throws AppError FILE_UNREADABLE
 */
export async function* listVersionFiles(
  recordsFolder: string,
): AsyncGenerator<string, void, undefined> {
  const versions = await openFolder(join(recordsFolder, 'versions'));
  if (versions === null) return;
  for await (const year of versions) {
    if (!year.isDirectory()) continue;
    const files = await openFolder(join(recordsFolder, 'versions', year.name));
    if (files === null) continue;
    for await (const file of files) {
      if (file.isFile() && VERSION_FILE.test(file.name)) {
        yield `versions/${year.name}/${file.name}`;
      }
    }
  }
}

/**
 * The files of versions, and records that were kept aside, that are named after a session, relative to the records folder.
 * @param years folders of versions that are looked into
 * @throws AppError FILE_UNREADABLE
 */
export async function filesNamedAfter(
  recordsFolder: string,
  sessionIdentifier: string,
  years: readonly string[],
): Promise<string[]> {
  const found: string[] = [];
  for (const folder of ['invalid', ...years.map((year) => `versions/${year}`)]) {
    const files = await openFolder(join(recordsFolder, folder));
    if (files === null) continue;
    for await (const file of files) {
      if (file.isFile() && isNamedAfter(file.name, sessionIdentifier)) {
        found.push(`${folder}/${file.name}`);
      }
    }
  }
  return found.sort();
}
