import type { Knex } from 'knex';
import type { Session } from '../domain/session.js';
import { completeSession, type WorkingSession } from '../domain/working-session.js';
import { AppError } from '../errors.js';
import { closeAttempts, discardAttempt } from './build-attempts.js';
import { shortened } from './clean-text.js';
import { instantText } from './instant.js';
import { scopedSession } from './scope.js';
import { toWorkingSession } from './session-mapper.js';
import type { SessionRow } from './tables.js';

/** What claimSession needs. */
export interface ClaimSessionOptions {
  readonly identifier: string;
  /** Who claims: host and process, for people. */
  readonly owner: string;
  readonly leaseSeconds: number;
  /** Take it also when it was put off and its next attempt is not due yet. @default false */
  readonly ignoreBackoff?: boolean;
}

/** A session that nobody else builds now, or why it cannot be had. */
export type ClaimResult =
  | {
      readonly kind: 'claimed';
      /** Needed for everything that is done under the lease. */
      readonly token: number;
      /** Number of the attempt, for its RECORD_GENERATION. */
      readonly attempt: number;
      readonly session: Session;
      readonly working: WorkingSession;
      readonly inputsRevision: number;
      /** Builds in a row whose process died, this claim's take-over included. */
      readonly diedBuilds: number;
    }
  | {
      readonly kind: 'not-claimed';
      readonly reason:
        'unknown' | 'leased' | 'put off' | 'not to be built' | 'problem' | 'END in the future';
    };

/**
 * Takes the lease of a session that is to be built, by one guarded UPDATE, and opens its attempt. An expired lease is
 * taken over; the attempt that held it is marked as died. What another process put off since the session was found to be
 * due is left alone. Times are by the database's clock.
 */
export async function claimSession(options: ClaimSessionOptions): Promise<ClaimResult> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const { dialect } = unit;
  const claimable = transaction<SessionRow>('sessions')
    .where('session_identifier', options.identifier)
    .where('status', 'TO_BE_BUILT')
    .whereNull('problem')
    .whereRaw(`end_at <= ${dialect.now}`)
    .whereRaw(`(lease_expires_at is null or lease_expires_at <= ${dialect.now})`);
  if (options.ignoreBackoff !== true) {
    void claimable.whereRaw(`(next_attempt_at is null or next_attempt_at <= ${dialect.now})`);
  }
  const [row]: SessionRow[] = await claimable
    .update({
      died_builds: transaction.raw('died_builds + case when lease_owner is null then 0 else 1 end'),
      lease_owner: shortened(options.owner, 255),
      lease_expires_at: transaction.raw(dialect.nowPlusSeconds, [
        dialect.secondsBinding(options.leaseSeconds),
      ]),
      lease_token: transaction.raw('lease_token + 1'),
      attempts: transaction.raw('attempts + 1'),
    })
    .returning('*');
  const working = row === undefined ? null : toWorkingSession(row);
  const session = working === null ? null : completeSession(working);
  if (row === undefined || working === null || session === null) {
    return { kind: 'not-claimed', reason: await whyNotClaimed(transaction, options) };
  }
  await closeAttempts(
    transaction,
    dialect,
    options.identifier,
    'DIED',
    'The process that built the session ended without a word.',
  );
  await transaction('build_attempts').insert({
    session_identifier: options.identifier,
    attempt: row.attempts,
    token: row.lease_token,
    host: shortened(options.owner, 255),
    inputs_revision: row.inputs_revision,
    started_at: transaction.raw(dialect.now),
  });
  return {
    kind: 'claimed',
    token: row.lease_token,
    attempt: row.attempts,
    session,
    working,
    inputsRevision: row.inputs_revision,
    diedBuilds: row.died_builds,
  };
}

async function whyNotClaimed(
  knex: Knex,
  { identifier, ignoreBackoff }: ClaimSessionOptions,
): Promise<Extract<ClaimResult, { kind: 'not-claimed' }>['reason']> {
  const row = await knex<SessionRow>('sessions').where('session_identifier', identifier).first();
  if (row === undefined) return 'unknown';
  if (row.status !== 'TO_BE_BUILT') return 'not to be built';
  if (row.problem !== null || row.end_at === null) return 'problem';
  if (row.lease_owner !== null) return 'leased';
  return row.next_attempt_at !== null && ignoreBackoff !== true ? 'put off' : 'END in the future';
}

/** The row of a session whose lease this token still holds. */
function leased(knex: Knex, identifier: string, token: number) {
  return knex<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .where('lease_token', token)
    .whereNotNull('lease_owner');
}

/**
 * Makes sure, in the transaction that writes something on behalf of a build, that the session is still the build's: what a
 * late or paused process has found out is never written.
 * @throws AppError LEASE_LOST when the lease is another's or given up, or the inputs have changed since the claim.
 */
export async function requireLease(
  identifier: string,
  token: number,
  inputsRevision: number,
): Promise<void> {
  const transaction = await scopedSession().writer();
  const held = await leased(transaction, identifier, token).forUpdate().first('inputs_revision');
  if (held?.inputs_revision === inputsRevision) return;
  const why = held === undefined ? 'its lease was lost' : 'its inputs changed';
  throw new AppError('LEASE_LOST', `The build of the session ${identifier} is late: ${why}.`, {
    remedy: 'Nothing has to be done: the session is built by whoever takes it next.',
    details: { sessionIdentifier: identifier },
  });
}

/** Lengthens a lease. @returns false when another process took the session over or it was cancelled. */
export async function renewLease(
  identifier: string,
  token: number,
  leaseSeconds: number,
): Promise<boolean> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const touched = await leased(transaction, identifier, token).update({
    lease_expires_at: transaction.raw(unit.dialect.nowPlusSeconds, [
      unit.dialect.secondsBinding(leaseSeconds),
    ]),
  });
  return touched === 1;
}

/** A lease that is held, also one that expired and that nobody took over. */
export interface HeldLease {
  readonly sessionIdentifier: string;
  readonly sessionKey: string;
  readonly owner: string;
  readonly token: number;
}

/** The leases that are held now. Reads only sessions that are to be built. */
export async function heldLeases(): Promise<readonly HeldLease[]> {
  const rows = await scopedSession()
    .reader()<SessionRow>('sessions')
    // A literal, so that the partial index on it can be used.
    .whereRaw("status = 'TO_BE_BUILT'")
    .whereNotNull('lease_owner')
    .orderBy('end_at')
    .select('session_identifier', 'session_key', 'lease_owner', 'lease_token');
  return rows.map((row) => ({
    sessionIdentifier: row.session_identifier,
    sessionKey: row.session_key,
    owner: row.lease_owner ?? '',
    token: row.lease_token,
  }));
}

/**
 * Has a lease expire at once, since its owner is known to be dead: whoever claims the session next takes it over as any
 * expired one. @returns false when it had expired, was given up or taken over already.
 */
export async function expireLease(identifier: string, token: number): Promise<boolean> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const touched = await leased(transaction, identifier, token)
    .whereRaw(`lease_expires_at > ${unit.dialect.now}`)
    .update({ lease_expires_at: transaction.raw(unit.dialect.now) });
  return touched === 1;
}

/** How a build is put off. */
export interface DeferSessionOptions {
  readonly identifier: string;
  readonly token: number;
  /** Of the claim: what was found out about other inputs puts nothing off. */
  readonly inputsRevision: number;
  /** Shown to people: `waiting: scan_07.emd, 41 GB, still growing`. */
  readonly reason: string;
  readonly nextAttemptAtMs: number;
  /** A failure of the session itself, which counts; false: something outside is away, or files still arrive. */
  readonly countsAsTry: boolean;
}

/** What became of a build that was to be put off. */
export type DeferResult = 'deferred' | 'inputs-changed' | 'lease-lost';

/**
 * Puts a claimed session off and gives up its lease. No event, no status. When its inputs changed since the claim, the
 * attempt is discarded instead: the session can be built with the new ones at once.
 * @returns `lease-lost`: nothing changed.
 */
export async function deferSession(options: DeferSessionOptions): Promise<DeferResult> {
  const { identifier, token } = options;
  const unit = scopedSession();
  const transaction = await unit.writer();
  const { dialect } = unit;
  const held = await leased(transaction, identifier, token).forUpdate().first('inputs_revision');
  if (held === undefined) return 'lease-lost';
  if (held.inputs_revision !== options.inputsRevision) {
    await discardAttempt(transaction, dialect, identifier);
    return 'inputs-changed';
  }
  await leased(transaction, identifier, token).update({
    lease_owner: null,
    lease_expires_at: null,
    died_builds: 0,
    next_attempt_at: instantText(options.nextAttemptAtMs),
    deferral_reason: shortened(options.reason, 1000),
    ...(options.countsAsTry
      ? {
          tries: transaction.raw('tries + 1'),
          first_failed_at: transaction.raw(`coalesce(first_failed_at, ${dialect.now})`),
        }
      : {}),
  });
  await closeAttempts(transaction, dialect, identifier, 'DEFERRED', options.reason);
  return 'deferred';
}

/** Gives a lease back without a result, as a process that stops does. @returns false when it was lost before. */
export async function releaseLease(identifier: string, token: number): Promise<boolean> {
  const unit = scopedSession();
  const transaction = await unit.writer();
  const touched = await leased(transaction, identifier, token).update({
    lease_owner: null,
    lease_expires_at: null,
    // This build did not die; whether an earlier one did is as true as before.
  });
  if (touched !== 1) return false;
  await closeAttempts(transaction, unit.dialect, identifier, 'RELEASED', 'Given back unfinished.');
  return true;
}

/**
 * Notes whether the store of a session is away, during which its file delay stands still.
 * @returns the milliseconds for which it has stood still by now.
 */
export async function noteStoreAway(
  identifier: string,
  away: boolean,
  nowMs: number,
): Promise<number> {
  const unit = scopedSession();
  const row = await unit
    .reader()<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .first('store_away_ms', 'store_away_since');
  if (row === undefined) return 0;
  const sinceMs = row.store_away_since === null ? null : Date.parse(row.store_away_since);
  const total = row.store_away_ms + (sinceMs === null ? 0 : Math.max(0, nowMs - sinceMs));
  if (away === (sinceMs !== null)) return total;
  const transaction = await unit.writer();
  await transaction<SessionRow>('sessions')
    .where('session_identifier', identifier)
    .update(
      away
        ? { store_away_since: instantText(nowMs) }
        : { store_away_since: null, store_away_ms: total },
    );
  return total;
}
