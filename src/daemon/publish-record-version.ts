import {
  findOverlapping,
  findPublication,
  listUnpublished,
  markPublished,
  stagedAttemptState,
  type PendingPublication,
} from '../db/publication-store.js';
import { publishRecord, removeRecordFiles } from '../record/publish-record.js';
import type { RecordPaths } from '../record/record-names.js';
import { NO_OUTPUTS, staleOutputs } from '../db/stale-outputs.js';
import type { BuildEnvironment } from './build-environment.js';
import { removeContents } from './remove-content.js';
import { removeOutputs } from './remove-outputs.js';
import {
  discardStaging,
  isStagedBefore,
  listStagedAttempts,
  promoteStaging,
  UNKNOWN_STAGING_AGE_MS,
  type StagedAttempt,
} from './staging.js';

/** What publishing needs of the environment. */
export type PublishEnvironment = Pick<BuildEnvironment, 'database' | 'log' | 'paths' | 'clock'>;

/** Records repaired at a time. */
const PAGE = 200;

/** The XML file of a record with the JSON file beside it. */
function bothPaths(xml: string): RecordPaths {
  return { xml, json: xml.replace(/\.xml$/, '.json') };
}

/** Makes the public files of a settled record, or removes those of one that is no longer current. Can be repeated. */
async function project(
  environment: PublishEnvironment,
  pending: PendingPublication,
): Promise<void> {
  const former = pending.formerPublicPaths.map(bothPaths);
  if (pending.state === 'current') {
    await publishRecord(environment.paths.records, {
      version: bothPaths(pending.path),
      target: bothPaths(pending.publicPath),
      former,
    });
  } else {
    const gone = pending.publicPathIsFree ? [...former, bothPaths(pending.publicPath)] : former;
    await removeRecordFiles(
      environment.paths.records,
      gone.flatMap(({ xml, json }) => [xml, json]),
    );
  }
}

/**
 * Has the public files show what the database says, and notes it. This process may have been paused on the way and have
 * written over what a newer version or another session shows by now, or what was withdrawn: so the database is asked
 * again afterwards, and what changed meanwhile is published too. Sidecars and previews that only earlier versions name go.
 * @throws AppError FILE_NOT_WRITABLE, FILE_UNREADABLE when the version's file is missing.
 */
async function publish(
  environment: PublishEnvironment,
  pending: PendingPublication,
): Promise<void> {
  const { database } = environment;
  await project(environment, pending);
  const { itself, overlapping, stale } = await database.createScope(async () => {
    const itself = await findPublication(pending.recordId);
    return {
      itself,
      overlapping: await findOverlapping(pending),
      stale: itself?.state === 'current' ? await staleOutputs(itself) : NO_OUTPUTS,
    };
  });
  await removeOutputs(environment.paths.output, stale);
  // Noted last: what a crash leaves undone is done by the next start.
  for (const other of overlapping) await publish(environment, other);
  if (itself === null) return;
  const isNoted =
    itself.state === pending.state && (await database.createScope(() => markPublished(pending)));
  if (!isNoted) await publishRecordVersion(environment, pending.recordId);
}

/** Publishes one record that was settled just now. Throws as publish does. */
export async function publishRecordVersion(
  environment: PublishEnvironment,
  recordId: number,
): Promise<void> {
  const pending = await environment.database.createScope(() => findPublication(recordId));
  if (pending !== null) await publish(environment, pending);
}

/**
 * Puts the staged sidecars of an attempt where the database says they belong: into place when it settled, away when it is
 * over, and leaves them when it may still be at work or may be another database's. A failure is logged and never thrown;
 * the next start does it again.
 */
export async function tidyStaging(
  environment: PublishEnvironment,
  attempt: StagedAttempt,
): Promise<void> {
  const { clock, database, log, paths } = environment;
  const { sessionKey, token } = attempt;
  const askState = () => database.createScope(() => stagedAttemptState(sessionKey, token));
  try {
    const state = await askState();
    if (state === 'settled') {
      await promoteStaging(paths.output, attempt);
      // This process may have been paused on the way, and a newer attempt may have put its sidecars into place.
      if ((await askState()) === 'overtaken') {
        log.warn('Older sidecars of a session may lie over those of its newest build.', {
          session: sessionKey,
          remedy: `recordsmith sessions retry ${sessionKey} makes them anew.`,
        });
      }
      return;
    }
    if (state === 'open') return;
    const beforeMs = clock.now().toMillis() - UNKNOWN_STAGING_AGE_MS;
    if (state === 'unknown' && !(await isStagedBefore(paths.output, attempt, beforeMs))) return;
    await discardStaging(paths.output, attempt);
  } catch (error) {
    log.warn('Sidecars of a build could not be put in order; tried again at the next start.', {
      session: sessionKey,
      error,
    });
  }
}

/**
 * Does what a crash left undone between a commit and the public files: moves staged sidecars of settled attempts into
 * place, removes those of dead attempts, publishes records, removes the files of sessions without consent. One that fails is
 * logged and never stops the others.
 */
export async function repairPublications(environment: PublishEnvironment): Promise<void> {
  for (const attempt of await listStagedAttempts(environment.paths.output)) {
    await tidyStaging(environment, attempt);
  }
  await publishAll(environment);
  await removeWithheld(environment, null);
}

/**
 * Removes the files of sessions without consent, as removeContents does.
 * @param identifiers null: of all sessions
 */
export async function removeWithheld(
  environment: PublishEnvironment,
  identifiers: readonly string[] | null,
): Promise<void> {
  const steps = {
    unpublish: (recordId: number) => publishRecordVersion(environment, recordId),
    tidySession: async (sessionKey: string) => {
      const staged = await listStagedAttempts(environment.paths.output);
      for (const attempt of staged.filter((one) => one.sessionKey === sessionKey)) {
        await tidyStaging(environment, attempt);
      }
    },
  };
  await removeContents(environment, steps, identifiers);
}

async function publishAll(environment: PublishEnvironment): Promise<void> {
  const { database, log } = environment;
  const failed = new Set<number>();
  for (;;) {
    const page = await database.createScope(() => listUnpublished(PAGE + failed.size));
    const pending = page.filter(({ recordId }) => !failed.has(recordId));
    if (pending.length === 0) return;
    for (const one of pending) {
      try {
        await publish(environment, one);
      } catch (error) {
        failed.add(one.recordId);
        const message =
          one.state === 'current'
            ? 'A record is built, but its public file cannot be written.'
            : 'A record is withdrawn, but its public file cannot be removed.';
        log.error(message, {
          session: one.sessionKey,
          path: one.publicPath,
          error,
        });
      }
    }
  }
}
