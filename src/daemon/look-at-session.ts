import { noteStoreAway, requireLease } from '../db/build-lease-store.js';
import { saveClockOffsets } from '../db/frozen-clock-offsets.js';
import { markRootSeen } from '../db/instrument-store.js';
import { saveLook, saveVerdicts } from '../db/look-store.js';
import type { FileVerdict } from '../domain/found-file.js';
import { clockOffsetsFor } from '../domain/frozen-clock-offsets.js';
import type { Instrument } from '../domain/instrument.js';
import type { Session } from '../domain/session.js';
import type { WorkingSession } from '../domain/working-session.js';
import type { LookRequest } from '../files/look-request.js';
import type { LookResult } from '../files/look-result.js';
import type { BuildEnvironment, BuildPolicy } from './build-environment.js';
import { judgeLook, type RecordedFile } from './judge-look.js';
import { lookRequestFor } from './look-request-for.js';

/** What a look at the store needs. */
export interface LookAtSessionOptions {
  readonly environment: Pick<BuildEnvironment, 'database' | 'stores' | 'clock' | 'paths' | 'rules'>;
  readonly session: Session;
  readonly working: WorkingSession;
  readonly instrument: Instrument;
  readonly policy: BuildPolicy;
  readonly signal: AbortSignal;
}

/** A look that came through. */
export type Look = Extract<LookResult, { kind: 'looked' }>;

/** What the store says of a session's files. */
export type LookOutcome =
  /** `needsAcquiredTime` of the look are not decided yet. */
  | {
      readonly kind: 'files';
      readonly request: LookRequest;
      readonly look: Look;
      readonly warnings: readonly string[];
      /** They still arrive, but were waited for long enough. */
      readonly isStillWritten: boolean;
    }
  /** Files still arrive, or may come within the file delay. */
  | {
      readonly kind: 'waiting';
      readonly reason: string;
      readonly untilMs: number;
      readonly files: number;
    }
  | { readonly kind: 'store-away'; readonly reason: string }
  | { readonly kind: 'no-files'; readonly look: Look };

/** The root that a store's processes are named by: what hangs together. */
export function storeOf(instrument: Instrument): string {
  return instrument.folders[0]?.path ?? instrument.pid;
}

/** Looks at the store. Writes nothing. Throws as StorePool.look does. */
export async function lookAtStore(
  options: LookAtSessionOptions,
): Promise<
  | { readonly kind: 'looked'; readonly request: LookRequest; readonly look: Look }
  | { readonly kind: 'store-away'; readonly reason: string }
> {
  const { environment, instrument, signal } = options;
  const request = await lookRequestFor(options);
  const look = await environment.stores.look(storeOf(instrument), request, signal);
  return look.kind === 'looked'
    ? { kind: 'looked', request, look }
    : { kind: 'store-away', reason: look.reason };
}

/**
 * Has the clock offsets of all folders frozen on the session: mostly they are since its END arrived. Not so for rows made
 * by SQL, an END that was in the future, a fresh start, and folders that came later.
 */
async function withFrozenOffsets(
  options: LookAtSessionOptions & { readonly token: number },
): Promise<WorkingSession> {
  const { environment, session, working, instrument, token } = options;
  const known = new Set(working.clockOffsets?.map(({ path }) => path));
  if (instrument.folders.every(({ path }) => known.has(path))) return working;
  const clockOffsets = clockOffsetsFor(instrument.folders, working.clockOffsets);
  await environment.database.createScope(async () => {
    await requireLease(session.identifier, token, session.inputsRevision);
    await saveClockOffsets(session.identifier, clockOffsets);
  });
  return { ...working, clockOffsets };
}

/**
 * Looks at the store for a session and remembers what was seen: verdicts, the state of arriving files, folders that
 * held something, that the store is there. Throws as StorePool.look and requireLease do.
 */
export async function lookAtSession(
  options: LookAtSessionOptions & {
    readonly token: number;
    /** The files of the current version. */
    readonly recorded: readonly RecordedFile[];
  },
): Promise<LookOutcome> {
  const { environment, session, instrument, token } = options;
  const frozen = await withFrozenOffsets(options);
  const looked = await lookAtStore({ ...options, working: frozen });
  const nowMs = environment.clock.now().toMillis();
  if (looked.kind === 'store-away') return looked;
  const { look } = looked;
  return environment.database.createScope(async () => {
    await requireLease(session.identifier, token, session.inputsRevision);
    const storeAwayMs = await noteStoreAway(session.identifier, false, nowMs);
    const working = { ...frozen, storeAwayMs };
    const { outcome, lastLook } = judgeLook({ ...options, working }, looked, nowMs);
    await saveVerdicts(session.identifier, look.verdicts);
    await saveLook(session.identifier, lastLook);
    for (const path of newlySeen(instrument, look)) await markRootSeen(instrument.pid, path, nowMs);
    return outcome;
  });
}

function newlySeen(instrument: Instrument, look: Look): readonly string[] {
  return instrument.folders
    .filter((folder) => folder.rootSeenNonemptyAtMs === null)
    .map((folder) => folder.path)
    .filter((path) => look.nonemptyFolders.includes(path));
}

/** How many files each verdict has, for the record. */
export function countVerdicts(verdicts: readonly FileVerdict[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { verdict } of verdicts) counts[verdict] = (counts[verdict] ?? 0) + 1;
  return counts;
}
