import type { CleanUpEnvironment } from '../../daemon/clean-up.js';
import { isAppError } from '../../errors.js';
import { checkCatalogueFiles } from './check-catalogue-files.js';
import { checkDatabaseInvariants } from './check-invariants.js';
import { checkLeftovers } from './check-leftovers.js';
import { checkRecordFiles } from './check-record-files.js';
import { fail, failedBy, type CheckResult } from './check-result.js';
import { probeFolder, type DoctorEnvironment } from './doctor-environment.js';

/** What the deep checks work with. */
export interface DeepEnvironment extends CleanUpEnvironment {
  /** Mend what can be mended without a person's decision. */
  readonly repair: boolean;
}

/** Do database, records, catalogue and files agree: reads every record. */
export async function* deepChecks(
  environment: DoctorEnvironment,
  deep: DeepEnvironment,
): AsyncGenerator<CheckResult, void, undefined> {
  yield* checkDatabaseInvariants(deep.database);
  for (const path of [deep.paths.records, deep.paths.output]) {
    const probe = await probeFolder(environment, path);
    if (probe.kind === 'available' || probe.systemCode === 'ENOENT') continue;
    // Every look at it would hang or fail in the same way.
    yield fail('deep checks', `not done: ${probe.reason}`, 'Check that it is mounted and answers.');
    return;
  }
  const checks = [
    ['leftovers', checkLeftovers],
    ['record files', checkRecordFiles],
    ['sidecars and previews', checkCatalogueFiles],
  ] as const;
  for (const [name, check] of checks) {
    try {
      yield* check(deep);
    } catch (error) {
      if (!isAppError(error) || error.code === 'DATABASE_UNAVAILABLE') throw error;
      yield failedBy(name, error);
    }
  }
}
