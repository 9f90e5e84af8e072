import { describe, expect, test } from '@jest/globals';
import { describeDatabases } from '../support/databases.js';
import { addInstrument } from '../support/session-rows.js';
import { commandFolder } from './command-folder.js';
import { runCli } from './run-cli.js';

interface Status {
  readonly up_to_date: boolean;
  readonly applied: readonly string[];
  readonly pending: readonly string[];
}

describeDatabases('migrate', (fixture) => {
  const lab = commandFolder(() => fixture.url);

  test('the schema is taken back only without data or by force, and brought up again', async () => {
    const before = (await lab.current.json('migrate', '--status')) as Status;
    expect(before).toMatchObject({ up_to_date: true, pending: [] });
    expect(before.applied.length).toBeGreaterThan(0);

    await addInstrument(fixture.database, 'titan');
    const refused = await lab.current.run('migrate', '--rollback');
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toContain('would drop the rows of instruments');
    expect(await fixture.database.knex('instruments')).toHaveLength(1);

    const forced = (await lab.current.json('migrate', '--rollback', '--force')) as {
      readonly rolled_back: readonly string[];
    };
    expect([...forced.rolled_back].sort()).toEqual(before.applied);
    const between = await lab.current.json('migrate', '--status');
    expect(between).toMatchObject({ up_to_date: false, applied: [], pending: before.applied });
    const again = await lab.current.json('migrate');
    expect(again).toMatchObject({ applied: before.applied });
    expect(await lab.current.json('migrate')).toMatchObject({ applied: [] });
  });
});

describe('migrate', () => {
  test('--force alone and --status with --rollback are wrong usage', async () => {
    const results = await Promise.all([
      runCli('/', ['migrate', '--force']),
      runCli('/', ['migrate', '--status', '--rollback']),
    ]);
    expect(results.map(({ code }) => code)).toEqual([64, 64]);
  });
});
