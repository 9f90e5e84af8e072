import { stat } from 'node:fs/promises';
import { forgetIdempotencyKeys } from '../db/idempotency-store.js';
import { knownRecordPaths } from '../db/record-store.js';
import { AppError, systemErrorCode } from '../errors.js';
import { pathInRecords, removeRecordFiles, removeUnfinished } from '../record/publish-record.js';
import { listVersionFiles } from '../record/version-files.js';
import type { BuildEnvironment } from './build-environment.js';
import { repairPublications } from './publish-record-version.js';

/** What a clean-up needs of the environment. */
export type CleanUpEnvironment = Pick<BuildEnvironment, 'database' | 'log' | 'paths' | 'clock'>;

/** What is cleaned up. */
export interface CleanUpOptions {
  /** Milliseconds: younger files may belong to a build that is still going on, here or on another machine. */
  readonly olderThanMs: number;
  /** Ends the clean-up early; the next one goes on. */
  readonly signal?: AbortSignal;
}

/** How many files a clean-up removed. */
export interface CleanUpSummary {
  /** Files that a killed process did not finish. */
  readonly unfinished: number;
  /** Files of versions that no record in the database has. */
  readonly orphans: number;
}

/** The age at which what a crash left is removed, milliseconds. */
export const CLEAN_UP_AGE_MS = 24 * 3_600_000;

/** Version files asked about at a time. */
const PAGE = 200;

/**
 * Version files that no record in the database has (their attempt was discarded or died, or the record was withdrawn),
 * relative to the records folder.
 * @param beforeMs epoch milliseconds: younger files are left out
 * @throws AppError FILE_UNREADABLE; when the database cannot be reached.
 */
export async function* orphanVersions(
  environment: Pick<CleanUpEnvironment, 'database' | 'paths'>,
  beforeMs: number,
): AsyncGenerator<string, void, undefined> {
  const { database, paths } = environment;
  async function* orphansAmong(page: readonly string[]): AsyncGenerator<string, void, undefined> {
    const xmlPaths = page.map(xmlPathOf);
    const known = await database.createScope(() => knownRecordPaths([...new Set(xmlPaths)]));
    for (const [index, path] of page.entries()) {
      if (known.has(xmlPaths[index] ?? path)) continue;
      // Asked last: a build that writes the same version again gives the file a new time.
      if (await isOlder(pathInRecords(paths.records, path), beforeMs)) yield path;
    }
  }
  let page: string[] = [];
  for await (const path of listVersionFiles(paths.records)) {
    page.push(path);
    if (page.length < PAGE) continue;
    yield* orphansAmong(page);
    page = [];
  }
  if (page.length > 0) yield* orphansAmong(page);
}

function xmlPathOf(path: string): string {
  return path.replace(/\.json$/, '.xml');
}

async function isOlder(path: string, beforeMs: number): Promise<boolean> {
  try {
    return (await stat(path)).mtimeMs < beforeMs;
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return false;
    throw new AppError('FILE_UNREADABLE', `${path} cannot be read.`, {
      cause: error,
      remedy: 'Check the permissions of the records folder.',
      details: { path },
    });
  }
}

/**
 * Puts in order what crashes left: publishes what is settled and not public, removes old unfinished files and version
 * files that no record has, and forgets the keys of requests that nobody sends again. Can be repeated, also by several processes at once. A record that cannot be published and
 * a file that cannot be removed are logged and stop nothing.
 * @throws AppError FILE_NOT_WRITABLE, FILE_UNREADABLE; when the database cannot be reached.
 */
export async function cleanUp(
  environment: CleanUpEnvironment,
  options: CleanUpOptions,
): Promise<CleanUpSummary> {
  const { clock, database, log, paths } = environment;
  const { olderThanMs, signal } = options;
  const isStopped = (): boolean => signal?.aborted ?? false;
  await repairPublications(environment);
  await database.createScope(() => forgetIdempotencyKeys(clock.now().toMillis()));
  if (isStopped()) return { unfinished: 0, orphans: 0 };
  const beforeMs = clock.now().toMillis() - olderThanMs;
  const unfinished = await removeUnfinished(paths.records, beforeMs);
  let orphans = 0;
  for await (const path of orphanVersions(environment, beforeMs)) {
    if (isStopped()) break;
    try {
      await removeRecordFiles(paths.records, [path]);
      orphans += 1;
    } catch (error) {
      log.warn('A version file that no record has cannot be removed.', { path, error });
    }
  }
  if (unfinished + orphans > 0) {
    log.info('What earlier crashes left was removed.', { unfinished, orphans });
  }
  return { unfinished, orphans };
}
