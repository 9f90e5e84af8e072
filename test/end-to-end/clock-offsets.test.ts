import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { updateInstrument } from '../../src/db/instrument-store.js';
import type { InstrumentFolder } from '../../src/domain/instrument.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { readXmlRecord } from '../support/read-record.js';

jest.setTimeout(180_000);

const at = (time: string): string => `2026-03-02T${time}Z`;

function folder(path: string, offsetMs: number | null = null): InstrumentFolder {
  return {
    path,
    timeBasis: 'mtime',
    clockOffsets: offsetMs === null ? [] : [{ validFromMs: 0, offsetMs }],
    patterns: [],
    rootSeenNonemptyAtMs: null,
  };
}

describeEngines('a clock offset that changes between two sessions', (engine) => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({ engine, settings: { build: { previews: false } } });
  });
  afterEach(() => lab.remove());

  const setFolders = (pid: string, folders: readonly InstrumentFolder[]): Promise<void> =>
    lab.database.createScope(async () => {
      await updateInstrument(pid, { folders });
    });
  const log = (id: string, from: string, to: string, instrument = 'titan'): Promise<void> =>
    lab.log(id, { start: at(from), end: at(to), instrument });
  /** The files of each session's current record, by name. */
  async function shared(): Promise<Record<string, string[]>> {
    await lab.runOnce();
    const rows = await lab.database
      .knex('records')
      .whereNull('superseded_at')
      .select<{ session_identifier: string; public_path: string }[]>(
        ...['session_identifier', 'public_path'],
      );
    return Object.fromEntries(
      rows.map(({ session_identifier, public_path }) => [
        session_identifier,
        readXmlRecord(`${lab.records}/${public_path}`)
          .datasets.map(({ name }) => name)
          .sort(),
      ]),
    );
  }

  test.each([['one after the other'], ['both at once']])(
    'leaves a file at the border in exactly one record (%s)',
    async (order) => {
      for (const [name, time] of Object.entries({
        'of-e1': '10:01:00',
        'at-border': '10:03:00',
        'of-e3': '10:06:00',
      })) {
        lab.spectrum(`titan/${name}.msa`, at(time));
      }
      await log('e1', '10:00:30', '10:03:30');
      if (order === 'one after the other') {
        expect(await shared()).toEqual({ e1: ['at-border.msa', 'of-e1.msa'] });
      }
      await setFolders('titan', [folder('titan', -60_000)]);
      await log('e3', '10:03:40', '10:10:00');
      // By the offset of e3 it was written at 10:04:00, and e3 started later.
      expect(await shared()).toEqual({
        e1: ['of-e1.msa'],
        e3: ['at-border.msa', 'of-e3.msa'],
      });
      expect(await shared()).toEqual({
        e1: ['of-e1.msa'],
        e3: ['at-border.msa', 'of-e3.msa'],
      });
    },
  );

  test('has explain know that files before START are those of the session before', async () => {
    lab.spectrum('titan/first.msa', at('10:01:00'));
    lab.spectrum('titan/second.msa', at('10:02:00'));
    lab.spectrum('titan/of-e2.msa', at('10:07:00'));
    await log('e1', '10:00:30', '10:03:30');
    await setFolders('titan', [folder('titan', 120_000)]);
    await log('e2', '10:03:40', '10:10:00');
    expect(await shared()).toEqual({ e1: ['first.msa', 'second.msa'], e2: ['of-e2.msa'] });
    const hints = async (): Promise<unknown> =>
      (
        JSON.parse((await lab.run(['sessions', 'explain', 'e2', '--json'])).stdout) as {
          hints: unknown;
        }
      ).hints;
    expect(await hints()).toEqual([]);
    lab.spectrum('titan/of-none.msa', at('10:04:00'));
    await lab.run(['sessions', 'retry', 'e2']);
    await lab.runOnce();
    expect(await hints()).toMatchObject([
      { text: expect.stringMatching(/^1 file written .* START/) },
    ]);
  });

  test('of one of two instruments on a folder: a file is in one record, and none is lost that only one of them has', async () => {
    await lab.addInstrument('helios', { folders: [folder('helios'), folder('./titan/', -60_000)] });
    await setFolders('titan', [folder('titan'), folder('only-titan')]);
    lab.spectrum('titan/shared.msa', at('10:03:00'));
    lab.spectrum('only-titan/mine.msa', at('10:03:00'));
    lab.spectrum('helios/theirs.msa', at('10:03:50'));
    await log('of titan', '10:00:00', '10:10:00');
    await log('of helios', '10:02:30', '10:05:00', 'helios');
    expect(await shared()).toEqual({
      'of titan': ['mine.msa'],
      'of helios': ['shared.msa', 'theirs.msa'],
    });
  });
});
