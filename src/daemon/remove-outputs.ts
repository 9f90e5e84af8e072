import { unlink } from 'node:fs/promises';
import type { OutputNames } from '../db/stale-outputs.js';
import { displayName } from '../domain/location.js';
import { AppError, systemErrorCode } from '../errors.js';
import { pathBelow, sidecarLocation } from '../extract/output-locations.js';

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
    const path = pathBelow(output, location);
    try {
      await unlink(path);
    } catch (error) {
      const systemCode = systemErrorCode(error);
      if (NOTHING_OF_OURS.some((code) => code === systemCode)) continue;
      throw new AppError('FILE_NOT_WRITABLE', `${displayName(path)} cannot be removed.`, {
        cause: error,
        remedy: 'Make paths.output writable for the user that runs recordsmith.',
        details: { systemCode: systemCode ?? null },
      });
    }
  }
}
