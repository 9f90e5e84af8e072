import { setImmediate } from 'node:timers/promises';
import { AppError } from '../errors.js';
import { LogDensity, leaveOneOutScore } from './kernel-sums.js';

/** How times are split into activities. */
export interface ClusterOptions {
  /**
   * Exactly the boundaries of NexusLIMS: strict minima only, nothing merged.
   * @default false
   */
  readonly strict?: boolean;
  /**
   * As NexusLIMS 2.3: 0 gives one activity, else the bandwidth is divided by it; above 1 gives more activities.
   * @default 1
   */
  readonly sensitivity?: number;
  /**
   * Activities closer than this (last time of one to first of the next) are merged. Not used when strict.
   * @default 120
   */
  readonly minGapSeconds?: number;
}

/** How a list of times was split. */
export interface TimeClusters {
  /** Seconds since the epoch, ascending: an activity holds the times not after its boundary. */
  readonly boundaries: readonly number[];
  /** Null when there is nothing to choose: fewer than two distinct times, or sensitivity 0. */
  readonly bandwidthSeconds: number | null;
  /** Indices into the given times, each activity sorted by time. None is empty. */
  readonly activities: readonly (readonly number[])[];
}

/** The bandwidths that NexusLIMS tries: 35, evenly spaced in the logarithm between smallest and largest gap. */
const CANDIDATES = 35;

/** Grid places for each distinct time. */
const GRID_PLACES = 10;

/**
 * How much the log density must fall and rise again at a boundary. Files at a steady pace leave ripples of
 * 4 exp(-2 pi^2) = 1e-8 between one another; those are no pauses in the work.
 */
const MINIMUM_DEPTH = 1e-6;

/** Log densities closer than this are equal: what differs less is rounding. */
const ROUNDING = 1e-11;

/** Grid places between two pauses of the asynchronous variant. */
const PLACES_PER_SLICE = 1_000;

/** A file time as the peer computes it: whole seconds plus 1e-9 times the nanoseconds, in floating point. */
export function secondsOf(timeNs: bigint): number {
  const nanoseconds = ((timeNs % 1_000_000_000n) + 1_000_000_000n) % 1_000_000_000n;
  return Number((timeNs - nanoseconds) / 1_000_000_000n) + 1e-9 * Number(nanoseconds);
}

/** numpy.linspace, rounding included: both ends, `count` >= 2 places. */
function* evenlySpaced(start: number, stop: number, count: number): Generator<number> {
  const step = (stop - start) / (count - 1);
  for (let index = 0; index < count - 1; index += 1) yield index * step + start;
  yield stop;
}

function candidateBandwidths(points: Float64Array): number[] {
  let smallest = Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let index = 1; index < points.length; index += 1) {
    const gap = (points[index] ?? 0) - (points[index - 1] ?? 0);
    smallest = Math.min(smallest, gap);
    largest = Math.max(largest, gap);
  }
  return Array.from(
    evenlySpaced(Math.log(smallest), Math.log(largest), CANDIDATES),
    (exponent) => Math.E ** exponent,
  );
}

/** The candidate of the largest leave-one-out score, the first on a tie; yields between candidates. */
function* chooseBandwidth(points: Float64Array): Generator<undefined, number> {
  let best = Number.NaN;
  let bestScore = Number.NEGATIVE_INFINITY;
  let previous = Number.NaN;
  for (const bandwidth of candidateBandwidths(points)) {
    if (bandwidth === previous) continue;
    previous = bandwidth;
    // No kernel exceeds 1, so no score exceeds this bound; it only falls with a wider bandwidth.
    if (-Math.log(bandwidth * Math.sqrt(2 * Math.PI)) < bestScore) break;
    const score = leaveOneOutScore(points, bandwidth);
    if (Number.isNaN(best) || score > bestScore) {
      best = bandwidth;
      bestScore = score;
    }
    yield;
  }
  return best;
}

/** Grid indices of the places that are lower than both neighbours, as scipy's argrelmin with order 1. */
function* findStrictMinima(
  density: LogDensity,
  place: (index: number) => number,
  count: number,
): Generator<undefined, number[]> {
  const minima: number[] = [];
  let before = density.at(place(0));
  let value = density.at(place(1));
  for (let index = 2; index < count; index += 1) {
    const after = density.at(place(index));
    if (value < before && value < after) minima.push(index - 1);
    before = value;
    value = after;
    if (index % PLACES_PER_SLICE === 0) yield;
  }
  return minima;
}

/** Grid indices of the middles of the valleys of the log density: a flat bottom counts, a ripple does not. */
function* findValleys(
  density: LogDensity,
  place: (index: number) => number,
  count: number,
): Generator<undefined, number[]> {
  const valleys: number[] = [];
  let falling = false;
  let highest = Number.NEGATIVE_INFINITY;
  let lowest = Number.POSITIVE_INFINITY;
  let bottomStart = 0;
  let bottomEnd = 0;
  for (let index = 0; index < count; index += 1) {
    const value = density.at(place(index));
    if (falling) {
      if (value < lowest - ROUNDING) {
        lowest = value;
        bottomStart = index;
        bottomEnd = index;
      } else if (value <= lowest + ROUNDING) {
        bottomEnd = index;
      } else if (value > lowest + MINIMUM_DEPTH) {
        valleys.push(Math.floor((bottomStart + bottomEnd) / 2));
        falling = false;
        highest = value;
      }
    } else if (value > highest) {
      highest = value;
    } else if (value < highest - MINIMUM_DEPTH) {
      falling = true;
      lowest = value;
      bottomStart = index;
      bottomEnd = index;
    }
    if (index % PLACES_PER_SLICE === 0) yield;
  }
  return valleys;
}

interface Split {
  readonly boundaries: number[];
  readonly bandwidthSeconds: number | null;
}

function* splitTimes(
  sorted: Float64Array,
  options: Required<ClusterOptions>,
): Generator<undefined, Split> {
  const unique = sorted.filter((time, index) => index === 0 || time !== sorted[index - 1]);
  const first = unique[0];
  const last = unique.at(-1);
  if (first === undefined || last === undefined) return { boundaries: [], bandwidthSeconds: null };
  if (unique.length === 1) return { boundaries: [first], bandwidthSeconds: null };
  if (options.sensitivity === 0) return { boundaries: [], bandwidthSeconds: null };
  // Gaps of epoch seconds keep more digits when counted from the first time.
  const points = unique.map((time) => time - first);
  const bandwidth = (yield* chooseBandwidth(points)) / options.sensitivity;
  const count = GRID_PLACES * unique.length;
  const step = (last - first) / (count - 1);
  const placeOf = (index: number): number => (index === count - 1 ? last : index * step + first);
  const density = new LogDensity(points, bandwidth);
  const offsetOf = (index: number): number => (index === count - 1 ? last - first : index * step);
  const minima = yield* options.strict
    ? findStrictMinima(density, offsetOf, count)
    : findValleys(density, offsetOf, count);
  return { boundaries: minima.map(placeOf), bandwidthSeconds: bandwidth };
}

interface Group {
  /** The boundary that ends it; null after the last one. */
  readonly boundary: number | null;
  readonly members: number[];
}

/** Fills the activities by the peer's rule: a time belongs to the first boundary that is not smaller. */
function assign(
  order: readonly number[],
  sorted: Float64Array,
  boundaries: readonly number[],
): Group[] {
  const groups: Group[] = [];
  let next = 0;
  let current: Group | null = null;
  for (const [rank, index] of order.entries()) {
    const time = sorted[rank] ?? 0;
    while (next < boundaries.length && time > (boundaries[next] ?? 0)) {
      next += 1;
      current = null;
    }
    if (current === null) {
      current = { boundary: boundaries[next] ?? null, members: [] };
      groups.push(current);
    }
    current.members.push(index);
  }
  return groups;
}

function* clusterSteps(
  times: readonly number[],
  given: ClusterOptions,
): Generator<undefined, TimeClusters> {
  const options = {
    strict: given.strict ?? false,
    sensitivity: given.sensitivity ?? 1,
    minGapSeconds: given.minGapSeconds ?? 120,
  };
  checkInput(times, options);
  const order = times.map((_, index) => index);
  order.sort((a, b) => (times[a] ?? 0) - (times[b] ?? 0) || a - b);
  const sorted = Float64Array.from(order, (index) => times[index] ?? 0);
  const split = yield* splitTimes(sorted, options);
  const groups = assign(order, sorted, split.boundaries);
  if (options.strict || groups.length === 1) {
    return { ...split, activities: groups.map((group) => group.members) };
  }
  const merged = mergeClose(groups, times, options.minGapSeconds);
  return { bandwidthSeconds: split.bandwidthSeconds, ...merged };
}

/** Merges activities that are closer than the minimum gap; only boundaries between activities remain. */
function mergeClose(
  groups: readonly Group[],
  times: readonly number[],
  minGapSeconds: number,
): { boundaries: number[]; activities: number[][] } {
  const boundaries: number[] = [];
  const activities: number[][] = [];
  let boundary: number | null = null;
  for (const group of groups) {
    const last = activities.at(-1);
    const gap =
      last === undefined ? 0 : (times[group.members[0] ?? 0] ?? 0) - (times[last.at(-1) ?? 0] ?? 0);
    if (last === undefined || gap >= minGapSeconds) {
      if (last !== undefined && boundary !== null) boundaries.push(boundary);
      activities.push([...group.members]);
    } else {
      for (const member of group.members) last.push(member);
    }
    boundary = group.boundary;
  }
  return { boundaries, activities };
}

function checkInput(times: readonly number[], options: Required<ClusterOptions>): void {
  const wrong = times.findIndex((time) => !Number.isFinite(time));
  if (wrong >= 0) {
    throw new AppError('INPUT_INVALID', `Time ${wrong} is not a finite number.`, {
      remedy: 'Give times as seconds since the epoch.',
      details: { index: wrong },
    });
  }
  for (const name of ['sensitivity', 'minGapSeconds'] as const) {
    if (!Number.isFinite(options[name]) || options[name] < 0) {
      throw new AppError('INPUT_INVALID', `${name} must be 0 or more, not ${options[name]}.`, {
        remedy: 'Give a number of at least 0.',
        details: { name, value: options[name] },
      });
    }
  }
}

/**
 * Splits times into acquisition activities as NexusLIMS does: Gaussian kernel density over the distinct times, bandwidth
 * of the best leave-one-out likelihood, boundaries at the minima of the density.
 * @param times seconds since the epoch, in any order
 * @throws AppError INPUT_INVALID for a time or an option that is not a number in range
 */
export function clusterByTime(
  times: readonly number[],
  options: ClusterOptions = {},
): TimeClusters {
  const steps = clusterSteps(times, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
  }
}

/** As clusterByTime, letting the event loop turn between slices of a few milliseconds, for many times. */
export async function clusterByTimeInSlices(
  times: readonly number[],
  options: ClusterOptions = {},
): Promise<TimeClusters> {
  const steps = clusterSteps(times, options);
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await setImmediate();
  }
}
