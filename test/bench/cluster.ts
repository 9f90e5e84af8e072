import { clusterByTime } from '../../src/activities/cluster-by-time.js';
import { type BenchResult, type BenchRow, median, timeMs } from './bench-result.js';

/** mulberry32: the same times in every run. */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

/** Bursts of a file every 1 to 21 s; after 2 % of the files a pause of 10 to 60 minutes. */
function burstTimes(count: number): Float64Array {
  const random = randomNumbers(1);
  let time = 1_694_694_600;
  return Float64Array.from({ length: count }, () => {
    time += random() < 0.02 ? 600 + random() * 3000 : 1 + random() * 20;
    return time;
  });
}

/** The direct double sum of the published formulas, each pair once, in the log domain by the nearest distance. */
function directBoundaries(times: Float64Array): number[] {
  const count = times.length;
  const first = times[0] ?? 0;
  const points = times.map((time) => time - first);
  const nearest = points.map((here, index) =>
    Math.min(
      here - (points[index - 1] ?? Number.NEGATIVE_INFINITY),
      (points[index + 1] ?? Number.POSITIVE_INFINITY) - here,
    ),
  );
  const gaps = Array.from(points.subarray(1), (point, index) => point - (points[index] ?? 0));
  const low = Math.log(Math.min(...gaps));
  const high = Math.log(Math.max(...gaps));
  let best = 0;
  let bestScore = Number.NEGATIVE_INFINITY;
  for (let candidate = 0; candidate < 35; candidate += 1) {
    const bandwidth = Math.E ** (low + (candidate * (high - low)) / 34);
    const factor = -1 / (2 * bandwidth * bandwidth);
    const sums = new Float64Array(count);
    for (let one = 0; one < count; one += 1) {
      for (let other = 0; other < one; other += 1) {
        const squared = ((points[one] ?? 0) - (points[other] ?? 0)) ** 2;
        sums[one] = (sums[one] ?? 0) + Math.exp((squared - (nearest[one] ?? 0) ** 2) * factor);
        sums[other] =
          (sums[other] ?? 0) + Math.exp((squared - (nearest[other] ?? 0) ** 2) * factor);
      }
    }
    let score = -count * Math.log(bandwidth);
    for (let one = 0; one < count; one += 1) {
      score += (nearest[one] ?? 0) ** 2 * factor + Math.log(sums[one] ?? 0);
    }
    if (score > bestScore) {
      best = bandwidth;
      bestScore = score;
    }
  }
  const factor = -1 / (2 * best * best);
  const places = 10 * count;
  const step = ((times[count - 1] ?? 0) - first) / (places - 1);
  const density = Float64Array.from({ length: places }, (_, index) => {
    const place = index * step;
    let least = Number.POSITIVE_INFINITY;
    for (const point of points) least = Math.min(least, Math.abs(place - point));
    let sum = 0;
    for (const point of points) sum += Math.exp(((place - point) ** 2 - least * least) * factor);
    return least * least * factor + Math.log(sum);
  });
  const boundaries: number[] = [];
  for (let index = 1; index < places - 1; index += 1) {
    const value = density[index] ?? 0;
    if (value < (density[index - 1] ?? 0) && value < (density[index + 1] ?? 0)) {
      boundaries.push(index * step + first);
    }
  }
  return boundaries;
}

function checkEqual(given: readonly number[], expected: readonly number[]): void {
  if (given.length !== expected.length || given.some((value, index) => value !== expected[index])) {
    throw new Error(`${given.length} boundaries differ from the ${expected.length} direct ones.`);
  }
}

/** Clustering of 500, 2,000 and 20,000 times against the direct double sum. */
export async function run(): Promise<BenchResult> {
  const rows: BenchRow[] = [];
  const medians = new Map<number, number>();
  for (const [count, repeats] of [
    [500, 15],
    [2000, 7],
    [20_000, 3],
  ] as const) {
    const times = Array.from(burstTimes(count));
    const { boundaries } = clusterByTime(times, { strict: true });
    if (count <= 2000) {
      const start = performance.now();
      checkEqual(boundaries, directBoundaries(Float64Array.from(times)));
      const directMs = performance.now() - start;
      rows.push({ label: `direct double sum, n = ${count}`, value: directMs, unit: 'ms' });
      medians.set(-count, directMs);
    } else if (boundaries.length < count / 100) {
      throw new Error(`Only ${boundaries.length} boundaries for ${count} times.`);
    }
    const ms = median(
      await timeMs(() => clusterByTime(times, { strict: true }), { repeats, warm: true }),
    );
    medians.set(count, ms);
    const limit = { 500: 60, 2000: null, 20_000: 1500 }[count];
    rows.push({
      label: `windowed, n = ${count}`,
      value: ms,
      unit: 'ms',
      ...(limit === null ? {} : { target: `<= ${limit}`, pass: ms <= limit }),
    });
  }
  const of = (count: number): number => medians.get(count) ?? Number.NaN;
  const ratio = of(-2000) / of(2000);
  rows.push({
    label: 'faster than direct, n = 2000',
    value: ratio,
    unit: 'x',
    target: '>= 5',
    pass: ratio >= 5,
  });
  const growth = Math.log10(of(20_000) / of(2000));
  rows.push({
    label: 'growth from 2,000 to 20,000, exponent of n',
    value: growth,
    unit: '',
    target: '<= 1.3',
    pass: growth <= 1.3,
  });
  return { name: 'cluster', rows };
}
