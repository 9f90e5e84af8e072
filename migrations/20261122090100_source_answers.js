// @ts-check
import { boundedText, choice, instant, json, now } from './columns/column-kinds.js';

/** Tables whose rows a rollback would lose. Answers are asked for again; what is to be removed must be. */
export const holdsData = ['output_removals'];

/**
 * The session that a row is about.
 * @param {import('knex').Knex.CreateTableBuilder} table
 * @param {string} tableName
 */
function session(table, tableName) {
  return table
    .text('session_identifier')
    .notNullable()
    .references('session_identifier')
    .inTable('sessions')
    .withKeyName(`${tableName}_session_fkey`)
    .onUpdate('CASCADE')
    .onDelete('CASCADE');
}

/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('source_answers', (table) => {
    table.comment('What the source of a session answered when it was last built, for people');
    session(table, 'source_answers');
    table.primary(['session_identifier'], 'source_answers_pkey');
    boundedText(table, 'source_answers', 'source', 100, { least: 1 }).notNullable();
    table.bigInteger('event_id').notNullable().comment('Of the source');
    choice(table, 'source_answers', 'outcome', [
      'answered',
      'no consent',
      'no reservation',
    ]).notNullable();
    instant(knex, table, 'source_answers', 'answered_at').notNullable().defaultTo(now(knex));
    json(knex, table, 'source_answers', 'details', 'object').comment(
      'Title, samples and the like; null without consent',
    );
  });

  await knex.schema.createTable('output_removals', (table) => {
    table.comment('Files of sessions without consent that are still to be removed');
    table.increments('id');
    session(table, 'output_removals');
    table
      .text('location')
      .comment(
        'A file of paths.data, whose sidecar is meant; null: whatever is named after the session',
      );
    table.text('preview').comment('Of that file, below paths.output');
    table.index(['session_identifier'], 'output_removals_session_index');
  });
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  await knex.schema.dropTable('output_removals');
  await knex.schema.dropTable('source_answers');
}
