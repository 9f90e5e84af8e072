/** Share of the values below and above that is cut. */
const LOW_SHARE = 0.001;
const HIGH_SHARE = 0.999;
const SAMPLE_LENGTH = 8192;
/** Primes without 2 and 5, of which widths are multiples: the sample must not run down a few columns. */
const STRIDES = [1, 3, 7, 11, 13, 17, 23, 29, 31, 37, 41, 43] as const;
const LONGEST_STRIDE = 47;
/** What an image of one value is shown as; of zeros, as black: nothing was there. */
const CONSTANT_GREY = 128;
/** A picture whose greys spread over less than this is stretched. */
const PICTURE_SPREAD = 255 / 4;
/** The log stretch shows this range of intensities at most. */
const LOG_RANGE = 1000;
const LOG_STEPS = 4096;
/** Of the sample, as many values tell well enough where its middle lies. */
const MIDDLE_LENGTH = 512;
/** An image of which more than this share is as dark as can be is empty: particles on nothing, single counts. */
const EMPTY_SHARE = 0.75;
/** Where the middle of what is in an empty image is darker than this share of the range, it is lifted. */
const DARK_SHARE = 0.4;
/** The same for other images, of which a few bright things leave nothing but black. */
const BLACK_SHARE = 0.05;
/** What of the values that are lit in an empty image is not cut. */
const LIT_SHARE = 0.99;

/** How a share of the range becomes grey: as it is, by its square root, or by the logarithm over a range of intensities. */
export type ContrastCurve =
  { readonly kind: 'linear' | 'root' } | { readonly kind: 'log'; readonly range: number };

/** Lower and upper end of what is shown; equal: a constant. */
export interface ContrastRange {
  readonly low: number;
  readonly high: number;
  readonly curve: ContrastCurve;
}

/** Values of 0 to 255 as they are. */
export const PICTURE_RANGE: ContrastRange = { low: 0, high: 255, curve: { kind: 'linear' } };

/**
 * The 0.1 and 99.9 percentile of a strided sample of the finite values; where these agree (a few bright pixels on an even ground)
 * the smallest and largest value. Null: no finite value. In an image that is empty but for a few things the upper end is theirs,
 * and dark things are lifted by a root; a logarithm is chosen no stronger than leaves the middle value grey, so that noise around
 * a mean is not white.
 */
export function contrastRange(
  values: Float64Array,
  stretch: 'linear' | 'log',
): ContrastRange | null {
  const sample = finiteSample(values);
  const lowEnd = nthSmallest(sample, Math.floor((sample.length - 1) * LOW_SHARE), 1);
  const highEnd = upperEnd(sample, HIGH_SHARE);
  const { low, high } = lowEnd < highEnd ? { low: lowEnd, high: highEnd } : extremes(values);
  if (!(low <= high)) return null;
  return stretch === 'log'
    ? { low, high, curve: logCurve(sample, low, high) }
    : linearRange(sample, low, high);
}

/**
 * The contrast of grey values of 0 to 255 that are pictures: as they are, but stretched where they spread over less than a
 * quarter of the greys. Pictures of one grey, but for a few pixels, stay as they are.
 */
export function pictureRange(pictures: readonly (Float64Array | Uint8Array)[]): ContrastRange {
  const counts = greyCounts(pictures);
  const low = greyBeyond(counts);
  const high = counts.length - 1 - greyBeyond(counts.reverse());
  return low < high && high - low < PICTURE_SPREAD
    ? { low, high, curve: { kind: 'linear' } }
    : PICTURE_RANGE;
}

/** How often each grey occurs among some of the values. Counting takes a fraction of the time that putting them in order does. */
function greyCounts(pictures: readonly (Float64Array | Uint8Array)[]): Uint32Array {
  const stride = strideOver(pictures.reduce((sum, { length }) => sum + length, 0));
  const counts = new Uint32Array(256);
  for (const values of pictures) {
    for (let index = 0; index < values.length; index += stride) {
      const grey = Math.trunc(values[index] ?? 0);
      counts[grey] = (counts[grey] ?? 0) + 1;
    }
  }
  return counts;
}

/** The first place at which more has been counted than is cut. */
function greyBeyond(counts: Uint32Array): number {
  let left = counts.reduce((sum, count) => sum + count, 0) * LOW_SHARE;
  let grey = 0;
  for (; grey < counts.length - 1; grey += 1) {
    left -= counts[grey] ?? 0;
    if (left < 0) break;
  }
  return grey;
}

function strideOver(length: number): number {
  return STRIDES.find((stride) => stride >= length / SAMPLE_LENGTH) ?? LONGEST_STRIDE;
}

/** Some of the finite values, from all parts of the image. */
function finiteSample(values: Float64Array): Float64Array {
  const stride = strideOver(values.length);
  const sample = new Float64Array(Math.ceil(values.length / stride));
  let count = 0;
  for (let index = 0; index < values.length; index += stride) {
    const value = values[index] ?? Number.NaN;
    if (Number.isFinite(value)) {
      sample[count] = value;
      count += 1;
    }
  }
  return sample.subarray(0, count);
}

/** The value that a share of some values is not above; NaN: there are none. */
function upperEnd(values: Float64Array, share: number): number {
  const last = values.length - 1;
  return nthSmallest(values, last - Math.ceil(last * share), -1);
}

/** The smallest and largest finite value; low is above high when there is none. */
function extremes(values: Float64Array): { readonly low: number; readonly high: number } {
  let low = Number.POSITIVE_INFINITY;
  let high = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return { low, high };
}

/** The range and curve of what is shown in proportion or by a root. */
function linearRange(sample: Float64Array, low: number, high: number): ContrastRange {
  const litCount = countAbove(sample, low);
  if (litCount >= sample.length * (1 - EMPTY_SHARE)) {
    const isDark = countAbove(sample, between(low, high, BLACK_SHARE)) < litCount / 2;
    return { low, high, curve: { kind: isDark ? 'root' : 'linear' } };
  }
  const lit = sample.filter((value) => value > low);
  // The upper end of all values may lie anywhere among the few that are lit.
  const litHigh = upperEnd(lit, LIT_SHARE);
  const top = litHigh > high ? litHigh : high;
  // The few that are lit may all have been missed by the sample: they count as dark.
  const isDark = countAbove(lit, between(low, top, DARK_SHARE)) <= lit.length / 2;
  return { low, high: top, curve: { kind: isDark ? 'root' : 'linear' } };
}

/** What lies at a share of a range, whose width may itself be no double. */
function between(low: number, high: number, share: number): number {
  return low * (1 - share) + high * share;
}

function countAbove(values: Float64Array, limit: number): number {
  let count = 0;
  for (const value of values) if (value > limit) count += 1;
  return count;
}

function logCurve(sample: Float64Array, low: number, high: number): ContrastCurve {
  const share = middleShare(sample, low, high);
  // The range R for which log(1 + R share) is half of log(1 + R).
  const range = share > 0 ? (1 - 2 * share) / share ** 2 : LOG_RANGE;
  return range > 1 ? { kind: 'log', range: Math.min(LOG_RANGE, range) } : { kind: 'linear' };
}

/** Where the middle one of some values lies between the ends of a range, as a share of it; 0: there is none. */
function middleShare(values: Float64Array, low: number, high: number): number {
  const step = Math.max(1, Math.floor(values.length / MIDDLE_LENGTH));
  const some = new Float64Array(Math.ceil(values.length / step));
  for (let index = 0; index < some.length; index += 1) some[index] = values[index * step] ?? low;
  some.sort();
  const middle = some[some.length >> 1] ?? low;
  // Halves where the width of the range is itself no double.
  const width = high / 2 - low / 2;
  return width > 0 ? (middle / 2 - low / 2) / width : 0;
}

/**
 * The value that `rank` others lie below (above, with sign -1); NaN: there are too few. Only the few at the end are
 * kept in order: sorting all of them takes ten times as long.
 */
function nthSmallest(values: Float64Array, rank: number, sign: 1 | -1): number {
  if (!(rank >= 0 && rank < values.length)) return Number.NaN;
  const ends = new Float64Array(rank + 1).fill(Number.POSITIVE_INFINITY);
  for (const value of values) {
    const signed = value * sign;
    if (signed >= (ends[rank] ?? 0)) continue;
    let place = rank;
    for (; place > 0 && signed < (ends[place - 1] ?? 0); place -= 1) {
      ends[place] = ends[place - 1] ?? 0;
    }
    ends[place] = signed;
  }
  return (ends[rank] ?? Number.NaN) * sign;
}

/** Values to grey 0 to 255 between the ends of the range, by its curve. */
export function stretchContrast(values: Float64Array, range: ContrastRange | null): Uint8Array {
  // Clamped arrays round, cut to 0 to 255 and make NaN 0, which is what is shown where nothing was measured.
  const grey = new Uint8ClampedArray(values.length);
  if (range !== null) {
    const { low, high, curve } = range;
    // Halves where the width of the range of doubles is itself no double.
    const unit = Number.isFinite(high - low) ? 1 : 0.5;
    const width = high * unit - low * unit;
    if (!(width > 0)) {
      const constant = low === 0 ? 0 : CONSTANT_GREY;
      for (let index = 0; index < values.length; index += 1) {
        grey[index] = Number.isNaN(values[index]) ? 0 : constant;
      }
    } else if (curve.kind === 'linear') {
      const black = low * unit;
      // A range near the smallest double has no reciprocal.
      const scale = Number.isFinite(255 / width) ? 255 / width : null;
      for (let index = 0; index < values.length; index += 1) {
        const height = (values[index] ?? Number.NaN) * unit - black;
        grey[index] = scale === null ? (height / width) * 255 : height * scale;
      }
    } else {
      const table = curve.kind === 'log' ? logTable(curve.range) : rootTable();
      for (let index = 0; index < values.length; index += 1) {
        const share = ((values[index] ?? Number.NaN) * unit - low * unit) / width;
        grey[index] =
          table[Math.round(Math.sqrt(Math.min(1, Math.max(0, share))) * LOG_STEPS)] ?? 0;
      }
    }
  }
  return new Uint8Array(grey.buffer);
}

/** Grey by the square root of the share: the root spends the steps where logarithm and root are steep. */
function logTable(range: number): Uint8Array {
  return Uint8Array.from({ length: LOG_STEPS + 1 }, (_, step) => {
    const share = (step / LOG_STEPS) ** 2;
    return Math.round((Math.log1p(range * share) / Math.log1p(range)) * 255);
  });
}

function rootTable(): Uint8Array {
  return Uint8Array.from({ length: LOG_STEPS + 1 }, (_, step) =>
    Math.round((step / LOG_STEPS) * 255),
  );
}
