import { currentRecord } from '../db/record-store.js';
import { getInstrument } from '../db/instrument-store.js';
import type { AttemptOutcome } from '../domain/record-status.js';
import type { FileVerdict, FoundFile } from '../domain/found-file.js';
import { completeSession, type WorkingSession } from '../domain/working-session.js';
import { clusterByTimeInSlices, secondsOf } from '../activities/cluster-by-time.js';
import { matchRule } from '../sessions/match-rule.js';
import type { BuildEnvironment } from './build-environment.js';
import { judgeLook, lookAtStore } from './look-at-session.js';

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
  /** Whether the session has a record already. */
  readonly version: number | null;
}

/**
 * Says what a build would do, as far as it can be known without reading files. Writes nothing anywhere.
 * @throws AppError as getInstrument, policyOf and StorePool.look.
 */
export async function planSession(
  environment: BuildEnvironment,
  working: WorkingSession,
  signal: AbortSignal,
): Promise<SessionPlan> {
  const session = completeSession(working);
  const { instrument, record } = await environment.database.createScope(async () => ({
    instrument: await getInstrument(working.instrumentPid),
    record: await currentRecord(working.identifier),
  }));
  const plan = (
    outcome: AttemptOutcome,
    reason: string | null,
    more: Partial<SessionPlan> = {},
  ): SessionPlan => ({
    session: working,
    outcome,
    reason,
    files: [],
    verdicts: [],
    activities: [],
    version: record?.version ?? null,
    ...more,
  });
  if (session === null) return plan('DEFERRED', 'the session has no START or no END');
  const rule = matchRule(environment.rules, session);
  if (rule?.action === 'skip') return plan('SKIPPED', `rule: ${rule.name}`);
  const policy = environment.policyOf(instrument);
  const options = { environment, session, working, instrument, policy, signal };
  const looked = await lookAtStore(options);
  if (looked.kind === 'store-away') return plan('DEFERRED', looked.reason);
  const { look } = looked;
  const files = [...look.files, ...look.needsAcquiredTime];
  const seen = { files, verdicts: look.verdicts };
  const { outcome } = judgeLook(options, looked, environment.clock.now().toMillis());
  if (outcome.kind === 'waiting') return plan('DEFERRED', outcome.reason, seen);
  if (outcome.kind === 'no-files') return plan('NO_FILES_FOUND', 'no file in its window', seen);
  const times = files.map((file) => secondsOf(file.timeNs));
  const clusters = await clusterByTimeInSlices(times, policy.clustering);
  const activities = clusters.activities.map((group) =>
    group.flatMap((index) => files[index] ?? []),
  );
  return plan('COMPLETED', null, { ...seen, activities });
}
