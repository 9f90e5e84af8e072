import { BUILD_OUTCOMES, RECORD_STATUSES, type RecordStatus } from '../domain/record-status.js';
import { instantText, optionalInstantMs } from './instant.js';
import { scopedSession } from './scope.js';
import type { InstrumentRow, SessionRow, SourceCursorRow, WebhookHintRow } from './tables.js';

/** Statuses that sessions leave again, so that few sessions have them. */
const OPEN_STATUSES = ['WAITING_FOR_END', 'TO_BE_BUILT', 'BUILT_NOT_EXPORTED'] as const;
const FINAL_STATUSES = RECORD_STATUSES.filter(
  (status) => !OPEN_STATUSES.some((open) => open === status),
);
/** Statuses of sessions whose files were looked for. */
const LOOKED_FOR_FILES: readonly RecordStatus[] = BUILD_OUTCOMES.filter((status) =>
  ['COMPLETED', 'BUILT_NOT_EXPORTED', 'NO_FILES_FOUND', 'ERROR'].includes(status),
);
/** Newest sessions of an instrument that are looked at. */
const NEWEST_SESSIONS = 50;

/** How many sessions there are of each of some statuses. */
export type StatusCounts = ReadonlyMap<RecordStatus, number>;

async function countStatuses(statuses: readonly RecordStatus[]): Promise<StatusCounts> {
  const rows = await scopedSession()
    .reader()<SessionRow>('sessions')
    .whereIn('status', [...statuses])
    .groupBy('status')
    .select('status')
    .count<{ status: RecordStatus; count: string | number }[]>({ count: '*' });
  const counts = new Map(statuses.map((status): [RecordStatus, number] => [status, 0]));
  for (const { status, count } of rows) counts.set(status, Number(count));
  return counts;
}

/** Sessions that wait for something. What it costs does not depend on how many are finished. */
export function countOpenSessions(): Promise<StatusCounts> {
  return countStatuses(OPEN_STATUSES);
}

/** Sessions that are finished: reads one index entry for each of them, so it is not to be asked every few seconds. */
export function countFinishedSessions(): Promise<StatusCounts> {
  return countStatuses(FINAL_STATUSES);
}

/**
 * How many sessions cannot be built, by the name of the problem.
 * @param openSinceMs a session without END is a problem when its START lies before this instant
 */
export async function countProblems(openSinceMs: number): Promise<ReadonlyMap<string, number>> {
  const knex = scopedSession().reader();
  const rows = await knex<SessionRow>('sessions')
    .whereNotNull('problem')
    .whereNot('status', 'CANCELLED')
    .groupBy('problem')
    .select('problem')
    .count<{ problem: string; count: string | number }[]>({ count: '*' });
  const open = await knex<SessionRow>('sessions')
    .whereRaw("status = 'WAITING_FOR_END'")
    .whereNull('problem')
    .where('start_at', '<', instantText(openSinceMs))
    .count<{ count: string | number }[]>({ count: '*' });
  const counts = new Map(
    rows.map(({ problem, count }): [string, number] => [problem, Number(count)]),
  );
  const without = counts.get('START_WITHOUT_END') ?? 0;
  return counts.set('START_WITHOUT_END', without + Number(open[0]?.count ?? 0));
}

/**
 * Since when the session that has been due for the longest time waits: its END, the end of its back-off or the last change of
 * it, whichever was last.
 * @returns epoch milliseconds; null: no session is due.
 */
export async function oldestDueSinceMs(nowMs: number): Promise<number | null> {
  const now = instantText(nowMs);
  const knex = scopedSession().reader();
  const due = 'coalesce(next_attempt_at, end_at)';
  const row = await knex<SessionRow>('sessions')
    .whereRaw("status = 'TO_BE_BUILT'")
    .whereNull('problem')
    .where('end_at', '<=', now)
    .where((either) => {
      void either.whereNull('next_attempt_at').orWhere('next_attempt_at', '<=', now);
    })
    .first<{ since: string | null } | undefined>(
      knex.raw(`min(case when ${due} > updated_at then ${due} else updated_at end) as since`),
    );
  return optionalInstantMs(row?.since ?? null);
}

/** How a pass over a source goes. */
export interface SourcePassState {
  readonly source: string;
  /** `poll`, `reconcile`... */
  readonly pass: string;
  /** Epoch milliseconds; null: never. */
  readonly succeededMs: number | null;
  /** Epoch milliseconds; null: the last one went well. */
  readonly failingSinceMs: number | null;
  /** In a row. */
  readonly failures: number;
  readonly failure: string | null;
}

/** How the passes over these sources go. */
export async function sourcePassStates(
  sources: readonly string[],
): Promise<readonly SourcePassState[]> {
  const rows = await scopedSession()
    .reader()<SourceCursorRow>('source_cursors')
    .whereIn('source', [...sources])
    .orderBy(['source', 'pass'])
    .select();
  return rows.map((row) => ({
    source: row.source,
    pass: row.pass,
    succeededMs: optionalInstantMs(row.succeeded_at),
    failingSinceMs: optionalInstantMs(row.failing_since_at),
    failures: row.failures,
    failure: row.failure,
  }));
}

/** How many pushed messages of these sources wait to be followed up. */
export async function countWaitingHints(
  sources: readonly string[],
): Promise<ReadonlyMap<string, number>> {
  const rows = await scopedSession()
    .reader()<WebhookHintRow>('webhook_hints')
    .whereIn('source', [...sources])
    .groupBy('source')
    .select('source')
    .count<{ source: string; count: string | number }[]>({ count: '*' });
  const counts = new Map(sources.map((source): [string, number] => [source, 0]));
  for (const { source, count } of rows) counts.set(source, Number(count));
  return counts;
}

/**
 * For each active instrument how many of its newest sessions had no file, counted until the first that had some; at most 50.
 * Sessions whose files were not looked for say nothing.
 */
export async function sessionsWithoutFilesInARow(
  nowMs: number,
): Promise<ReadonlyMap<string, number>> {
  const unit = scopedSession();
  const knex = unit.reader();
  const instruments = await knex<InstrumentRow>('instruments')
    .where('active', true)
    .orderByRaw(unit.dialect.byteOrder('instrument_pid'))
    .select('instrument_pid');
  const counts = new Map<string, number>();
  for (const { instrument_pid: pid } of instruments) {
    const rows = await knex<SessionRow>('sessions')
      .where('instrument', pid)
      .where('end_at', '<=', instantText(nowMs))
      .orderBy('end_at', 'desc')
      .limit(NEWEST_SESSIONS)
      .select('status');
    const looked = rows.filter(({ status }) => LOOKED_FOR_FILES.some((own) => own === status));
    const withFiles = looked.findIndex(({ status }) => status !== 'NO_FILES_FOUND');
    counts.set(pid, withFiles === -1 ? looked.length : withFiles);
  }
  return counts;
}
