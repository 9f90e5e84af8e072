import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import pg from 'pg';
import { describeEngines, postgresServerUrl } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';

// Some processes one after the other.
jest.setTimeout(180_000);

const OPERATIONS = new URL('../../docs/operations.md', import.meta.url);

/** The statements of the page: of the administrator, in the new database, after the first migration. */
function documentedStatements(suffix: string): readonly string[][] {
  const blocks = readFileSync(OPERATIONS, 'utf8').matchAll(/^```sql\n([^]*?)^```/gm);
  return [...blocks].map(([, block = '']) =>
    block
      // Roles and databases belong to the whole server, which other tests use too.
      .replace(/\b(recordsmith_(?:owner|daemon))\b/g, `$1_${suffix}`)
      .replace(/\bDATABASE recordsmith\b/g, `DATABASE recordsmith_roles_${suffix}`)
      .split(/;\n/)
      .filter((statement) => statement.trim() !== ''),
  );
}

async function execute(url: string, statements: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The address of the test's database for a role. */
function addressOf(role: string | null, suffix: string): string {
  const url = new URL(postgresServerUrl() ?? '');
  if (role !== null) url.username = `${role}_${suffix}`;
  url.pathname = `/recordsmith_roles_${suffix}`;
  return url.toString();
}

describeEngines('The roles of docs/operations.md', (engine) => {
  if (engine === 'sqlite') return;
  const suffix = randomBytes(4).toString('hex');
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({ engine, instruments: [] });
  });

  afterEach(async () => {
    await lab.remove();
    await execute(postgresServerUrl() ?? '', [
      `drop database if exists recordsmith_roles_${suffix} with (force)`,
      `drop role if exists recordsmith_owner_${suffix}`,
      `drop role if exists recordsmith_daemon_${suffix}`,
    ]);
  });

  test('the owner migrates; the daemon does all its work and can change no table', async () => {
    const [administrator = [], inDatabase = [], afterwards = []] = documentedStatements(suffix);
    await execute(postgresServerUrl() ?? '', administrator);
    await execute(addressOf(null, suffix), inDatabase);
    const daemon = addressOf('recordsmith_daemon', suffix);
    lab.configure({ database: { url: daemon, schema: 'recordsmith', migrate: 'manual' } });
    const asOwner = {
      RECORDSMITH_DATABASE__URL: addressOf('recordsmith_owner', suffix),
    };

    // Before there are tables, and with tables to make, the daemon can do nothing.
    expect(await lab.run(['migrate'])).toMatchObject({ code: 77 });
    expect(await lab.run(['migrate'], asOwner)).toMatchObject({ code: 0 });
    await execute(addressOf(null, suffix), afterwards);

    lab.write('titan/old.txt', '2026-03-01T09:30:00Z');
    const works = async (...args: string[]): Promise<void> => {
      expect({ args, ...(await lab.run(args)) }).toMatchObject({ args, code: 0 });
    };
    await works(
      ...['instruments', 'add', 'titan', '--display-name', 'Titan'],
      ...['--filestore-path', 'titan', '--timezone', 'UTC'],
    );
    await works('log', 'start', '--instrument', 'titan', '--at', '2026-03-02T09:00:00Z');
    await works('log', 'end', '--instrument', 'titan', '--at', '2026-03-02T10:00:00Z');
    lab.spectrum('titan/a.msa', '2026-03-02T09:30:00Z');
    const { sessions } = await lab.runOnce();
    expect(sessions).toMatchObject([{ outcome: 'COMPLETED' }]);
    await works('sessions', 'note', sessions[0]?.session_key ?? '', 'seen');
    await works('pause', '--reason', 'trial');
    await works('resume');
    await works('doctor', '--deep', '--repair');
    const running = lab.start(['run']);
    await running.saw('recordsmith is running');
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(0);

    for (const forbidden of [
      'create table recordsmith.extra (id int)',
      'drop table recordsmith.sessions',
      'alter table recordsmith.sessions add column extra int',
      'truncate recordsmith.session_log',
      'delete from recordsmith.schema_migrations',
      'create schema extra',
    ]) {
      await expect(execute(daemon, [forbidden])).rejects.toMatchObject({ code: '42501' });
    }
  });
});
