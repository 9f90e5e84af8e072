import { systemClock } from '../../clock.js';
import { repairPublications } from '../../daemon/publish-record-version.js';
import { listUnpublished } from '../../db/publication-store.js';
import { currentRecord } from '../../db/record-store.js';
import { cancelSession, releaseSession } from '../../db/cancel-session.js';
import { getSession } from '../../db/session-store.js';
import { AppError } from '../../errors.js';
import { actingUser } from '../acting-user.js';
import type { CommandContext } from '../command-context.js';
import { withDatabase } from '../with-database.js';
import { sessionDocument } from './session-words.js';

/** What `sessions cancel` was given. */
export interface CancelSessionOptions {
  readonly reason?: string;
  readonly as?: string;
}

/** Records without their public files that are looked through; there are hardly ever any. */
const MOST_LEFT = 1000;

/**
 * Cancels a session for good and removes the public files of its record.
 * @throws AppError SESSION_NOT_FOUND; FILE_NOT_WRITABLE when it is cancelled, but the files could not be removed.
 */
export async function cancelAndPrint(
  context: CommandContext,
  id: string,
  options: CancelSessionOptions,
): Promise<void> {
  await withDatabase(context, async ({ config, database, log }) => {
    const { session, withdrawn } = await database.createScope(async () => {
      const { identifier } = await getSession(id);
      const record = await currentRecord(identifier);
      await cancelSession(identifier, {
        who: options.as ?? actingUser(),
        why: options.reason ?? null,
      });
      return { session: await getSession(identifier), withdrawn: record?.version ?? null };
    });
    const { data, output, records } = config.paths;
    await repairPublications({
      database,
      log,
      clock: systemClock,
      paths: { data, output, records },
    });
    if (context.json) {
      context.printJson({ ...sessionDocument(session, null), withdrawn_version: withdrawn });
    } else {
      const record = withdrawn === null ? '' : `, version ${withdrawn} of its record is withdrawn`;
      context.print(
        `${session.key} is cancelled until 'recordsmith sessions release ${session.key}'${record}`,
      );
    }
    const left = await database.createScope(() => listUnpublished(MOST_LEFT));
    if (!left.some(({ sessionIdentifier }) => sessionIdentifier === session.identifier)) return;
    throw new AppError(
      'FILE_NOT_WRITABLE',
      `The session ${session.key} is cancelled, but the public files of its record could not be removed.`,
      {
        remedy: `Cancel it once more as the user that runs the daemon: recordsmith sessions cancel ${session.key}.`,
        details: { session: session.key },
      },
    );
  });
}

/**
 * Takes a cancelling back and prints what the session is now.
 * @throws AppError SESSION_NOT_FOUND, TRANSITION_NOT_ALLOWED when it is not cancelled.
 */
export async function releaseAndPrint(context: CommandContext, id: string): Promise<void> {
  const session = await withDatabase(context, ({ database }) =>
    database.createScope(async () => {
      const { identifier } = await getSession(id);
      await releaseSession(identifier);
      return getSession(identifier);
    }),
  );
  if (context.json) context.printJson(sessionDocument(session, null));
  else context.print(`${session.key} is ${session.status} again`);
}
