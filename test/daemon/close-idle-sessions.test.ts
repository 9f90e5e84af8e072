import { rmSync } from 'node:fs';
import { afterAll, beforeEach, afterEach, expect, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { configSchema } from '../../src/config/schema.js';
import { idleSources } from '../../src/configured-instrument-pcs.js';
import { closeIdleSessions } from '../../src/daemon/close-idle-sessions.js';
import { insertLog } from '../../src/db/insert-log.js';
import { setOverrides } from '../../src/db/set-overrides.js';
import { StorePool } from '../../src/files/store-pool.js';
import { buildPolicyOf } from '../../src/main.js';
import { describeDatabases } from '../support/databases.js';
import { FileStore } from '../support/file-store.js';
import { keepingLog, type LoggedLine } from '../support/plain-server.js';
import { addInstrument } from '../support/session-rows.js';

const START_MS = Date.parse('2026-03-02T09:00:00.000Z');
const MINUTE_MS = 60_000;
const config = configSchema.parse({
  sources: [{ name: 'pcs', kind: 'instrument-pc', auto_close: 'idle', idle_minutes: 30 }],
});

describeDatabases('idle sessions', (fixture) => {
  const stores = new StorePool();
  let store: FileStore;
  let lines: LoggedLine[];
  let notBefore: Map<string, number>;

  /** Looks so many minutes after START. */
  const close = (minutes: number): Promise<number> => {
    const now = DateTime.fromMillis(START_MS + minutes * MINUTE_MS, { zone: 'utc' });
    if (!now.isValid) throw new Error('The time is none.');
    return closeIdleSessions({
      environment: {
        database: fixture.database,
        stores,
        clock: { now: () => now },
        paths: { data: store.path, output: '/nowhere', records: '/nowhere' },
        rules: [],
        log: keepingLog(lines),
        policyOf: (instrument) => buildPolicyOf(config, instrument),
      },
      sources: idleSources(config),
      notBefore,
      signal: new AbortController().signal,
    });
  };
  const event = (
    identifier: string,
    eventType: 'START' | 'END',
    minutes: number,
    more: { readonly source?: string; readonly instrumentPid?: string } = {},
  ) =>
    fixture.database.createScope(() =>
      insertLog({
        sessionIdentifier: identifier,
        instrumentPid: 'titan',
        eventType,
        at: START_MS + minutes * MINUTE_MS,
        source: 'pcs',
        ...more,
      }),
    );
  const ends = async () =>
    (
      await fixture.database
        .knex<{ session_identifier: string; timestamp: string; source: string }>('session_log')
        .where('event_type', 'END')
        .orderBy('session_identifier')
    ).map((row) => [row.session_identifier, row.timestamp, row.source]);

  beforeEach(async () => {
    store = new FileStore(true);
    lines = [];
    notBefore = new Map();
    await addInstrument(fixture.database, 'titan');
  });
  afterEach(() => rmSync(store.path, { recursive: true }));
  afterAll(() => stores.stop());

  test('a session ends at the time of its newest file once nothing was written for long enough', async () => {
    await event('a', 'START', 0);
    store.write('titan/one.dm3', START_MS + 5 * MINUTE_MS);
    store.write('titan/notes-of-no-format.xyz', START_MS + 20 * MINUTE_MS);
    store.touch(
      'titan/notes-of-no-format.xyz',
      BigInt(START_MS + 20 * MINUTE_MS) * 1_000_000n + 1n,
    );
    store.write('titan/ignored.tmp', START_MS + 40 * MINUTE_MS);
    store.write('titan/before.dm3', START_MS - MINUTE_MS);
    expect(await close(29)).toBe(0);
    expect(await close(45)).toBe(0);
    expect(notBefore.get('a')).toBeGreaterThan(START_MS + 50 * MINUTE_MS);
    expect(await close(51)).toBe(1);
    // After the last nanosecond of the file, so that the session has it.
    expect(await ends()).toEqual([['a', '2026-03-02T09:20:00.001Z', 'pcs auto-close']]);
    expect(lines).toMatchObject([{ level: 'info', fields: { end: '2026-03-02T09:20:00.001Z' } }]);
  });

  test('a session without any file ends at its START; the real END that comes later takes its place', async () => {
    await event('a', 'START', 0);
    store.write('titan/before.dm3', START_MS - MINUTE_MS);
    expect(await close(31)).toBe(1);
    expect(await ends()).toEqual([['a', '2026-03-02T09:00:00.000Z', 'pcs auto-close']]);
    expect(await event('a', 'END', 50)).toMatchObject({ kind: 'updated' });
    expect(await ends()).toEqual([['a', '2026-03-02T09:50:00.000Z', 'pcs']]);
    expect(await close(200)).toBe(0);
  });

  test('only open sessions of the source end, on instruments that want it', async () => {
    await addInstrument(fixture.database, 'quanta', { settings: { auto_close: 'off' } });
    await addInstrument(fixture.database, 'helios', { settings: { idle_minutes: 240 } });
    for (const pid of ['titan', 'quanta', 'helios']) store.write(`${pid}/before.dm3`, START_MS - 1);
    await event('booked', 'START', 0, { source: 'nemo' });
    await event('by hand', 'START', 0, { source: 'test' });
    await event('off', 'START', 0, { instrumentPid: 'quanta' });
    await event('patient', 'START', 0, { instrumentPid: 'helios' });
    await event('ended', 'START', 0);
    await event('corrected', 'START', 1);
    await fixture.database.createScope(() =>
      setOverrides('corrected', { end: '2026-03-02T12:00:00Z' }, { who: 'ada', nowMs: START_MS }),
    );
    await event('ended', 'END', 10);
    expect(await close(100)).toBe(0);
    expect(await ends()).toMatchObject([['ended', '2026-03-02T09:10:00.000Z', 'pcs']]);
    expect(await close(241)).toBe(1);
    expect((await ends()).map(([identifier]) => identifier)).toEqual(['ended', 'patient']);
  });

  test('while the store is away no session ends, and none keeps another from ending', async () => {
    await addInstrument(fixture.database, 'quanta');
    await addInstrument(fixture.database, 'wrong', { settings: { build: { strategy: 'wrong' } } });
    store.write('quanta/before.dm3', START_MS - MINUTE_MS);
    await event('a', 'START', 0);
    await event('b', 'START', 0, { instrumentPid: 'quanta' });
    await event('c', 'START', 0, { instrumentPid: 'wrong' });
    expect(await close(31)).toBe(1);
    expect((await ends()).map(([identifier]) => identifier)).toEqual(['b']);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(1);
  });
});
