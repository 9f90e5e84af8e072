import { resolve } from 'node:path';
import { listDirectories } from '../db/annotation-store.js';
import { listInstruments } from '../db/instrument-store.js';
import { nextStartMs, sessionsNear } from '../db/neighbour-sessions.js';
import { recordedFileTimes, type RecordedFileTimes } from '../db/recorded-files.js';
import { listFileRules } from '../db/session-files-store.js';
import {
  clockShift,
  WIDEST_CLOCK_SHIFT_MS,
  withClockOffsets,
  type FolderClockOffsets,
} from '../domain/frozen-clock-offsets.js';
import type { Instrument } from '../domain/instrument.js';
import { completeSession, type WorkingSession } from '../domain/working-session.js';
import { ownsFiles } from '../files/file-owner.js';
import type { FileClaim, LookRequest } from '../files/look-request.js';
import { skippingRule, type SessionRule } from '../sessions/match-rule.js';
import { claimOf, composeLookRequest } from './compose-look-request.js';
import type { LookAtSessionOptions } from './look-at-session.js';

async function directoriesOf(sessionIdentifier: string): Promise<string[]> {
  return (await listDirectories(sessionIdentifier)).map((entry) => entry.directory);
}

/** Whether a neighbour keeps its files. One that a rule skips does not, also before it was its turn to be skipped. */
function keepsFiles(neighbour: WorkingSession, rules: readonly SessionRule[]): boolean {
  if (!ownsFiles(neighbour.status)) return false;
  const session = neighbour.status === 'TO_BE_BUILT' ? completeSession(neighbour) : null;
  return session === null || skippingRule(rules, session, 'not known yet') === null;
}

/** A span of time, epoch milliseconds. */
interface TimeSpan {
  readonly fromMs: number;
  readonly toMs: number;
}

/** The session that is looked for, as its neighbours are judged against. */
interface Looked {
  readonly sessionIdentifier: string;
  /** With the clock offsets that hold for the session. */
  readonly instrument: Instrument;
  readonly dataPath: string;
}

function offsetsOf({ folders }: Instrument): FolderClockOffsets[] {
  return folders.map(({ path, clockOffsets }) => ({ path, offsets: clockOffsets }));
}

function hasOffset({ folders }: Instrument): boolean {
  return folders.some(({ clockOffsets }) => clockOffsets.length > 0);
}

/** Sessions on the same folders that files of these times may lie in, be it by other clock offsets than ours. */
async function neighboursIn(
  { sessionIdentifier, instrument }: Looked,
  sharing: readonly Instrument[],
  spans: readonly TimeSpan[],
): Promise<readonly { readonly session: WorkingSession; readonly instrument: Instrument }[]> {
  const instrumentPids = sharing.map(({ pid }) => pid);
  const onlyCorrected = ![instrument, ...sharing].some(hasOffset);
  const own = offsetsOf(instrument);
  const found = new Map<string, { session: WorkingSession; instrument: Instrument }>();
  for (const { fromMs, toMs } of spans) {
    const overlapping = await sessionsNear({ instrumentPids, fromMs, toMs });
    const around = await sessionsNear({
      instrumentPids,
      fromMs: fromMs - WIDEST_CLOCK_SHIFT_MS,
      toMs: toMs + WIDEST_CLOCK_SHIFT_MS,
      onlyCorrected,
    });
    for (const session of [...overlapping, ...around]) {
      const { identifier, startMs, endMs, instrumentPid, clockOffsets } = session;
      const present = sharing.find(({ pid }) => pid === instrumentPid);
      if (identifier === sessionIdentifier || startMs === null || present === undefined) continue;
      const theirs = withClockOffsets(present, clockOffsets);
      const { leastMs, mostMs } = clockShift(own, offsetsOf(theirs));
      if (startMs > toMs + mostMs || (endMs !== null && endMs < fromMs + leastMs)) continue;
      found.set(identifier, { session, instrument: theirs });
    }
  }
  return [...found.values()];
}

/** The claims of other sessions on the same folders in these times. */
async function neighbourClaims(
  looked: Looked,
  rules: readonly SessionRule[],
  sharing: readonly Instrument[],
  spans: readonly TimeSpan[],
): Promise<FileClaim[]> {
  const placeOf = (path: string): string => resolve(looked.dataPath, path);
  const claims: FileClaim[] = [];
  for (const { session, instrument } of await neighboursIn(looked, sharing, spans)) {
    const { identifier: sessionIdentifier, user, startMs, endMs } = session;
    if (startMs === null || !keepsFiles(session, rules)) continue;
    const directories = await directoriesOf(sessionIdentifier);
    const folders = looked.instrument.folders.flatMap(({ path }) => {
      const same = instrument.folders.find((folder) => placeOf(folder.path) === placeOf(path));
      return same === undefined ? [] : [{ path, clockOffsets: same.clockOffsets }];
    });
    const claimant = { sessionIdentifier, user, startMs, endMs };
    claims.push(claimOf(claimant, directories, instrument, folders));
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
    const locationsOf = (rule: 'include' | 'exclude'): string[] =>
      rules.filter((entry) => entry.rule === rule).map((entry) => entry.location);
    const { identifier } = session;
    const window = { fromMs: startMs, toMs: endMs + policy.endGraceMs };
    const recorded = working.rebuildFresh ? [] : await recordedFileTimes(identifier);
    const outside = filesOutside(recorded, instrument, { fromMs: startMs, toMs: endMs });
    const dataPath = environment.paths.data;
    const request = composeLookRequest(
      { session, instrument, policy, dataPath },
      {
        directories: await directoriesOf(identifier),
        included: locationsOf('include'),
        excluded: locationsOf('exclude'),
        nextStartMs: policy.endGraceMs === 0 ? null : await nextStartMs([instrument.pid], startMs),
        recorded: [...outside.locations],
        neighbours: await neighbourClaims(
          { sessionIdentifier: identifier, instrument, dataPath },
          environment.rules,
          sharing,
          [window, ...outside.spans],
        ),
      },
    );
    // A fresh start takes nothing for granted, also not that old files were left alone.
    return working.rebuildFresh ? { ...request, effort: 'walk' } : request;
  });
}
