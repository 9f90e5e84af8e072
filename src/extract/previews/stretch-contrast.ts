/** Share of the values below and above that is cut. */
const LOW_SHARE = 0.001;
const HIGH_SHARE = 0.999;
const SAMPLE_LENGTH = 8192;
/** Primes without 2 and 5, of which widths are multiples: the sample must not run down a few columns. */
const STRIDES = [1, 3, 7, 11, 13, 17, 23, 29, 31, 37, 41, 43] as const;
const LONGEST_STRIDE = 47;
/** What an image of one value is shown as. */
const CONSTANT_GREY = 128;
/** The log stretch shows this range of intensities. */
const LOG_RANGE = 1000;
const LOG_STEPS = 4096;

/** Lower and upper end of what is shown; equal: a constant. */
export interface ContrastRange {
  readonly low: number;
  readonly high: number;
}

/**
 * The 0.1 and 99.9 percentile of a strided sample of the finite values; where these agree (a few bright pixels on an even ground)
 * the smallest and largest value. Null: no finite value.
 */
export function contrastRange(values: Float64Array): ContrastRange | null {
  const wanted = values.length / SAMPLE_LENGTH;
  const stride = STRIDES.find((candidate) => candidate >= wanted) ?? LONGEST_STRIDE;
  const sample = new Float64Array(Math.ceil(values.length / stride));
  let count = 0;
  for (let index = 0; index < values.length; index += stride) {
    const value = values[index] ?? Number.NaN;
    if (Number.isFinite(value)) {
      sample[count] = value;
      count += 1;
    }
  }
  const finite = sample.subarray(0, count);
  const low = nthSmallest(finite, Math.floor((count - 1) * LOW_SHARE), 1);
  const high = nthSmallest(finite, count - 1 - Math.ceil((count - 1) * HIGH_SHARE), -1);
  if (low < high) return { low, high };
  let smallest = Number.POSITIVE_INFINITY;
  let largest = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < smallest) smallest = value;
    if (value > largest) largest = value;
  }
  return smallest <= largest ? { low: smallest, high: largest } : null;
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

/** Values to grey 0 to 255, linear between the ends of the range, or logarithmic over three decades of it. */
export function stretchContrast(
  values: Float64Array,
  range: ContrastRange | null,
  curve: 'linear' | 'log',
): Uint8Array {
  // Clamped arrays round, cut to 0 to 255 and make NaN 0, which is what is shown where nothing was measured.
  const grey = new Uint8ClampedArray(values.length);
  if (range !== null) {
    const { low, high } = range;
    // Halves where the width of the range of doubles is itself no double.
    const unit = Number.isFinite(high - low) ? 1 : 0.5;
    const width = high * unit - low * unit;
    if (!(width > 0)) {
      for (let index = 0; index < values.length; index += 1) {
        grey[index] = Number.isNaN(values[index]) ? 0 : CONSTANT_GREY;
      }
    } else if (curve === 'linear') {
      const black = low * unit;
      // A range near the smallest double has no reciprocal.
      const scale = Number.isFinite(255 / width) ? 255 / width : null;
      for (let index = 0; index < values.length; index += 1) {
        const height = (values[index] ?? Number.NaN) * unit - black;
        grey[index] = scale === null ? (height / width) * 255 : height * scale;
      }
    } else {
      const table = logTable();
      for (let index = 0; index < values.length; index += 1) {
        const share = ((values[index] ?? Number.NaN) * unit - low * unit) / width;
        grey[index] =
          table[Math.round(Math.sqrt(Math.min(1, Math.max(0, share))) * LOG_STEPS)] ?? 0;
      }
    }
  }
  return new Uint8Array(grey.buffer);
}

/** Grey by the square root of the share: the root spends the steps where the logarithm is steep. */
function logTable(): Uint8Array {
  return Uint8Array.from({ length: LOG_STEPS + 1 }, (_, step) => {
    const share = (step / LOG_STEPS) ** 2;
    return Math.round((Math.log1p(LOG_RANGE * share) / Math.log1p(LOG_RANGE)) * 255);
  });
}
