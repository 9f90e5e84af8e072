import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import { cancelSession } from '../../src/db/cancel-session.js';
import type { InstrumentFolder } from '../../src/domain/instrument.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type RunOnceResult } from '../support/lab.js';
import { readXmlRecord } from '../support/read-record.js';

jest.setTimeout(180_000);

const at = (time: string): string => `2026-03-02T${time}:00Z`;

function folder(path: string): InstrumentFolder {
  return { path, timeBasis: 'mtime', clockOffsets: [], patterns: [], rootSeenNonemptyAtMs: null };
}

describeEngines('sessions that overlap on one folder', (engine) => {
  let lab: Lab;
  let first: RunOnceResult;

  const log = (id: string, instrument: string, from: string, to: string | null, user = 'ada') =>
    lab.log(id, { start: at(from), instrument, user, ...(to === null ? {} : { end: at(to) }) });

  beforeAll(async () => {
    lab = await createLab({
      engine,
      instruments: [
        { pid: 'users', userFolder: '{username}/**' },
        { pid: 'left', folders: [folder('both')] },
        // The same folder, spelled in another way.
        { pid: 'right', folders: [folder('./both/')] },
        'free',
        'open',
        'twins',
        'later',
        // It writes to the folder of the other one too.
        { pid: 'later-too', folders: [folder('later-too'), folder('later')] },
      ],
      settings: {
        rules: [{ name: 'service visits', action: 'skip', match: { user: ['service'] } }],
      },
    });
    await log('users of ada', 'users', '09:00', '10:00', 'ada');
    await log('users of bob', 'users', '09:15', '10:15', 'bob');
    lab.spectrum('users/ada/hers.msa', at('09:30'));
    lab.spectrum('users/bob/secret-sample.msa', at('09:30'));
    lab.spectrum('users/common.msa', at('09:30'));
    lab.spectrum('users/alone.msa', at('09:10'));

    await log('left', 'left', '09:00', '10:00', 'ada');
    await log('right', 'right', '09:30', '10:30', 'bob');
    lab.spectrum('both/of-left.msa', at('09:20'));
    lab.spectrum('both/of-right.msa', at('09:40'));

    await log('free', 'free', '09:00', '10:00');
    await log('free, cancelled', 'free', '09:30', '09:50');
    await log('free, skipped', 'free', '09:30', '09:50', 'service');
    lab.spectrum('free/kept.msa', at('09:40'));
    await lab.database.createScope(() => cancelSession('free, cancelled', { who: 'ada' }));

    await log('open', 'open', '09:00', '10:00');
    await log('open, goes on', 'open', '09:30', null, 'bob');
    lab.spectrum('open/mine.msa', at('09:20'));
    lab.spectrum('open/of-the-open-one.msa', at('09:40'));

    await log('twin a', 'twins', '09:00', '10:00');
    await log('twin b', 'twins', '09:00', '10:00');
    lab.spectrum('twins/one.msa', at('09:40'));

    await log('later', 'later', '09:00', '10:00');
    lab.spectrum('later/kept.msa', at('09:20'));
    lab.spectrum('later/lost.msa', at('09:40'));
    first = await lab.runOnce();
  });
  afterAll(() => lab.remove());

  function sessionOf(result: RunOnceResult, identifier: string) {
    const session = result.sessions.find((one) => one.session_identifier === identifier);
    if (session === undefined) throw new Error(`${identifier} was not built:\n${result.stderr}`);
    return session;
  }

  const namesIn = (identifier: string): string[] => {
    const { record } = sessionOf(first, identifier);
    return record === null
      ? []
      : readXmlRecord(record)
          .datasets.map(({ name }) => name)
          .sort();
  };

  test("a file in a user's folder is that user's; others are of the session that started later", () => {
    expect(namesIn('users of ada')).toEqual(['alone.msa', 'hers.msa']);
    expect(namesIn('users of bob')).toEqual(['common.msa', 'secret-sample.msa']);
  });

  test('instruments that write to one folder share its files out', () => {
    expect(namesIn('left')).toEqual(['of-left.msa']);
    expect(namesIn('right')).toEqual(['of-right.msa']);
  });

  test('cancelled and skipped sessions own nothing, open ones do', () => {
    expect(sessionOf(first, 'free, skipped').outcome).toBe('SKIPPED');
    expect(namesIn('free')).toEqual(['kept.msa']);
    expect(namesIn('open')).toEqual(['mine.msa']);
  });

  test('of two with the same START, one owns all', () => {
    expect(namesIn('twin a')).toEqual(['one.msa']);
    expect(sessionOf(first, 'twin b')).toMatchObject({ outcome: 'NO_FILES_FOUND', files: 0 });
  });

  test('no file is in two records', () => {
    const locations = first.sessions.flatMap(({ record }) =>
      record === null ? [] : readXmlRecord(record).datasets.map(({ location }) => location),
    );
    expect(new Set(locations).size).toBe(locations.length);
  });

  test('the record tells of the overlap, and nothing of the other session', () => {
    const path = sessionOf(first, 'users of ada').record ?? '';
    expect(readXmlRecord(path).notes).toEqual([
      'Sessions overlap on this folder: 2 files written in this session belong to another one.',
    ]);
    for (const text of [lab.read(path), lab.read(path.replace(/\.xml$/, '.json'))]) {
      expect(text).not.toMatch(/bob|secret-sample|common\.msa/);
    }
  });

  test('a neighbour that comes later gets its files; the record of before follows', async () => {
    expect(sessionOf(first, 'later')).toMatchObject({ files: 2, version: 1 });
    await log('newcomer', 'later-too', '09:30', '09:50', 'bob');
    const second = await lab.runOnce();
    expect(sessionOf(second, 'newcomer')).toMatchObject({ outcome: 'COMPLETED', files: 1 });
    const later = sessionOf(second, 'later');
    expect(later).toMatchObject({ outcome: 'COMPLETED', files: 1, version: 2 });
    expect(readXmlRecord(later.record ?? '').datasets.map(({ name }) => name)).toEqual([
      'kept.msa',
    ]);
    expect(second.sessions.length).toBe(2);
  });
});
