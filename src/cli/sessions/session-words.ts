import type { Pause } from '../../db/pause-store.js';
import type { WorkingSession } from '../../domain/working-session.js';
import { SESSION_PROBLEMS, type SessionProblem } from '../../sessions/assemble-sessions.js';
import { isoText } from '../report-json.js';

/** Why a session is not finished, in words, and when that may change (epoch milliseconds; null: nobody knows). */
export interface Waiting {
  readonly reason: string;
  readonly untilMs: number | null;
}

/** A problem in words, with the command that mends it for this session. */
export interface ProblemInWords {
  readonly problem: SessionProblem;
  readonly message: string;
  readonly remedy: string;
}

/** The remedy of a problem with the session's key in place of ID. */
export function remedyFor(remedy: string, sessionKey: string): string {
  return remedy.replaceAll(/\bID\b/g, sessionKey);
}

/** The problem of a session in words; null: it has none. */
export function problemInWords(
  session: Pick<WorkingSession, 'problem' | 'key'>,
): ProblemInWords | null {
  const names = Object.keys(SESSION_PROBLEMS);
  const isProblem = (name: string): name is SessionProblem => names.includes(name);
  const { problem, key } = session;
  if (problem === null || !isProblem(problem)) return null;
  const { message, remedy } = SESSION_PROBLEMS[problem];
  return { problem, message, remedy: remedyFor(remedy, key) };
}

/** The pause that holds a session back, or undefined. */
export function pauseOf(
  session: Pick<WorkingSession, 'instrumentPid'>,
  pauses: readonly Pause[],
): Pause | undefined {
  return pauses.find(
    ({ scope, target }) =>
      scope === 'all' || (scope === 'instrument' && target === session.instrumentPid),
  );
}

/**
 * Why a session is not finished; null: it is.
 * @param pauses those that hold now
 * @param nowMs epoch milliseconds
 */
export function waitingOf(
  session: WorkingSession,
  pauses: readonly Pause[],
  nowMs: number,
): Waiting | null {
  if (session.status === 'WAITING_FOR_END') return { reason: 'no END yet', untilMs: null };
  if (session.status !== 'TO_BE_BUILT') return null;
  if (session.problem !== null)
    return { reason: 'it has a problem that needs a person', untilMs: null };
  const { lease, endMs, nextAttemptAtMs, deferralReason } = session;
  if (lease !== null && lease.expiresAtMs > nowMs) {
    return { reason: `being built now by ${lease.owner}`, untilMs: null };
  }
  const pause = pauseOf(session, pauses);
  if (pause !== undefined) {
    return {
      reason: `paused by ${pause.author}: ${pause.reason}`,
      untilMs: pause.untilMs,
    };
  }
  if (lease !== null) {
    const reason = `${lease.owner} stopped building it midway, the next pass takes it over`;
    return { reason, untilMs: null };
  }
  if (endMs !== null && endMs > nowMs) {
    return { reason: 'its END lies in the future', untilMs: endMs };
  }
  if (nextAttemptAtMs !== null && nextAttemptAtMs > nowMs) {
    const reason = deferralReason ?? 'changes gather before it is built again';
    return { reason, untilMs: nextAttemptAtMs };
  }
  const before = deferralReason === null ? '' : ` (put off before: ${deferralReason})`;
  return { reason: `the next pass builds it${before}`, untilMs: null };
}

/** An instant as JSON shows it: ISO 8601 in UTC; null stays. */
export function isoOrNull(epochMs: number | null): string | null {
  return epochMs === null ? null : isoText(epochMs);
}

/** A session as every verb's `--json` shows it. */
export function sessionDocument(session: WorkingSession, waiting: Waiting | null) {
  return {
    session_identifier: session.identifier,
    session_key: session.key,
    instrument: session.instrumentPid,
    user: session.user,
    start: isoOrNull(session.startMs),
    end: isoOrNull(session.endMs),
    source: session.source,
    status: session.status,
    waiting:
      waiting === null ? null : { reason: waiting.reason, until: isoOrNull(waiting.untilMs) },
    problem: session.problem,
    held_by_person: session.heldByPerson,
    built_elsewhere: session.builtElsewhere,
  };
}
