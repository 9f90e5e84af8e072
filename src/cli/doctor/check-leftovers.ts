import { CLEAN_UP_AGE_MS, cleanUp, orphanVersions } from '../../daemon/clean-up.js';
import {
  isStagedBefore,
  listStagedAttempts,
  UNKNOWN_STAGING_AGE_MS,
} from '../../daemon/staging.js';
import { stagedAttemptState } from '../../db/publication-store.js';
import { findUnfinished } from '../../record/publish-record.js';
import { mended, ok, warn, type CheckResult } from './check-result.js';
import type { DeepEnvironment } from './deep-checks.js';

/** Milliseconds: a build that has settled moves its files away within moments. */
const STAGED_AGE_MS = 3_600_000;

const REMEDY = 'The daemon removes them within an hour; or: recordsmith doctor --deep --repair.';

interface Leftovers {
  readonly staged: number;
  readonly unfinished: number;
  readonly orphans: number;
}

/** Did crashes leave anything behind for longer than a clean-up should. */
export async function* checkLeftovers(
  environment: DeepEnvironment,
): AsyncGenerator<CheckResult, void, undefined> {
  const before = await countLeftovers(environment);
  if (environment.repair) await cleanUp(environment, { olderThanMs: CLEAN_UP_AGE_MS });
  const left = environment.repair ? await countLeftovers(environment) : before;
  yield result('staged files', 'folders of attempts that are over', before.staged, left.staged);
  yield result('unfinished files', 'unfinished files', before.unfinished, left.unfinished);
  yield result('orphans', 'version files that no record has', before.orphans, left.orphans);
}

function result(check: string, what: string, before: number, left: number): CheckResult {
  if (left > 0) return warn(check, `${left} ${what}`, REMEDY);
  return before > 0 ? mended(check, `${before} ${what}: removed`) : ok(check, 'none');
}

async function countLeftovers(environment: DeepEnvironment): Promise<Leftovers> {
  const { clock, paths } = environment;
  const beforeMs = clock.now().toMillis() - CLEAN_UP_AGE_MS;
  return {
    staged: await countStaged(environment),
    unfinished: await count(findUnfinished(paths.records, beforeMs)),
    orphans: await count(orphanVersions(environment, beforeMs)),
  };
}

async function count(found: AsyncIterable<unknown>): Promise<number> {
  let counted = 0;
  for await (const one of found) counted += one === undefined ? 0 : 1;
  return counted;
}

async function countStaged({ clock, database, paths }: DeepEnvironment): Promise<number> {
  const nowMs = clock.now().toMillis();
  let counted = 0;
  for (const attempt of await listStagedAttempts(paths.output)) {
    const { sessionKey, token } = attempt;
    const state = await database.createScope(() => stagedAttemptState(sessionKey, token));
    if (state === 'open') continue;
    const ageMs = state === 'unknown' ? UNKNOWN_STAGING_AGE_MS : STAGED_AGE_MS;
    if (await isStagedBefore(paths.output, attempt, nowMs - ageMs)) counted += 1;
  }
  return counted;
}
