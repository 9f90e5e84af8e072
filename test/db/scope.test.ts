import { describe, expect, jest, test } from '@jest/globals';
import { sleep } from '../../src/clock.js';
import { closeDb, configureDb, createScope, scopedSession } from '../../src/db/scope.js';
import { describeDatabases } from '../support/databases.js';

describe('outside a unit of work', () => {
  test('scopedSession throws SESSION_MISSING', () => {
    expect(() => scopedSession()).toThrow(expect.objectContaining({ code: 'SESSION_MISSING' }));
  });

  test('createScope before configureDb throws DATABASE_NOT_CONFIGURED', async () => {
    await expect(createScope(async () => 1)).rejects.toMatchObject({
      code: 'DATABASE_NOT_CONFIGURED',
    });
  });
});

describeDatabases('a unit of work', (fixture) => {
  const projects = async (): Promise<number> => {
    const rows = await fixture.database.knex('projects').select('name');
    return rows.length;
  };
  const insertProject = async (name: string): Promise<void> => {
    const transaction = await scopedSession().writer();
    await transaction('projects').insert({ name, author: 'test' });
  };

  test('commits when its work returns', async () => {
    await fixture.database.createScope(() => insertProject('kept'));
    expect(await projects()).toBe(1);
  });

  test('rolls back when its work throws', async () => {
    const work = fixture.database.createScope(async () => {
      await insertProject('lost');
      throw new Error('no');
    });
    await expect(work).rejects.toMatchObject({ message: 'no' });
    expect(await projects()).toBe(0);
  });

  test('reads its own writes, also through the reader', async () => {
    const seen = await fixture.database.createScope(async () => {
      await insertProject('mine');
      return scopedSession().reader()('projects').select('name');
    });
    expect(seen).toEqual([{ name: 'mine' }]);
  });

  test('is joined by one inside it', async () => {
    const work = fixture.database.createScope(async () => {
      await insertProject('outer');
      await fixture.database.createScope(() => insertProject('inner'));
      throw new Error('both go');
    });
    await expect(work).rejects.toMatchObject({ message: 'both go' });
    expect(await projects()).toBe(0);
  });

  test('cannot be used after its end', async () => {
    const unit = await fixture.database.createScope(async () => scopedSession());
    expect(() => unit.reader()).toThrow(expect.objectContaining({ code: 'SESSION_MISSING' }));
  });

  test('waits for the transaction of another process instead of failing', async () => {
    const other = await fixture.openAnother();
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => (release = resolve));
    let began = (): void => undefined;
    const beginning = new Promise<void>((resolve) => (began = resolve));
    const first = other.createScope(async () => {
      await insertProject('one');
      began();
      await held;
    });
    await beginning;
    const second = fixture.database.createScope(() => insertProject('two'));
    setTimeout(release, 150);
    await Promise.all([first, second]);
    await other.close();
    expect(await projects()).toBe(2);
  });

  test('ends with DATABASE_BUSY when another process keeps its transaction', async () => {
    // PostgreSQL begins transactions side by side.
    if (fixture.engine === 'postgres') return;
    const other = await fixture.openAnother();
    let runs = 0;
    await other.createScope(async () => {
      await insertProject('held');
      // Each look at the clock is half a minute later, so that nobody has to wait.
      const now = performance.now.bind(performance);
      let looks = 0;
      const clock = jest.spyOn(performance, 'now').mockImplementation(() => {
        looks += 1;
        return now() + looks * 30_000;
      });
      const work = fixture.database.createScope(async () => {
        runs += 1;
        await insertProject('waiting');
      });
      await expect(work).rejects.toMatchObject({ code: 'DATABASE_BUSY' });
      clock.mockRestore();
    });
    await other.close();
    expect(runs).toBe(1);
    // The connection can be used again.
    await fixture.database.createScope(() => insertProject('later'));
    expect(await projects()).toBe(2);
  });

  test('that reads before it writes is not overtaken by another writer', async () => {
    const other = await fixture.openAnother();
    let runs = 0;
    let overtaking: Promise<void> | undefined;
    await fixture.database.createScope(async () => {
      runs += 1;
      const transaction = await scopedSession().writer();
      await transaction('projects').select();
      overtaking ??= other.createScope(() => insertProject('other'));
      // With a lock from the beginning the other one cannot finish; without, it finishes in this time.
      await Promise.race([overtaking, sleep(100)]);
      await insertProject('mine');
    });
    await overtaking;
    await other.close();
    expect(runs).toBe(1);
    expect(await projects()).toBe(2);
  });

  test('is run again when the database reports a lock conflict', async () => {
    let runs = 0;
    await fixture.database.createScope(async () => {
      runs += 1;
      await insertProject(`run ${String(runs)}`);
      if (runs < 3) throw Object.assign(new Error('deadlock'), { code: '40P01' });
    });
    const rows = await fixture.database.knex('projects').select('name');
    expect(rows).toEqual([{ name: 'run 3' }]);
  });

  test('gives a broken constraint its name and leaves values out of the message', async () => {
    await fixture.database.createScope(() => insertProject('twice'));
    const again = fixture.database.createScope(() => insertProject('twice'));
    await expect(again).rejects.toMatchObject({
      code: 'DATABASE_CONSTRAINT',
      details: { kind: 'unique', constraint: expect.stringContaining('name') },
    });
  });

  test('is refused writing on a database open for reading only', async () => {
    const reading = await fixture.openAnother({ readOnly: true });
    await expect(reading.createScope(() => insertProject('no'))).rejects.toMatchObject({
      code: 'DATABASE_READ_ONLY',
    });
    await reading.close();
  });

  test('works on the configured database', async () => {
    configureDb(fixture.url);
    try {
      await createScope(() => insertProject('by default'));
    } finally {
      await closeDb();
    }
    expect(await projects()).toBe(1);
  });
});
