import type { Knex } from 'knex';
import { scopedSession } from './scope.js';

/** A rule of the database that does not hold for a session. */
export interface InvariantViolation {
  /** Number of the invariant in the documentation. */
  readonly invariant: 1 | 2 | 3 | 4 | 5;
  readonly sessionIdentifier: string;
  readonly message: string;
}

interface Check {
  readonly invariant: InvariantViolation['invariant'];
  readonly message: string;
  /** Selects `session_identifier` of what violates. */
  readonly sql: string;
}

const FINISHED =
  "('COMPLETED', 'BUILT_NOT_EXPORTED', 'NO_FILES_FOUND', 'NO_CONSENT', 'NO_RESERVATION', 'ERROR', 'SKIPPED')";
const CURRENT = 'r.superseded_at is null and r.withdrawn_at is null';

const CHECKS: readonly Check[] = [
  {
    invariant: 1,
    message: 'It has more than one START or END.',
    sql: "select session_identifier from session_log where event_type <> 'RECORD_GENERATION' group by session_identifier, event_type having count(*) > 1",
  },
  {
    invariant: 1,
    message: 'An attempt has more than one RECORD_GENERATION.',
    sql: "select session_identifier from session_log where event_type = 'RECORD_GENERATION' and attempt is not null group by session_identifier, attempt having count(*) > 1",
  },
  {
    invariant: 2,
    message: 'Its rows carry different statuses, instruments or users.',
    // What disagrees and is listed as a problem is waiting for a person, not a defect.
    sql: `select l.session_identifier from session_log l join sessions s on s.session_identifier = l.session_identifier where s.problem is null and cast(s.overrides as text) = '[]' group by l.session_identifier having count(distinct l.record_status) > 1 or count(distinct l.instrument) > 1 or count(distinct l."user") > 1`,
  },
  {
    invariant: 2,
    message: 'Its working row has another status than its log rows.',
    sql: "select distinct l.session_identifier from session_log l join sessions s on s.session_identifier = l.session_identifier where l.record_status <> s.status and (s.problem is null or s.problem <> 'STATUSES_DISAGREE')",
  },
  {
    invariant: 3,
    message: 'A finished attempt has no RECORD_GENERATION.',
    sql: `select a.session_identifier from build_attempts a where a.outcome in ${FINISHED} and not exists (select 1 from session_log l where l.session_identifier = a.session_identifier and l.event_type = 'RECORD_GENERATION' and l.attempt = a.attempt)`,
  },
  {
    invariant: 3,
    message: 'An attempt that did not finish has a RECORD_GENERATION.',
    sql: `select a.session_identifier from build_attempts a join session_log l on l.session_identifier = a.session_identifier and l.attempt = a.attempt and l.event_type = 'RECORD_GENERATION' where a.outcome is null or a.outcome not in ${FINISHED}`,
  },
  {
    invariant: 4,
    message: 'It is built and has no current record.',
    sql: `select s.session_identifier from sessions s where s.status in ('COMPLETED', 'BUILT_NOT_EXPORTED') and s.built_elsewhere = ? and not exists (select 1 from records r where r.session_identifier = s.session_identifier and ${CURRENT})`,
  },
  {
    invariant: 4,
    message: 'It is cancelled or without consent and has a current record.',
    sql: `select s.session_identifier from sessions s where s.status in ('CANCELLED', 'NO_CONSENT') and exists (select 1 from records r where r.session_identifier = s.session_identifier and ${CURRENT})`,
  },
  {
    invariant: 4,
    message: 'The database knows files of a session without consent.',
    sql: `select s.session_identifier from sessions s where s.status = 'NO_CONSENT' and (exists (select 1 from file_verdicts v where v.session_identifier = s.session_identifier) or exists (select 1 from records r join activities a on a.record_id = r.id where r.session_identifier = s.session_identifier))`,
  },
  {
    invariant: 5,
    message: 'It has more than one open build attempt, or one that nobody has a lease for.',
    sql: 'select a.session_identifier from build_attempts a join sessions s on s.session_identifier = a.session_identifier where a.ended_at is null group by a.session_identifier, s.lease_token having count(*) > 1 or max(case when s.lease_owner is null or a.token <> s.lease_token then 1 else 0 end) = 1',
  },
];

/** Violations of one kind that are listed; a defect of the program shows in the first few. */
const MOST_LISTED = 100;

/**
 * Checks the invariants as far as the database alone can tell (whether the files are there and whole is another
 * matter). Reads every table; for `doctor --deep` and tests.
 */
export async function checkInvariants(): Promise<readonly InvariantViolation[]> {
  const knex = scopedSession().reader();
  const violations: InvariantViolation[] = [];
  for (const check of CHECKS) {
    for (const sessionIdentifier of await violating(knex, check)) {
      violations.push({ invariant: check.invariant, sessionIdentifier, message: check.message });
    }
  }
  return violations;
}

async function violating(knex: Knex, check: Check): Promise<string[]> {
  // The one binding there is, since the engines write booleans differently.
  const from = knex.raw(`(${check.sql}) as found`, check.sql.includes('?') ? [false] : []);
  const rows = await knex<{ session_identifier: string }>(from)
    .distinct('session_identifier')
    .limit(MOST_LISTED);
  return rows.map((row) => row.session_identifier);
}
