import { createReadStream, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { AppError, systemErrorCode } from '../errors.js';
import { pathInRecords, sha256OfFile, type Publication } from './publish-record.js';
import { VERSION_MODE } from './save-record.js';
import { writeUnfinished } from './write-file-durably.js';

/** Whether the files of a current record are what the database says. */
export type PublicationState =
  | { readonly kind: 'right' }
  /** The version is whole; its public files are missing or differ. */
  | { readonly kind: 'public-differs' }
  /** A file of the version is missing or damaged; `canBeRestored`: the public file still holds it. */
  | { readonly kind: 'version-damaged'; readonly path: string; readonly canBeRestored: boolean };

type Files = Pick<Publication, 'version' | 'target'>;

/** Times are given to public files in fractions of a second that are cut off: less than this is no difference. */
const SAME_TIME_MS = 2;

async function statOrNull(path: string): Promise<Stats | null> {
  try {
    return await stat(path);
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return null;
    throw new AppError('FILE_UNREADABLE', `${path} cannot be read.`, {
      cause: error,
      remedy: 'Check the permissions of the records folder.',
      details: { path },
    });
  }
}

/**
 * Whether the public files have the size and the time of the version's files, as publishing gives them: a check without
 * reading. False says only that checkPublication has to look.
 * @throws AppError FILE_UNREADABLE, INPUT_INVALID for paths that lead out of the records folder.
 */
export async function looksPublished(recordsFolder: string, files: Files): Promise<boolean> {
  const pairs = await Promise.all(
    (['xml', 'json'] as const).map((kind) =>
      Promise.all([
        statOrNull(pathInRecords(recordsFolder, files.version[kind])),
        statOrNull(pathInRecords(recordsFolder, files.target[kind])),
      ]),
    ),
  );
  return pairs.every(
    ([version, target]) =>
      version !== null &&
      target?.size === version.size &&
      Math.abs(target.mtimeMs - version.mtimeMs) < SAME_TIME_MS,
  );
}

async function hashes(recordsFolder: string, files: Files, kind: 'xml' | 'json') {
  const version = pathInRecords(recordsFolder, files.version[kind]);
  const target = pathInRecords(recordsFolder, files.target[kind]);
  try {
    return {
      version,
      target,
      versionSha256: await sha256OfFile(version),
      targetSha256: await sha256OfFile(target),
    };
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', `${version} or ${target} cannot be read.`, {
      cause: error,
      remedy: 'Check the permissions of the records folder.',
      details: { version, target },
    });
  }
}

/**
 * Compares the version's files with the sha256 that the database has of its XML, and the public files with the version.
 * @throws AppError FILE_UNREADABLE, INPUT_INVALID for paths that lead out of the records folder.
 */
export async function checkPublication(
  recordsFolder: string,
  files: Files,
  sha256: string,
): Promise<PublicationState> {
  const xml = await hashes(recordsFolder, files, 'xml');
  if (xml.versionSha256 !== sha256) {
    const canBeRestored = xml.targetSha256 === sha256;
    return { kind: 'version-damaged', path: files.version.xml, canBeRestored };
  }
  const json = await hashes(recordsFolder, files, 'json');
  if (json.versionSha256 === null) {
    // Of the JSON no hash is kept: it is trusted while the XML beside it is the right one.
    const canBeRestored = json.targetSha256 !== null && xml.targetSha256 === sha256;
    return { kind: 'version-damaged', path: files.version.json, canBeRestored };
  }
  const differs =
    xml.targetSha256 !== xml.versionSha256 || json.targetSha256 !== json.versionSha256;
  return { kind: differs ? 'public-differs' : 'right' };
}

/**
 * Makes a lost or damaged file of a version anew from the public file that still holds it.
 * @throws AppError FILE_NOT_WRITABLE, INPUT_INVALID.
 */
export async function restoreVersion(
  recordsFolder: string,
  files: Files,
  path: string,
): Promise<void> {
  const from = path === files.version.xml ? files.target.xml : files.target.json;
  const bytes: AsyncIterable<Buffer> = createReadStream(pathInRecords(recordsFolder, from));
  const target = pathInRecords(recordsFolder, path);
  await (await writeUnfinished(target, bytes, VERSION_MODE)).finish();
}
