import { unlink } from 'node:fs/promises';
import type { OutputNames } from '../db/stale-outputs.js';
import { displayName, type Location } from '../domain/location.js';
import { AppError, systemErrorCode } from '../errors.js';
import { pathBelow, previewLocation, sidecarLocation } from '../extract/output-locations.js';

/** Signals in a row without preview after which no further one has any. */
const MOST_WITHOUT_PREVIEW = 16;

/** There is no such file, or something that is not ours has its name. */
const NOTHING_OF_OURS: readonly string[] = ['ENOENT', 'ENOTDIR', 'EISDIR', 'ENAMETOOLONG'];

/**
 * Removes sidecars and previews below paths.output. Can be repeated: what is gone already is fine.
 * @throws AppError FILE_NOT_WRITABLE
 */
export async function removeOutputs(
  output: string,
  { locations, previews }: OutputNames,
): Promise<void> {
  for (const location of [...locations.map(sidecarLocation), ...previews]) {
    await removeOutput(output, location);
  }
}

/**
 * Removes the sidecar of a file and all previews that it may have.
 * @throws AppError FILE_NOT_WRITABLE
 */
export async function removeOutputsOf(output: string, location: Location): Promise<void> {
  await removeOutput(output, previewLocation(location, 0, 1));
  // The previews of several signals are numbered; one of them may have none, rarely several in a row.
  for (let index = 0, missing = 0; missing < MOST_WITHOUT_PREVIEW; index += 1) {
    const isGone = await removeOutput(output, previewLocation(location, index, 2));
    missing = isGone ? 0 : missing + 1;
  }
  // Last: while it is there, whoever begins anew knows that there may be previews.
  await removeOutput(output, sidecarLocation(location));
}

/** @returns whether there was such a file. */
async function removeOutput(output: string, location: Location): Promise<boolean> {
  const path = pathBelow(output, location);
  try {
    await unlink(path);
    return true;
  } catch (error) {
    const systemCode = systemErrorCode(error);
    if (NOTHING_OF_OURS.some((code) => code === systemCode)) return false;
    throw new AppError('FILE_NOT_WRITABLE', `${displayName(path)} cannot be removed.`, {
      cause: error,
      remedy: 'Make paths.output writable for the user that runs recordsmith.',
      details: { systemCode: systemCode ?? null },
    });
  }
}
