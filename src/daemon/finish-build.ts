import { join } from 'node:path';
import { deferSession } from '../db/build-lease-store.js';
import { currentRecord } from '../db/record-store.js';
import { settleBuild, type SettleResult } from '../db/settle-build.js';
import type { Attempt } from './attempt.js';
import type { BuildEnding, BuildReport, BuildResult } from './build-ending.js';
import { publishRecordVersion, repairPublications, tidyStaging } from './publish-record-version.js';
import { discardStaging } from './staging.js';

/** Settles or defers an attempt in the database, then makes the public files. */
export async function finishBuild(attempt: Attempt, ending: BuildEnding): Promise<BuildResult> {
  return ending.kind === 'defer' ? defer(attempt, ending) : settle(attempt, ending);
}

async function defer(
  attempt: Attempt,
  ending: Extract<BuildEnding, { kind: 'defer' }>,
): Promise<BuildResult> {
  const { environment, session, token, log } = attempt;
  const nextAttemptAtMs = environment.clock.now().toMillis() + ending.retryInMs;
  const held = await environment.database.createScope(() =>
    deferSession({
      identifier: session.identifier,
      token,
      reason: ending.reason,
      nextAttemptAtMs,
      countsAsTry: ending.countsAsTry,
    }),
  );
  if (!held) {
    // Or it was our own settlement, whose answer was lost: the database knows.
    await repairPublications(environment);
    return { kind: 'passed-over', reason: 'the lease was lost' };
  }
  await tidyStaging(environment, attempt);
  log.info('The session is deferred.', { reason: ending.reason, nextAttemptAtMs });
  return { kind: 'built', report: await reportOf(attempt, ending) };
}

async function settle(
  attempt: Attempt,
  ending: Extract<BuildEnding, { kind: 'settle' }>,
): Promise<BuildResult> {
  const { environment, session, token, log } = attempt;
  const { outcome, reason, version } = ending;
  // The signal is not asked any more: from here on only the database decides.
  const result: SettleResult = await environment.database.createScope(() =>
    settleBuild({
      identifier: session.identifier,
      token,
      inputsRevision: session.inputsRevision,
      outcome,
      reason,
      ...(ending.errorCode === undefined ? {} : { errorCode: ending.errorCode }),
      durationMs: performance.now() - attempt.startedAt,
      host: environment.host,
      softwareVersion: environment.softwareVersion,
      fingerprint: version?.fingerprint ?? attempt.working.fingerprint,
      record: version,
    }),
  );
  if (result.kind !== 'settled') {
    // A lost lease may also be our own settlement whose answer was lost: the database knows.
    await repairPublications(environment);
    log.info('The attempt is discarded.', { reason: result.kind });
    return { kind: 'passed-over', reason: result.kind };
  }
  if (outcome === 'COMPLETED' || outcome === 'BUILT_NOT_EXPORTED') {
    await publish(attempt, result.recordId);
  } else {
    await discardStaging(environment.paths.output, attempt);
  }
  const report = await reportOf(attempt, ending);
  log.info('The session is settled.', {
    outcome,
    reason,
    files: ending.files,
    activities: ending.activities,
    version: report.version,
    durationMs: Math.round(report.durationMs),
  });
  return { kind: 'built', report };
}

/** Makes sidecars and public files. A failure loses nothing: the next start or pass does it again. */
async function publish(attempt: Attempt, recordId: number | null): Promise<void> {
  const { environment, log } = attempt;
  try {
    await tidyStaging(environment, attempt);
    if (recordId !== null) await publishRecordVersion(environment, recordId);
  } catch (error) {
    log.error(
      'The record is built, but its public files could not be written; tried again later.',
      {
        error,
      },
    );
  }
}

async function reportOf(attempt: Attempt, ending: BuildEnding): Promise<BuildReport> {
  const { environment, session } = attempt;
  const record = await environment.database.createScope(() => currentRecord(session.identifier));
  return {
    sessionIdentifier: session.identifier,
    sessionKey: session.key,
    instrumentPid: session.instrumentPid,
    startMs: session.start.toMillis(),
    endMs: session.end.toMillis(),
    user: session.user,
    outcome: ending.kind === 'defer' ? 'DEFERRED' : ending.outcome,
    reason: ending.reason,
    files: ending.files,
    activities: ending.kind === 'defer' ? 0 : ending.activities,
    recordPath: record === null ? null : join(environment.paths.records, record.publicPath),
    version: record?.version ?? null,
    durationMs: performance.now() - attempt.startedAt,
    storeAway: ending.kind === 'defer' && ending.storeAway,
  };
}
