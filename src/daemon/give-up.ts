import { releaseLease } from '../db/build-lease-store.js';
import { isAppError, toError } from '../errors.js';
import type { Attempt } from './attempt.js';
import { deferred, failed, type BuildResult } from './build-ending.js';
import { classifyFailure, reasonOf, waitBeforeRetry } from './classify-failure.js';
import { finishBuild } from './finish-build.js';
import { isDatabaseAway, onceDatabaseAnswers } from './once-database-answers.js';
import { tidyStaging } from './publish-record-version.js';
import { isOutOfSpace, whatIsAway } from './what-is-away.js';

/** How long until a store or folder that is away is tried again. */
export const AWAY_RETRY_MS = 60_000;
/** How long until a session is tried again for which alone there is too little space: others must not suffer each time. */
const TOO_LARGE_RETRY_MS = 15 * 60_000;
/** How long a build waits for a database that went away under it. */
const LONGEST_RESTART_MS = 30_000;

/**
 * What becomes of an attempt whose work threw: given back, put off, or an ERROR of the session.
 * @throws AppError when the database cannot be reached either; the lease then ends by itself.
 */
export async function giveUp(attempt: Attempt, error: unknown): Promise<BuildResult> {
  const { environment, working, log, signal } = attempt;
  const kind = signal.aborted ? 'interrupted' : classifyFailure(error);
  if (kind === 'interrupted') {
    log.info('The build was interrupted and given back.', { reason: toError(error).message });
    await environment.database.createScope(() =>
      releaseLease(attempt.session.identifier, attempt.token),
    );
    await tidyStaging(environment, attempt);
    return { kind: 'passed-over', reason: 'interrupted' };
  }
  const code = isAppError(error) ? error.code : 'INTERNAL';
  const reason = `${code}: ${reasonOf(error)}`;
  const waitMs =
    kind === 'transient' ? waitBeforeRetry(working, environment.clock.now().toMillis()) : null;
  if (kind === 'outside') {
    log.warn('The build is put off: something it needs is away.', { error });
    const away = await whatIsAway(error, environment.paths, attempt);
    const isTooLarge = away === null && isOutOfSpace(error);
    const ending = deferred(reason, isTooLarge ? TOO_LARGE_RETRY_MS : AWAY_RETRY_MS, { away });
    if (!isDatabaseAway(error)) return finishBuild(attempt, ending);
    // A lease that merely ran out would count as a death of the session's build.
    const limitMs = Math.min(LONGEST_RESTART_MS, environment.leaseSeconds * 1000);
    return onceDatabaseAnswers(() => finishBuild(attempt, ending), limitMs, signal);
  }
  if (waitMs !== null) {
    log.warn('The build failed and is tried again.', { error, retryInMs: waitMs });
    return finishBuild(attempt, deferred(reason, waitMs, { countsAsTry: true }));
  }
  log.error('The build failed for a reason in the session itself.', { error });
  return finishBuild(attempt, failed(code, reason));
}
