import { readdirSync, statSync } from 'node:fs';
import { groupBy } from '../domain/group-by.js';
import { displayName } from '../domain/location.js';
import { AppError, systemErrorCode } from '../errors.js';

const SLASH = 0x2f;
/** A folder that changed within this time may change again without its time showing it. */
const SETTLED_AFTER_MS = 5000;

/** The names of one folder by their lower-case form; files of a session are read folder by folder. */
interface Listing {
  readonly folder: Buffer;
  readonly mtimeNs: bigint;
  readonly byLowerCase: ReadonlyMap<string, readonly Buffer[]>;
}

let latest: Listing | null = null;

/**
 * Where a file of this name beside `path` may be: first by its exact name, then by names that differ only in case.
 * The exact one need not exist. Names that would lead to another folder have no place.
 * @throws AppError FILE_UNREADABLE when the folder cannot be listed.
 */
export function* siblingPaths(path: Buffer, fileName: string): Generator<Buffer> {
  if (fileName === '' || fileName === '.' || fileName === '..') return;
  if (fileName.includes('/') || fileName.includes('\0')) return;
  const folder = path.subarray(0, path.lastIndexOf(SLASH) + 1);
  const exact = Buffer.from(fileName, 'utf8');
  yield Buffer.concat([folder, exact]);
  // Names that are not UTF-8 are shown percent-encoded, which is also how an extractor derives siblings' names.
  for (const name of listingOf(folder).byLowerCase.get(fileName.toLowerCase()) ?? []) {
    if (!name.equals(exact)) yield Buffer.concat([folder, name]);
  }
}

function listingOf(folder: Buffer): Listing {
  const place = folder.length === 0 ? Buffer.from('.') : folder;
  try {
    const { mtimeNs } = statSync(place, { bigint: true });
    if (latest?.mtimeNs === mtimeNs && latest.folder.equals(folder)) return latest;
    const names = readdirSync(place, { encoding: 'buffer' }).sort((a, b) => Buffer.compare(a, b));
    const byLowerCase = groupBy(names, (name) => displayName(name).toLowerCase());
    const listing: Listing = { folder: Buffer.from(folder), mtimeNs, byLowerCase };
    latest = Date.now() - Number(mtimeNs / 1_000_000n) > SETTLED_AFTER_MS ? listing : null;
    return listing;
  } catch (error) {
    const systemCode = systemErrorCode(error);
    throw new AppError('FILE_UNREADABLE', `The folder ${displayName(place)} cannot be listed.`, {
      cause: error,
      ...(systemCode === undefined ? {} : { details: { systemCode } }),
    });
  }
}
