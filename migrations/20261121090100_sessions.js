// @ts-check
import {
  boundedText,
  choice,
  flag,
  instant,
  isPostgres,
  json,
  now,
} from './columns/column-kinds.js';

/** Tables whose rows a rollback would lose. */
export const holdsData = ['session_log', 'sessions', 'build_attempts'];

const STATUSES = [
  'WAITING_FOR_END',
  'TO_BE_BUILT',
  'COMPLETED',
  'BUILT_NOT_EXPORTED',
  'NO_FILES_FOUND',
  'NO_CONSENT',
  'NO_RESERVATION',
  'ERROR',
  'SKIPPED',
  'CANCELLED',
];
const FINISHED_ATTEMPTS = [
  'COMPLETED',
  'BUILT_NOT_EXPORTED',
  'NO_FILES_FOUND',
  'NO_CONSENT',
  'NO_RESERVATION',
  'ERROR',
  'SKIPPED',
  'DEFERRED',
  'DIED',
  'RELEASED',
  'DISCARDED',
];

/**
 * @param {import('knex').Knex.CreateTableBuilder} table
 * @param {string} tableName
 * @param {string} column
 */
function instrumentKey(table, tableName, column) {
  return table
    .text(column)
    .references('instrument_pid')
    .inTable('instruments')
    .withKeyName(`${tableName}_instrument_fkey`)
    .onUpdate('CASCADE')
    .onDelete('RESTRICT');
}

/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('session_log', (table) => {
    table.comment('What happened: START, END and RECORD_GENERATION of every session');
    table.increments('id_session_log');
    boundedText(table, 'session_log', 'session_identifier', 255, { least: 1 }).notNullable();
    instrumentKey(table, 'session_log', 'instrument').notNullable();
    instant(knex, table, 'session_log', 'timestamp').notNullable().defaultTo(now(knex));
    boundedText(table, 'session_log', 'timestamp_text', 100).comment('The time as it was received');
    choice(table, 'session_log', 'event_type', ['START', 'END', 'RECORD_GENERATION']).notNullable();
    choice(table, 'session_log', 'record_status', STATUSES)
      .notNullable()
      .defaultTo('WAITING_FOR_END')
      .comment('All rows of a session carry the same');
    boundedText(table, 'session_log', 'user', 255).comment('User name');
    boundedText(table, 'session_log', 'source', 100).comment('Event source that reported it');
    table.integer('attempt').comment('RECORD_GENERATION: number of the build attempt');
    json(knex, table, 'session_log', 'detail', 'object').comment(
      'RECORD_GENERATION: outcome, reason, duration, host, versions; never changed later',
    );
    instant(knex, table, 'session_log', 'created_at').notNullable().defaultTo(now(knex));
    table
      .integer('revision')
      .notNullable()
      .defaultTo(0)
      .comment(
        'Raised by recordsmith with each change of the row; a change that leaves it was made by hand',
      );
    table.check(
      "event_type = 'RECORD_GENERATION' or (attempt is null and detail is null)",
      undefined,
      'session_log_attempt_of_generation',
    );
    table.index(['instrument'], 'session_log_instrument_index');
  });
  await knex.raw(
    "create unique index session_log_event_unique on session_log (session_identifier, event_type) where event_type <> 'RECORD_GENERATION'",
  );
  await knex.raw(
    "create unique index session_log_attempt_unique on session_log (session_identifier, attempt) where event_type = 'RECORD_GENERATION' and attempt is not null",
  );
  await knex.raw('create index session_log_identifier_index on session_log (session_identifier)');

  await knex.schema.createTable('session_log_changes', (table) => {
    table.comment(
      'Sessions whose log rows were changed by hand and not looked at yet (filled by triggers)',
    );
    boundedText(table, 'session_log_changes', 'session_identifier', 255).notNullable();
    table.primary(['session_identifier'], 'session_log_changes_pkey');
  });
  await createTriggers(knex);

  await knex.schema.createTable('sessions', (table) => {
    table.comment(
      'The working row of a session, made from its log rows and the corrections of people',
    );
    boundedText(table, 'sessions', 'session_identifier', 255, { least: 1 }).notNullable();
    table.primary(['session_identifier'], 'sessions_pkey');
    boundedText(table, 'sessions', 'session_key', 16, { least: 16 })
      .notNullable()
      .unique({ indexName: 'sessions_session_key_unique' })
      .comment('Base32 of the sha256 of the identifier');
    instrumentKey(table, 'sessions', 'instrument').notNullable().comment('Overrides applied');
    boundedText(table, 'sessions', 'user', 255).comment('Overrides applied');
    instant(knex, table, 'sessions', 'start_at').comment('Overrides applied');
    instant(knex, table, 'sessions', 'end_at').comment('Overrides applied');
    boundedText(table, 'sessions', 'source', 100);
    choice(table, 'sessions', 'status', STATUSES).notNullable().comment('That of the log rows');
    boundedText(table, 'sessions', 'problem', 50).comment('Why it cannot be built; null: it can');
    table.integer('inputs_revision').notNullable().defaultTo(1);
    boundedText(table, 'sessions', 'lease_owner', 255);
    instant(knex, table, 'sessions', 'lease_expires_at').comment("By the database's clock");
    table.bigInteger('lease_token').notNullable().defaultTo(0).comment('Rises with each claim');
    table.integer('attempts').notNullable().defaultTo(0).comment('Build attempts ever begun');
    table.integer('tries').notNullable().defaultTo(0).comment('Failed tries with these inputs');
    table.integer('died_builds').notNullable().defaultTo(0).comment('Builds that died in a row');
    instant(knex, table, 'sessions', 'first_failed_at').comment('First of the failed tries');
    instant(knex, table, 'sessions', 'next_attempt_at');
    boundedText(table, 'sessions', 'deferral_reason', 1000);
    flag(knex, table, 'sessions', 'held_by_person', false);
    flag(knex, table, 'sessions', 'built_elsewhere', false);
    flag(knex, table, 'sessions', 'rebuild_fresh', false).comment(
      'The next build drops datasets that are gone',
    );
    json(knex, table, 'sessions', 'overrides', 'array')
      .notNullable()
      .defaultTo('[]')
      .comment('[{field, value, sourceValue, who, at, why}]');
    boundedText(table, 'sessions', 'fingerprint', 128).comment(
      'Of the inputs of the current version',
    );
    json(knex, table, 'sessions', 'last_look', 'object').comment(
      '{digest, waitingSinceMs} while files arrive',
    );
    json(knex, table, 'sessions', 'clock_offsets', 'array').comment(
      '[{path, offsets: [{valid_from, offset_ms}]}] of the folders of the instrument, frozen at END',
    );
    table
      .bigInteger('store_away_ms')
      .notNullable()
      .defaultTo(0)
      .comment('Milliseconds for which the file delay stood still');
    instant(knex, table, 'sessions', 'store_away_since');
    instant(knex, table, 'sessions', 'created_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'sessions', 'updated_at').notNullable().defaultTo(now(knex));
    table.check(
      '(lease_owner is null) = (lease_expires_at is null)',
      undefined,
      'sessions_lease_whole',
    );
    table.check(
      "status <> 'CANCELLED' or lease_owner is null",
      undefined,
      'sessions_cancelled_not_leased',
    );
    table.check('attempts >= 0 and tries >= 0 and died_builds >= 0', undefined, 'sessions_counts');
  });
  for (const statement of [
    "create index sessions_due_index on sessions (end_at) where status = 'TO_BE_BUILT'",
    "create index sessions_open_index on sessions (start_at) where status = 'WAITING_FOR_END'",
    "create index sessions_export_owed_index on sessions (end_at) where status = 'BUILT_NOT_EXPORTED'",
    'create index sessions_problem_index on sessions (start_at) where problem is not null',
    'create index sessions_instrument_index on sessions (instrument, start_at)',
    'create index sessions_neighbour_index on sessions (instrument, end_at)',
    'create index sessions_user_index on sessions ("user", start_at)',
    'create index sessions_start_index on sessions (start_at, session_identifier)',
    'create index sessions_status_index on sessions (status, start_at)',
  ]) {
    await knex.raw(statement);
  }

  await knex.schema.createTable('build_attempts', (table) => {
    table.comment('Every attempt at building a session, also deferred and dead ones');
    table.increments('id');
    table
      .text('session_identifier')
      .notNullable()
      .references('session_identifier')
      .inTable('sessions')
      .withKeyName('build_attempts_session_fkey')
      .onUpdate('CASCADE')
      .onDelete('RESTRICT');
    table.integer('attempt').notNullable();
    table.bigInteger('token').notNullable().comment('Of the lease');
    boundedText(table, 'build_attempts', 'host', 255).notNullable().comment('Who built');
    table.integer('inputs_revision').notNullable();
    instant(knex, table, 'build_attempts', 'started_at').notNullable();
    instant(knex, table, 'build_attempts', 'ended_at');
    choice(table, 'build_attempts', 'outcome', FINISHED_ATTEMPTS).comment('Null: still going');
    boundedText(table, 'build_attempts', 'reason', 2000);
    table.check(
      '(ended_at is null) = (outcome is null)',
      undefined,
      'build_attempts_ended_with_outcome',
    );
    table.unique(['session_identifier', 'attempt'], {
      indexName: 'build_attempts_attempt_unique',
    });
    table.unique(['session_identifier', 'token'], { indexName: 'build_attempts_token_unique' });
  });
}

/** Marks sessions whose log rows somebody changes by SQL. @param {import('knex').Knex} knex */
async function createTriggers(knex) {
  const byHand =
    '(new.revision = old.revision and (new.session_identifier <> old.session_identifier or new.instrument <> old.instrument or new.timestamp <> old.timestamp or new.event_type <> old.event_type or new.record_status <> old.record_status or new."user" is distinct from old."user"))';
  if (isPostgres(knex)) {
    // The search path is frozen into the function, so that it also works for people who name the schema.
    await knex.raw(`create function note_session_log_change() returns trigger language plpgsql set search_path from current as $$
      begin
        if tg_op <> 'INSERT' then
          insert into session_log_changes values (old.session_identifier) on conflict do nothing;
        end if;
        if tg_op <> 'DELETE' then
          insert into session_log_changes values (new.session_identifier) on conflict do nothing;
        end if;
        return null;
      end $$`);
    await knex.raw(
      'create trigger session_log_inserted_by_hand after insert on session_log for each row when (new.revision = 0) execute function note_session_log_change()',
    );
    await knex.raw(
      `create trigger session_log_updated_by_hand after update on session_log for each row when (${byHand}) execute function note_session_log_change()`,
    );
    await knex.raw(
      'create trigger session_log_deleted after delete on session_log for each row execute function note_session_log_change()',
    );
    return;
  }
  const note = (/** @type {string} */ row) =>
    `insert into session_log_changes values (${row}.session_identifier) on conflict do nothing;`;
  await knex.raw(
    `create trigger session_log_inserted_by_hand after insert on session_log for each row when new.revision = 0 begin ${note('new')} end`,
  );
  await knex.raw(
    `create trigger session_log_updated_by_hand after update on session_log for each row when ${byHand.replace('is distinct from', 'is not')} begin ${note('old')} ${note('new')} end`,
  );
  await knex.raw(
    `create trigger session_log_deleted after delete on session_log for each row begin ${note('old')} end`,
  );
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  await knex.schema.dropTable('build_attempts');
  await knex.schema.dropTable('sessions');
  await knex.schema.dropTable('session_log');
  await knex.schema.dropTable('session_log_changes');
  if (isPostgres(knex)) await knex.raw('drop function note_session_log_change()');
}
