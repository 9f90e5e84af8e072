import { isXRayEnergy, type SpectrumAxis } from './spectrum-axis.js';

/** Higher than the rest by this, the peak is cut. */
const CUT_FROM = 10;
/** How far from zero the noise reaches, eV. X-rays of the lightest elements that detectors see lie beyond. */
const REACH = 150;
/**
 * The narrowest channels of X-ray detectors, eV: 2.5 by the file, give or take its rounding. Those of electron energy losses are
 * rarely wider than 2, and their peak at zero is the electrons that lost nothing.
 */
const LEAST_CHANNEL = 2.4;
/** Fewer counts than this are no line of an element. */
const LEAST_LINE = 25;
const ELECTRONVOLTS: ReadonlyMap<string, number> = new Map([
  ['eV', 1],
  ['keV', 1000],
]);

/** A peak that is cut. */
export interface NoisePeak {
  readonly height: number;
  /** All values, those of the peak as NaN. */
  readonly others: Float64Array;
}

/**
 * The peak that the noise of an X-ray detector's electronics leaves at zero energy, where it hides the rest of the spectrum;
 * null: there is none, or nothing to be seen beside it.
 * @param values from the low end of the axis to the high one
 */
export function noisePeak(axis: SpectrumAxis, values: Float64Array): NoisePeak | null {
  const electronvolts = ELECTRONVOLTS.get(axis.unit);
  if (electronvolts === undefined || !isXRayEnergy(axis.label) || values.length < 2) return null;
  const { low, high } = axis.range;
  const step = (high - low) / (values.length - 1);
  if (!(step * electronvolts >= LEAST_CHANNEL)) return null;
  const reach = REACH / electronvolts;
  const first = Math.max(0, Math.ceil((-reach - low) / step));
  const end = Math.min(values.length, Math.floor((reach - low) / step) + 1);
  if (!(end > first)) return null;
  const height = largest(values.subarray(first, end));
  const others = Float64Array.from(values);
  others.fill(Number.NaN, valleyBefore(values, first), valleyBehind(values, end));
  const most = largest(others);
  const isHidden = most > 0 && height >= most * CUT_FROM;
  return isHidden && !isStray(values, most) ? { height, others } : null;
}

/** Where the flank of the peak ends that leads down to its first value. */
function valleyBefore(values: Float64Array, first: number): number {
  let at = first;
  while (at > 0 && (values[at - 1] ?? NaN) < (values[at] ?? NaN)) at -= 1;
  return at;
}

/** Where the flank of the peak ends that leads down from the value before `end`. */
function valleyBehind(values: Float64Array, end: number): number {
  let at = end;
  while (at < values.length && (values[at] ?? NaN) < (values[at - 1] ?? NaN)) at += 1;
  return at;
}

/** Whether what is left are single counts; of values that were scaled nobody knows how many counts they are. */
function isStray(values: Float64Array, most: number): boolean {
  return most < LEAST_LINE && values.every((value) => Number.isInteger(value));
}

/** The largest finite value; NaN compares false. */
function largest(values: Float64Array): number {
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > most && value < Infinity) most = value;
  return most;
}
