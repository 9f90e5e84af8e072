import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { BuildReport } from '../daemon/build-ending.js';
import type { BuildEnvironment } from '../daemon/build-environment.js';
import { STAGING_FOLDER } from '../daemon/staging.js';
import { systemErrorCode } from '../errors.js';
import { EXIT, isLackOfRights, type ExitCode } from './exit-codes.js';

/**
 * How a pass ends. One that could build nothing says why: the whole store is away, our own folders may not be written
 * (rights), or cannot be for now (a full disk).
 * @param reports of the sessions that it took up
 */
export async function exitCodeOfPass(
  { stores, paths }: Pick<BuildEnvironment, 'stores' | 'paths'>,
  reports: readonly Pick<BuildReport, 'outcome' | 'away'>[],
): Promise<ExitCode> {
  if (reports.some(({ outcome }) => outcome === 'ERROR')) return EXIT.failed;
  if (reports.length === 0) return EXIT.done;
  if (reports.every(({ away }) => away === 'store')) {
    const probe = await stores.probe(paths.data, paths.data);
    return probe.kind === 'available' ? EXIT.done : EXIT.unavailable;
  }
  if (reports.every(({ away }) => away === 'folders')) {
    // Those below were made by the first build, perhaps of another account.
    const folders = [
      paths.output,
      join(paths.output, STAGING_FOLDER),
      paths.records,
      join(paths.records, 'versions'),
    ];
    const mayWrite = await Promise.all(folders.map(mayWriteTo));
    return mayWrite.includes(false) ? EXIT.noRights : EXIT.tryLater;
  }
  return EXIT.done;
}

/** Whether rights allow that files are made in a folder, or in the nearest above it that exists. */
async function mayWriteTo(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT' && dirname(folder) !== folder) return mayWriteTo(dirname(folder));
    return !isLackOfRights(code);
  }
}
