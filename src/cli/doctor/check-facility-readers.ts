import { facilityReadersOf } from '../../config/extract-policy.js';
import { nearestName } from '../../config/nearest-name.js';
import type { Database } from '../../db/database.js';
import { listInstruments } from '../../db/instrument-store.js';
import { isAppError } from '../../errors.js';
import { ReaderPool } from '../../extract/reader-pool.js';
import { failedBy, ok, warn, type CheckResult } from './check-result.js';
import type { DoctorEnvironment } from './doctor-environment.js';

/** Do the readers of the facility load, and are its programs there. */
export async function* checkFacilityReaders({
  config,
}: DoctorEnvironment): AsyncGenerator<CheckResult, void, undefined> {
  const facility = facilityReadersOf(config.extract);
  if (facility === null) return;
  const { file_seconds: fileSeconds } = config.build.limits;
  const readers = new ReaderPool({ size: 1, timeLimitMs: fileSeconds * 1000 });
  try {
    const claims = await readers.useFacilityReaders(facility);
    for (const { id, version, kind, path, extensions, files } of claims) {
      const claimed = [...extensions, ...files].join(' ');
      const what = claimed === '' ? 'any file that it recognises' : claimed;
      yield ok(`reader ${id}`, `${kind} ${path}, version ${version}: ${what}`);
    }
  } catch (error) {
    if (!isAppError(error)) throw error;
    yield failedBy('readers of the facility', error);
  } finally {
    await readers.stop();
  }
}

/** Are the instruments known that adjustments name: a mistyped one would never hold. */
export async function* checkAdjustments(
  { config }: DoctorEnvironment,
  database: Database,
): AsyncGenerator<CheckResult, void, undefined> {
  const { adjustments } = config.extract;
  if (adjustments.length === 0) return;
  const pids = (await database.createScope(() => listInstruments())).map(({ pid }) => pid);
  for (const { name, match } of adjustments) {
    const unknown = (match.instrument ?? []).filter((pid) => !pids.includes(pid));
    const hints = unknown.map((pid) => {
      const nearest = nearestName(pid, pids);
      return nearest === null ? pid : `${pid} (did you mean ${nearest}?)`;
    });
    yield unknown.length === 0
      ? ok(`adjustment ${name}`, 'its instruments are known')
      : warn(
          `adjustment ${name}`,
          `there is no instrument ${hints.join(', ')}`,
          'Correct match.instrument in extract.adjustments.',
        );
  }
}
