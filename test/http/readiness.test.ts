import { describe, expect, test } from '@jest/globals';
import { databaseChecks, sourceChecks } from '../../src/http/database-checks.js';
import type { ReadinessCheck } from '../../src/http/readiness.js';
import { describeDatabases } from '../support/databases.js';
import { gate, serve } from './http-lab.js';

function check(name: string, run: ReadinessCheck['run']): ReadinessCheck {
  return { name, run };
}

function groupOf(...checks: ReadinessCheck[]) {
  return [{ name: 'all', list: async () => checks }];
}

async function ask(address: string, query = '?verbose') {
  const answer = await fetch(`${address}/readyz${query}`);
  const text = await answer.text();
  return { status: answer.status, text, type: answer.headers.get('content-type') };
}

describe('/readyz', () => {
  test('is 200 while everything works, and says in JSON what was looked at', async () => {
    const groups = groupOf(check('a', async () => null));
    const { address } = await serve({ readiness: { groups } });
    expect(await ask(address, '')).toMatchObject({ status: 200, text: 'ready\n' });
    const verbose = await ask(address);
    expect(JSON.parse(verbose.text)).toEqual({
      ready: true,
      findings: [{ name: 'a', ok: true, reason: null }],
    });
    const accepting = await fetch(`${address}/readyz`, { headers: { accept: 'application/json' } });
    expect(await accepting.text()).toBe(verbose.text);
  });

  test('is 503 when anything does not, and says what and why without secrets', async () => {
    const groups = groupOf(
      check('store titan', async () => 'not mounted'),
      check('source nemo', () => Promise.reject(new Error('postgres://me:hunter2@x'))),
    );
    const { address } = await serve({ readiness: { groups } });
    expect(await ask(address, '')).toMatchObject({
      status: 503,
      text: 'not ready\nstore titan: not mounted\nsource nemo: postgres://me:***@x\n',
    });
  });

  test('never waits for what hangs longer than its limit, and does not begin it twice', async () => {
    const { opened, open } = gate();
    let begun = 0;
    const groups = [
      ...groupOf(
        check('store away', async () => {
          begun += 1;
          await opened;
          return null;
        }),
        check('store here', async () => null),
      ),
      { name: 'stores', list: () => opened.then(() => []) },
    ];
    const { address } = await serve({ readiness: { groups, timeLimitMs: 100, keepMs: 0 } });
    expect((await ask(address, '')).text).toBe(
      'not ready\nstore away: it did not answer within 0.1 s\nstores: it did not answer within 0.1 s\n',
    );
    expect((await ask(address, '')).text).toContain('store away: it still does not answer');
    expect((await fetch(`${address}/livez`)).status).toBe(200);
    expect(begun).toBe(1);
    open();
    expect((await ask(address, '')).status).toBe(200);
  });

  test('looks once for all who ask within a few seconds', async () => {
    let looks = 0;
    const groups = groupOf(
      check('a', async () => {
        looks += 1;
        return null;
      }),
    );
    const { address } = await serve({ readiness: { groups } });
    await Promise.all(Array.from({ length: 5 }, () => ask(address)));
    await ask(address);
    expect(looks).toBe(1);
  });
});

describeDatabases('the checks of the database', (fixture) => {
  const ready = async () => {
    const { database } = fixture;
    const groups = [
      { name: 'database', list: async () => databaseChecks(database) },
      { name: 'sources', list: async () => sourceChecks(database, ['nemo', 'pc']) },
    ];
    const { address } = await serve({ database, readiness: { groups, keepMs: 0 } });
    return ask(address, '');
  };

  test('are content with a database that answers and has the schema', async () => {
    expect(await ready()).toMatchObject({ status: 200 });
  });

  test('tell of a schema that a newer version changed', async () => {
    const row = { name: '20990101000000_new_breaking.js', batch: 2, migration_time: new Date() };
    await fixture.database.knex('schema_migrations').insert(row);
    try {
      const { status, text } = await ready();
      expect(status).toBe(503);
      expect(text).toMatch(/^migrations: .*20990101000000_new_breaking/m);
    } finally {
      await fixture.database.knex('schema_migrations').where('name', row.name).del();
    }
  });

  test('tell of a source whose last pass failed, and not of one that was never asked', async () => {
    await fixture.database.knex('source_cursors').insert([
      { source: 'nemo', pass: 'poll', failures: 2, failure: 'NEMO does not answer.' },
      { source: 'nemo', pass: 'reconcile', failures: 0 },
      { source: 'removed', pass: 'poll', failures: 9 },
    ]);
    expect(await ready()).toMatchObject({
      status: 503,
      text: 'not ready\nsource nemo: poll failed 2 times in a row: NEMO does not answer.\n',
    });
    await fixture.database.knex('source_cursors').del();
  });
});
