import { recordActivities } from '../db/catalogue-store.js';
import { findInstrument } from '../db/instrument-store.js';
import { activePauses, type Pause } from '../db/pause-store.js';
import { currentRecord, type RecordVersion } from '../db/record-store.js';
import { getSession, sessionHistory } from '../db/session-store.js';
import { filesOfDataset } from '../domain/dataset.js';
import type { RecordStatus } from '../domain/record-status.js';
import type { WorkingSession } from '../domain/working-session.js';
import { localTimeText } from './local-time-text.js';
import { pauseOf, problemInWords, waitingOf } from './sessions/session-words.js';

/** A session that was asked for by name and that a pass cannot build now. */
export interface NotBuilt {
  readonly session: WorkingSession;
  /** Its status; DEFERRED where it is to be built, only not now. */
  readonly outcome: RecordStatus | 'DEFERRED';
  /** Why, and the one command that changes it. */
  readonly reason: string;
  /** Its current record; null: none. */
  readonly record: RecordVersion | null;
  /** What that record holds. */
  readonly files: number;
  readonly activities: number;
}

/**
 * Why a pass did not build a session that somebody named. Needs a unit of work.
 * @param instrumentPid the only instrument that was to be built; null: any
 * @param nowMs epoch milliseconds
 * @throws AppError SESSION_NOT_FOUND
 */
export async function whyNotBuilt(
  identifier: string,
  instrumentPid: string | null,
  nowMs: number,
): Promise<NotBuilt> {
  const session = await getSession(identifier);
  const record = await currentRecord(identifier);
  const activities = record === null ? [] : await recordActivities(record.recordId);
  const locations = activities.flatMap(({ datasets }) =>
    datasets.flatMap(filesOfDataset).map(({ location }) => location),
  );
  return {
    session,
    outcome: session.status === 'TO_BE_BUILT' ? 'DEFERRED' : session.status,
    reason: await reasonOf(session, record, instrumentPid, nowMs),
    record,
    files: new Set(locations).size,
    activities: activities.length,
  };
}

async function reasonOf(
  session: WorkingSession,
  record: RecordVersion | null,
  instrumentPid: string | null,
  nowMs: number,
): Promise<string> {
  const { key, status } = session;
  if (instrumentPid !== null && instrumentPid !== session.instrumentPid) {
    return `it is on ${session.instrumentPid}, not on ${instrumentPid}: recordsmith --run-once --session ${key}`;
  }
  if (status !== 'TO_BE_BUILT' && status !== 'WAITING_FOR_END') {
    return finishedReason(session, record);
  }
  const problem = problemInWords(session);
  if (problem !== null) return `${problem.message} ${problem.remedy}`;
  if (status === 'WAITING_FOR_END') {
    return `it has no END yet: recordsmith log end --session ${key}`;
  }
  return waitingReason(session, await activePauses(nowMs), nowMs);
}

async function finishedReason(
  session: WorkingSession,
  record: RecordVersion | null,
): Promise<string> {
  const { key, status, endMs, heldByPerson, deferralReason, identifier } = session;
  if (status === 'CANCELLED') {
    if (heldByPerson) {
      const who = deferralReason ?? 'Cancelled by a person';
      return `${who}; take it back: recordsmith sessions release ${key}`;
    }
    return endMs === null
      ? `its source withdrew it before its END: recordsmith sessions show ${key}`
      : `its source withdrew it; build it all the same: recordsmith sessions retry ${key}`;
  }
  const { events } = await sessionHistory(identifier);
  const said = events.findLast(({ detail }) => detail !== null)?.detail?.reason ?? null;
  const facts = [
    ...(record === null ? [] : [`version ${record.version} of its record holds`]),
    ...(status === 'COMPLETED' || said === null ? [] : [said]),
  ];
  const shown = facts.length === 0 ? '' : ` (${facts.join('; ')})`;
  return `it is finished${shown}; build it again: recordsmith sessions retry ${key}`;
}

async function waitingReason(
  session: WorkingSession,
  pauses: readonly Pause[],
  nowMs: number,
): Promise<string> {
  const { key, lease, endMs, instrumentPid } = session;
  const isLeased = lease !== null && lease.expiresAtMs > nowMs;
  const zone = (await findInstrument(instrumentPid))?.timezone ?? 'utc';
  const waiting = waitingOf(session, pauses, nowMs);
  const until =
    waiting?.untilMs == null ? '' : `, not before ${localTimeText(waiting.untilMs, zone)}`;
  const why = `${waiting?.reason ?? 'it is not due'}${until}`;
  if (isLeased) return `${why}: recordsmith sessions show ${key}`;
  const pause = pauseOf(session, pauses);
  if (pause !== undefined) {
    const scope = pause.scope === 'all' ? '' : ` --instrument ${instrumentPid}`;
    return `${why}: recordsmith resume${scope}`;
  }
  if (endMs !== null && endMs > nowMs) {
    return `${why}; where the END is wrong: recordsmith sessions set ${key} --end TIME`;
  }
  return `its build was broken off or its inputs changed meanwhile: recordsmith --run-once --session ${key}`;
}
