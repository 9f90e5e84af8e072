import type { Knex } from 'knex';
import { readTime } from '../domain/local-time.js';
import type { RecordStatus } from '../domain/record-status.js';
import { AppError } from '../errors.js';
import {
  assembleSession,
  type Override,
  type OverrideField,
} from '../sessions/assemble-sessions.js';
import { assertTransition, FINAL_STATUSES } from '../sessions/transitions.js';
import { boundedText, shortened } from './clean-text.js';
import { enterStatus, FRESH_START } from './enter-status.js';
import { instantText, isStorableInstant } from './instant.js';
import { raiseNeighbours, refreshSession } from './refresh-session.js';
import { scopedSession, type UnitOfWork } from './scope.js';
import { generationDetailColumn, sessionNotFound } from './session-log-store.js';
import { overridesColumn, toLogEvents } from './session-mapper.js';
import type { SessionLogRow, SessionRow } from './tables.js';

/** Who steers, and why. */
export interface SteeringOptions {
  readonly who: string;
  readonly why?: string | null;
}

/** Corrections of a session. Start and end are ISO instants with a zone or epoch milliseconds. */
export interface SessionCorrections {
  readonly start?: string | number;
  readonly end?: string | number;
  readonly user?: string | null;
  readonly instrument?: string;
}

/** Locks a session by identifier or key and gives its row. @throws AppError SESSION_NOT_FOUND. */
export async function lockedSession(
  unit: UnitOfWork,
  transaction: Knex,
  idOrKey: string,
): Promise<SessionRow> {
  const found = await transaction<SessionRow>('sessions')
    .where('session_identifier', idOrKey)
    .orWhere('session_key', idOrKey.toLowerCase())
    .first('session_identifier');
  if (found === undefined) throw sessionNotFound(idOrKey);
  await unit.dialect.lockSession(transaction, found.session_identifier);
  const row = await transaction<SessionRow>('sessions')
    .where('session_identifier', found.session_identifier)
    .first();
  if (row === undefined) throw sessionNotFound(idOrKey);
  return row;
}

function correctedInstant(field: string, value: string | number): string {
  const refused = (why: string): AppError =>
    new AppError('TIME_INVALID', `The ${field} '${String(value).slice(0, 60)}' ${why}.`, {
      remedy: 'Write it like 2026-03-01T14:30:00+01:00.',
    });
  if (typeof value === 'number') {
    if (!isStorableInstant(value)) throw refused('is no time of the years 0001 to 9999');
    return instantText(value);
  }
  const { epochMs, naive } = readTime(value, { zone: 'UTC' });
  if (naive) throw refused('names no zone or offset');
  if (!isStorableInstant(epochMs)) throw refused('is no time of the years 0001 to 9999');
  return instantText(epochMs);
}

async function correctionsOf(
  knex: Knex,
  corrections: SessionCorrections,
): Promise<Map<OverrideField, string | null>> {
  const values = new Map<OverrideField, string | null>();
  if (corrections.start !== undefined) {
    values.set('start', correctedInstant('START', corrections.start));
  }
  if (corrections.end !== undefined) values.set('end', correctedInstant('END', corrections.end));
  if (corrections.user !== undefined) {
    values.set(
      'user',
      corrections.user === null ? null : boundedText('The user', corrections.user, 255),
    );
  }
  if (corrections.instrument !== undefined) {
    const known: unknown = await knex('instruments')
      .where('instrument_pid', corrections.instrument)
      .first('instrument_pid');
    if (known === undefined) {
      throw new AppError(
        'INSTRUMENT_NOT_FOUND',
        `There is no instrument ${corrections.instrument}.`,
        {
          remedy: 'See `recordsmith instruments list`.',
        },
      );
    }
    values.set('instrument', corrections.instrument);
  }
  return values;
}

async function sourceValues(
  knex: Knex,
  identifier: string,
): Promise<Readonly<Record<OverrideField, string | null>>> {
  const rows = await knex<SessionLogRow>('session_log')
    .where('session_identifier', identifier)
    .whereIn('event_type', ['START', 'END'])
    .select();
  const said = assembleSession(toLogEvents(rows), []);
  return {
    start: said.startMs === null ? null : instantText(said.startMs),
    end: said.endMs === null ? null : instantText(said.endMs),
    user: said.user,
    instrument: said.instrumentPid,
  };
}

/**
 * Corrects what the source says of a session. A correction stays until it is cleared, whatever the source says later.
 * @throws AppError SESSION_NOT_FOUND, INSTRUMENT_NOT_FOUND, TIME_INVALID, INPUT_INVALID.
 */
export async function setOverrides(
  idOrKey: string,
  corrections: SessionCorrections,
  options: SteeringOptions & { readonly nowMs: number },
): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const values = await correctionsOf(transaction, corrections);
  const source = await sourceValues(transaction, session.session_identifier);
  const kept = overridesColumn.read(session.overrides).filter(({ field }) => !values.has(field));
  const added: Override[] = [...values].map(([field, value]) => ({
    field,
    value,
    sourceValue: source[field],
    who: boundedText('The author', options.who, 255),
    at: instantText(options.nowMs),
    why: options.why ?? null,
  }));
  await writeOverrides(unit, transaction, session, [...kept, ...added]);
}

/** Takes corrections back (all, when no field is named); the session is again as its source says. */
export async function clearOverrides(
  idOrKey: string,
  fields?: readonly OverrideField[],
): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const kept = overridesColumn
    .read(session.overrides)
    .filter(({ field }) => fields !== undefined && !fields.includes(field));
  await writeOverrides(unit, transaction, session, kept);
}

async function writeOverrides(
  unit: UnitOfWork,
  transaction: Knex,
  session: SessionRow,
  overrides: Override[],
): Promise<void> {
  // Neighbours of the old time are looked at again too, refreshSession sees to those of the new one.
  await raiseNeighbours(transaction, unit.dialect, session.session_identifier);
  await transaction<SessionRow>('sessions')
    .where('session_identifier', session.session_identifier)
    .update({ overrides: overridesColumn.write(overrides) });
  await refreshSession(transaction, unit.dialect, session.session_identifier, 'inputs change');
}

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
  }[];
  readonly refused: readonly {
    readonly identifier: string;
    readonly key: string;
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
      refused.push({ identifier, key: row.session_key, reason });
      continue;
    }
    assertTransition('retry', row.status, 'TO_BE_BUILT', identifier);
    retried.push({ identifier, key: row.session_key, from: row.status });
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
        ...(options.fresh === true ? { rebuild_fresh: true } : {}),
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

/**
 * Cancels a session for good: its record is withdrawn, a build that goes on is discarded, and no source brings it back
 * before releaseSession.
 * @throws AppError SESSION_NOT_FOUND.
 */
export async function cancelSession(idOrKey: string, options: SteeringOptions): Promise<void> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  const identifier = session.session_identifier;
  assertTransition('cancel', session.status, 'CANCELLED', identifier);
  const why = options.why == null ? '' : `: ${options.why}`;
  await enterStatus(transaction, unit.dialect, identifier, 'CANCELLED', {
    attempt: { outcome: 'DISCARDED', reason: 'The session was cancelled.' },
    changes: {
      ...FRESH_START,
      held_by_person: true,
      inputs_revision: transaction.raw('inputs_revision + 1'),
      deferral_reason: shortened(`Cancelled by ${options.who}${why}`, 1000),
    },
  });
  await raiseNeighbours(transaction, unit.dialect, identifier);
}

/**
 * Takes a cancelling back: the session is again what its rows say.
 * @throws AppError SESSION_NOT_FOUND, TRANSITION_NOT_ALLOWED when it is not cancelled.
 */
export async function releaseSession(idOrKey: string): Promise<RecordStatus> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const session = await lockedSession(unit, transaction, idOrKey);
  assertTransition(
    'release',
    session.status,
    session.end_at === null ? 'WAITING_FOR_END' : 'TO_BE_BUILT',
    session.session_identifier,
  );
  await transaction<SessionRow>('sessions')
    .where('session_identifier', session.session_identifier)
    .update({ held_by_person: false });
  const { status } = await refreshSession(
    transaction,
    unit.dialect,
    session.session_identifier,
    'release',
  );
  return status;
}
