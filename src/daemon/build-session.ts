import { claimSession, renewLease, requireLease } from '../db/build-lease-store.js';
import { getInstrument } from '../db/instrument-store.js';
import { saveVerdicts } from '../db/look-store.js';
import { currentRecord, recordDatasets } from '../db/record-store.js';
import { filesOfDataset, type Dataset } from '../domain/dataset.js';
import { askStage, withAnswer } from './ask-stage.js';
import type { Attempt } from './attempt.js';
import {
  deferred,
  diedTooOften,
  invalidRecord,
  noFilesFound,
  tooManyFiles,
  type BuildEnding,
  type BuildResult,
} from './build-ending.js';
import type { BuildEnvironment } from './build-environment.js';
import { isTriedLongEnough } from './classify-failure.js';
import { finishBuild } from './finish-build.js';
import { AWAY_RETRY_MS, giveUp } from './give-up.js';
import { LeaseKeeper } from './lease-keeper.js';
import { waitingForFiles } from './judge-look.js';
import { countVerdicts, lookAtSession, type LookOutcome } from './look-at-session.js';
import { clockOffsetNote, groupDatasets, makeRecord } from './make-record.js';
import { readDatasets } from './read-datasets.js';
import { requireReadable } from './read-session-files.js';
import { writeVersion } from './write-version.js';

/** Builds in a row that died after which a session is an error. */
export const MOST_DEAD_BUILDS = 3;

/** How a session is built. */
export interface BuildSessionOptions {
  /** Build it also when its next attempt is not due yet. */
  readonly ignoreBackoff: boolean;
  /** Aborts: the build is given back. */
  readonly stop: AbortSignal;
  /** Told when no file is looked for or read any more: what is left is the record. */
  readonly onFilesRead?: () => void;
}

/**
 * Builds one session: from the claim to the settled record. What goes wrong with the session never throws.
 * @throws AppError when the database cannot be reached.
 */
export async function buildSession(
  environment: BuildEnvironment,
  identifier: string,
  { ignoreBackoff, stop, onFilesRead }: BuildSessionOptions,
): Promise<BuildResult> {
  const { database, owner, leaseSeconds } = environment;
  const askedAtMs = performance.now();
  const claim = await database.createScope(() =>
    claimSession({ identifier, owner, leaseSeconds, ignoreBackoff }),
  );
  if (claim.kind === 'not-claimed') return { kind: 'passed-over', reason: claim.reason };

  const { token, session, working } = claim;
  const lease = new LeaseKeeper({
    renew: () => database.createScope(() => renewLease(identifier, token, leaseSeconds)),
    everyMs: leaseSeconds * 250,
    leaseMs: leaseSeconds * 1000,
    leasedAtMs: askedAtMs,
  });
  const attempt: Attempt = {
    environment,
    session,
    working,
    token,
    sessionKey: session.key,
    log: environment.log.child({ session: session.key }),
    signal: AbortSignal.any([stop, lease.signal]),
    startedAt: performance.now(),
  };
  try {
    const ending =
      claim.diedBuilds >= MOST_DEAD_BUILDS
        ? diedTooOften(claim.diedBuilds)
        : await work(attempt, onFilesRead);
    return await finishBuild(attempt, ending);
  } catch (error) {
    return await giveUp(attempt, error);
  } finally {
    lease.stop();
  }
}

/** The work itself, in the order in which the product describes it. Throws for what only giveUp can judge. */
async function work(attempt: Attempt, onFilesRead: (() => void) | undefined): Promise<BuildEnding> {
  const asked = await askStage(attempt);
  if (asked.kind === 'ending') return asked.ending;
  return withAnswer(await buildRecord(attempt, onFilesRead), asked.settled);
}

/** From the files to the written version, of a session that is to have a record. */
async function buildRecord(
  attempt: Attempt,
  onFilesRead: (() => void) | undefined,
): Promise<BuildEnding> {
  const { environment, session, working, token, signal } = attempt;
  const instrument = await environment.database.createScope(() =>
    getInstrument(session.instrumentPid),
  );
  const policy = environment.policyOf(instrument);

  const current = await recordedDatasets(attempt);
  const found = await lookAtSession({
    environment,
    session,
    working,
    instrument,
    policy,
    token,
    recorded: current.flatMap(filesOfDataset),
    signal,
  });
  if (found.kind === 'store-away') return deferred(found.reason, AWAY_RETRY_MS, { away: 'store' });
  if (found.kind === 'waiting') return deferredUntil(found, environment.clock.now().toMillis());
  const acceptFailures = isTriedLongEnough(working, environment.clock.now().toMillis());
  const recorded = working.rebuildFresh ? [] : current;
  if (!acceptFailures) requireReadable(found.look, recorded.flatMap(filesOfDataset));
  if (found.kind === 'no-files') return noFilesFound(policy);

  const { request, look } = found;
  const files = [...look.files, ...look.needsAcquiredTime];
  if (files.length > policy.sessionFileLimit) return tooManyFiles(files.length, policy);
  const now = (): number => environment.clock.now().toMillis();
  const gathered = await readDatasets({
    environment,
    policy,
    attempt,
    session,
    instrument,
    request,
    look,
    recorded,
    acceptFailures,
    acceptChanges: found.isStillWritten,
    now,
    signal,
  });
  onFilesRead?.();
  await environment.database.createScope(async () => {
    await requireLease(session.identifier, token, session.inputsRevision);
    await saveVerdicts(session.identifier, gathered.verdicts);
  });
  if (gathered.datasets.length === 0) {
    // What was found says of itself that it is not of this session; what is may still come.
    const waiting = waitingForFiles({ session, working, policy }, now());
    return waiting === null ? noFilesFound(policy) : deferredUntil(waiting, now());
  }

  const activities = await groupDatasets(gathered.datasets, policy);
  const clockNote = clockOffsetNote(request);
  // Reading may have taken hours: nothing is written on an old answer.
  const asked = await askStage(attempt);
  if (asked.kind === 'ending') return asked.ending;
  const record = await makeRecord({
    environment,
    session,
    instrument,
    activities,
    source: asked.details,
    warnings: [
      ...found.warnings,
      ...look.warnings,
      ...(clockNote === null ? [] : [clockNote]),
      ...gathered.warnings,
    ],
    verdictCounts: countVerdicts(gathered.verdicts),
  });
  signal.throwIfAborted();
  const written = await writeVersion({
    environment,
    session,
    instrument,
    record,
    outside: gathered.outside,
  });
  const counts = { files: countFiles(gathered.datasets), activities: activities.length };
  if (written.kind === 'invalid') {
    return withAnswer(invalidRecord(written.faults, written.keptAside, counts), asked.settled);
  }
  const built: BuildEnding = {
    kind: 'settle',
    outcome: 'COMPLETED',
    reason: written.kind === 'unchanged' ? 'nothing changed, the current version holds' : null,
    version: written.kind === 'written' ? written.version : null,
    ...counts,
  };
  return withAnswer(built, asked.settled);
}

function deferredUntil(
  { reason, untilMs, files }: Extract<LookOutcome, { kind: 'waiting' }>,
  nowMs: number,
): BuildEnding {
  return deferred(reason, Math.max(1000, untilMs - nowMs), { files });
}

async function recordedDatasets({ environment, session }: Attempt): Promise<readonly Dataset[]> {
  return environment.database.createScope(async () => {
    const current = await currentRecord(session.identifier);
    return current === null ? [] : recordDatasets(current.recordId);
  });
}

function countFiles(datasets: readonly Dataset[]): number {
  return new Set(datasets.flatMap(filesOfDataset).map((file) => file.location)).size;
}
