import { Buffer } from 'node:buffer';
import { resolve } from 'node:path';
import type { BuildEnvironment } from '../../daemon/build-environment.js';
import { lookAtStore, storeOf } from '../../daemon/look-at-session.js';
import { tellableVerdicts } from '../../db/look-store.js';
import type { FileVerdict, FoundFile } from '../../domain/found-file.js';
import type { Instrument } from '../../domain/instrument.js';
import type { Location } from '../../domain/location.js';
import type { Session } from '../../domain/session.js';
import type { WorkingSession } from '../../domain/working-session.js';
import { AppError, isAppError } from '../../errors.js';
import { decideByAcquiredTime } from '../../files/acquired-time.js';
import type { LookRequest } from '../../files/look-request.js';
import { pathBytes, pathOfLocation } from '../../files/store-path.js';

/** A file that was acquired in the session and written at another time. */
export interface WrittenElsewhen {
  readonly location: Location;
  /** Epoch milliseconds. */
  readonly writtenMs: number;
}

/** What a fresh look saw. */
export interface FreshLook {
  readonly verdicts: readonly FileVerdict[];
  readonly warnings: readonly string[];
  readonly writtenElsewhen: readonly WrittenElsewhen[];
  /** Files whose own time was not read since they were too many. */
  readonly unreadCount: number;
}

/** What a fresh look needs. */
export interface LookAfreshOptions {
  readonly environment: BuildEnvironment;
  readonly session: Session;
  readonly working: WorkingSession;
  readonly instrument: Instrument;
  readonly signal: AbortSignal;
}

/** Files opened at most to read when they were acquired. */
const MOST_READ = 200;

/**
 * Looks at the store as a build would, reads the times of files whose own time decides, and looks for files that were
 * acquired in the session but written later. Writes nothing.
 * @throws AppError STORE_UNAVAILABLE, ABORTED; what StorePool.look throws.
 */
export async function lookAfresh(options: LookAfreshOptions): Promise<FreshLook> {
  const { environment, instrument, signal } = options;
  const policy = environment.policyOf(instrument);
  const looked = await lookAtStore({ ...options, policy });
  if (looked.kind === 'store-away') throw storeAway(looked.reason);
  const { request, look } = looked;
  const own = look.needsAcquiredTime.slice(0, MOST_READ);
  const acquired = await readAcquiredTimes(options, own);
  const decision = decideByAcquiredTime(request, own, acquired);
  const all = [...look.verdicts, ...decision.verdicts].sort(byLocation);
  const verdicts = await environment.database.createScope(() =>
    tellableVerdicts(options.session.identifier, all),
  );

  // The same look once more, as if every file's own time decided: what a copy job has given a new time turns up.
  const byOwnTime: LookRequest = {
    ...request,
    folders: request.folders.map((folder) => ({ ...folder, timeBasis: 'acquired' })),
  };
  const wide = await environment.stores.look(storeOf(instrument), byOwnTime, signal);
  if (wide.kind === 'store-unavailable') throw storeAway(wide.reason);
  const decided = new Set(verdicts.filter(isIn).map(({ location }) => location));
  const candidates = wide.needsAcquiredTime.filter(({ location }) => !decided.has(location));
  const late = candidates.slice(0, MOST_READ);
  const lateAcquired = await readAcquiredTimes(
    options,
    late.filter(({ location }) => !acquired.has(location)),
  );
  const inSession = (file: FoundFile): boolean => {
    const ownMs = lateAcquired.get(file.location) ?? null;
    return ownMs !== null && ownMs > request.startMs && ownMs <= request.endMs;
  };
  return {
    verdicts,
    warnings: look.warnings,
    writtenElsewhen: late.filter(inSession).map(({ location, mtimeNs }) => ({
      location,
      writtenMs: Number(mtimeNs / 1_000_000n),
    })),
    unreadCount: look.needsAcquiredTime.length - own.length + candidates.length - late.length,
  };
}

function isIn({ verdict }: FileVerdict): boolean {
  return verdict === 'in' || verdict === 'included' || verdict === 'excluded';
}

function byLocation(a: FileVerdict, b: FileVerdict): number {
  if (a.location === b.location) return 0;
  return a.location < b.location ? -1 : 1;
}

function storeAway(reason: string): AppError {
  return new AppError('STORE_UNAVAILABLE', reason, {
    remedy: 'Check that the file store is mounted: recordsmith doctor.',
  });
}

/** When each file was acquired by its own word, epoch milliseconds; null: it does not say. */
async function readAcquiredTimes(
  { environment, instrument, signal }: LookAfreshOptions,
  files: readonly FoundFile[],
): Promise<Map<Location, number | null>> {
  const dataPath = resolve(environment.paths.data);
  const acquired = new Map<Location, number | null>();
  const read = async ({ location }: FoundFile): Promise<void> => {
    try {
      const { metadata } = await environment.readers.extractSingleFile(
        {
          path: Buffer.from(pathBytes(pathOfLocation(location, dataPath))),
          timezone: instrument.timezone,
          allTags: false,
          reader: null,
        },
        signal,
      );
      const times = metadata.signals.flatMap(({ acquiredMs }) => acquiredMs ?? []);
      acquired.set(location, times.length === 0 ? null : Math.min(...times));
    } catch (error) {
      if (signal.aborted || !isAppError(error) || error.code === 'INTERNAL') throw error;
      // A file that cannot be read does not say when it was acquired; the look has its verdict.
      acquired.set(location, null);
    }
  };
  // A tape stub is not opened: that would have its content fetched.
  await Promise.all(
    files.filter(({ sizeBytes, blocks }) => sizeBytes === 0 || blocks > 0).map(read),
  );
  return acquired;
}
