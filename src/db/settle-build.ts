import type { Knex } from 'knex';
import type { Activity } from '../domain/activity.js';
import type { BuildOutcome } from '../domain/record-status.js';
import { AppError } from '../errors.js';
import { assertTransition } from '../sessions/transitions.js';
import { discardAttempt } from './build-attempts.js';
import { insertActivities } from './catalogue-store.js';
import { shortened } from './clean-text.js';
import type { Dialect } from './dialect.js';
import { enterStatus, FRESH_START } from './enter-status.js';
import { takeUpChange } from './refresh-session.js';
import { scopedSession } from './scope.js';
import { generationDetailColumn } from './record-generation.js';
import { saveSourceAnswer, type SettledAnswer } from './source-answer-store.js';
import type { RecordRow, SessionLogRow, SessionRow } from './tables.js';

/** The version of a record that a build made; its file is written already. */
export interface NewRecord {
  /** The immutable XML file of this version, relative to paths.records. */
  readonly path: string;
  /** The XML file that is to show the current version, relative to paths.records. */
  readonly publicPath: string;
  /** Of the XML file, lower-case hex. */
  readonly sha256: string;
  /** Why the version was made: `first build`, `new files`... */
  readonly cause: string;
  readonly activities: readonly Activity[];
}

/** How a build ended. */
export interface Settlement {
  readonly identifier: string;
  readonly token: number;
  /** As claimSession gave it. */
  readonly inputsRevision: number;
  readonly outcome: BuildOutcome;
  /** In words, for people; null: nothing to say. */
  readonly reason: string | null;
  /** Code of the error that an ERROR is about. */
  readonly errorCode?: string;
  readonly durationMs: number;
  readonly host: string;
  readonly softwareVersion: string;
  /** Of the inputs, when a record was made or found unchanged; null: no record. */
  readonly fingerprint: string | null;
  /** Null with COMPLETED or BUILT_NOT_EXPORTED: the current version is still right. */
  readonly record: NewRecord | null;
  /** What the session's source answered; absent: none was asked. */
  readonly sourceAnswer?: SettledAnswer;
}

/** What became of a settlement. In the last two cases nothing of the attempt is visible. */
export type SettleResult =
  | { readonly kind: 'settled'; readonly recordId: number | null; readonly version: number | null }
  | { readonly kind: 'lease-lost' }
  | { readonly kind: 'inputs-changed' };

/**
 * Ends a build: status of all rows, exactly one RECORD_GENERATION, the attempt, the working row and, when a record was
 * made, its version with the catalogue. All in the transaction of the scope, and only if the lease token and the
 * inputs revision are still those of the claim.
 * @throws AppError TRANSITION_NOT_ALLOWED, INPUT_INVALID (a built status without any record).
 */
export async function settleBuild(settlement: Settlement): Promise<SettleResult> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const { dialect } = unit;
  const { identifier } = settlement;
  await dialect.lockSession(transaction, identifier);
  // What somebody said by SQL meanwhile comes first, else it would be overwritten.
  await takeUpChange(transaction, dialect, identifier);
  const session = await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .forUpdate()
    .first();
  if (session?.lease_owner == null || session.lease_token !== settlement.token) {
    return { kind: 'lease-lost' };
  }
  if (
    session.inputs_revision !== settlement.inputsRevision ||
    session.status !== 'TO_BE_BUILT' ||
    session.problem !== null
  ) {
    await discardAttempt(transaction, dialect, identifier);
    return { kind: 'inputs-changed' };
  }
  assertTransition('build settles', session.status, settlement.outcome, identifier);
  const record = await recordOf(transaction, dialect, settlement);
  await enterStatus(transaction, dialect, identifier, settlement.outcome, {
    attempt: { outcome: settlement.outcome, reason: settlement.reason },
    changes: {
      ...FRESH_START,
      rebuild_fresh: false,
      ...(record === null ? {} : { built_elsewhere: false, fingerprint: settlement.fingerprint }),
    },
  });
  await logGeneration(transaction, settlement, session, record?.version ?? null);
  if (settlement.sourceAnswer !== undefined) {
    await saveSourceAnswer(transaction, dialect, identifier, settlement.sourceAnswer);
  }
  return { kind: 'settled', recordId: record?.id ?? null, version: record?.version ?? null };
}

async function logGeneration(
  transaction: Knex,
  settlement: Settlement,
  session: SessionRow,
  version: number | null,
): Promise<void> {
  const start = await transaction<SessionLogRow>('session_log')
    .where('session_identifier', settlement.identifier)
    .whereIn('event_type', ['START', 'END'])
    .first('instrument', 'user');
  await transaction<SessionLogRow>('session_log').insert({
    session_identifier: settlement.identifier,
    instrument: start?.instrument ?? session.instrument,
    user: start === undefined ? session.user : start.user,
    event_type: 'RECORD_GENERATION',
    record_status: settlement.outcome,
    attempt: session.attempts,
    detail: generationDetailColumn.write({
      outcome: settlement.outcome,
      reason: settlement.reason,
      duration_ms: Math.round(settlement.durationMs),
      host: settlement.host,
      software_version: settlement.softwareVersion,
      record_version: version,
      ...(settlement.errorCode === undefined ? {} : { error_code: settlement.errorCode }),
    }),
    revision: 1,
  });
}

/** The record that is current once the build is settled, made now or before; null: this build has none. */
async function recordOf(
  transaction: Knex,
  dialect: Dialect,
  settlement: Settlement,
): Promise<{ id: number; version: number } | null> {
  const { outcome, record, identifier } = settlement;
  if (outcome !== 'COMPLETED' && outcome !== 'BUILT_NOT_EXPORTED') return null;
  const current = await currentRow(transaction, identifier);
  if (record === null) {
    if (current !== undefined) return current;
    throw new AppError(
      'INPUT_INVALID',
      `The session ${identifier} cannot be ${outcome}: it has no record.`,
      {
        details: { sessionIdentifier: identifier },
      },
    );
  }
  if (current !== undefined) {
    await transaction<RecordRow>('records')
      .where('id', current.id)
      .update({ superseded_at: transaction.raw(dialect.now) });
  }
  return insertRecord(transaction, dialect, settlement, record, current);
}

function currentRow(knex: Knex, identifier: string): Promise<RecordRow | undefined> {
  return knex<RecordRow>('records')
    .where('session_identifier', identifier)
    .whereNull('superseded_at')
    .whereNull('withdrawn_at')
    .first();
}

async function insertRecord(
  transaction: Knex,
  dialect: Dialect,
  settlement: Settlement,
  record: NewRecord,
  superseded: RecordRow | undefined,
): Promise<{ id: number; version: number }> {
  if (settlement.fingerprint === null) {
    throw new AppError('INPUT_INVALID', 'A new record needs the fingerprint of its inputs.');
  }
  const last = await transaction<RecordRow>('records')
    .where('session_identifier', settlement.identifier)
    .orderBy('version', 'desc')
    .first('version');
  const version = (last?.version ?? 0) + 1;
  const [inserted] = await transaction<RecordRow>('records')
    .insert({
      session_identifier: settlement.identifier,
      version,
      path: record.path,
      public_path: record.publicPath,
      sha256: record.sha256,
      fingerprint: settlement.fingerprint,
      cause: shortened(record.cause, 1000),
      supersedes: superseded?.version ?? null,
    })
    .returning('id');
  if (inserted === undefined) throw new AppError('INTERNAL', 'The new record has no row.');
  await insertActivities(
    transaction,
    dialect,
    inserted.id,
    record.activities,
    superseded?.id ?? null,
  );
  return { id: inserted.id, version };
}
