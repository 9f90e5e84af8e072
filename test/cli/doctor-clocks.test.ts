import { afterEach, describe, expect, jest, test } from '@jest/globals';
import { DateTime } from 'luxon';
import { checkFileClocks } from '../../src/cli/doctor/check-file-clocks.js';
import type { CheckResult } from '../../src/cli/doctor/check-result.js';
import { clockChange } from '../../src/cli/doctor/clock-change.js';
import { clockLeadRuns, type FileTimes } from '../../src/cli/doctor/clock-lead-runs.js';
import { loadConfig } from '../../src/config/load-config.js';
import { systemClock } from '../../src/clock.js';
import type { Instrument } from '../../src/domain/instrument.js';
import { StorePool } from '../../src/files/store-pool.js';
import { describeEngines } from '../support/databases.js';
import { createLab, type Lab } from '../support/lab.js';
import { seededRandom } from '../support/seeded-random.js';
import { build, testActivity, testDataset } from '../support/session-rows.js';

jest.setTimeout(120_000);

const MINUTE_MS = 60_000;
const DAY_MS = 24 * 60 * MINUTE_MS;
const FIRST_MS = Date.parse('2026-03-16T09:00:00Z');
/** Europe: the clocks were put forward on 29 March 2026 at 01:00 UTC. */
const SUMMER_MS = Date.parse('2026-03-29T01:00:00Z');

/** Ten files a day, saved some seconds after they were acquired by a clock that is ahead as `leadOf` says. */
function days(count: number, leadOf: (atMs: number) => number, seed = 7): FileTimes[] {
  const random = seededRandom(seed);
  return Array.from({ length: 10 * count }, (_, index) => {
    const writtenMs = FIRST_MS + Math.floor(index / 10) * DAY_MS + (index % 10) * 20 * MINUTE_MS;
    return { writtenMs, acquiredMs: writtenMs - random() * 20_000 + leadOf(writtenMs) };
  });
}

function minutes(runs: ReturnType<typeof clockLeadRuns>): number[] {
  // Of -0 and 0, the same.
  return runs.map(({ leadMs }) => Math.round(leadMs / MINUTE_MS) + 0);
}

describe('clockLeadRuns', () => {
  test('clocks that agree are one run of no lead', () => {
    expect(minutes(clockLeadRuns(days(30, () => 0)))).toEqual([0]);
  });

  test('each change of the lead begins a run, at the file where it shows', () => {
    const changedMs = FIRST_MS + 10 * DAY_MS + 90 * MINUTE_MS;
    const backMs = FIRST_MS + 20 * DAY_MS;
    const runs = clockLeadRuns(
      days(30, (ms) => (ms < changedMs || ms >= backMs ? 0 : -61 * MINUTE_MS)),
    );
    expect(minutes(runs)).toEqual([0, -61, 0]);
    expect(runs[1]?.firstMs).toBe(FIRST_MS + 10 * DAY_MS + 100 * MINUTE_MS);
    expect(runs[2]?.firstMs).toBe(backMs);
  });

  test('a third of the files saved late, copied, or dated wrongly changes nothing', () => {
    const random = seededRandom(11);
    const files = days(30, () => 5 * MINUTE_MS).map((file, index) =>
      index % 3 === 0
        ? { ...file, acquiredMs: file.acquiredMs - random() * 9 * DAY_MS }
        : index % 31 === 1
          ? { ...file, acquiredMs: file.acquiredMs + random() * 400 * DAY_MS }
          : file,
    );
    expect(minutes(clockLeadRuns(files))).toEqual([5]);
  });

  test('two of five files that take an hour each, all the time, are no change of the clock', () => {
    const files = days(30, () => 0).map((file, index) =>
      index % 5 < 2 ? { ...file, acquiredMs: file.acquiredMs - 60 * MINUTE_MS } : file,
    );
    expect(minutes(clockLeadRuns(files))).toEqual([0]);
  });

  test('files of one afternoon that were saved together hours later are no clock that is behind', () => {
    const files = days(12, () => 0);
    const lastMs = files.at(-1)?.writtenMs ?? 0;
    const saved = Array.from({ length: 9 }, (_, index) => ({
      writtenMs: lastMs + MINUTE_MS + index * 1000,
      acquiredMs: lastMs - 180 * MINUTE_MS + index * 1000,
    }));
    expect(minutes(clockLeadRuns([...files, ...saved]))).toEqual([0]);
  });

  test('times that only scatter, and too few files, tell nothing', () => {
    const random = seededRandom(3);
    expect(clockLeadRuns(days(40, () => -random() * 900 * MINUTE_MS))).toEqual([]);
    expect(clockLeadRuns(days(1, () => 0).slice(0, 4))).toEqual([]);
    expect(clockLeadRuns([])).toEqual([]);
  });
});

describe('clockChange', () => {
  const run = (leadMinutes: number, firstMs: number, lastMs: number) => ({
    ...{ leadMs: leadMinutes * MINUTE_MS, files: 9, firstMs, lastMs },
  });
  const before = run(1, SUMMER_MS - 9 * DAY_MS, SUMMER_MS - DAY_MS);

  test.each([
    [-59, 'it did not follow the change to summer time'],
    [61, 'it followed the change to summer time twice'],
  ])('a lead of %i min over the change to summer time: %s, since that very instant', (now, why) => {
    const after = run(now, SUMMER_MS + DAY_MS, SUMMER_MS + 9 * DAY_MS);
    expect(clockChange(before, after, 'Europe/Berlin')).toEqual({
      ...{ sinceMs: SUMMER_MS, since: 'since 29 March 2026', explanation: why },
    });
    expect(clockChange(before, after, 'Asia/Tokyo')).toMatchObject({
      ...{ since: 'since 30 March 2026', explanation: null },
    });
  });

  test('another step on such a day, and a lead of which the beginning is not known, have no explanation', () => {
    const after = run(30, SUMMER_MS + DAY_MS, SUMMER_MS + 9 * DAY_MS);
    expect(clockChange(before, after, 'Europe/Berlin').explanation).toBeNull();
    expect(clockChange(undefined, after, 'Europe/Berlin')).toMatchObject({
      ...{ since: 'at least since 30 March 2026', explanation: null },
    });
  });
});

describeEngines('recordsmith doctor on the clocks of files', (engine) => {
  const stores = new StorePool();
  let lab: Lab;

  afterEach(async () => {
    await lab.remove();
  });

  async function check(): Promise<CheckResult[]> {
    const { config } = loadConfig({
      ...{ file: lab.configFile, environment: {}, workingFolder: lab.folder, flags: [] },
    });
    const environment = { config, stores, mountinfo: '' };
    const results: CheckResult[] = [];
    for await (const result of checkFileClocks(environment, lab.database, systemClock)) {
      results.push(result);
    }
    return results;
  }

  function folders(timeBasis: 'mtime' | 'acquired'): Instrument['folders'] {
    return ['titan', 'titan/Gatan'].map((path) => ({
      ...{ path, timeBasis, clockOffsets: [], patterns: [], rootSeenNonemptyAtMs: null },
    }));
  }

  /** Records of twenty days: files of the microscope's PC are right, those of Gatan's ahead by an hour and a minute. */
  async function catalogue(): Promise<void> {
    const own = days(20, () => 0);
    const gatan = days(20, (ms) => (ms < SUMMER_MS ? 0 : 61 * MINUTE_MS), 5);
    for (let day = 0; day < 20; day += 1) {
      const start = DateTime.fromMillis(FIRST_MS + day * DAY_MS, { zone: 'utc' });
      await lab.log(`s${day}`, {
        start: start.minus({ minutes: 5 }).toISO() ?? '',
        end: start.plus({ hours: 6 }).toISO() ?? '',
      });
      const datasets = [
        ...own.slice(10 * day, 10 * day + 10).map((times, index) => [times, `a${index}`] as const),
        ...gatan.slice(10 * day, 10 * day + 10).map((times, index) => {
          return [times, `Gatan/b${index}`] as const;
        }),
      ].map(([{ writtenMs, acquiredMs }, name]) =>
        testDataset(`/titan/${name}.dm4`, {
          mtimeNs: BigInt(writtenMs) * 1_000_000n,
          timeNs: BigInt(writtenMs) * 1_000_000n,
          acquiredMs: Math.round(acquiredMs),
        }),
      );
      await build(lab.database, `s${day}`, {
        record: {
          path: `versions/s${day}.xml`,
          publicPath: `s${day}.xml`,
          ...{ sha256: 'a'.repeat(64), cause: 'first build' },
          activities: [testActivity(datasets)],
        },
      });
    }
  }

  test('a PC that is ahead is named with its folder, since when and why; the command of the remedy ends it', async () => {
    lab = await createLab({ engine, instruments: [{ pid: 'titan', folders: folders('mtime') }] });
    await catalogue();
    const results = await check();
    expect(results).toMatchObject([
      {
        check: 'clock titan',
        state: 'warn',
        message:
          'the clock of the PC that writes titan/Gatan is 61 min ahead since 29 March 2026 (by the times in 70 files): it followed the change to summer time twice',
        details: {
          ...{ instrument: 'titan', folder: 'titan/Gatan', files: 70 },
          since: '2026-03-29T01:00:00.000Z',
        },
      },
    ]);
    const command = /recordsmith (instruments folder set .*)$/.exec(results[0]?.remedy ?? '')?.[1];
    expect(command).toMatch(
      /^instruments folder set titan titan\/Gatan --clock-offset -36\d\d --valid-from 2026-03-29T0\d:\d\d:\d\d\+02:00$/,
    );
    expect((await lab.run((command ?? '').split(' '))).code).toBe(0);
    expect(await check()).toMatchObject([
      { check: 'file clocks', state: 'ok', message: expect.stringContaining('in 2 folders') },
    ]);
  });

  test('where the times in the files decide, the remedy is the time basis', async () => {
    lab = await createLab({
      engine,
      instruments: [{ pid: 'titan', folders: folders('acquired') }],
    });
    await catalogue();
    const results = await check();
    expect(results).toMatchObject([
      { remedy: expect.stringMatching(/folder set titan titan\/Gatan --time-basis mtime$/) },
    ]);
  });

  test('of an instrument without records some recent files of the store are read, in the command and as JSON', async () => {
    lab = await createLab({ engine, instruments: [{ pid: 'titan', timezone: 'UTC' }, 'quanta'] });
    const nowMs = Math.floor(Date.now() / 1000) * 1000;
    for (let index = 0; index < 70; index += 1) {
      const writtenMs = nowMs - 6 * DAY_MS + index * 2 * 60 * MINUTE_MS;
      lab.image(`titan/${index}.tif`, writtenMs, writtenMs - 2 * 60 * MINUTE_MS);
      lab.write(`quanta/${index}.txt`, writtenMs, 'no time in it');
    }
    const { code, stdout } = await lab.run(['doctor', '--json']);
    const { checks } = JSON.parse(stdout) as { checks: CheckResult[] };
    expect(checks.filter(({ state }) => state !== 'ok')).toMatchObject([
      {
        check: 'clock titan',
        state: 'warn',
        message: expect.stringMatching(/titan is 120 min behind at least since .*: whole hours/),
        details: { instrument: 'titan', folder: 'titan', leadSeconds: -7200, files: 60 },
      },
    ]);
    expect(code).toBe(0);
  });
});
