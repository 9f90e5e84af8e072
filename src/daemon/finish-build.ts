import { join } from 'node:path';
import { deferSession, noteStoreAway } from '../db/build-lease-store.js';
import { instantText } from '../db/instant.js';
import { currentRecord, type RecordVersion } from '../db/record-store.js';
import { settleBuild } from '../db/settle-build.js';
import type { Attempt } from './attempt.js';
import type { BuildEnding, BuildReport, BuildResult } from './build-ending.js';
import type { BuildEnvironment } from './build-environment.js';
import {
  publishRecordVersion,
  removeWithheld,
  repairPublications,
  tidyStaging,
  type PublishEnvironment,
} from './publish-record-version.js';

/** What ending an attempt needs of it. */
export type EndingAttempt = Omit<Attempt, 'environment' | 'signal'> & {
  readonly environment: PublishEnvironment & Pick<BuildEnvironment, 'host' | 'softwareVersion'>;
};

/**
 * Settles or defers an attempt in the database, then makes the public files.
 * @throws AppError when the database could not do it. Nothing that fails afterwards throws: it is logged, and the next start
 *   or pass does it again.
 */
export async function finishBuild(
  attempt: EndingAttempt,
  ending: BuildEnding,
): Promise<BuildResult> {
  return ending.kind === 'defer' ? defer(attempt, ending) : settle(attempt, ending);
}

async function defer(
  attempt: EndingAttempt,
  ending: Extract<BuildEnding, { kind: 'defer' }>,
): Promise<BuildResult> {
  const { environment, session, token, log } = attempt;
  const nextAttemptAtMs = environment.clock.now().toMillis() + ending.retryInMs;
  const { result, record } = await environment.database.createScope(async () => {
    const result = await deferSession({
      identifier: session.identifier,
      token,
      inputsRevision: session.inputsRevision,
      reason: ending.reason,
      nextAttemptAtMs,
      countsAsTry: ending.countsAsTry,
    });
    // The clock of the file delay stands still meanwhile.
    if (result === 'deferred' && ending.away === 'store') {
      await noteStoreAway(session.identifier, true, environment.clock.now().toMillis());
    }
    return { result, record: await currentRecord(session.identifier) };
  });
  if (result !== 'deferred') {
    // A lost lease may also be our own settlement whose answer was lost: the database knows.
    await repair(attempt);
    return { kind: 'passed-over', reason: result };
  }
  await tidyStaging(environment, attempt);
  log.info('The session is deferred.', {
    reason: ending.reason,
    nextAttemptAt: instantText(nextAttemptAtMs),
  });
  return { kind: 'built', report: reportOf(attempt, ending, record) };
}

async function settle(
  attempt: EndingAttempt,
  ending: Extract<BuildEnding, { kind: 'settle' }>,
): Promise<BuildResult> {
  const { environment, session, token, log } = attempt;
  const { outcome, reason, version } = ending;
  // The signal is not asked any more: from here on only the database decides.
  const { result, record } = await environment.database.createScope(async () => ({
    result: await settleBuild({
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
      ...(ending.sourceAnswer === undefined ? {} : { sourceAnswer: ending.sourceAnswer }),
    }),
    // In the same transaction: once it is committed, the report needs the database no more.
    record: await currentRecord(session.identifier),
  }));
  if (result.kind !== 'settled') {
    // A lost lease may also be our own settlement whose answer was lost: the database knows.
    await repair(attempt);
    log.info('The attempt is discarded.', { reason: result.kind });
    return { kind: 'passed-over', reason: result.kind };
  }
  await tidyStaging(environment, attempt);
  if (result.recordId !== null) await publish(attempt, result.recordId);
  if (outcome === 'NO_CONSENT') await removeFiles(attempt);
  const report = reportOf(attempt, ending, record);
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

/** Does what may be left of settlements. A failure loses nothing: the next start or pass does it again. */
async function repair({ environment, log }: EndingAttempt): Promise<void> {
  try {
    await repairPublications(environment);
  } catch (error) {
    log.error('Public files could not be put in order; tried again later.', { error });
  }
}

/** Makes the public files. A failure loses nothing: the next start or pass does it again. */
async function publish({ environment, log }: EndingAttempt, recordId: number): Promise<void> {
  try {
    await publishRecordVersion(environment, recordId);
  } catch (error) {
    log.error(
      'The record is built, but its public files could not be written; tried again later.',
      {
        error,
      },
    );
  }
}

/** Removes what is left of a session without consent. A failure loses nothing: the next start or pass does it again. */
async function removeFiles({ environment, session, log }: EndingAttempt): Promise<void> {
  try {
    await removeWithheld(environment, [session.identifier]);
  } catch (error) {
    log.error('Files of a session without consent may still be there; tried again later.', {
      error,
    });
  }
}

function reportOf(
  attempt: EndingAttempt,
  ending: BuildEnding,
  record: RecordVersion | null,
): BuildReport {
  const { environment, session } = attempt;
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
    away: ending.kind === 'defer' ? ending.away : null,
  };
}
