import type { WorkingSession } from '../domain/working-session.js';
import { insertLog } from './insert-log.js';
import { findSession, listSessions } from './session-store.js';

/** A session that was started and not ended. */
export type OpenSession = WorkingSession & { readonly startMs: number; readonly endMs: null };

/** Open sessions that are considered: nobody forgets more than these. */
const MOST_OPEN = 500;

function isOpen(session: WorkingSession): session is OpenSession {
  return session.status === 'WAITING_FOR_END' && session.startMs !== null && session.endMs === null;
}

/** The open sessions that a source reported, latest START first. @param instrumentPid absent: on all instruments */
export async function listOpenSessions(
  source: string,
  instrumentPid?: string,
): Promise<readonly OpenSession[]> {
  const { sessions } = await listSessions(
    {
      statuses: ['WAITING_FOR_END'],
      source,
      started: true,
      ...(instrumentPid === undefined ? {} : { instrumentPid }),
    },
    { limit: MOST_OPEN },
  );
  return sessions.filter(isOpen);
}

/** What stands as the source of an END that nobody reported. Names of sources have no blanks, so it is nobody's name. */
export function autoCloseSource(source: string): string {
  return `${source} auto-close`;
}

/**
 * Ends a session that is still open; what its source says later of the END wins. In the caller's unit of work.
 * @param endMs epoch milliseconds
 * @returns false when it is not open any more.
 */
export async function closeSession(
  { identifier, instrumentPid }: OpenSession,
  source: string,
  endMs: number,
): Promise<boolean> {
  const present = await findSession(identifier);
  if (present === null || !isOpen(present)) return false;
  await insertLog({
    sessionIdentifier: identifier,
    instrumentPid,
    eventType: 'END',
    at: endMs,
    source: autoCloseSource(source),
  });
  return true;
}

/**
 * Ends each open session of a source on an instrument that another one has followed, at the START of that one.
 * @param latest identifier of the session that was reported last: it follows one with the same START too
 * @returns the sessions that ended.
 */
export async function closeFollowedSessions(
  source: string,
  instrumentPid: string,
  latest: string,
): Promise<readonly OpenSession[]> {
  const { sessions } = await listSessions(
    { source, instrumentPid, started: true },
    { limit: MOST_OPEN },
  );
  const starts = sessions
    .filter(({ status }) => status !== 'CANCELLED')
    .flatMap(({ identifier, startMs }) => (startMs === null ? [] : [{ identifier, startMs }]));
  const closed: OpenSession[] = [];
  for (const session of sessions.filter(isOpen)) {
    const [next] = starts
      .filter(
        ({ identifier, startMs }) =>
          startMs > session.startMs ||
          (startMs === session.startMs &&
            identifier === latest &&
            identifier !== session.identifier),
      )
      .sort((a, b) => a.startMs - b.startMs);
    if (next === undefined) continue;
    if (await closeSession(session, source, next.startMs)) closed.push(session);
  }
  return closed;
}
