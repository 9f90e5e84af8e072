import { existsSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { updateInstrument } from '../../src/db/instrument-store.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { excludeFile } from '../../src/db/session-files-store.js';
import { setOverrides } from '../../src/db/set-overrides.js';
import type { ClockOffset } from '../../src/domain/instrument.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type ReportedSession } from '../support/lab.js';
import { readXmlRecord } from '../support/read-record.js';

jest.setTimeout(180_000);

const at = (time: string): string => `2026-03-02T${time}:00Z`;
const PERSON = { who: 'grace', nowMs: Date.UTC(2026, 5, 1) };

describeEngines('a record whose session or clock is corrected', (engine) => {
  let lab: Lab;

  beforeEach(async () => {
    lab = await createLab({ engine });
  });
  afterEach(() => lab.remove());

  async function buildAll(): Promise<ReadonlyMap<string, ReportedSession>> {
    const { sessions } = await lab.runOnce();
    return new Map(sessions.map((session) => [session.session_identifier, session]));
  }
  const retry = (fresh: boolean) =>
    lab.database.createScope(() => retrySessions({ identifiers: ['a'] }, { fresh }));
  const recordOf = (session: ReportedSession | undefined) => readXmlRecord(session?.record ?? '');
  const namesOf = (session: ReportedSession | undefined): string[] =>
    recordOf(session)
      .datasets.map(({ name }) => name)
      .sort();

  test('keeps the clock offset of its END, until a fresh build takes the present one', async () => {
    const setOffsets = (clockOffsets: readonly ClockOffset[]) =>
      lab.database.createScope(() =>
        updateInstrument('titan', {
          folders: [
            {
              path: 'titan',
              timeBasis: 'mtime',
              clockOffsets,
              patterns: [],
              rootSeenNonemptyAtMs: null,
            },
          ],
        }),
      );
    await setOffsets([{ validFromMs: 0, offsetMs: 3_600_000 }]);
    lab.spectrum('titan/an-hour-ahead.msa', at('10:30'));
    await lab.log('a', { start: at('09:00'), end: at('10:00') });
    await setOffsets([]);
    const first = (await buildAll()).get('a');
    expect(first).toMatchObject({ outcome: 'COMPLETED', version: 1, files: 1 });
    expect(recordOf(first).notes.join()).toContain(
      'clock offset of the instrument (titan: 3600 s)',
    );

    await retry(false);
    expect((await buildAll()).get('a')).toMatchObject({ outcome: 'COMPLETED', version: 1 });
    await retry(true);
    expect((await buildAll()).get('a')).toMatchObject({ outcome: 'NO_FILES_FOUND' });
  });

  test('gives a file away that lies in another session by now, and keeps what is only gone', async () => {
    const fileNames = ['kept', 'gone', 'excluded', 'given-away', 'nobodys'];
    const times = ['09:20', '09:25', '09:30', '11:30', '11:50'];
    for (const [index, name] of fileNames.entries()) {
      lab.spectrum(`titan/${name}.msa`, at(times[index] ?? ''));
    }
    await lab.log('a', { start: at('09:00'), end: at('12:00') });
    const first = (await buildAll()).get('a');
    expect(first).toMatchObject({ version: 1, files: 5 });
    const outputs = (name: string): boolean[] =>
      [`titan/${name}.msa.json`, `titan/${name}.msa.thumb.png`].map((path) =>
        existsSync(join(lab.output, path)),
      );
    expect(fileNames.flatMap(outputs)).not.toContain(false);

    // END was two hours earlier, and somebody else came then for a short while.
    await lab.database.createScope(() => setOverrides('a', { end: at('10:00') }, PERSON));
    await lab.database.createScope(() =>
      excludeFile('a', '/titan/excluded.msa', { author: 'grace' }),
    );
    await lab.log('b', { start: at('11:00'), end: at('11:40'), user: 'bob' });
    rmSync(join(lab.data, 'titan/gone.msa'));
    await lab.database.knex('sessions').update({ next_attempt_at: null });
    const second = await buildAll();
    expect(namesOf(second.get('b'))).toEqual(['given-away.msa']);
    const record = recordOf(second.get('a'));
    expect(namesOf(second.get('a'))).toEqual(['gone.msa', 'kept.msa', 'nobodys.msa']);
    const notes = record.notes.join('\n');
    expect(notes).toContain(
      '1 file of an earlier version was written outside the times of this session and belongs to another one.',
    );
    // In the zone of the instrument, as all times of a record.
    const since = /\/titan\/gone\.msa: missing since (\S+[+-]\d\d:\d\d)\./.exec(notes)?.[1];
    expect(record.notes).toContain(`gone.msa: missing since ${String(since)}`);
    expect(notes).toMatch(
      /nobodys\.msa: no longer within the times of the session, since \S+[+-]\d\d:\d\d\./,
    );
    expect(lab.read(second.get('a')?.record ?? '')).not.toMatch(/given-away|bob/);

    // What left the record has no sidecar and preview any more, but for what another record shows.
    expect(outputs('excluded')).toEqual([false, false]);
    const stay = fileNames.filter((name) => name !== 'excluded');
    expect(stay.flatMap(outputs)).not.toContain(false);

    await retry(false);
    expect((await buildAll()).get('a')).toMatchObject({ outcome: 'COMPLETED', version: 2 });
  });
});
