import { getInstrument } from '../db/instrument-store.js';
import { tellableVerdicts } from '../db/look-store.js';
import { currentRecord, recordDatasets } from '../db/record-store.js';
import { filesOfDataset, type DatasetFile } from '../domain/dataset.js';
import type { AttemptOutcome } from '../domain/record-status.js';
import { compareByTime, type FileVerdict, type FoundFile } from '../domain/found-file.js';
import { completeSession, type WorkingSession } from '../domain/working-session.js';
import { clusterByTimeInSlices, secondsOf } from '../activities/cluster-by-time.js';
import { findSeries } from '../activities/find-series.js';
import { groupByFirstFile } from '../activities/summarize-activity.js';
import { isAppError } from '../errors.js';
import { askStage } from './ask-stage.js';
import { diedTooOften, noFilesFound, tooManyFiles, type WhatIsAway } from './build-ending.js';
import type { BuildEnvironment } from './build-environment.js';
import { MOST_DEAD_BUILDS } from './build-session.js';
import {
  classifyFailure,
  isTriedLongEnough,
  reasonOf,
  waitBeforeRetry,
} from './classify-failure.js';
import { judgeLook } from './judge-look.js';
import { lookAtStore } from './look-at-session.js';
import { isDatabaseAway } from './once-database-answers.js';
import { requireReadable } from './read-session-files.js';

/** What a build of a session would do now. */
export interface SessionPlan {
  readonly session: WorkingSession;
  readonly outcome: AttemptOutcome;
  readonly reason: string | null;
  /** In order of time; files whose own time decides are in it with the time they were written. */
  readonly files: readonly FoundFile[];
  readonly verdicts: readonly FileVerdict[];
  /** The files of each acquisition activity. */
  readonly activities: readonly (readonly FoundFile[])[];
  /** The version of the record that the session has already; null: none. */
  readonly version: number | null;
  /** Why it would be put off; null: for no such reason. */
  readonly away: WhatIsAway | null;
}

type PlannedEnding = Pick<SessionPlan, 'outcome' | 'reason'> & Partial<SessionPlan>;

/**
 * Says what a build would do, as far as it can be known without reading files. Writes nothing anywhere. What goes wrong
 * with the session never throws, as in a build.
 * @param known what is known to be away that the session needs, as a pass finds out once; null: nothing
 * @throws AppError when the database cannot be reached, or ABORTED.
 */
export async function planSession(
  environment: BuildEnvironment,
  working: WorkingSession,
  known: { readonly away: WhatIsAway; readonly reason: string } | null,
  signal: AbortSignal,
): Promise<SessionPlan> {
  const { record, recorded } = await environment.database.createScope(async () => {
    const current = await currentRecord(working.identifier);
    return {
      record: current,
      recorded:
        current === null ? [] : (await recordDatasets(current.recordId)).flatMap(filesOfDataset),
    };
  });
  let ending: PlannedEnding;
  try {
    ending =
      known === null
        ? await endingOf(environment, working, recorded, signal)
        : { outcome: 'DEFERRED', ...known };
  } catch (error) {
    ending = failureOf(environment, working, error);
  }
  return {
    session: working,
    files: [],
    verdicts: [],
    activities: [],
    version: record?.version ?? null,
    away: null,
    ...ending,
  };
}

/** The steps of a build, in its order. */
async function endingOf(
  environment: BuildEnvironment,
  working: WorkingSession,
  recorded: readonly DatasetFile[],
  signal: AbortSignal,
): Promise<PlannedEnding> {
  const nowMs = environment.clock.now().toMillis();
  // Whoever holds the lease of a session that is due died too.
  const deaths = working.diedBuilds + (working.lease === null ? 0 : 1);
  if (deaths >= MOST_DEAD_BUILDS) {
    return { outcome: 'ERROR', reason: diedTooOften(deaths).reason };
  }
  const session = completeSession(working);
  if (session === null) {
    return { outcome: 'DEFERRED', reason: 'the session has no START or no END' };
  }
  const asked = await askStage({ environment, session, signal });
  if (asked.kind === 'ending') {
    const { ending } = asked;
    return ending.kind === 'settle'
      ? { outcome: ending.outcome, reason: ending.reason }
      : { outcome: 'DEFERRED', reason: ending.reason, away: ending.away };
  }
  const instrument = await environment.database.createScope(() =>
    getInstrument(working.instrumentPid),
  );
  const policy = environment.policyOf(instrument);
  const awayMs =
    working.storeAwaySinceMs === null ? 0 : Math.max(0, nowMs - working.storeAwaySinceMs);
  const options = {
    environment,
    session,
    working: { ...working, storeAwayMs: working.storeAwayMs + awayMs },
    instrument,
    policy,
    recorded,
    signal,
  };
  const looked = await lookAtStore(options);
  if (looked.kind === 'store-away') {
    return { outcome: 'DEFERRED', reason: looked.reason, away: 'store' };
  }
  const { look } = looked;
  const files = [...look.files, ...look.needsAcquiredTime];
  const verdicts = await environment.database.createScope(() =>
    tellableVerdicts(session.identifier, look.verdicts),
  );
  const seen = { files, verdicts };
  const { outcome } = judgeLook(options, looked, nowMs);
  if (outcome.kind === 'waiting') return { outcome: 'DEFERRED', reason: outcome.reason, ...seen };
  if (!isTriedLongEnough(working, nowMs)) {
    requireReadable(look, working.rebuildFresh ? [] : recorded);
  }
  if (outcome.kind === 'no-files') {
    return { outcome: 'NO_FILES_FOUND', reason: noFilesFound(policy).reason, ...seen };
  }
  if (files.length > policy.sessionFileLimit) {
    return { outcome: 'ERROR', reason: tooManyFiles(files.length, policy).reason, ...seen };
  }
  // As far as names tell: whether the files of a series are alike shows when they are read.
  const { series, rest } = findSeries(files, { minFiles: policy.seriesMinFiles, known: [] });
  const datasets = [...series.map(({ members }) => members), ...rest.map((file) => [file])];
  const times = datasets.flat().map((file) => secondsOf(file.timeNs));
  const clusters = await clusterByTimeInSlices(times, policy.clustering);
  const activities = groupByFirstFile(
    datasets.map((members) => members.map(({ timeNs }) => timeNs)),
    clusters.activities,
  ).map((group) => group.flatMap((index) => datasets[index] ?? []).sort(compareByTime));
  return { outcome: 'COMPLETED', reason: null, ...seen, activities };
}

/** What a build comes to that throws this. */
function failureOf(
  { clock }: BuildEnvironment,
  working: WorkingSession,
  error: unknown,
): PlannedEnding {
  const kind = classifyFailure(error);
  if (kind === 'interrupted' || isDatabaseAway(error)) throw error;
  const reason = `${isAppError(error) ? error.code : 'INTERNAL'}: ${reasonOf(error)}`;
  if (kind === 'outside') {
    const isStore = isAppError(error) && error.code === 'STORE_UNAVAILABLE';
    return { outcome: 'DEFERRED', reason, away: isStore ? 'store' : null };
  }
  const nowMs = clock.now().toMillis();
  const isTriedAgain = kind === 'transient' && waitBeforeRetry(working, nowMs) !== null;
  return { outcome: isTriedAgain ? 'DEFERRED' : 'ERROR', reason };
}
