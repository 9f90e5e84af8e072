import { resolve } from 'node:path';
import type { DateTime } from 'luxon';
import { effectiveBuildSettings } from '../../config/effective-build-settings.js';
import { composeLookRequest, NO_SURROUNDINGS } from '../../daemon/compose-look-request.js';
import { mountOf } from '../../db/network-file-system.js';
import type { CatalogueTimes } from '../../db/catalogue-times-store.js';
import type { FoundFile } from '../../domain/found-file.js';
import type { Instrument } from '../../domain/instrument.js';
import { sessionKeyOf } from '../../domain/session.js';
import { isAppError } from '../../errors.js';
import type { ReaderPool } from '../../extract/reader-pool.js';
import { resolveInData } from '../../files/look-roots.js';
import { pathBytes, pathOfLocation } from '../../files/store-path.js';
import type { DoctorEnvironment } from './doctor-environment.js';

/** How far back files are taken. */
const DAYS = 30;
/** Files that are opened. */
const MOST_READ = 60;
/** For looking and for reading together, milliseconds. */
const TIME_LIMIT_MS = 60_000;

/** What became of a sample of recent files. */
export type RecentFileTimes =
  | { readonly kind: 'read'; readonly times: readonly CatalogueTimes[] }
  /** Why there is none, in words. */
  | { readonly kind: 'not-read'; readonly reason: string };

/**
 * The times of a bounded number of files that an instrument wrote in the last 30 days, from the store itself: for an
 * instrument whose catalogue tells too little. Takes a minute at most; what was read until then counts.
 * @throws AppError CONFIG_INVALID when the settings of the instrument are wrong, READER_FAILED when no reader starts.
 */
export async function recentFileTimes(
  environment: DoctorEnvironment,
  readers: ReaderPool,
  instrument: Instrument,
  now: DateTime<true>,
): Promise<RecentFileTimes> {
  const signal = AbortSignal.timeout(TIME_LIMIT_MS);
  const isOver = (): boolean => signal.aborted;
  const found = await recentFiles(environment, instrument, now, signal);
  if (found.kind === 'not-read') return found;
  const dataPath = resolve(environment.config.paths.data);
  const times: CatalogueTimes[] = [];
  for (const { location, mtimeNs } of spread(found.files)) {
    if (isOver()) break;
    try {
      const { metadata } = await readers.extractSingleFile(
        {
          path: pathBytes(pathOfLocation(location, dataPath)),
          timezone: instrument.timezone,
          allTags: false,
          reader: null,
        },
        signal,
      );
      const acquiredMs = metadata.signals[0]?.acquiredMs ?? null;
      if (acquiredMs !== null) times.push({ location, mtimeNs, acquiredMs });
    } catch (error) {
      // One that cannot be read tells nothing; a session it belongs to says so.
      if (!isOver() && (!isAppError(error) || error.code === 'INTERNAL')) throw error;
    }
  }
  return { kind: 'read', times };
}

/** Files that count, of the last days. A content that is not on disk is not fetched for this. */
async function recentFiles(
  environment: DoctorEnvironment,
  instrument: Instrument,
  now: DateTime<true>,
  signal: AbortSignal,
): Promise<
  | { readonly kind: 'found'; readonly files: readonly FoundFile[] }
  | { readonly kind: 'not-read'; readonly reason: string }
> {
  const { config, mountinfo, stores } = environment;
  const { settings } = effectiveBuildSettings(config, instrument.settings);
  const dataPath = resolve(config.paths.data);
  const identifier = 'doctor';
  const request = composeLookRequest(
    {
      session: {
        ...{ identifier, key: sessionKeyOf(identifier), instrumentPid: instrument.pid },
        ...{ user: null, start: now.minus({ days: DAYS }), end: now },
        ...{ source: null, inputsRevision: 0 },
      },
      instrument,
      policy: {
        endGraceMs: 0,
        strategy: 'exclusive',
        ignorePatterns: settings.ignore_patterns,
        ignoredFolders: settings.ignored_folders,
        facilityClaims: [],
      },
      dataPath,
    },
    NO_SURROUNDINGS,
  );
  try {
    const root = resolveInData(dataPath, instrument.folders[0]?.path ?? '');
    const look = await stores.look(mountOf(root, mountinfo)?.point ?? '/', request, signal);
    if (look.kind === 'store-unavailable') return { kind: 'not-read', reason: look.reason };
    const files = [...look.files, ...look.needsAcquiredTime];
    return {
      kind: 'found',
      files: files.filter((file) => file.sizeBytes === 0 || file.blocks > 0),
    };
  } catch (error) {
    if (signal.aborted) {
      const reason = `looking for its files took longer than ${TIME_LIMIT_MS / 1000} s`;
      return { kind: 'not-read', reason };
    }
    if (!isAppError(error) || error.code === 'INTERNAL') throw error;
    return { kind: 'not-read', reason: error.message };
  }
}

/** Some of the files, evenly over their times, the newest among them. */
function spread(files: readonly FoundFile[]): readonly FoundFile[] {
  const ordered = files.toSorted((a, b) => (a.timeNs < b.timeNs ? 1 : -1));
  const step = Math.max(1, ordered.length / MOST_READ);
  return Array.from({ length: Math.min(MOST_READ, ordered.length) }, (_, index) => {
    return ordered[Math.floor(index * step)];
  }).flatMap((file) => file ?? []);
}
