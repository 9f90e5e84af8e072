// @ts-check
import { boundedText, flag, instant, json, now } from './columns/column-kinds.js';

/** Tables whose rows a rollback would lose. Cursors, hints and replays come again by themselves. */
export const holdsData = ['usage_events', 'api_tokens'];

/**
 * Name of an event source, as in the configuration.
 * @param {import('knex').Knex.CreateTableBuilder} table
 * @param {string} tableName
 */
function sourceName(table, tableName) {
  return boundedText(table, tableName, 'source', 100, { least: 1 }).notNullable();
}

/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('usage_events', (table) => {
    table.comment('The shadow of each usage event: what its source last said of it');
    sourceName(table, 'usage_events');
    table.bigInteger('event_id').notNullable().comment('Of the source');
    table.primary(['source', 'event_id'], 'usage_events_pkey');
    boundedText(table, 'usage_events', 'session_identifier', 255, { least: 1 }).notNullable();
    table.bigInteger('tool_id').notNullable();
    table
      .text('instrument')
      .references('instrument_pid')
      .inTable('instruments')
      .withKeyName('usage_events_instrument_fkey')
      .onUpdate('CASCADE')
      .onDelete('SET NULL')
      .comment('That of the tool; null: none');
    instant(knex, table, 'usage_events', 'start_at').notNullable();
    instant(knex, table, 'usage_events', 'end_at').comment('Null: in progress; may lie ahead');
    boundedText(table, 'usage_events', 'start_text', 100).comment('As received');
    boundedText(table, 'usage_events', 'end_text', 100).comment('As received');
    table.bigInteger('has_ended').comment('Null: the source does not say');
    table.bigInteger('user_id');
    boundedText(table, 'usage_events', 'username', 255);
    table.bigInteger('operator_id');
    boundedText(table, 'usage_events', 'operator', 255).comment('User name');
    table.bigInteger('project_id');
    boundedText(table, 'usage_events', 'project', 255).comment('Name');
    flag(knex, table, 'usage_events', 'training', false);
    flag(knex, table, 'usage_events', 'remote_work', false);
    flag(knex, table, 'usage_events', 'waived', false);
    flag(knex, table, 'usage_events', 'validated', false);
    boundedText(table, 'usage_events', 'answers_sha256', 64).comment(
      'Of the answers given at the tool, which are not kept here',
    );
    boundedText(table, 'usage_events', 'details_sha256', 64).comment(
      'Of consent and details as the last build had them; null: not asked yet',
    );
    flag(knex, table, 'usage_events', 'is_confirmed', true).comment(
      'Read from the source, not only pushed by it',
    );
    boundedText(table, 'usage_events', 'problem', 50).comment('What a person should look at');
    instant(knex, table, 'usage_events', 'first_seen_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'usage_events', 'last_seen_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'usage_events', 'last_checked_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'usage_events', 'vanished_at').comment('The source has it no more');
  });
  for (const statement of [
    'create unique index usage_events_session_unique on usage_events (session_identifier)',
    'create index usage_events_start_index on usage_events (source, start_at)',
    'create index usage_events_open_index on usage_events (source) where end_at is null and vanished_at is null',
    'create index usage_events_problem_index on usage_events (source, event_id) where problem is not null',
    'create index usage_events_instrument_index on usage_events (instrument, start_at)',
  ]) {
    await knex.raw(statement);
  }

  await knex.schema.createTable('source_cursors', (table) => {
    table.comment('How far each pass over a source has come, and how it went');
    sourceName(table, 'source_cursors');
    boundedText(table, 'source_cursors', 'pass', 40, { least: 1 }).notNullable();
    table.primary(['source', 'pass'], 'source_cursors_pkey');
    instant(knex, table, 'source_cursors', 'position_at').comment('What is older was seen');
    instant(knex, table, 'source_cursors', 'succeeded_at');
    instant(knex, table, 'source_cursors', 'failing_since_at').comment(
      'Null: the last pass went well',
    );
    table.integer('failures').notNullable().defaultTo(0).comment('In a row');
    instant(knex, table, 'source_cursors', 'next_attempt_at');
    boundedText(table, 'source_cursors', 'failure', 1000);
    json(knex, table, 'source_cursors', 'detail', 'object');
  });

  await knex.schema.createTable('webhook_hints', (table) => {
    table.comment('Pushed messages that wait to be followed up');
    table.increments('id');
    sourceName(table, 'webhook_hints');
    table.bigInteger('event_id').notNullable();
    boundedText(table, 'webhook_hints', 'action', 20).comment(
      'As the sender said; null: it did not',
    );
    json(knex, table, 'webhook_hints', 'payload', 'object').comment(
      'The usage event as pushed; only where no token lets us read it',
    );
    instant(knex, table, 'webhook_hints', 'received_at').notNullable().defaultTo(now(knex));
    table.integer('tries').notNullable().defaultTo(0);
    instant(knex, table, 'webhook_hints', 'next_attempt_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'webhook_hints', 'claimed_until').comment('Somebody follows it up now');
    table.index(['source', 'next_attempt_at', 'id'], 'webhook_hints_due_index');
    table.index(['source', 'event_id'], 'webhook_hints_event_index');
  });

  await knex.schema.createTable('replay_cache', (table) => {
    table.comment('Messages that were taken and would be believed if they came again');
    sourceName(table, 'replay_cache');
    boundedText(table, 'replay_cache', 'replay_key', 255, { least: 1 }).notNullable();
    table.primary(['source', 'replay_key'], 'replay_cache_pkey');
    instant(knex, table, 'replay_cache', 'expires_at').notNullable();
    table.index(['expires_at'], 'replay_cache_expires_index');
  });

  await knex.schema.createTable('api_tokens', (table) => {
    table.comment('Who may use the HTTP interface; tokens themselves are nowhere');
    table.increments('id');
    boundedText(table, 'api_tokens', 'name', 100, { least: 1 })
      .notNullable()
      .unique({ indexName: 'api_tokens_name_unique' });
    boundedText(table, 'api_tokens', 'token_sha256', 64, { least: 64 })
      .notNullable()
      .unique({ indexName: 'api_tokens_sha256_unique' });
    json(knex, table, 'api_tokens', 'scopes', 'array').notNullable();
    table
      .text('instrument')
      .references('instrument_pid')
      .inTable('instruments')
      .withKeyName('api_tokens_instrument_fkey')
      .onUpdate('CASCADE')
      .onDelete('CASCADE')
      .comment('Speaks for this instrument only; null: for all');
    boundedText(table, 'api_tokens', 'author', 255).notNullable();
    instant(knex, table, 'api_tokens', 'created_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'api_tokens', 'expires_at').comment('Null: never');
    instant(knex, table, 'api_tokens', 'revoked_at');
    instant(knex, table, 'api_tokens', 'last_used_at');
  });

  await knex.schema.createTable('idempotency_keys', (table) => {
    table.comment('Answers to requests that a client may send again');
    table
      .integer('token_id')
      .notNullable()
      .references('id')
      .inTable('api_tokens')
      .withKeyName('idempotency_keys_token_fkey')
      .onDelete('CASCADE');
    boundedText(table, 'idempotency_keys', 'idempotency_key', 255, { least: 1 }).notNullable();
    table.primary(['token_id', 'idempotency_key'], 'idempotency_keys_pkey');
    boundedText(table, 'idempotency_keys', 'request_sha256', 64, { least: 64 }).notNullable();
    table.integer('status').notNullable();
    json(knex, table, 'idempotency_keys', 'answer', 'object').notNullable();
    instant(knex, table, 'idempotency_keys', 'created_at').notNullable().defaultTo(now(knex));
    table.index(['created_at'], 'idempotency_keys_created_index');
  });

  await knex.schema.createTable('instrument_clocks', (table) => {
    table.comment('How the clock of an instrument PC stood against ours when it last reported');
    table
      .text('instrument')
      .notNullable()
      .references('instrument_pid')
      .inTable('instruments')
      .withKeyName('instrument_clocks_instrument_fkey')
      .onUpdate('CASCADE')
      .onDelete('CASCADE');
    table.primary(['instrument'], 'instrument_clocks_pkey');
    table.bigInteger('offset_ms').notNullable().comment('Ahead of ours: positive');
    instant(knex, table, 'instrument_clocks', 'measured_at').notNullable();
  });
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  for (const table of [
    'instrument_clocks',
    'idempotency_keys',
    'api_tokens',
    'replay_cache',
    'webhook_hints',
    'source_cursors',
    'usage_events',
  ]) {
    await knex.schema.dropTable(table);
  }
}
