import { beforeEach, expect, test } from '@jest/globals';
import { takeUpLogChanges } from '../../src/db/due-sessions.js';
import { updateInstrument } from '../../src/db/instrument-store.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { findSession } from '../../src/db/session-store.js';
import { setOverrides } from '../../src/db/set-overrides.js';
import type { ClockOffset, InstrumentFolder } from '../../src/domain/instrument.js';
import { describeDatabases } from '../support/databases.js';
import { addInstrument, build, logSession } from '../support/session-rows.js';

const START = '2026-03-01T09:00:00Z';
const END = '2026-03-01T10:00:00Z';
const AHEAD: readonly ClockOffset[] = [{ validFromMs: 0, offsetMs: 120_000 }];

function folder(path: string, clockOffsets: readonly ClockOffset[]): InstrumentFolder {
  return { path, timeBasis: 'mtime', clockOffsets, patterns: [], rootSeenNonemptyAtMs: null };
}

describeDatabases('the clock offsets frozen on a session', (fixture) => {
  const scoped = <Result>(work: () => Promise<Result>): Promise<Result> =>
    fixture.database.createScope(work);
  const setOffsets = (offsets: readonly ClockOffset[]) =>
    scoped(() => updateInstrument('titan', { folders: [folder('titan', offsets)] }));
  const frozen = async () => (await scoped(() => findSession('s')))?.clockOffsets;

  const ahead = [{ path: 'titan', offsets: AHEAD }];
  const none = [{ path: 'titan', offsets: [] }];

  beforeEach(async () => {
    await addInstrument(fixture.database, 'titan', { folders: [folder('titan', AHEAD)] });
  });

  test('are those that held when END came, whatever is set later', async () => {
    await logSession(fixture.database, 's', { start: START });
    expect(await frozen()).toBeNull();
    await logSession(fixture.database, 's', { start: START, end: END });
    await setOffsets([]);
    // Told again.
    await logSession(fixture.database, 's', { start: START, end: END });
    expect(await frozen()).toEqual(ahead);
  });

  test('are frozen anew when END moves or the instrument is another, not when START moves', async () => {
    await addInstrument(fixture.database, 'helios');
    await logSession(fixture.database, 's', { start: START, end: END });
    await setOffsets([]);
    const correct = (change: Parameters<typeof setOverrides>[1]) =>
      scoped(() => setOverrides('s', change, { who: 'ada', nowMs: Date.parse(END) }));
    await correct({ start: '2026-03-01T08:00:00Z' });
    expect(await frozen()).toEqual(ahead);
    await correct({ end: '2026-03-01T11:00:00Z' });
    expect(await frozen()).toEqual(none);
    await correct({ instrument: 'helios' });
    expect(await frozen()).toEqual([{ path: 'helios', offsets: [] }]);
  });

  test('are forgotten when END is withdrawn', async () => {
    await logSession(fixture.database, 's', { start: START, end: END });
    await fixture.database.knex('session_log').where('event_type', 'END').del();
    await scoped(() => takeUpLogChanges());
    expect(await frozen()).toBeNull();
  });

  test('are not frozen before an END in the future', async () => {
    await logSession(fixture.database, 's', { start: START, end: '2199-01-01T00:00:00Z' });
    expect(await frozen()).toBeNull();
  });

  test('are frozen for rows made by SQL too, also of a folder that only `instruments` names', async () => {
    await fixture.database.knex('instruments').insert({
      instrument_pid: 'by-sql',
      display_name: 'By SQL',
      filestore_path: 'by/sql',
    });
    await fixture.database.knex('session_log').insert(
      ['START', 'END'].map((event_type, hour) => ({
        session_identifier: 's',
        instrument: 'by-sql',
        event_type,
        timestamp: `2026-03-01T0${hour + 8}:00:00.000Z`,
        record_status: 'TO_BE_BUILT',
      })),
    );
    await scoped(() => takeUpLogChanges());
    expect(await frozen()).toEqual([{ path: 'by/sql', offsets: [] }]);
  });

  test('stay with a retry, and go with a fresh one', async () => {
    await logSession(fixture.database, 's', { start: START, end: END });
    await build(fixture.database, 's');
    await scoped(() => retrySessions({ identifiers: ['s'] }));
    expect(await frozen()).toEqual(ahead);
    await scoped(() => retrySessions({ identifiers: ['s'] }, { fresh: true }));
    expect(await frozen()).toBeNull();
  });
});
