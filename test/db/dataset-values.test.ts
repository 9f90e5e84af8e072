import { expect, test } from '@jest/globals';
import { describeDatabases } from '../support/databases.js';
import {
  addInstrument,
  build,
  logSession,
  testActivity,
  testDataset,
} from '../support/session-rows.js';

describeDatabases('the searchable values of datasets', (fixture) => {
  test('names that differ only in what the column cannot hold keep all their values, in order', async () => {
    await addInstrument(fixture.database, 'titan');
    await logSession(fixture.database, 's-1', {
      start: '2026-03-01T09:00:00Z',
      end: '2026-03-01T11:00:00Z',
    });
    const long = 'n'.repeat(260);
    const metadata = {
      [`${long} 1`]: { value: [1, 2] },
      [`${long} 2`]: { value: 'three' },
      'Mode\u0000': { value: 'a' },
      Mode: { value: 'b' },
      '\u0000': { value: 'of no name' },
    };
    await build(fixture.database, 's-1', {
      record: {
        path: 'path',
        publicPath: 'public path',
        sha256: 'a'.repeat(64),
        cause: 'first build',
        activities: [testActivity([testDataset('/titan/a.dm3', { metadata })])],
      },
    });
    const values: unknown[] = await fixture.database
      .knex('dataset_values')
      .orderBy(['name', 'position'])
      .select('name', 'position', 'text');
    const cut = `${'n'.repeat(254)}…`;
    expect(values).toEqual(
      expect.arrayContaining([
        { name: cut, position: 0, text: '1' },
        { name: cut, position: 1, text: '2' },
        { name: cut, position: 2, text: 'three' },
        { name: 'Mode', position: 0, text: 'a' },
        { name: 'Mode', position: 1, text: 'b' },
      ]),
    );
    expect(values).toHaveLength(5);
  });
});
