import { readFile } from 'node:fs/promises';
import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import {
  clusterByTime,
  clusterByTimeInSlices,
  secondsOf,
} from '../../src/activities/cluster-by-time.js';

const referenceSchema = z.object({
  cases: z.array(
    z.object({
      name: z.string(),
      mtimes: z.array(z.number()),
      boundaries: z.array(z.number()),
      bandwidth: z.number().nullable(),
      n_activities: z.number().optional(),
    }),
  ),
});
const reference = referenceSchema.parse(
  JSON.parse(await readFile(new URL('kde-reference.json', import.meta.url), 'utf8')),
);

/** mulberry32: the same numbers everywhere. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Bursts of a few seconds' pace with pauses, as on a microscope. */
function burstTimes(count: number, seed: number): number[] {
  const random = randomNumbers(seed);
  let time = 1_694_694_600;
  return Array.from({ length: count }, () => {
    time += random() < 0.02 ? 600 + random() * 3000 : 1 + random() * 20;
    return time;
  });
}

/** The published formulas as they stand: double sums in the log domain. */
function directBoundaries(times: readonly number[]): number[] {
  const first = times[0] ?? 0;
  const points = times.map((time) => time - first);
  const gaps = points.slice(1).map((point, index) => point - (points[index] ?? 0));
  const [low, high] = [Math.log(Math.min(...gaps)), Math.log(Math.max(...gaps))];
  const logSum = (exponents: readonly number[]): number => {
    const most = Math.max(...exponents);
    return most + Math.log(exponents.reduce((sum, one) => sum + Math.exp(one - most), 0));
  };
  const score = (h: number): number =>
    points.reduce(
      (total, here, index) =>
        total +
        logSum(
          points
            .filter((_, other) => other !== index)
            .map((there) => -((here - there) ** 2) / (2 * h * h)),
        ) -
        Math.log(h),
      0,
    );
  const candidates = Array.from({ length: 35 }, (_, index) =>
    Math.exp(low + ((high - low) * index) / 34),
  );
  const scores = candidates.map(score);
  const best = candidates[scores.indexOf(Math.max(...scores))] ?? 1;
  const count = 10 * points.length;
  const step = ((times.at(-1) ?? 0) - first) / (count - 1);
  const density = Array.from({ length: count }, (_, index) =>
    logSum(points.map((there) => -((index * step - there) ** 2) / (2 * best * best))),
  );
  return density.flatMap((value, index) =>
    index > 0 &&
    index < count - 1 &&
    value < (density[index - 1] ?? 0) &&
    value < (density[index + 1] ?? 0)
      ? [index * step + first]
      : [],
  );
}

describe('strict clustering', () => {
  test.each(reference.cases)('$name: the boundaries of NexusLIMS, bit for bit', (given) => {
    const clusters = clusterByTime(given.mtimes, { strict: true });
    expect(clusters.boundaries).toStrictEqual(given.boundaries);
    expect(clusters.activities).toHaveLength(given.n_activities ?? 1);
    if (given.bandwidth === null) expect(clusters.bandwidthSeconds).toBeNull();
    else expect(clusters.bandwidthSeconds).toBeCloseTo(given.bandwidth, 9);
  });

  test('agrees with the direct double sums', () => {
    const times = burstTimes(180, 7);
    expect(clusterByTime(times, { strict: true }).boundaries).toStrictEqual(
      directBoundaries(times),
    );
  });

  test('agrees with the direct double sums where kernels reach hundreds of points', () => {
    const random = randomNumbers(3);
    const burst = Array.from({ length: 260 }, (_, index) => 1_694_694_600 + index + random() / 2);
    const times = [...burst, ...burst.map((time) => time + 2000.37)];
    const boundaries = clusterByTime(times, { strict: true }).boundaries;
    const direct = directBoundaries(times);
    expect(direct.length).toBeGreaterThan(0);
    expect(boundaries).toStrictEqual(direct);
  });

  test('a time on a boundary belongs before it, and no activity is empty', () => {
    const { boundaries, activities } = clusterByTime(burstTimes(300, 11), { strict: true });
    const times = burstTimes(300, 11);
    expect(activities.flat()).toHaveLength(300);
    for (const group of activities) {
      const crossed = boundaries.filter(
        (bound) => bound >= (times[group[0] ?? 0] ?? 0) && bound < (times[group.at(-1) ?? 0] ?? 0),
      );
      expect(crossed).toStrictEqual([]);
    }
    expect(activities.every((group) => group.length > 0)).toBe(true);
  });
});

describe('clustering for records', () => {
  const mirror = reference.cases.find((one) => one.name === 'mirror-two-groups-n10')?.mtimes ?? [];

  test('two symmetric groups an hour apart are two activities', () => {
    const clusters = clusterByTime(mirror);
    expect(clusters.activities.map((group) => group.length)).toStrictEqual([5, 5]);
    const [boundary] = clusters.boundaries;
    expect(boundary).toBeGreaterThan(mirror[4] ?? 0);
    expect(boundary).toBeLessThan(mirror[5] ?? 0);
  });

  test('files at a steady pace are one activity, however slow the pace', () => {
    const steady = Array.from({ length: 500 }, (_, index) => 1_694_694_600 + index * 300);
    expect(clusterByTime(steady).activities).toHaveLength(1);
    expect(clusterByTime(steady, { strict: true }).activities.length).toBeGreaterThan(100);
  });

  test('activities closer than the minimum gap are merged, and only boundaries between activities stay', () => {
    const lognormal = reference.cases.find((one) => one.name === 'lognormal-gaps-n150');
    const times = lognormal?.mtimes ?? [];
    const merged = clusterByTime(times, { minGapSeconds: 120 });
    const apart = clusterByTime(times, { minGapSeconds: 0 });
    expect(merged.activities.length).toBeLessThan(apart.activities.length);
    expect(merged.boundaries).toHaveLength(merged.activities.length - 1);
    for (const [index, group] of merged.activities.slice(1).entries()) {
      const before = merged.activities[index] ?? [];
      const gap = (times[group[0] ?? 0] ?? 0) - (times[before.at(-1) ?? 0] ?? 0);
      expect(gap).toBeGreaterThanOrEqual(120);
    }
  });

  test('sensitivity 0 gives one activity, a higher one more activities', () => {
    const times = burstTimes(200, 5);
    const at = (sensitivity: number) =>
      clusterByTime(times, { sensitivity, strict: true }).activities.length;
    expect(at(0)).toBe(1);
    expect(at(4)).toBeGreaterThan(at(1));
    expect(clusterByTime(times, { sensitivity: 0 }).bandwidthSeconds).toBeNull();
  });

  test('order of the input does not matter, and equal times stay together', () => {
    const times = [30, 10, 5000, 10, 5010, 20, 5020];
    const { activities } = clusterByTime(times, { sensitivity: 2 });
    expect(activities).toStrictEqual([
      [1, 3, 5, 0],
      [2, 4, 6],
    ]);
  });

  test('nothing gives nothing, one time or many equal ones one activity', () => {
    expect(clusterByTime([])).toStrictEqual({
      boundaries: [],
      bandwidthSeconds: null,
      activities: [],
    });
    expect(clusterByTime([5, 5, 5]).activities).toStrictEqual([[0, 1, 2]]);
  });

  test('the variant in slices gives the same and lets the event loop turn', async () => {
    const times = burstTimes(1500, 9);
    let turns = 0;
    const counter = setInterval(() => (turns += 1), 0);
    const sliced = await clusterByTimeInSlices(times);
    clearInterval(counter);
    expect(sliced).toStrictEqual(clusterByTime(times));
    expect(turns).toBeGreaterThan(0);
  });

  test.each([
    [[1, Number.NaN], {}],
    [[1, Number.POSITIVE_INFINITY], {}],
    [[1, 2], { sensitivity: -1 }],
    [[1, 2], { minGapSeconds: Number.NaN }],
  ])('refuses %j with %j', (times, options) => {
    expect(() => clusterByTime(times, options)).toThrow(
      expect.objectContaining({ code: 'INPUT_INVALID' }),
    );
  });
});

describe('file times', () => {
  test('are whole seconds plus 1e-9 times the nanoseconds, as the peer computes them', () => {
    expect(secondsOf(1_694_694_600_250_000_000n)).toBe(1_694_694_600.25);
    expect(secondsOf(1_694_694_638_083_075_001n)).toBe(1_694_694_638 + 1e-9 * 83_075_001);
    expect(secondsOf(-500_000_000n)).toBe(-0.5);
  });
});
