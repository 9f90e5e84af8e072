// @ts-check
import { boundedText, choice, instant, json, now } from './columns/column-kinds.js';

/** Tables whose rows a rollback would lose. */
export const holdsData = ['records', 'datasets', 'series_files', 'file_verdicts'];

const VERDICTS = [
  'in',
  'included',
  'excluded',
  'before start',
  'after end',
  'ignored',
  'no format',
  'companion',
  'other session',
  'unreadable',
  'stale',
];

/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('records', (table) => {
    table.comment('Versions of the records of sessions');
    table.increments('id');
    table
      .text('session_identifier')
      .notNullable()
      .references('session_identifier')
      .inTable('sessions')
      .withKeyName('records_session_fkey')
      .onUpdate('CASCADE')
      .onDelete('RESTRICT');
    table.integer('version').notNullable().comment('From 1');
    boundedText(table, 'records', 'path', 2000, { least: 1 })
      .notNullable()
      .unique({ indexName: 'records_path_unique' })
      .comment('The immutable XML file of this version, relative to paths.records');
    boundedText(table, 'records', 'public_path', 2000, { least: 1 })
      .notNullable()
      .comment('The XML file that shows the current version, relative to paths.records');
    boundedText(table, 'records', 'sha256', 64, { least: 64 })
      .notNullable()
      .comment('Of the XML file, lower-case hex');
    boundedText(table, 'records', 'fingerprint', 128).notNullable().comment('Of its inputs');
    boundedText(table, 'records', 'cause', 1000).notNullable().comment('Why this version was made');
    table.integer('supersedes').comment('Version that it follows');
    instant(knex, table, 'records', 'created_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'records', 'superseded_at');
    instant(knex, table, 'records', 'withdrawn_at');
    instant(knex, table, 'records', 'published_at').comment(
      'When the public files and the sidecars showed this version; null: still to be done',
    );
    table.check('version >= 1', undefined, 'records_version_positive');
    table.unique(['session_identifier', 'version'], { indexName: 'records_version_unique' });
  });
  await knex.raw(
    'create unique index records_current_unique on records (session_identifier) where superseded_at is null and withdrawn_at is null',
  );
  await knex.raw(
    'create unique index records_public_path_unique on records (public_path) where superseded_at is null and withdrawn_at is null',
  );

  await knex.raw(
    'create index records_unpublished_index on records (id) where published_at is null',
  );

  await knex.schema.createTable('activities', (table) => {
    table.comment('Acquisition activities of a record');
    table.increments('id');
    table
      .integer('record_id')
      .notNullable()
      .references('id')
      .inTable('records')
      .withKeyName('activities_record_fkey')
      .onDelete('CASCADE');
    table.integer('seqno').notNullable().comment('From 0');
    instant(knex, table, 'activities', 'start_at').notNullable();
    instant(knex, table, 'activities', 'end_at').notNullable();
    json(knex, table, 'activities', 'setup', 'object')
      .notNullable()
      .comment('Metadata equal in all its datasets');
    table.check('seqno >= 0', undefined, 'activities_seqno_positive');
    table.check('start_at <= end_at', undefined, 'activities_start_before_end');
    table.unique(['record_id', 'seqno'], { indexName: 'activities_seqno_unique' });
  });

  await knex.schema.createTable('datasets', (table) => {
    table.comment('Signals of files, as they are in a record');
    table.bigIncrements('id');
    table
      .integer('record_id')
      .notNullable()
      .references('id')
      .inTable('records')
      .withKeyName('datasets_record_fkey')
      .onDelete('CASCADE');
    table
      .integer('activity_id')
      .notNullable()
      .references('id')
      .inTable('activities')
      .withKeyName('datasets_activity_fkey')
      .onDelete('CASCADE');
    table.integer('seqno').notNullable().comment('From 0, over the whole record');
    boundedText(table, 'datasets', 'location', 16384, { least: 1 })
      .notNullable()
      .comment('Percent-encoded path from paths.data');
    boundedText(table, 'datasets', 'name', 1000, { least: 1 }).notNullable();
    boundedText(table, 'datasets', 'format', 255).notNullable();
    choice(table, 'datasets', 'type', [
      'Image',
      'Spectrum',
      'SpectrumImage',
      'Diffraction',
      'Notes',
      'Misc',
      'Unknown',
    ]).notNullable();
    choice(table, 'datasets', 'role', [
      'Experimental',
      'MasterCalibration',
      'UserCalibration',
      'Derived',
    ]).notNullable();
    table.text('description');
    boundedText(table, 'datasets', 'preview', 16384).comment(
      'Percent-encoded path from paths.output',
    );
    table.bigInteger('size_bytes').notNullable();
    table.bigInteger('mtime_ns').notNullable().comment('Nanoseconds since 1970');
    table.bigInteger('time_ns').notNullable().comment('The time used for grouping, nanoseconds');
    instant(knex, table, 'datasets', 'acquired_at');
    json(knex, table, 'datasets', 'metadata', 'object').notNullable();
    json(knex, table, 'datasets', 'shape', 'array').notNullable();
    json(knex, table, 'datasets', 'calibration', 'array').notNullable();
    boundedText(table, 'datasets', 'dtype', 50);
    boundedText(table, 'datasets', 'reader', 100).notNullable();
    table.integer('signal_number').notNullable();
    table.integer('signal_count').notNullable();
    json(knex, table, 'datasets', 'warnings', 'array').notNullable();
    instant(knex, table, 'datasets', 'missing_since');
    boundedText(table, 'datasets', 'comment', 2000);
    instant(knex, table, 'datasets', 'created_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'datasets', 'updated_at').notNullable().defaultTo(now(knex));
    table.check('size_bytes >= 0', undefined, 'datasets_size_positive');
    table.check(
      'signal_number between 1 and signal_count',
      undefined,
      'datasets_signal_number_in_count',
    );
    table.unique(['record_id', 'seqno'], { indexName: 'datasets_seqno_unique' });
    table.index(['activity_id'], 'datasets_activity_index');
  });

  // Sessions that begin to own what a record still holds as missing are to find that record.
  await knex.raw(
    'create index datasets_missing_index on datasets (time_ns) where missing_since is not null',
  );

  await knex.schema.createTable('series_files', (table) => {
    table.comment('Files of the datasets that are numbered series');
    table
      .bigInteger('dataset_id')
      .notNullable()
      .references('id')
      .inTable('datasets')
      .withKeyName('series_files_dataset_fkey')
      .onDelete('CASCADE');
    table.integer('position').notNullable().comment('From 0, in the order of their numbers');
    boundedText(table, 'series_files', 'location', 16384, { least: 1 })
      .notNullable()
      .comment('Percent-encoded path from paths.data');
    table.bigInteger('size_bytes').notNullable();
    table.bigInteger('mtime_ns').notNullable().comment('Nanoseconds since 1970');
    table.bigInteger('time_ns').notNullable().comment('The time used for grouping, nanoseconds');
    instant(knex, table, 'series_files', 'missing_since');
    table.check('position >= 0', undefined, 'series_files_position_positive');
    table.check('size_bytes >= 0', undefined, 'series_files_size_positive');
    table.primary(['dataset_id', 'position'], 'series_files_pkey');
  });
  await knex.raw(
    'create index series_files_missing_index on series_files (time_ns) where missing_since is not null',
  );

  await knex.schema.createTable('dataset_values', (table) => {
    table.comment('Metadata values of the datasets of current records, for searching');
    table
      .bigInteger('dataset_id')
      .notNullable()
      .references('id')
      .inTable('datasets')
      .withKeyName('dataset_values_dataset_fkey')
      .onDelete('CASCADE');
    boundedText(table, 'dataset_values', 'name', 255, { least: 1 })
      .notNullable()
      .comment('Harmonised name');
    table.integer('position').notNullable().defaultTo(0).comment('In a list of values');
    table.double('number').comment('In SI base units');
    boundedText(table, 'dataset_values', 'text', 500).comment('As shown, with its unit');
    table.primary(['dataset_id', 'name', 'position'], 'dataset_values_pkey');
    table.index(['name', 'number', 'dataset_id'], 'dataset_values_number_index');
    table.index(['name', 'text', 'dataset_id'], 'dataset_values_text_index');
  });

  await knex.schema.createTable('file_verdicts', (table) => {
    table.comment('Why each file near a session is in its record or not; from the latest look');
    table
      .text('session_identifier')
      .notNullable()
      .references('session_identifier')
      .inTable('sessions')
      .withKeyName('file_verdicts_session_fkey')
      .onUpdate('CASCADE')
      .onDelete('CASCADE');
    table.integer('position').notNullable().comment('Order of the look');
    boundedText(table, 'file_verdicts', 'location', 16384, { least: 1 }).notNullable();
    choice(table, 'file_verdicts', 'verdict', VERDICTS).notNullable();
    boundedText(table, 'file_verdicts', 'rule', 20000).notNullable();
    table.bigInteger('size_bytes').notNullable();
    table.bigInteger('mtime_ns').notNullable();
    table.primary(['session_identifier', 'position'], 'file_verdicts_pkey');
  });
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  for (const table of [
    'file_verdicts',
    'dataset_values',
    'series_files',
    'datasets',
    'activities',
    'records',
  ]) {
    await knex.schema.dropTable(table);
  }
}
