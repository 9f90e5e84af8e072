import { appendFileSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { checkInvariants } from '../../src/db/check-invariants.js';
import { retrySessions } from '../../src/db/retry-sessions.js';
import { excludeFile, removeFileRule } from '../../src/db/session-files-store.js';
import { parseRecordJson } from '../../src/record/record-document.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab, type ReportedSession } from '../support/lab.js';
import { readXmlRecord, type XmlRecord } from '../support/read-record.js';

// Processes start slowly where many tests run.
jest.setTimeout(180_000);

const ID = 'https://nemo.example/api/usage_events/?id=8';

function numbered(number: number): string {
  return String(number).padStart(3, '0');
}

/** Minute and second of a number of seconds after 09:00. */
function at(seconds: number): number {
  return Date.UTC(2026, 2, 2, 9) + seconds * 1000;
}

describeEngines('Numbered files', (engine) => {
  let lab: Lab;
  const build = async (): Promise<ReportedSession | undefined> =>
    (await lab.runOnce(['--session', ID])).sessions[0];
  const rebuild = async (fresh = false): Promise<ReportedSession | undefined> => {
    await lab.database.createScope(() => retrySessions({ identifiers: [ID] }, { fresh }));
    return build();
  };
  const record = (session: ReportedSession | undefined): XmlRecord =>
    readXmlRecord(session?.record ?? '');
  const datasetsOf = (session: ReportedSession | undefined) =>
    parseRecordJson(lab.read((session?.record ?? '').replace(/xml$/, 'json'))).activities.flatMap(
      (activity) => activity.datasets,
    );
  const tiles = (count: number, from = 1): void => {
    for (let number = from; number < from + count; number += 1) {
      lab.image(`titan/tile_${numbered(number)}.tif`, at(60 + number));
    }
  };
  const cause = async (): Promise<string> => {
    const latest = lab.database.knex('records').orderBy('id', 'desc');
    return (await latest.first<{ cause: string }>('cause')).cause;
  };

  beforeEach(async () => {
    lab = await createLab({ engine, instruments: [{ pid: 'titan', timezone: 'UTC' }] });
    await lab.log(ID, { start: '2026-03-02T09:00:00Z', end: '2026-03-02T11:00:00Z' });
  });
  afterEach(async () => {
    await lab.database.createScope(async () => {
      expect(await checkInvariants()).toEqual([]);
    });
    await lab.remove();
  });

  test('are one dataset from 50 on, with count, first and last; before that a dataset each', async () => {
    tiles(49);
    lab.spectrum('titan/point.msa', at(30));
    const first = await build();
    expect(first).toMatchObject({ outcome: 'COMPLETED', files: 50 });
    expect(record(first).datasets).toHaveLength(50);

    tiles(1, 50);
    const second = await rebuild();
    expect(second).toMatchObject({ version: 2, files: 51 });
    expect(await cause()).toBe('1 file added');
    const datasets = datasetsOf(second);
    expect(datasets.map(({ name }) => name)).toEqual(['point.msa', 'tile_[001-050].tif']);
    const [, series] = datasets;
    const size = readFileSync(join(lab.data, 'titan/tile_001.tif')).length;
    expect(series).toMatchObject({
      location: '/titan/tile_001.tif',
      type: 'Image',
      previews: ['/titan/tile_001.tif.thumb.png'],
      descriptions: [
        'Series of 50 files: first tile_001.tif, last tile_050.tif, from 2026-03-02T09:01:01.000Z to 2026-03-02T09:01:50.000Z',
      ],
      extensions: {
        sizeBytes: 50 * size,
        acquired: '2026-03-02T09:01:01.000Z',
        series: {
          count: 50,
          first: 'tile_001.tif',
          last: 'tile_050.tif',
          startTime: '2026-03-02T09:01:01.000Z',
          endTime: '2026-03-02T09:01:50.000Z',
        },
      },
    });
    // Only what the record names is kept.
    expect(lab.files(lab.output)).toEqual([
      'titan/point.msa.json',
      'titan/point.msa.thumb.png',
      'titan/tile_001.tif.json',
      'titan/tile_001.tif.thumb.png',
    ]);
    const explained = await lab.run(['sessions', 'explain', ID, '--json']);
    expect(explained.stdout).toContain(
      'part of series tile_[001-050].tif: written between START and END',
    );
    // The same again is the same version.
    expect(await rebuild()).toMatchObject({ version: 2, reason: expect.stringMatching(/nothing/) });
  });

  test('that change, come or go make a new version; what is gone stays in the series, marked', async () => {
    tiles(50);
    await build();
    appendFileSync(join(lab.data, 'titan/tile_007.tif'), 'more');
    lab.write('titan/tile_007.tif', at(67), readFileSync(join(lab.data, 'titan/tile_007.tif')));
    tiles(2, 51);
    expect(await rebuild()).toMatchObject({ version: 2, files: 52 });
    expect(await cause()).toBe('2 files added, 1 file changed');

    for (const number of [1, 2, 30]) rmSync(join(lab.data, `titan/tile_${numbered(number)}.tif`));
    const third = await rebuild();
    expect(third).toMatchObject({ version: 3, files: 52 });
    expect(await cause()).toBe('3 files missing');
    const [series, ...others] = datasetsOf(third);
    expect(others).toEqual([]);
    expect(series).toMatchObject({
      name: 'tile_[001-052].tif',
      location: '/titan/tile_003.tif',
      extensions: { series: { count: 52, first: 'tile_001.tif', missing: 3 } },
    });
    expect(record(third).notes.join('\n')).toMatch(
      /Series from \/titan\/tile_001\.tif: 3 of 52 files missing since/,
    );
    expect(lab.files(lab.output)).toEqual([
      'titan/tile_003.tif.json',
      'titan/tile_003.tif.thumb.png',
    ]);

    // One comes back, one moved to another folder, one was excluded by a person.
    tiles(1, 30);
    await lab.database.createScope(() =>
      excludeFile(ID, '/titan/tile_040.tif', { author: 'grace' }),
    );
    const fourth = await build();
    expect(await cause()).toBe('1 file found again, 1 file left out');
    expect(datasetsOf(fourth)[0]?.extensions?.series).toMatchObject({ count: 51, missing: 2 });
    await lab.database.createScope(() => removeFileRule(ID, '/titan/tile_040.tif'));

    rmSync(join(lab.data, 'titan'), { recursive: true });
    lab.spectrum('titan/point.msa', at(30));
    const fifth = await rebuild();
    expect(datasetsOf(fifth).map(({ name }) => name)).toEqual(['point.msa', 'tile_[001-052].tif']);
    expect(datasetsOf(fifth)[1]?.extensions).toMatchObject({
      missingSince: expect.any(String),
      series: { count: 51, missing: 51 },
    });
    expect(datasetsOf(await rebuild(true)).map(({ name }) => name)).toEqual(['point.msa']);
  });

  test('that are not all of one format are a series as far as they are, and the others stay files', async () => {
    tiles(60);
    // The first of those that stand for all.
    lab.write('titan/tile_001.tif', at(61), 'no picture at all');
    const session = await build();
    expect(session).toMatchObject({ files: 60 });
    const datasets = datasetsOf(session);
    expect(datasets.map(({ name, format }) => `${name}: ${format ?? ''}`)).toEqual([
      'tile_001.tif: Text',
      expect.stringMatching(/^tile_\[002-060\]\.tif: TIFF/),
    ]);
  });

  test('that no format knows are a series too; empty ones are not', async () => {
    lab.configure({ build: { strategy: 'inclusive' } });
    for (let number = 1; number <= 60; number += 1) {
      lab.write(
        `titan/raw_${numbered(number)}.bin`,
        at(number),
        number === 3 ? '' : '\u0000\u0001',
      );
    }
    const datasets = datasetsOf(await build());
    expect(datasets.map(({ name }) => name)).toEqual(['raw_[001-060].bin', 'raw_003.bin']);
    expect(datasets[0]?.extensions?.series?.count).toBe(59);
  });

  test('are in the activity of the first, which lasts as long as they do; borders are as of single files', async () => {
    // A file every two seconds for two minutes, a pause of an hour, and the rest of the series with a picture beside it.
    for (let number = 1; number <= 120; number += 1) {
      const seconds = number <= 60 ? number * 2 : 3600 + number * 2;
      lab.image(`titan/tile_${numbered(number)}.tif`, at(seconds));
    }
    lab.image('titan/other.tif', at(3720));
    const session = await build();
    expect(session).toMatchObject({ activities: 2, files: 121 });
    const document = parseRecordJson(lab.read((session?.record ?? '').replace(/xml$/, 'json')));
    expect(
      document.activities.map(({ datasets, startTime, extensions }) => [
        datasets.map(({ name }) => name).join(),
        startTime,
        extensions?.endTime,
      ]),
    ).toEqual([
      ['tile_[001-120].tif', '2026-03-02T09:00:02.000Z', '2026-03-02T10:04:00.000Z'],
      ['other.tif', '2026-03-02T10:02:00.000Z', '2026-03-02T10:02:00.000Z'],
    ]);
    lab.configure({ build: { series_min_files: 0 } });
    const single = await rebuild();
    expect(single).toMatchObject({ activities: 2, files: 121, version: 2 });
    expect(datasetsOf(single)).toHaveLength(121);
    expect(existsSync(join(lab.output, 'titan/tile_077.tif.json'))).toBe(true);
  });

  test('of which another time decides are read each, and a series of those that are in', async () => {
    await lab.addInstrument('quanta', {
      timezone: 'UTC',
      folders: [
        {
          path: 'quanta',
          timeBasis: 'acquired',
          clockOffsets: [],
          patterns: [],
          rootSeenNonemptyAtMs: null,
        },
      ],
    });
    await lab.log('other', {
      start: '2026-03-02T09:00:00Z',
      end: '2026-03-02T11:00:00Z',
      instrument: 'quanta',
    });
    for (let number = 1; number <= 70; number += 1) {
      // Copied after END; the last ten were acquired after it.
      const acquired = number <= 60 ? at(number) : at(7200 + 600 + number);
      lab.image(`quanta/a_${numbered(number)}.tif`, at(9000 + number), acquired);
    }
    const { sessions } = await lab.runOnce(['--session', 'other']);
    expect(datasetsOf(sessions[0]).map(({ name }) => name)).toEqual(['a_[001-060].tif']);
  });
});
