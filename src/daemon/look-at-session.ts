import { resolve } from 'node:path';
import { listDirectories } from '../db/annotation-store.js';
import { noteStoreAway, requireLease } from '../db/build-lease-store.js';
import { listInstruments, markRootSeen } from '../db/instrument-store.js';
import { saveLook, saveVerdicts } from '../db/look-store.js';
import { nextStartMs, sessionsNear } from '../db/neighbour-sessions.js';
import { listFileRules } from '../db/session-files-store.js';
import type { FileVerdict, FoundFile } from '../domain/found-file.js';
import type { Instrument } from '../domain/instrument.js';
import type { Session } from '../domain/session.js';
import { completeSession, type WorkingSession } from '../domain/working-session.js';
import { CLAIMED_EXTENSIONS, COMPANION_RULES } from '../extract/registry.js';
import { fileDelay } from '../files/file-delay.js';
import { ownsFiles, userFolderPattern } from '../files/file-owner.js';
import { isSettled } from '../files/is-settled.js';
import { DEFAULT_NEAR_MS, type FileClaim, type LookRequest } from '../files/look-request.js';
import type { LookResult } from '../files/look-result.js';
import { matchRule, type SessionRule } from '../sessions/match-rule.js';
import type { BuildEnvironment, BuildPolicy } from './build-environment.js';

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

/** How long after END a copied file is still read for its own acquisition time. */
const ACQUIRED_WITHIN_MS = 30 * 24 * 3_600_000;

function claimOf(
  session: {
    readonly identifier: string;
    readonly user: string | null;
    readonly startMs: number;
    readonly endMs: number | null;
  },
  directories: readonly string[],
  userFolder: string | null,
  endGraceMs: number,
): FileClaim {
  return {
    sessionIdentifier: session.identifier,
    startMs: session.startMs,
    endMs: session.endMs === null ? null : session.endMs + endGraceMs,
    directories: [...directories],
    userFolderPattern: userFolderPattern(userFolder, session.user),
  };
}

async function directoriesOf(sessionIdentifier: string): Promise<string[]> {
  return (await listDirectories(sessionIdentifier)).map((entry) => entry.directory);
}

/** Whether a neighbour keeps its files. One that a rule skips does not, also before it was its turn to be skipped. */
function keepsFiles(neighbour: WorkingSession, rules: readonly SessionRule[]): boolean {
  if (!ownsFiles(neighbour.status)) return false;
  const session = neighbour.status === 'TO_BE_BUILT' ? completeSession(neighbour) : null;
  return session === null || matchRule(rules, session)?.action !== 'skip';
}

/** The claims of other sessions on the same folders at the same time. */
async function neighbourClaims(
  sessionIdentifier: string,
  rules: readonly SessionRule[],
  instruments: readonly Instrument[],
  window: Parameters<typeof sessionsNear>[0],
): Promise<FileClaim[]> {
  const claims: FileClaim[] = [];
  for (const neighbour of await sessionsNear(window)) {
    const { identifier, user, startMs, endMs } = neighbour;
    if (identifier === sessionIdentifier || startMs === null) continue;
    if (!keepsFiles(neighbour, rules)) continue;
    const owner = instruments.find((instrument) => instrument.pid === neighbour.instrumentPid);
    const directories = await directoriesOf(identifier);
    const claimant = { identifier, user, startMs, endMs };
    claims.push(claimOf(claimant, directories, owner?.userFolder ?? null, 0));
  }
  return claims;
}

/** Instruments that share a folder with this one, itself included. */
function instrumentsOnSameFolders(
  dataPath: string,
  instrument: Instrument,
  all: readonly Instrument[],
): readonly Instrument[] {
  // `./Titan`, `Titan/` and `Titan` are one folder.
  const placesOf = ({ folders }: Instrument): string[] =>
    folders.map((folder) => resolve(dataPath, folder.path));
  const places = new Set(placesOf(instrument));
  return all.filter(
    (other) => other.pid === instrument.pid || placesOf(other).some((place) => places.has(place)),
  );
}

/** Gathers what the look depends on from the database. Reads only. */
export async function lookRequestFor(options: LookAtSessionOptions): Promise<LookRequest> {
  const { environment, session, instrument, policy } = options;
  const startMs = session.start.toMillis();
  const endMs = session.end.toMillis();
  return environment.database.createScope(async () => {
    const sharing = instrumentsOnSameFolders(
      environment.paths.data,
      instrument,
      await listInstruments(),
    );
    const pids = sharing.map((other) => other.pid);
    const rules = await listFileRules(session.identifier);
    const directories = await directoriesOf(session.identifier);
    const locationsOf = (rule: 'include' | 'exclude'): string[] =>
      rules.filter((entry) => entry.rule === rule).map((entry) => entry.location);
    const { identifier, user } = session;
    return {
      dataPath: environment.paths.data,
      folders: instrument.folders.map((folder) => ({
        ...folder,
        clockOffsets: [...folder.clockOffsets],
        patterns: [...folder.patterns],
      })),
      directories,
      allowedRoots: [],
      startMs,
      endMs,
      endGraceMs: policy.endGraceMs,
      nextStartMs: policy.endGraceMs === 0 ? null : await nextStartMs([instrument.pid], startMs),
      nearMs: DEFAULT_NEAR_MS,
      acquiredWithinMs: ACQUIRED_WITHIN_MS,
      strategy: policy.strategy,
      extensions: [...CLAIMED_EXTENSIONS],
      ignorePatterns: [...policy.ignorePatterns],
      ignoredFolders: [...policy.ignoredFolders],
      companions: COMPANION_RULES,
      included: locationsOf('include'),
      excluded: locationsOf('exclude'),
      claim: claimOf(
        { identifier, user, startMs, endMs },
        directories,
        instrument.userFolder,
        policy.endGraceMs,
      ),
      neighbours: await neighbourClaims(identifier, environment.rules, sharing, {
        instrumentPids: pids,
        fromMs: startMs,
        toMs: endMs + policy.endGraceMs,
      }),
      effort: 'index',
    };
  });
}

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

/** Whether a session is to be built from what a look found, or has to wait. Pure. */
export function judgeLook(
  options: Pick<LookAtSessionOptions, 'session' | 'working' | 'policy'>,
  looked: { readonly request: LookRequest; readonly look: Look },
  nowMs: number,
): { readonly outcome: LookOutcome; readonly lastLook: WorkingSession['lastLook'] } {
  const { session, working, policy } = options;
  const endMs = session.end.toMillis();
  const files: readonly FoundFile[] = [...looked.look.files, ...looked.look.needsAcquiredTime];
  if (files.length === 0) {
    const absences =
      working.storeAwayMs === 0 ? [] : [{ fromMs: endMs, toMs: endMs + working.storeAwayMs }];
    const delay = fileDelay({ nowMs, endMs, fileDelayMs: policy.fileDelayMs, absences });
    if (delay.kind === 'over') {
      return { outcome: { kind: 'no-files', look: looked.look }, lastLook: null };
    }
    const days = Math.round((policy.fileDelayMs / 86_400_000) * 100) / 100;
    return {
      outcome: {
        kind: 'waiting',
        reason: `no files yet, waiting for them up to ${days} days after END`,
        untilMs: Math.min(delay.untilMs, nowMs + recheckAfterMs(nowMs - endMs)),
        files: 0,
      },
      lastLook: null,
    };
  }
  const settled = isSettled({
    nowMs,
    endMs,
    files,
    lastLook: working.lastLook,
    settleTimeMs: policy.settleTimeMs,
    settleMaxMs: policy.settleMaxMs,
  });
  if (settled.kind === 'waiting') {
    const { reason, untilMs, look } = settled;
    return { outcome: { kind: 'waiting', reason, untilMs, files: files.length }, lastLook: look };
  }
  const { warning } = settled;
  const isStillWritten = warning !== null;
  const warnings = isStillWritten ? [warning] : [];
  return { outcome: { kind: 'files', ...looked, warnings, isStillWritten }, lastLook: null };
}

/** Files mostly come soon after END: look often at first, then every quarter of an hour. */
function recheckAfterMs(sinceEndMs: number): number {
  return Math.min(15 * 60_000, Math.max(60_000, sinceEndMs / 4));
}

/**
 * Looks at the store for a session and remembers what was seen: verdicts, the state of arriving files, folders that
 * held something, the time for which the store was away. Throws as StorePool.look and requireLease do.
 */
export async function lookAtSession(
  options: LookAtSessionOptions & { readonly token: number },
): Promise<LookOutcome> {
  const { environment, session, instrument, token } = options;
  const looked = await lookAtStore(options);
  const nowMs = environment.clock.now().toMillis();
  if (looked.kind === 'store-away') {
    await environment.database.createScope(async () => {
      await requireLease(session.identifier, token, session.inputsRevision);
      await noteStoreAway(session.identifier, true, nowMs);
    });
    return looked;
  }
  const { look } = looked;
  return environment.database.createScope(async () => {
    await requireLease(session.identifier, token, session.inputsRevision);
    const storeAwayMs = await noteStoreAway(session.identifier, false, nowMs);
    const working = { ...options.working, storeAwayMs };
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
