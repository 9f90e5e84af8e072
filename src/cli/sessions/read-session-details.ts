import {
  listAttributes,
  listDirectories,
  listExperimenters,
  listNotes,
} from '../../db/annotation-store.js';
import { getInstrument } from '../../db/instrument-store.js';
import { activePauses } from '../../db/pause-store.js';
import { listRecords } from '../../db/record-store.js';
import { listFileRules } from '../../db/session-files-store.js';
import { getSession, listOverrides, sessionHistory } from '../../db/session-store.js';
import { findSourceAnswer, findUsageEvent } from '../../db/source-answer-store.js';
import { waitingOf } from './session-words.js';

/** Everything that `sessions show` tells. */
export type SessionDetails = Awaited<ReturnType<typeof readSessionDetails>>;

/**
 * Reads everything the database knows of one session but its files and datasets. Runs in a scope.
 * @throws AppError SESSION_NOT_FOUND.
 */
export async function readSessionDetails(id: string, nowMs: number) {
  const session = await getSession(id);
  const { identifier } = session;
  const history = await sessionHistory(identifier);
  return {
    session,
    instrument: await getInstrument(session.instrumentPid),
    waiting: waitingOf(session, await activePauses(nowMs), nowMs),
    sourceAnswer: await findSourceAnswer(identifier),
    // What was only pushed, by a source that cannot be read, may have been overtaken.
    isUnconfirmed: Number((await findUsageEvent(identifier))?.is_confirmed ?? true) === 0,
    overrides: await listOverrides(identifier),
    events: history.events,
    attempts: history.attempts,
    versions: await listRecords(identifier),
    notes: await listNotes(identifier),
    attributes: await listAttributes(identifier),
    directories: await listDirectories(identifier),
    experimenters: await listExperimenters(identifier),
    files: await listFileRules(identifier),
  };
}
