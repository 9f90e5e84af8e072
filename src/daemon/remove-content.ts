import {
  findRemoval,
  finishRemoval,
  sessionsToRemoveFrom,
  type PendingRemoval,
} from '../db/output-removal-store.js';
import { knownRecordPaths } from '../db/record-store.js';
import { zonedTime } from '../domain/zoned-time.js';
import { removeRecordFiles } from '../record/publish-record.js';
import { filesNamedAfter } from '../record/version-files.js';
import type { PublishEnvironment } from './publish-record-version.js';
import { removeOutputs, removeOutputsOf } from './remove-outputs.js';

/** What removing needs besides: the steps that a session's files have in common with others. */
export interface RemovalSteps {
  /** Removes the public files of a withdrawn version. */
  readonly unpublish: (recordId: number) => Promise<void>;
  /** Removes what attempts of a session staged and nobody works on. */
  readonly tidySession: (sessionKey: string) => Promise<void>;
}

/**
 * Removes the files of sessions without consent that the database has noted: public files, versions, kept-aside records,
 * sidecars, previews, staged files. Noted last as done, so that what a crash leaves is removed by the next start or pass. A
 * failure is logged and stops no other session's.
 * @param identifiers null: of all sessions
 */
export async function removeContents(
  environment: PublishEnvironment,
  steps: RemovalSteps,
  identifiers: readonly string[] | null,
): Promise<void> {
  const { database, log } = environment;
  const sessions = identifiers ?? (await database.createScope(sessionsToRemoveFrom));
  for (const identifier of sessions) {
    const removal = await database.createScope(() => findRemoval(identifier));
    if (removal === null) continue;
    try {
      await remove(environment, steps, removal);
      await database.createScope(() => finishRemoval(removal));
    } catch (error) {
      log.error('Files of a session without consent cannot be removed; tried again later.', {
        session: removal.sessionKey,
        error,
      });
    }
  }
}

async function remove(
  environment: PublishEnvironment,
  steps: RemovalSteps,
  removal: PendingRemoval,
): Promise<void> {
  const { records, output } = environment.paths;
  for (const recordId of removal.unpublishedIds) await steps.unpublish(recordId);
  await steps.tidySession(removal.sessionKey);
  await removeRecordFiles(records, removal.versionPaths.flatMap(withJson));
  if (removal.isWithheld) await removeRecordFiles(records, await strayFiles(environment, removal));
  for (const [location, previews] of removal.outputs) {
    if (previews.length === 0) await removeOutputsOf(output, location);
    else await removeOutputs(output, { locations: [location], previews });
  }
}

function withJson(xml: string): string[] {
  return [xml, xml.replace(/\.xml$/, '.json')];
}

/** Records that were kept aside, and versions of attempts that died or were discarded. */
async function strayFiles(
  { database, paths }: PublishEnvironment,
  { sessionIdentifier, startMs }: PendingRemoval,
): Promise<string[]> {
  // The year of the instrument's zone, which may be another one by now.
  const years = [-1, 0, 1].flatMap((days) => {
    const day = startMs === null ? null : zonedTime(startMs + days * 86_400_000, 'utc');
    return day === null ? [] : [day.toFormat('yyyy')];
  });
  const found = await filesNamedAfter(paths.records, sessionIdentifier, [...new Set(years)]);
  const xmlOf = (path: string): string => path.replace(/\.json$/, '.xml');
  const known = await database.createScope(() => knownRecordPaths([...new Set(found.map(xmlOf))]));
  return found.filter((path) => !known.has(xmlOf(path)));
}
