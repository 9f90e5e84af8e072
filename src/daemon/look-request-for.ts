import { resolve } from 'node:path';
import { listDirectories } from '../db/annotation-store.js';
import { listInstruments } from '../db/instrument-store.js';
import { nextStartMs, sessionsNear } from '../db/neighbour-sessions.js';
import { recordedFileTimes, type RecordedFileTimes } from '../db/recorded-files.js';
import { listFileRules } from '../db/session-files-store.js';
import { withClockOffsets } from '../domain/frozen-clock-offsets.js';
import type { Instrument } from '../domain/instrument.js';
import { completeSession, type WorkingSession } from '../domain/working-session.js';
import { CLAIMED_EXTENSIONS, COMPANION_RULES } from '../extract/registry.js';
import { ownsFiles, userFolderPattern } from '../files/file-owner.js';
import { DEFAULT_NEAR_MS, type FileClaim, type LookRequest } from '../files/look-request.js';
import { matchRule, type SessionRule } from '../sessions/match-rule.js';
import type { LookAtSessionOptions } from './look-at-session.js';

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

/** A span of time, epoch milliseconds. */
interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The claims of other sessions on the same folders in these times. */
async function neighbourClaims(
  sessionIdentifier: string,
  rules: readonly SessionRule[],
  instruments: readonly Instrument[],
  spans: readonly TimeSpan[],
): Promise<FileClaim[]> {
  const instrumentPids = instruments.map(({ pid }) => pid);
  const neighbours = new Map<string, WorkingSession>();
  for (const span of spans) {
    for (const neighbour of await sessionsNear({ instrumentPids, ...span })) {
      neighbours.set(neighbour.identifier, neighbour);
    }
  }
  neighbours.delete(sessionIdentifier);
  const claims: FileClaim[] = [];
  for (const neighbour of neighbours.values()) {
    const { identifier, user, startMs, endMs } = neighbour;
    if (startMs === null) continue;
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

/** Files of the record that may lie outside the session by now, and the times before and after it that they lie in. */
interface FilesOutside {
  readonly locations: readonly string[];
  readonly spans: readonly TimeSpan[];
}

/**
 * Which files of the record may lie outside the session by now: its times or the clock offsets are others than when they
 * were recorded.
 */
function filesOutside(
  recorded: readonly RecordedFileTimes[],
  { folders }: Instrument,
  { fromMs, toMs }: TimeSpan,
): FilesOutside {
  const byOwnTime = folders.some(({ timeBasis }) => timeBasis === 'acquired');
  const offsetsMs = [0, ...folders.flatMap((folder) => folder.clockOffsets.map((o) => o.offsetMs))];
  const locations = new Set<string>();
  let earliestMs = fromMs;
  let latestMs = toMs;
  for (const { location, mtimeMs, timeMs } of recorded) {
    const times = byOwnTime ? [timeMs] : offsetsMs.map((offsetMs) => mtimeMs - offsetMs);
    if (times.every((time) => time > fromMs && time < toMs)) continue;
    locations.add(location);
    earliestMs = Math.min(earliestMs, ...times);
    latestMs = Math.max(latestMs, ...times);
  }
  const spans = [
    { fromMs: earliestMs, toMs: fromMs },
    { fromMs: toMs, toMs: latestMs },
  ];
  return { locations: [...locations], spans: spans.filter((span) => span.toMs > span.fromMs) };
}

/** Gathers what the look depends on from the database. Reads only. */
export async function lookRequestFor(options: LookAtSessionOptions): Promise<LookRequest> {
  const { environment, session, working, policy } = options;
  const instrument = withClockOffsets(options.instrument, working.clockOffsets);
  const startMs = session.start.toMillis();
  const endMs = session.end.toMillis();
  return environment.database.createScope(async () => {
    const sharing = instrumentsOnSameFolders(
      environment.paths.data,
      instrument,
      await listInstruments(),
    );
    const rules = await listFileRules(session.identifier);
    const directories = await directoriesOf(session.identifier);
    const locationsOf = (rule: 'include' | 'exclude'): string[] =>
      rules.filter((entry) => entry.rule === rule).map((entry) => entry.location);
    const { identifier, user } = session;
    const window = { fromMs: startMs, toMs: endMs + policy.endGraceMs };
    const recorded = working.rebuildFresh ? [] : await recordedFileTimes(identifier);
    const outside = filesOutside(recorded, instrument, { fromMs: startMs, toMs: endMs });
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
      recorded: [...outside.locations],
      neighbours: await neighbourClaims(identifier, environment.rules, sharing, [
        window,
        ...outside.spans,
      ]),
      effort: 'index',
    };
  });
}
