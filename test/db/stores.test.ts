import { beforeEach, expect, test } from '@jest/globals';
import { z } from 'zod';
import {
  addDirectory,
  addExperimenter,
  listAttributes,
  listDirectories,
  listExperimenters,
  addNote,
  setAttribute,
} from '../../src/db/annotation-store.js';
import {
  deleteInstrument,
  findInstrument,
  getInstrument,
  insertInstrument,
  listInstruments,
  listTools,
  markRootSeen,
  removeTool,
  setTool,
  updateInstrument,
} from '../../src/db/instrument-store.js';
import { jsonColumn } from '../../src/db/json-column.js';
import { activePauses, pause, resume } from '../../src/db/pause-store.js';
import {
  addSessionToProject,
  listProjects,
  listSessionProjects,
  saveProject,
} from '../../src/db/project-store.js';
import { query } from '../../src/db/query.js';
import { findSession, sessionHistory } from '../../src/db/session-store.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, logSession, testInstrument } from '../support/session-rows.js';

describeDatabases('the stores', (fixture) => {
  const scoped = <T>(work: () => Promise<T>): Promise<T> => fixture.database.createScope(work);

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 's-1', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T11:00:00Z',
    });
  });

  test('an instrument comes back as it was stored', async () => {
    const instrument = testInstrument('nova', {
      apiUrl: 'https://nemo.example/api/tools/?id=3',
      timezone: 'America/Denver',
      active: false,
      userFolder: '{username}/**',
      settings: { build: { file_delay_days: 3 } },
      folders: [
        {
          path: './Nova',
          timeBasis: 'acquired',
          clockOffsets: [
            { validFromMs: 1000, offsetMs: -250 },
            { validFromMs: 2000, offsetMs: 3_600_000 },
          ],
          patterns: ['*.tif'],
          rootSeenNonemptyAtMs: 5000,
        },
        {
          path: 'Nova-EDS',
          timeBasis: 'mtime',
          clockOffsets: [],
          patterns: [],
          rootSeenNonemptyAtMs: null,
        },
      ],
    });
    await scoped(() => insertInstrument(instrument));
    expect(await scoped(() => findInstrument('nova'))).toEqual(instrument);
    const all = await scoped(listInstruments);
    expect(all.map((one) => one.pid)).toEqual(['nova', 'titan']);
  });

  test('a wrong zone, an empty name and a second key are refused', async () => {
    const refused = [
      [{ timezone: 'Berlin' }, 'INPUT_INVALID'],
      [{ displayName: '' }, 'INPUT_INVALID'],
      [{ folders: [] }, 'INPUT_INVALID'],
      [{ pid: 'titan' }, 'DATABASE_CONSTRAINT'],
    ] as const;
    for (const [changes, code] of refused) {
      await expect(
        scoped(() => insertInstrument(testInstrument('nova', changes))),
      ).rejects.toMatchObject({ code });
    }
  });

  test('a renamed instrument keeps its sessions, one with sessions cannot be deleted', async () => {
    await scoped(() => updateInstrument('titan', { pid: 'Titan-STEM', displayName: 'Titan' }));
    expect(await scoped(() => findSession('s-1'))).toMatchObject({ instrumentPid: 'Titan-STEM' });
    await expect(scoped(() => deleteInstrument('Titan-STEM'))).rejects.toMatchObject({
      code: 'DATABASE_CONSTRAINT',
      details: { kind: 'foreign-key' },
    });
    await addInstrument(fixture.database, 'nova');
    await scoped(() => deleteInstrument('nova'));
    await expect(scoped(() => getInstrument('nova'))).rejects.toMatchObject({
      code: 'INSTRUMENT_NOT_FOUND',
    });
  });

  test('an instrument inserted with the columns of NexusLIMS has its folder, also seen', async () => {
    await scoped(() =>
      query(
        "insert into instruments (instrument_pid, api_url, calendar_url, location, display_name, property_tag, filestore_path, harvester, timezone) values ('FEI_n', 'https://nemo/api/tools/?id=9', 'https://nemo/c', 'B 12', 'FEI', '123', './FEI', 'nemo', 'America/New_York')",
      ),
    );
    await scoped(() => markRootSeen('FEI_n', './FEI', 7000));
    await scoped(() => markRootSeen('FEI_n', './FEI', 9000));
    expect(await scoped(() => getInstrument('FEI_n'))).toMatchObject({
      active: true,
      folders: [{ path: './FEI', rootSeenNonemptyAtMs: 7000 }],
    });
  });

  test('a tool means one instrument at a time', async () => {
    await addInstrument(fixture.database, 'nova');
    await scoped(() => setTool({ source: 'nemo', toolId: '3', instrumentPid: 'titan' }));
    await scoped(() => setTool({ source: 'nemo', toolId: '3', instrumentPid: 'nova' }));
    expect(await scoped(() => listTools())).toEqual([
      { source: 'nemo', toolId: '3', instrumentPid: 'nova' },
    ]);
    expect(await scoped(() => listTools('titan'))).toEqual([]);
    expect(await scoped(() => removeTool('nemo', '3'))).toBe(true);
  });

  test('attributes hold text, JSON or bytes, and a second value replaces the first', async () => {
    await scoped(() => setAttribute('s-1', 'dose', { kind: 'text', text: '3 e/Å²' }, 'eve'));
    await scoped(() =>
      setAttribute('s-1', 'grid', { kind: 'json', json: [1, { a: null }] }, 'eve'),
    );
    await scoped(() =>
      setAttribute('s-1', 'dose', { kind: 'bytes', bytes: Buffer.from([0, 255]) }, 'bob'),
    );
    const attributes = await scoped(() => listAttributes('s-1'));
    expect(attributes.map(({ name, value, author }) => [name, value, author])).toEqual([
      ['dose', { kind: 'bytes', bytes: Buffer.from([0, 255]) }, 'bob'],
      ['grid', { kind: 'json', json: [1, { a: null }] }, 'eve'],
    ]);
  });

  test('annotations keep to their lengths in characters', async () => {
    const long = '𝛼'.repeat(1024);
    await scoped(() => addNote('s-1', long, 'eve'));
    await expect(scoped(() => addNote('s-1', `${long}x`, 'eve'))).rejects.toMatchObject({
      code: 'INPUT_INVALID',
    });
    await expect(
      scoped(() => setAttribute('s-1', 'n'.repeat(33), { kind: 'text', text: 'x' }, 'eve')),
    ).rejects.toMatchObject({ code: 'INPUT_INVALID' });
    await expect(
      fixture.database
        .knex('session_notes')
        .insert({ session_identifier: 's-1', author: 'eve', note: `${long}x` }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/SQLITE_CONSTRAINT_CHECK|23514/) });
  });

  test('directories lie inside paths.data, in code and in the database', async () => {
    await scoped(() => addDirectory('s-1', 'Titan/ada/', 'eve'));
    expect(await scoped(() => listDirectories('s-1'))).toMatchObject([{ directory: 'Titan/ada' }]);
    for (const directory of ['/etc', '..', 'a/../../b', 'a/..']) {
      await expect(scoped(() => addDirectory('s-1', directory, 'eve'))).rejects.toMatchObject({
        code: 'INPUT_INVALID',
      });
      await expect(
        fixture.database
          .knex('session_directories')
          .insert({ session_identifier: 's-1', author: 'e', directory }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/SQLITE_CONSTRAINT_CHECK|23514/) });
    }
  });

  test('experimenters and projects belong to sessions', async () => {
    await scoped(() => addExperimenter('s-1', { username: 'bob', fullName: 'Bob B.' }, 'eve'));
    expect(await scoped(() => listExperimenters('s-1'))).toMatchObject([
      { username: 'bob', fullName: 'Bob B.' },
    ]);
    const project = { name: 'Steel', division: null, group: 'G', projectId: 'P-1', ref: null };
    const id = await scoped(() => saveProject(project, 'eve'));
    expect(await scoped(() => saveProject({ ...project, group: 'H' }, 'eve'))).toBe(id);
    await scoped(() => addSessionToProject('s-1', id, 'eve'));
    await scoped(() => addSessionToProject('s-1', id, 'eve'));
    expect(await scoped(() => listSessionProjects('s-1'))).toEqual([
      { ...project, group: 'H', id },
    ]);
    expect(await scoped(listProjects)).toHaveLength(1);
  });

  test('a session is built anew when it gets a project and when that changes, and else not', async () => {
    const revision = async () => (await scoped(() => findSession('s-1')))?.inputsRevision ?? 0;
    const first = await revision();
    const project = { name: 'Steel', division: null, group: 'G', projectId: 'P-1', ref: null };
    const id = await scoped(() => saveProject(project, 'eve'));
    await scoped(() => addSessionToProject('s-1', id, 'eve'));
    expect(await revision()).toBe(first + 1);
    await scoped(() => addSessionToProject('s-1', id, 'eve'));
    await scoped(() => saveProject(project, 'adam'));
    expect(await revision()).toBe(first + 1);
    await scoped(() => saveProject({ ...project, ref: 'https://example.org/steel' }, 'eve'));
    expect(await revision()).toBe(first + 2);
  });

  test('a pause holds until its time or until resumed', async () => {
    const brake = { scope: 'instrument', target: 'titan', reason: 'move', author: 'eve' } as const;
    await scoped(() => pause({ ...brake, untilMs: 2000 }));
    await scoped(() => pause({ ...brake, scope: 'all', target: null, untilMs: null }));
    expect(await scoped(() => activePauses(1999))).toHaveLength(2);
    expect(await scoped(() => activePauses(2000))).toMatchObject([{ scope: 'all', target: null }]);
    expect(await scoped(() => resume('all', null))).toBe(true);
    expect(await scoped(() => resume('all', null))).toBe(false);
  });

  test('a query binds its values and gives rows on both engines', async () => {
    const rows = await scoped(() =>
      query('select session_identifier from session_log where event_type = ?', [
        "START' or '1'='1",
      ]),
    );
    expect(rows).toEqual([]);
    expect(
      await scoped(() =>
        query(
          'update session_log set "user" = \'bob\' where event_type = \'START\' returning "user"',
        ),
      ),
    ).toEqual([{ user: 'bob' }]);
    await scoped(() => findSession('s-1'));
    const history = await scoped(() => sessionHistory('s-1'));
    expect(history.events.map((event) => event.user)).toEqual(['bob', 'ada']);
  });

  test('a JSON column checks what is written and what is read', async () => {
    const column = jsonColumn(z.object({ a: z.number() }));
    expect(column.read(column.write({ a: 1 }))).toEqual({ a: 1 });
    expect(() => column.write({ a: 'x' as unknown as number })).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
    expect(() => column.read('{}')).toThrow(
      expect.objectContaining({ code: 'DATABASE_CONSTRAINT' }),
    );
    await expect(
      fixture.database.knex('instruments').update({ settings: '[1]' }),
    ).rejects.toMatchObject({ code: expect.stringMatching(/SQLITE_CONSTRAINT_CHECK|23514/) });
  });

  test('instants that are none are refused by the database', async () => {
    for (const start of ['2026-02-30T00:00:00.000Z', 'noon']) {
      await expect(
        fixture.database.knex('sessions').update({ start_at: start }),
      ).rejects.toMatchObject({ code: expect.stringMatching(/SQLITE_CONSTRAINT_CHECK|2200[78]/) });
    }
  });
});
