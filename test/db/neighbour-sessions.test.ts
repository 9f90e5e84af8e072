import { beforeEach, expect, test } from '@jest/globals';
import { describeDatabases } from '../support/databases.js';
import {
  addInstrument,
  build,
  logSession,
  testActivity,
  testDataset,
} from '../support/session-rows.js';

const NOON_NS = BigInt(Date.parse('2026-03-01T12:00:00Z')) * 1_000_000n;

describeDatabases(
  'a session that comes to a time of which a record holds a missing file',
  (fixture) => {
    async function buildHolding(missingSinceMs: number | null): Promise<void> {
      await logSession(fixture.database, 'holder', {
        start: '2026-03-01T09:00:00Z',
        end: '2026-03-01T10:00:00Z',
      });
      const dataset = testDataset('/titan/a.dm3', { timeNs: NOON_NS, missingSinceMs });
      await build(fixture.database, 'holder', {
        record: {
          path: 'versions/holder.xml',
          publicPath: 'holder.xml',
          sha256: 'a'.repeat(64),
          cause: 'first build',
          activities: [testActivity([dataset])],
        },
      });
    }

    const comes = (start: string, end: string, instrument = 'titan'): Promise<void> =>
      logSession(fixture.database, 'newcomer', {
        start: `2026-03-01T${start}:00Z`,
        end: `2026-03-01T${end}:00Z`,
        instrument,
      });

    async function statusOfHolder(): Promise<unknown> {
      const row: unknown = await fixture.database
        .knex('sessions')
        .where('session_identifier', 'holder')
        .first('status');
      return row;
    }

    beforeEach(async () => {
      await addInstrument(fixture.database, 'titan');
      await addInstrument(fixture.database, 'helios');
    });

    test('has that record made again: the file may be in the new one', async () => {
      await buildHolding(1000);
      await comes('11:00', '12:00');
      expect(await statusOfHolder()).toEqual({ status: 'TO_BE_BUILT' });
    });

    test.each([
      ['at another time', 1000, ['12:00', '13:00', 'titan']],
      ['on another instrument', 1000, ['11:00', '13:00', 'helios']],
      ['and the file is not missing', null, ['11:00', '13:00', 'titan']],
    ] as const)('changes nothing %s', async (_when, missingSinceMs, [start, end, instrument]) => {
      await buildHolding(missingSinceMs);
      await comes(start, end, instrument);
      expect(await statusOfHolder()).toEqual({ status: 'COMPLETED' });
    });
  },
);
