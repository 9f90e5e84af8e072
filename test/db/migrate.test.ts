import { spawn } from 'node:child_process';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openDatabase } from '../../src/db/database.js';
import {
  migrateLatest,
  migrateRollback,
  requireSchema,
  schemaStatus,
} from '../../src/db/migrate.js';
import { RECORD_STATUSES } from '../../src/domain/record-status.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';

const MIGRATIONS = new URL('../../migrations/', import.meta.url);

describeDatabases('the schema', (fixture) => {
  let folder: string;
  let url: URL;
  const write = (name: string, body: string): void => writeFileSync(join(folder, name), body);
  const simple = (table: string): string =>
    `export const holdsData = ['${table}'];
     export async function up(knex) { await knex.schema.createTable('${table}', (t) => { t.integer('a'); }); }
     export async function down(knex) { await knex.schema.dropTable('${table}'); }`;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'recordsmith-migrations-'));
    cpSync(MIGRATIONS, folder, { recursive: true });
    write('package.json', '{"type":"module"}');
    url = pathToFileURL(`${folder}/`);
  });

  afterEach(async () => {
    for (const table of ['extra_one', 'extra_two']) {
      await fixture.database.knex.schema.dropTableIfExists(table);
    }
    await fixture.database.knex('schema_migrations').where('name', 'like', '2099%').del();
    rmSync(folder, { recursive: true, force: true });
  });

  test('is up to date after the first migration, and a second one finds nothing to do', async () => {
    expect(await schemaStatus(fixture.database)).toMatchObject({ pending: [], unknown: [] });
    expect(await migrateLatest(fixture.database)).toEqual([]);
    expect(await requireSchema(fixture.database)).toMatchObject({ pending: [] });
  });

  test('that lacks a migration is refused with the command', async () => {
    write('20990101000000_extra.js', simple('extra_one'));
    await expect(requireSchema(fixture.database, { folder: url })).rejects.toMatchObject({
      code: 'SCHEMA_NOT_MIGRATED',
      remedy: expect.stringContaining('recordsmith migrate'),
    });
    expect(await migrateLatest(fixture.database, { folder: url })).toEqual([
      '20990101000000_extra.js',
    ]);
  });

  test('is migrated once by several that start at the same time', async () => {
    write('20990101000000_extra.js', simple('extra_one'));
    const others = await Promise.all([1, 2, 3].map(() => fixture.openAnother()));
    const ran = await Promise.all(
      [fixture.database, ...others].map((database) => migrateLatest(database, { folder: url })),
    );
    for (const other of others) await other.close();
    expect(ran.flat()).toEqual(['20990101000000_extra.js']);
  });

  test('is as before when a migration fails or its process is killed, and it can be repeated', async () => {
    write('20990101000000_first.js', simple('extra_one'));
    write(
      '20990101000001_second.js',
      `export async function up(knex) {
         await knex.schema.createTable('extra_two', (t) => { t.integer('a'); });
         if (process.env.MIGRATION_TEST === 'kill') process.kill(process.pid, 'SIGKILL');
         if (process.env.MIGRATION_TEST === 'fail') throw new Error('half way');
       }
       export async function down(knex) { await knex.schema.dropTable('extra_two'); }`,
    );
    process.env['MIGRATION_TEST'] = 'fail';
    await expect(migrateLatest(fixture.database, { folder: url })).rejects.toMatchObject({
      message: expect.stringContaining('half way'),
    });
    const built = new URL('../../dist/db/', import.meta.url).href;
    const child = spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `import { openDatabase } from '${built}database.js';
         import { migrateLatest } from '${built}migrate.js';
         await migrateLatest(await openDatabase(process.argv[1]), { folder: new URL(process.argv[2]) });`,
        fixture.url,
        url.href,
      ],
      { env: { ...process.env, MIGRATION_TEST: 'kill' }, stdio: 'ignore' },
    );
    const signal = await new Promise((resolve) =>
      child.once('exit', (_code, name) => resolve(name)),
    );
    expect(signal).toBe('SIGKILL');
    expect(await fixture.database.knex.schema.hasTable('extra_one')).toBe(false);
    expect((await schemaStatus(fixture.database, { folder: url })).pending).toHaveLength(2);
    delete process.env['MIGRATION_TEST'];
    expect(await migrateLatest(fixture.database, { folder: url })).toHaveLength(2);
  });

  test('of a newer version is reported, and refused only when it is marked as breaking', async () => {
    write('20990101000000_extra.js', simple('extra_one'));
    await migrateLatest(fixture.database, { folder: url });
    expect(await requireSchema(fixture.database)).toMatchObject({
      unknown: ['20990101000000_extra.js'],
      breaking: [],
    });
    write('20990101000001_other_breaking.js', simple('extra_two'));
    await migrateLatest(fixture.database, { folder: url });
    await expect(requireSchema(fixture.database)).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
    await expect(migrateLatest(fixture.database)).rejects.toMatchObject({ code: 'SCHEMA_TOO_NEW' });
    await expect(migrateRollback(fixture.database)).rejects.toMatchObject({
      code: 'SCHEMA_TOO_NEW',
    });
  });

  test('is rolled back without loss, and with loss only by force', async () => {
    write('20990101000000_extra.js', simple('extra_one'));
    await migrateLatest(fixture.database, { folder: url });
    await fixture.database.knex('extra_one').insert({ a: 1 });
    await expect(migrateRollback(fixture.database, { folder: url })).rejects.toMatchObject({
      code: 'MIGRATION_LOSES_DATA',
      details: { table: 'extra_one' },
    });
    expect(await migrateRollback(fixture.database, { folder: url, force: true })).toEqual([
      '20990101000000_extra.js',
    ]);
    expect(await fixture.database.knex.schema.hasTable('extra_one')).toBe(false);
  });

  test('keeps its children when a migration makes a table anew', async () => {
    await addInstrument(fixture.database, 'titan');
    write(
      '20990101000000_rebuild.js',
      `export async function up(knex) {
         if (knex.client.config.client === 'pg') return;
         const [{ sql }] = await knex.raw("select sql from sqlite_master where name = 'instruments'");
         const extra = await knex.raw("select sql from sqlite_master where tbl_name = 'instruments' and type = 'index' and sql is not null");
         await knex.raw(sql.replace(/instruments/, 'instruments_new'));
         await knex.raw('insert into instruments_new select * from instruments');
         await knex.raw('drop table instruments');
         await knex.raw('alter table instruments_new rename to instruments');
         for (const { sql } of extra) await knex.raw(sql);
       }
       export async function down() {}`,
    );
    await migrateLatest(fixture.database, { folder: url });
    expect(await fixture.database.knex('instrument_folders').select('instrument_pid')).toHaveLength(
      1,
    );
    const [pragma]: { foreign_keys: number }[] =
      fixture.engine === 'sqlite'
        ? await fixture.database.knex.raw('pragma foreign_keys')
        : [{ foreign_keys: 1 }];
    expect(pragma?.foreign_keys).toBe(1);
  });

  test('knows exactly the statuses of the code', async () => {
    const rejected = (name: string) =>
      fixture.database.knex('session_log').insert({
        session_identifier: 'x',
        instrument: 'titan',
        event_type: 'START',
        record_status: name,
      });
    await addInstrument(fixture.database, 'titan');
    for (const name of RECORD_STATUSES) {
      await rejected(name);
      await fixture.database.knex('session_log').del();
    }
    await expect(rejected('completed')).rejects.toMatchObject({
      code: fixture.engine === 'sqlite' ? 'SQLITE_CONSTRAINT_CHECK' : '23514',
    });
  });

  test('is not made on a database that is only read', async () => {
    write('20990101000000_extra.js', simple('extra_one'));
    const reading = await fixture.openAnother({ readOnly: true });
    await expect(migrateLatest(reading, { folder: url })).rejects.toMatchObject({
      code: 'DATABASE_READ_ONLY',
    });
    await reading.close();
  });

  test('lies in a named PostgreSQL schema, made only when told to', async () => {
    if (fixture.engine === 'sqlite') return;
    const place = { client: 'postgres', url: fixture.url, schema: 'Lab "A"' } as const;
    await expect(openDatabase(place)).rejects.toMatchObject({
      code: 'SCHEMA_MISSING',
      remedy: expect.stringContaining('create_schema'),
    });
    const database = await openDatabase({ ...place, createSchema: true });
    try {
      await migrateLatest(database);
      await addInstrument(database, 'titan');
      // A person with another search path names the schema.
      await fixture.database.knex.raw(
        `insert into "Lab ""A""".session_log (session_identifier, instrument, event_type) values ('s', 'titan', 'START')`,
      );
      expect(await database.knex('session_log_changes').pluck('session_identifier')).toEqual(['s']);
      expect(await fixture.database.knex('session_log_changes').select()).toEqual([]);
      const answer: { rows: unknown[] } = await database.knex.raw(
        "select obj_description('session_log'::regclass) as note, col_description('session_log'::regclass, 1) is null as bare",
      );
      expect(answer.rows).toEqual([{ note: expect.stringContaining('START'), bare: true }]);
    } finally {
      await database.close();
      await fixture.database.knex.raw(`drop schema "Lab ""A""" cascade`);
    }
  });

  test('never touches tables of another program', async () => {
    const place =
      fixture.engine === 'sqlite'
        ? ({ client: 'sqlite', file: join(folder, 'nexuslims.sqlite') } as const)
        : ({
            client: 'postgres',
            url: fixture.url,
            schema: 'nexuslims',
            createSchema: true,
          } as const);
    const database = await openDatabase(place);
    try {
      await database.knex.schema.createTable('session_log', (table) => {
        table.increments('id_session_log');
      });
      await expect(migrateLatest(database)).rejects.toMatchObject({
        code: 'SCHEMA_FOREIGN',
        remedy: expect.stringContaining('of its own'),
      });
      expect(await database.knex.schema.hasTable('instruments')).toBe(false);
      expect(await database.knex('session_log').columnInfo()).toEqual({
        id_session_log: expect.anything(),
      });
    } finally {
      if (place.client === 'postgres') await database.knex.raw('drop schema nexuslims cascade');
      await database.close();
    }
  });
});
