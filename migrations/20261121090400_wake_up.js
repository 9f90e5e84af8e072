// @ts-check
import { isPostgres } from './columns/column-kinds.js';

/** A session that could be claimed at this moment, as the columns of a row. @param {string} row */
function claimable(row) {
  return `(${row}.status = 'TO_BE_BUILT' and ${row}.problem is null and ${row}.lease_owner is null and ${row}.end_at <= clock_timestamp() and (${row}.next_attempt_at is null or ${row}.next_attempt_at <= clock_timestamp()))`;
}

/** Columns of a log row whose change by hand has to be looked at. */
const LOOKED_AT = [
  'session_identifier',
  'instrument',
  'timestamp',
  'event_type',
  'record_status',
  '"user"',
];

/**
 * What wakes the daemons: the table, the event, the rows as the trigger sees them, and when they are worth it. Rows that
 * recordsmith writes into the log raise their revision; what follows from them shows in `sessions`.
 */
const TRIGGERS = [
  {
    name: 'session_log_inserted',
    on: 'insert on session_log referencing new table as after_rows',
    when: "select 1 from after_rows a where a.revision = 0 and a.event_type <> 'RECORD_GENERATION'",
  },
  {
    name: 'session_log_updated',
    on: 'update on session_log referencing old table as before_rows new table as after_rows',
    when: `select 1 from after_rows a join before_rows b using (id_session_log) where a.revision = b.revision and a.event_type <> 'RECORD_GENERATION' and (${LOOKED_AT.map((name) => `a.${name} is distinct from b.${name}`).join(' or ')})`,
  },
  {
    name: 'sessions_inserted',
    on: 'insert on sessions referencing new table as after_rows',
    when: `select 1 from after_rows a where ${claimable('a')}`,
  },
  {
    name: 'sessions_updated',
    on: 'update on sessions referencing old table as before_rows new table as after_rows',
    when: `select 1 from after_rows a join before_rows b using (session_identifier) where ${claimable('a')} and not coalesce(${claimable('b')}, false)`,
  },
];

/**
 * In PostgreSQL, statements after which a session could be built tell the daemons so by NOTIFY, on a channel of the
 * schema. SQLite has no such thing: its daemons look by their schedule alone.
 * @param {import('knex').Knex} knex
 */
export async function up(knex) {
  if (!isPostgres(knex)) return;
  // A channel's name has at most 63 bytes.
  await knex.raw(`create function wake_up_channel(schema text) returns text language sql immutable as $$
    select 'recordsmith:' || case when octet_length(schema) <= 48 then schema else md5(schema) end
  $$`);
  for (const { name, on, when } of TRIGGERS) {
    await knex.raw(`create function wake_up_${name}() returns trigger language plpgsql set search_path from current as $$
      begin
        if exists (${when}) then
          perform pg_notify(wake_up_channel(tg_table_schema), '');
        end if;
        return null;
      end $$`);
    await knex.raw(
      `create trigger ${name}_wake_up after ${on} for each statement execute function wake_up_${name}()`,
    );
  }
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  if (!isPostgres(knex)) return;
  for (const { name } of TRIGGERS) await knex.raw(`drop function wake_up_${name}() cascade`);
  await knex.raw('drop function wake_up_channel(text)');
}
