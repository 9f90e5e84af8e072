import { stat } from 'node:fs/promises';
import { listCatalogueFiles } from '../../db/catalogue-files-store.js';
import { sessionKeyOf } from '../../domain/session.js';
import { displayName, type Location } from '../../domain/location.js';
import { AppError, systemErrorCode } from '../../errors.js';
import { pathBelow, sidecarLocation } from '../../extract/output-locations.js';
import { ok, warn, type CheckResult } from './check-result.js';
import type { DeepEnvironment } from './deep-checks.js';

/** Datasets asked for at a time. */
const PAGE = 500;

const CHECK = 'sidecars and previews';

/** Are the sidecars and previews there that the catalogue's datasets have. */
export async function* checkCatalogueFiles(
  environment: DeepEnvironment,
): AsyncGenerator<CheckResult, void, undefined> {
  const { database, paths } = environment;
  /** By session: how many are missing, and one of them. */
  const missing = new Map<string, { count: number; readonly example: Location }>();
  let checked = 0;
  for (let last = 0; ;) {
    const after = last;
    const page = await database.createScope(() => listCatalogueFiles(after, PAGE));
    for (const file of page) {
      last = file.datasetId;
      for (const location of outputsOf(file)) {
        checked += 1;
        if (await isFile(pathBelow(paths.output, location))) continue;
        const known = missing.get(file.sessionIdentifier);
        if (known === undefined)
          missing.set(file.sessionIdentifier, { count: 1, example: location });
        else known.count += 1;
      }
    }
    if (page.length < PAGE) break;
  }
  for (const [sessionIdentifier, { count, example }] of missing) {
    const key = sessionKeyOf(sessionIdentifier);
    yield warn(
      CHECK,
      `session ${key}: ${count} missing below paths.output, one is ${example}`,
      `Make them again: recordsmith sessions retry ${key}.`,
    );
  }
  if (missing.size === 0) yield ok(CHECK, `${checked} are there`);
}

function outputsOf(file: {
  readonly location: Location;
  readonly preview: Location | null;
  readonly hasSidecar: boolean;
}): Location[] {
  return [
    ...(file.hasSidecar ? [sidecarLocation(file.location)] : []),
    ...(file.preview === null ? [] : [file.preview]),
  ];
}

async function isFile(path: Buffer): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch (error) {
    const systemCode = systemErrorCode(error);
    if (systemCode === 'ENOENT' || systemCode === 'ENOTDIR') return false;
    throw new AppError('FILE_UNREADABLE', `${displayName(path)} cannot be looked at.`, {
      cause: error,
      remedy: 'Check the permissions of paths.output.',
    });
  }
}
