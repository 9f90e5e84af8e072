import { recordActivities } from '../db/catalogue-store.js';
import { listVerdicts } from '../db/look-store.js';
import { currentRecord } from '../db/record-store.js';
import { listProblems, listSessions, sessionHistory } from '../db/session-store.js';
import type { Activity } from '../domain/activity.js';
import { RECORD_STATUSES, type RecordStatus } from '../domain/record-status.js';
import type { WorkingSession } from '../domain/working-session.js';

/** A session of the lab as the database knows it now. */
export interface ListedDemoSession {
  readonly session: WorkingSession;
  /** Its status; a complete one that is put off is DEFERRED. */
  readonly outcome: RecordStatus | 'DEFERRED';
  /** In plain words; null: nothing to say. */
  readonly reason: string | null;
  /** What a person has to do; null: nothing. */
  readonly remedy: string | null;
  readonly files: number;
  readonly activities: number;
  /** Files whose reading left a warning in the record. */
  readonly filesWithWarning: number;
  /** Relative to paths.records; null: no record. */
  readonly record: { readonly publicPath: string; readonly version: number } | null;
  /** Milliseconds of the last attempt; null: none. */
  readonly durationMs: number | null;
}

const OUTCOME_ORDER: readonly string[] = [
  ...RECORD_STATUSES.filter((status) => status !== 'WAITING_FOR_END' && status !== 'TO_BE_BUILT'),
  'DEFERRED',
  'TO_BE_BUILT',
  'WAITING_FOR_END',
];

/**
 * Every session of the lab, those that went well first. Needs a unit of work.
 * @param openSinceMs a session without END is a problem when its START is older (epoch milliseconds)
 */
export async function listDemoSessions(openSinceMs: number): Promise<readonly ListedDemoSession[]> {
  const problems = new Map(
    (await listProblems(openSinceMs)).map((problem) => [problem.session.identifier, problem]),
  );
  const listed: ListedDemoSession[] = [];
  for (const session of await allSessions()) {
    listed.push(await describe(session, problems.get(session.identifier) ?? null));
  }
  return listed.sort((a, b) => OUTCOME_ORDER.indexOf(a.outcome) - OUTCOME_ORDER.indexOf(b.outcome));
}

async function allSessions(): Promise<WorkingSession[]> {
  const sessions: WorkingSession[] = [];
  let cursor: string | null = null;
  do {
    const page = await listSessions({}, cursor === null ? {} : { cursor });
    sessions.push(...page.sessions);
    cursor = page.nextCursor;
  } while (cursor !== null);
  return sessions;
}

async function describe(
  session: WorkingSession,
  problem: { readonly message: string; readonly remedy: string } | null,
): Promise<ListedDemoSession> {
  const { identifier, status } = session;
  const { events, attempts } = await sessionHistory(identifier);
  const record = await currentRecord(identifier);
  const activities = record === null ? [] : await recordActivities(record.recordId);
  const verdicts = await listVerdicts(identifier);
  const last = attempts.at(-1);
  const isDeferred = status === 'TO_BE_BUILT' && session.deferralReason !== null;
  return {
    session,
    outcome: isDeferred ? 'DEFERRED' : status,
    reason:
      problem?.message ??
      session.deferralReason ??
      (status === 'WAITING_FOR_END'
        ? 'the session goes on: it has no END yet'
        : (events.findLast((event) => event.detail !== null)?.detail?.reason ?? null)),
    remedy: problem === null ? null : remedyFor(session, problem.remedy),
    files: verdicts.filter(({ verdict }) => verdict === 'in' || verdict === 'included').length,
    activities: activities.length,
    filesWithWarning: filesWithWarning(activities),
    record: record === null ? null : { publicPath: record.publicPath, version: record.version },
    durationMs: last?.endedAtMs == null ? null : last.endedAtMs - last.startedAtMs,
  };
}

/** The remedy with what is known filled in; only the times are for the person to say. */
function remedyFor({ identifier, instrumentPid }: WorkingSession, remedy: string): string {
  return remedy.replaceAll(/\bID\b/g, () => identifier).replaceAll(/\bPID\b/g, () => instrumentPid);
}

function filesWithWarning(activities: readonly Activity[]): number {
  const warned = activities
    .flatMap(({ datasets }) => datasets)
    .filter(({ warnings }) => warnings.length > 0);
  return new Set(warned.map(({ location }) => location)).size;
}
