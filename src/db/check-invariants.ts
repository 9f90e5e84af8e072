import type { Knex } from 'knex';
import type { Engine } from './dialect.js';
import { scopedSession } from './scope.js';

/** The number of an invariant in the documentation, as far as the database alone can tell whether it holds. */
export type InvariantNumber = 1 | 2 | 3 | 4 | 5 | 6 | 8;

/** A rule of the database that does not hold for a session. */
export interface InvariantViolation {
  readonly invariant: InvariantNumber;
  readonly sessionIdentifier: string;
  readonly message: string;
}

interface Check {
  readonly invariant: InvariantNumber;
  readonly message: string;
  /** Selects `session_identifier` of what violates. It reads along indexes: nothing large is sorted or kept. */
  readonly sql: string | Readonly<Record<Engine, string>>;
}

const FINISHED =
  "('COMPLETED', 'BUILT_NOT_EXPORTED', 'NO_FILES_FOUND', 'NO_CONSENT', 'NO_RESERVATION', 'ERROR', 'SKIPPED')";
const CURRENT = 'r.superseded_at is null and r.withdrawn_at is null';
/** What somebody changed by SQL and nobody took up yet, or could not be taken up, may differ. */
const TAKEN_UP =
  "(s.problem is null or s.problem <> 'LOG_ROWS_REFUSED') and not exists (select 1 from session_log_changes c where c.session_identifier = s.session_identifier)";
/** What disagrees and is listed as a problem, or was corrected, is for a person to decide. */
const UNDISPUTED = `s.problem is null and cast(s.overrides as text) = '[]' and ${TAKEN_UP}`;
const LOG_OF_SESSION =
  'from session_log l join sessions s on s.session_identifier = l.session_identifier';

/** A correction `o` in words of SQL, of which the working row says something else. */
function overridden(field: string, value: string, instant: string): string {
  return `case ${field} when 'user' then s."user" is distinct from ${value} when 'instrument' then s.instrument is distinct from ${value} when 'start' then s.start_at is distinct from ${instant} when 'end' then s.end_at is distinct from ${instant} else false end`;
}

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
    message: 'Its rows carry different statuses.',
    sql: `select l.session_identifier ${LOG_OF_SESSION} where ${TAKEN_UP} and (s.problem is null or s.problem <> 'STATUSES_DISAGREE') group by l.session_identifier having min(l.record_status) <> max(l.record_status)`,
  },
  {
    invariant: 2,
    message: 'Its rows name different instruments.',
    sql: `select l.session_identifier ${LOG_OF_SESSION} where ${UNDISPUTED} group by l.session_identifier having min(l.instrument) <> max(l.instrument)`,
  },
  {
    invariant: 2,
    message: 'Its rows name different users.',
    sql: `select l.session_identifier ${LOG_OF_SESSION} where ${UNDISPUTED} group by l.session_identifier having min(l."user") <> max(l."user") or count(l."user") not in (0, count(*))`,
  },
  {
    invariant: 2,
    message: 'Its working row has another status than its log rows.',
    sql: `select l.session_identifier ${LOG_OF_SESSION} where ${TAKEN_UP} and l.record_status <> s.status and (s.problem is null or s.problem <> 'STATUSES_DISAGREE')`,
  },
  {
    invariant: 2,
    message: 'Its working row has another instrument, user or time than its log rows.',
    sql: `select s.session_identifier from sessions s left join session_log b on b.session_identifier = s.session_identifier and b.event_type = 'START' left join session_log e on e.session_identifier = s.session_identifier and e.event_type = 'END' where ${UNDISPUTED} and (s.start_at is distinct from b.timestamp or s.end_at is distinct from e.timestamp or s.instrument is distinct from coalesce(b.instrument, e.instrument) or s."user" is distinct from coalesce(b."user", e."user"))`,
  },
  {
    invariant: 2,
    message: 'Its log rows have no working row.',
    sql: "select l.session_identifier from session_log l where l.event_type <> 'RECORD_GENERATION' and not exists (select 1 from sessions s where s.session_identifier = l.session_identifier) and not exists (select 1 from session_log_changes c where c.session_identifier = l.session_identifier)",
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
    message: 'It has more than one current record.',
    sql: `select r.session_identifier from records r where ${CURRENT} group by r.session_identifier having count(*) > 1`,
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
  {
    invariant: 5,
    message: 'It is leased and is not to be built, or has no open build attempt.',
    sql: "select s.session_identifier from sessions s where s.lease_owner is not null and (s.status <> 'TO_BE_BUILT' or not exists (select 1 from build_attempts a where a.session_identifier = s.session_identifier and a.token = s.lease_token and a.ended_at is null))",
  },
  {
    invariant: 6,
    message: 'A version of its record is missing.',
    sql: 'select r.session_identifier from records r group by r.session_identifier having count(*) <> max(r.version)',
  },
  {
    invariant: 6,
    message: 'A dataset of its record is missing in the catalogue.',
    sql: 'select r.session_identifier from records r where (select count(*) <> max(d.seqno) + 1 from datasets d where d.record_id = r.id)',
  },
  {
    invariant: 6,
    message: 'A version of its record that is not the current one can be found by searching.',
    sql: `select r.session_identifier from records r where not (${CURRENT}) and exists (select 1 from datasets d join dataset_values v on v.dataset_id = d.id where d.record_id = r.id)`,
  },
  {
    invariant: 8,
    message: 'It differs from a correction made by a person.',
    sql: {
      sqlite: `select s.session_identifier from sessions s join json_each(s.overrides) o where ${TAKEN_UP} and ${overridden("o.value ->> '$.field'", "(o.value ->> '$.value')", "(o.value ->> '$.value')")}`,
      postgres: `select s.session_identifier from sessions s cross join jsonb_array_elements(s.overrides) o(value) where ${TAKEN_UP} and ${overridden("o.value ->> 'field'", "(o.value ->> 'value')", "cast(o.value ->> 'value' as timestamptz)")}`,
    },
  },
  {
    invariant: 8,
    message: 'It is held by a person and not cancelled.',
    sql: "select s.session_identifier from sessions s where s.held_by_person <> ? and s.status <> 'CANCELLED'",
  },
  {
    invariant: 8,
    message: 'A file that a person excluded before is in its current record.',
    sql: `select f.session_identifier from session_files f join sessions s on s.session_identifier = f.session_identifier join records r on r.session_identifier = f.session_identifier and ${CURRENT} where f.rule = 'exclude' and f.updated_at < r.created_at and s.status in ('COMPLETED', 'BUILT_NOT_EXPORTED') and exists (select 1 from datasets d where d.record_id = r.id and (d.location = f.location or exists (select 1 from series_files s2 where s2.dataset_id = d.id and s2.location = f.location)))`,
  },
];

/** Violations of one kind that are listed; a defect of the program shows in the first few. */
const MOST_LISTED = 100;

/**
 * Checks the invariants as far as the database alone can tell (whether the files are there and whole is another
 * matter). Reads every table; for `doctor --deep` and tests.
 */
export async function checkInvariants(): Promise<readonly InvariantViolation[]> {
  const unit = scopedSession();
  const violations: InvariantViolation[] = [];
  for (const check of CHECKS) {
    for (const sessionIdentifier of await violating(unit.reader(), unit.dialect.engine, check)) {
      violations.push({ invariant: check.invariant, sessionIdentifier, message: check.message });
    }
  }
  return violations;
}

async function violating(knex: Knex, engine: Engine, check: Check): Promise<string[]> {
  const sql = typeof check.sql === 'string' ? check.sql : check.sql[engine];
  // The one binding there is, since the engines write booleans differently.
  const from = knex.raw(`(${sql}) as found`, sql.includes('?') ? [false] : []);
  const rows = await knex<{ session_identifier: string }>(from)
    .distinct('session_identifier')
    .limit(MOST_LISTED);
  return rows.map((row) => row.session_identifier);
}
