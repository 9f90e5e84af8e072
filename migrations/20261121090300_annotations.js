// @ts-check
import { boundedText, choice, instant, isPostgres, now } from './columns/column-kinds.js';

/** Tables whose rows a rollback would lose. */
export const holdsData = [
  'session_notes',
  'session_attributes',
  'session_directories',
  'session_experimenters',
  'session_files',
  'projects',
  'project_sessions',
];

/**
 * What every annotation has: its session, author and time.
 * @param {import('knex').Knex} knex
 * @param {import('knex').Knex.CreateTableBuilder} table
 * @param {string} tableName
 */
function annotation(knex, table, tableName) {
  table
    .text('session_identifier')
    .notNullable()
    .references('session_identifier')
    .inTable('sessions')
    .withKeyName(`${tableName}_session_fkey`)
    .onUpdate('CASCADE')
    .onDelete('CASCADE');
  boundedText(table, tableName, 'author', 255).notNullable();
  instant(knex, table, tableName, 'created_at').notNullable().defaultTo(now(knex));
  instant(knex, table, tableName, 'updated_at').notNullable().defaultTo(now(knex));
}

/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('session_notes', (table) => {
    table.comment('Notes of people on a session');
    table.increments('id');
    annotation(knex, table, 'session_notes');
    boundedText(table, 'session_notes', 'note', 1024, { least: 1 }).notNullable();
    table.index(['session_identifier'], 'session_notes_session_index');
  });

  await knex.schema.createTable('session_attributes', (table) => {
    table.comment('Named values of a session: text, JSON or bytes');
    table.increments('id');
    annotation(knex, table, 'session_attributes');
    boundedText(table, 'session_attributes', 'name', 32, { least: 1 }).notNullable();
    boundedText(table, 'session_attributes', 'value', 2000);
    table.specificType('value_json', isPostgres(knex) ? 'jsonb' : 'text');
    table.binary('value_bytes');
    if (!isPostgres(knex)) {
      table.check(
        'value_json is null or json_valid(value_json)',
        undefined,
        'session_attributes_value_json_valid',
      );
    }
    table.check(
      '(case when value is null then 0 else 1 end) + (case when value_json is null then 0 else 1 end) + (case when value_bytes is null then 0 else 1 end) = 1',
      undefined,
      'session_attributes_one_value',
    );
    table.unique(['session_identifier', 'name'], { indexName: 'session_attributes_name_unique' });
  });

  await knex.schema.createTable('session_directories', (table) => {
    table.comment(
      'Folders where the files of a session lie, instead of the folders of its instrument',
    );
    table.increments('id');
    annotation(knex, table, 'session_directories');
    boundedText(table, 'session_directories', 'directory', 4096, { least: 1 })
      .notNullable()
      .comment('Relative to paths.data');
    table.check(
      "directory not like '/%' and directory <> '..' and directory not like '../%' and directory not like '%/../%' and directory not like '%/..'",
      undefined,
      'session_directories_directory_relative',
    );
    table.index(['session_identifier'], 'session_directories_session_index');
  });

  await knex.schema.createTable('session_experimenters', (table) => {
    table.comment('People who took part in a session besides its user');
    table.increments('id');
    annotation(knex, table, 'session_experimenters');
    boundedText(table, 'session_experimenters', 'username', 255, { least: 1 }).notNullable();
    boundedText(table, 'session_experimenters', 'full_name', 255);
    table.unique(['session_identifier', 'username'], {
      indexName: 'session_experimenters_username_unique',
    });
  });

  await knex.schema.createTable('session_files', (table) => {
    table.comment('Files that a person put into a session or took out of it');
    table.increments('id');
    annotation(knex, table, 'session_files');
    boundedText(table, 'session_files', 'location', 16384, { least: 1 })
      .notNullable()
      .comment('Percent-encoded path from paths.data');
    boundedText(table, 'session_files', 'location_key', 64, { least: 64 })
      .notNullable()
      .comment('sha256 of the location in hex: locations can be longer than an index takes');
    choice(table, 'session_files', 'rule', ['include', 'exclude']).notNullable();
    boundedText(table, 'session_files', 'reason', 1024);
    table.unique(['session_identifier', 'location_key'], {
      indexName: 'session_files_location_unique',
    });
  });

  await knex.schema.createTable('projects', (table) => {
    table.comment('Projects that sessions belong to');
    table.increments('id');
    boundedText(table, 'projects', 'name', 255, { least: 1 })
      .notNullable()
      .unique({ indexName: 'projects_name_unique' });
    boundedText(table, 'projects', 'division', 255);
    boundedText(table, 'projects', 'group', 255);
    boundedText(table, 'projects', 'project_id', 255).unique({
      indexName: 'projects_project_id_unique',
    });
    boundedText(table, 'projects', 'ref', 2000);
    boundedText(table, 'projects', 'author', 255).notNullable();
    instant(knex, table, 'projects', 'created_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'projects', 'updated_at').notNullable().defaultTo(now(knex));
  });

  await knex.schema.createTable('project_sessions', (table) => {
    table.comment('Which sessions belong to which project');
    table
      .integer('project')
      .notNullable()
      .references('id')
      .inTable('projects')
      .withKeyName('project_sessions_project_fkey')
      .onDelete('RESTRICT');
    annotation(knex, table, 'project_sessions');
    table.primary(['project', 'session_identifier'], 'project_sessions_pkey');
    table.index(['session_identifier'], 'project_sessions_session_index');
  });

  await knex.schema.createTable('pauses', (table) => {
    table.comment('The brake: what is stopped, why and until when');
    table.increments('id');
    choice(table, 'pauses', 'scope', ['all', 'instrument', 'source', 'exports']).notNullable();
    boundedText(table, 'pauses', 'target', 255)
      .notNullable()
      .defaultTo('')
      .comment('Instrument or source; empty for all and exports');
    boundedText(table, 'pauses', 'reason', 1024, { least: 1 }).notNullable();
    instant(knex, table, 'pauses', 'until_at').comment('Null: until resumed');
    boundedText(table, 'pauses', 'author', 255).notNullable();
    instant(knex, table, 'pauses', 'created_at').notNullable().defaultTo(now(knex));
    table.check(
      "(scope in ('instrument', 'source')) = (target <> '')",
      undefined,
      'pauses_target_of_scope',
    );
    table.unique(['scope', 'target'], { indexName: 'pauses_target_unique' });
  });
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  for (const table of [
    'pauses',
    'project_sessions',
    'projects',
    'session_files',
    'session_experimenters',
    'session_directories',
    'session_attributes',
    'session_notes',
  ]) {
    await knex.schema.dropTable(table);
  }
}
