import { beforeEach, expect, test } from '@jest/globals';
import * as library from '../../src/index.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, logSession, testInstrument } from '../support/session-rows.js';

/** A function of the library as a caller without types sees it. */
function untyped(name: string): (...values: readonly unknown[]) => Promise<unknown> {
  const found: unknown = Reflect.get(library, name);
  if (typeof found !== 'function') throw new Error(`The library has no ${name}.`);
  return async (...values) => {
    const answer: unknown = await Reflect.apply(found, undefined, values);
    return answer;
  };
}

const EVENT = { sessionIdentifier: 's-1', instrumentPid: 'titan', eventType: 'END' } as const;
const [FOLDER] = testInstrument('new').folders;

/** What is called, with what, and the key or value that the error has to name. */
const WRONG: readonly (readonly [string, readonly unknown[], string])[] = [
  ['insertLog', [EVENT], 'at: expected ISO text'],
  ['insertLog', [{ ...EVENT, at: new Date(0) }], 'at: expected ISO text'],
  ['insertLog', [{ ...EVENT, at: 0, sessionIdentifier: undefined }], 'sessionIdentifier'],
  ['insertLog', [{ ...EVENT, at: 0, instrumentPid: 7 }], 'instrumentPid'],
  ['insertLog', [{ ...EVENT, at: 0, eventType: 'STOP' }], 'eventType'],
  ['insertLog', [{ ...EVENT, at: 0, user: 7 }], 'user'],
  ['insertLog', [{ ...EVENT, at: 0, zone: null }], 'zone'],
  ['insertLog', [], 'The event'],
  ['withdrawEnd', [], 'The session identifier'],
  ['insertRecordGenerationEvent', [{ sessionIdentifier: 's-1', attempt: '1' }], 'attempt'],
  ['updateSessionStatus', [undefined, 'ERROR'], 'The session identifier'],
  ['updateSessionStatus', ['s-1'], 'is no status'],
  ['getSessionsToBuild', [{}], 'nowMs'],
  ['getSessionsToBuild', [{ nowMs: 0, identifiers: 's-1' }], 'identifiers'],
  ['query', [undefined], 'sql'],
  ['query', ['select ?', [undefined]], 'bindings.0'],
  ['addNote', ['s-1', undefined, 'eve'], 'The note'],
  ['addNote', ['s-1', 'text', undefined], 'The author'],
  ['addNote', [undefined, 'text', 'eve'], 'The session'],
  ['setAttribute', ['s-1', 'dose', '3', 'eve'], 'The value'],
  ['setAttribute', ['s-1', 'dose', { kind: 'json', json: undefined }, 'eve'], 'json'],
  ['setAttribute', ['s-1', undefined, { kind: 'text', text: '3' }, 'eve'], 'name'],
  ['addDirectory', ['s-1', undefined, 'eve'], 'The directory'],
  ['addExperimenter', ['s-1', 'ada', 'eve'], 'The person'],
  ['removeAnnotation', ['log', 's-1', 1, 'eve'], 'The kind'],
  ['removeAnnotation', ['notes', 's-1', '1', 'eve'], 'The number'],
  ['listNotes', [], 'The session identifier'],
  ['saveProject', [{ division: 'x' }, 'eve'], 'name'],
  ['addSessionToProject', ['s-1', 'p', 'eve'], 'The number'],
  ['listSessionProjects', [], 'The session identifier'],
  ['insertInstrument', [{ ...testInstrument('new'), folders: undefined }], 'folders'],
  ['insertInstrument', [{ ...testInstrument('new'), active: 'yes' }], 'active'],
  [
    'insertInstrument',
    [{ ...testInstrument('new'), folders: [{ ...FOLDER, patterns: null }] }],
    'folders.0.patterns',
  ],
  ['updateInstrument', ['titan', { timezone: null }], 'timezone'],
  ['updateInstrument', [undefined, {}], 'instrument_pid'],
  ['deleteInstrument', [], 'instrument_pid'],
];

describeDatabases('the library', (fixture) => {
  const rows = () => fixture.database.knex('session_log').select('event_type', 'timestamp');

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 's-1', { start: '2026-03-01T09:00:00Z' });
  });

  test.each(WRONG)('%s(%j) is refused, naming %s', async (name, values, named) => {
    const before = await rows();
    const call = fixture.database.createScope(() => untyped(name)(...values));
    await expect(call).rejects.toMatchObject({
      code: 'INPUT_INVALID',
      message: expect.stringContaining(named),
    });
    expect(await rows()).toEqual(before);
  });

  test('names every key that is wrong', async () => {
    const call = fixture.database.createScope(() => untyped('insertLog')({ eventType: 'END' }));
    await expect(call).rejects.toMatchObject({
      details: { keys: ['sessionIdentifier', 'instrumentPid', 'at'] },
    });
  });
});

test.each([
  ['openDatabase', [undefined], 'The database'],
  ['openDatabase', [{ client: 'sqlite' }], 'file'],
  ['openDatabase', [{ client: 'mysql', url: 'x' }], 'client'],
  ['parseDatabaseUrl', [undefined], 'The address'],
])('%s(%j) is refused', async (name, values, named) => {
  await expect(untyped(name)(...values)).rejects.toMatchObject({
    code: 'INPUT_INVALID',
    message: expect.stringContaining(named),
  });
});
