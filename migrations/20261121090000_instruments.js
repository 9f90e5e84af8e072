// @ts-check
import { boundedText, choice, flag, instant, json, now } from './columns/column-kinds.js';

/** Tables whose rows a rollback would lose. */
export const holdsData = ['instruments', 'instrument_folders', 'instrument_tools'];

/** @param {import('knex').Knex} knex */
export async function up(knex) {
  await knex.schema.createTable('instruments', (table) => {
    table.comment('Microscopes, scanners and other instruments of the facility');
    boundedText(table, 'instruments', 'instrument_pid', 100, { least: 1 })
      .notNullable()
      .comment('Key of the instrument');
    table.primary(['instrument_pid'], 'instruments_pkey');
    boundedText(table, 'instruments', 'api_url', 2000)
      .unique({ indexName: 'instruments_api_url_unique' })
      .comment('Address of the tool in the booking system: {base_url}tools/?id={n}');
    boundedText(table, 'instruments', 'display_name', 255, { least: 1 })
      .notNullable()
      .comment('Name for people, written into records');
    boundedText(table, 'instruments', 'calendar_url', 2000).comment('Page of its bookings');
    boundedText(table, 'instruments', 'location', 100).comment('Building and room');
    boundedText(table, 'instruments', 'property_tag', 20).comment('Inventory number');
    boundedText(table, 'instruments', 'filestore_path', 4096, { least: 1 })
      .notNullable()
      .comment('First folder of its files, relative to paths.data');
    boundedText(table, 'instruments', 'harvester', 100).comment('Event source that reports it');
    boundedText(table, 'instruments', 'timezone', 64, { least: 1 })
      .notNullable()
      .defaultTo('UTC')
      .comment('IANA time zone');
    flag(knex, table, 'instruments', 'active', true).comment('Inactive: no harvest, still built');
    boundedText(table, 'instruments', 'user_folder', 1000).comment(
      'Pattern that tells whose files lie where, such as {username}/**',
    );
    json(knex, table, 'instruments', 'settings', 'object')
      .notNullable()
      .defaultTo('{}')
      .comment('Overrides of build, consent and exports keys of the configuration');
    boundedText(table, 'instruments', 'computer_name', 255)
      .unique({ indexName: 'instruments_computer_name_unique' })
      .comment('Host name of its PC');
    boundedText(table, 'instruments', 'computer_ip', 45)
      .unique({ indexName: 'instruments_computer_ip_unique' })
      .comment('IPv4 or IPv6 address of its PC');
    instant(knex, table, 'instruments', 'created_at').notNullable().defaultTo(now(knex));
    instant(knex, table, 'instruments', 'updated_at').notNullable().defaultTo(now(knex));
  });

  await knex.schema.createTable('instrument_folders', (table) => {
    table.comment('Folders that an instrument writes to; the one at filestore_path is the first');
    table.increments('id');
    table
      .text('instrument_pid')
      .notNullable()
      .references('instrument_pid')
      .inTable('instruments')
      .withKeyName('instrument_folders_instrument_fkey')
      .onUpdate('CASCADE')
      .onDelete('CASCADE');
    boundedText(table, 'instrument_folders', 'path', 4096, { least: 1 }).notNullable();
    boundedText(table, 'instrument_folders', 'path_key', 64, { least: 64 })
      .notNullable()
      .comment('sha256 of the path in hex: paths can be longer than an index takes');
    table.integer('position').notNullable().defaultTo(0).comment('Order among the folders');
    json(knex, table, 'instrument_folders', 'clock_offsets', 'array')
      .notNullable()
      .defaultTo('[]')
      .comment('[{valid_from, offset_ms}]: instrument clock minus server clock');
    choice(table, 'instrument_folders', 'time_basis', ['mtime', 'acquired'])
      .notNullable()
      .defaultTo('mtime')
      .comment('Which time of a file decides');
    json(knex, table, 'instrument_folders', 'patterns', 'array')
      .notNullable()
      .defaultTo('[]')
      .comment('Files that count; empty: all');
    instant(knex, table, 'instrument_folders', 'root_seen_nonempty_at').comment(
      'When it was first seen to hold anything; empty later: not mounted',
    );
    table.unique(['instrument_pid', 'path_key'], {
      indexName: 'instrument_folders_path_unique',
    });
  });

  await knex.schema.createTable('instrument_tools', (table) => {
    table.comment('Child and alternate tools of a booking system that mean an instrument');
    boundedText(table, 'instrument_tools', 'source', 100, { least: 1 }).notNullable();
    boundedText(table, 'instrument_tools', 'tool_id', 255, { least: 1 }).notNullable();
    table
      .text('instrument_pid')
      .notNullable()
      .references('instrument_pid')
      .inTable('instruments')
      .withKeyName('instrument_tools_instrument_fkey')
      .onUpdate('CASCADE')
      .onDelete('CASCADE');
    table.primary(['source', 'tool_id'], 'instrument_tools_pkey');
    table.index(['instrument_pid'], 'instrument_tools_instrument_index');
  });
}

/** @param {import('knex').Knex} knex */
export async function down(knex) {
  await knex.schema.dropTable('instrument_tools');
  await knex.schema.dropTable('instrument_folders');
  await knex.schema.dropTable('instruments');
}
