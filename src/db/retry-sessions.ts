import type { Knex } from 'knex';
import type { RecordStatus } from '../domain/record-status.js';
import { AppError } from '../errors.js';
import { assertTransition, FINAL_STATUSES } from '../sessions/transitions.js';
import { enterStatus, FRESH_START } from './enter-status.js';
import { instantText, optionalInstantMs } from './instant.js';
import { scopedSession } from './scope.js';
import { sessionNotFound } from './locked-session.js';
import { generationDetailColumn } from './record-generation.js';
import type { SessionLogRow, SessionRow } from './tables.js';

/** Which sessions are to be built again. Everything given must hold. */
export interface RetrySelection {
  readonly identifiers?: readonly string[];
  readonly statuses?: readonly RecordStatus[];
  /** Code of the error of the last attempt. */
  readonly code?: string;
  readonly instrumentPid?: string;
  /** Sessions that started at this instant or later, epoch milliseconds. */
  readonly sinceMs?: number;
}

/** What retrySessions did, or would do. */
export interface RetryResult {
  readonly retried: readonly {
    readonly identifier: string;
    readonly key: string;
    readonly from: RecordStatus;
    readonly instrumentPid: string;
    /** Epoch milliseconds; it is not built before. */
    readonly endMs: number | null;
    /** Name of the problem that keeps it from being built; null: none. */
    readonly problem: string | null;
  }[];
  readonly refused: readonly {
    readonly identifier: string;
    readonly key: string;
    readonly from: RecordStatus;
    readonly reason: string;
  }[];
}

/**
 * Has finished sessions built again, and forgets the back-off of those that wait. Held and open sessions are refused.
 * @throws AppError SESSION_NOT_FOUND for a named session that does not exist, INPUT_INVALID for an empty selection.
 */
export async function retrySessions(
  selection: RetrySelection,
  options: { readonly fresh?: boolean; readonly dryRun?: boolean } = {},
): Promise<RetryResult> {
  const unit = scopedSession();
  const knex = options.dryRun === true ? unit.reader() : await unit.writer();
  const rows = await selectedRows(knex, selection);
  const retried: RetryResult['retried'][number][] = [];
  const refused: RetryResult['refused'][number][] = [];
  for (const row of rows) {
    const identifier = row.session_identifier;
    const reason = whyNotRetried(row);
    if (reason !== null) {
      refused.push({ identifier, key: row.session_key, from: row.status, reason });
      continue;
    }
    assertTransition('retry', row.status, 'TO_BE_BUILT', identifier);
    retried.push({
      identifier,
      key: row.session_key,
      from: row.status,
      instrumentPid: row.instrument,
      endMs: optionalInstantMs(row.end_at),
      problem: row.problem,
    });
    if (options.dryRun === true) continue;
    await unit.dialect.lockSession(knex, identifier);
    await enterStatus(knex, unit.dialect, identifier, 'TO_BE_BUILT', {
      attempt: { outcome: 'DISCARDED', reason: 'The session is built again.' },
      changes: {
        ...FRESH_START,
        held_by_person: false,
        // A build that goes on has looked already: it is discarded, and the session looked at again.
        inputs_revision: knex.raw(
          'case when lease_owner is null then inputs_revision else inputs_revision + 1 end',
        ),
        ...(options.fresh === true ? { rebuild_fresh: true, clock_offsets: null } : {}),
      },
    });
  }
  return { retried, refused };
}

function whyNotRetried(row: SessionRow): string | null {
  if (row.end_at === null) return 'It has no END yet.';
  if (row.status === 'CANCELLED' && row.held_by_person) {
    return 'A person cancelled it: release it first (recordsmith sessions release).';
  }
  return null;
}

async function selectedRows(knex: Knex, selection: RetrySelection): Promise<SessionRow[]> {
  const { identifiers, statuses, code, instrumentPid, sinceMs } = selection;
  const query = knex<SessionRow>('sessions').orderBy('start_at', 'desc').select();
  if (identifiers !== undefined) {
    void query.where((either) => {
      void either.whereIn('session_identifier', identifiers).orWhereIn('session_key', identifiers);
    });
  } else if (
    statuses === undefined &&
    code === undefined &&
    instrumentPid === undefined &&
    sinceMs === undefined
  ) {
    throw new AppError('INPUT_INVALID', 'It is not said which sessions to build again.', {
      remedy: 'Name sessions, or select with --status, --code, --instrument or --since.',
    });
  }
  if (statuses !== undefined) void query.whereIn('status', statuses);
  // A selection means finished sessions, and nobody's decision to cancel is undone in passing.
  else if (identifiers === undefined) {
    void query.whereIn(
      'status',
      FINAL_STATUSES.filter((status) => status !== 'CANCELLED'),
    );
  }
  if (instrumentPid !== undefined) void query.where('instrument', instrumentPid);
  if (sinceMs !== undefined) void query.where('start_at', '>=', instantText(sinceMs));
  const rows = await query;
  const missing = identifiers?.find(
    (id) => !rows.some((row) => row.session_identifier === id || row.session_key === id),
  );
  if (missing !== undefined && statuses === undefined) throw sessionNotFound(missing);
  if (code === undefined) return rows;
  const failed: SessionRow[] = [];
  for (const row of rows) {
    if ((await lastErrorCode(knex, row.session_identifier)) === code) failed.push(row);
  }
  return failed;
}

async function lastErrorCode(knex: Knex, identifier: string): Promise<string | undefined> {
  const row = await knex<SessionLogRow>('session_log')
    .where({ session_identifier: identifier, event_type: 'RECORD_GENERATION' })
    .orderBy('attempt', 'desc')
    .first('detail');
  return row?.detail == null ? undefined : generationDetailColumn.read(row.detail).error_code;
}
