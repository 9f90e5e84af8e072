/** The marks of one axis. */
export interface AxisTicks {
  readonly ticks: readonly { readonly value: number; readonly text: string }[];
  /** The texts are to be multiplied by 10 to this power; 0: they are the values. */
  readonly exponent: number;
}

const SUPERSCRIPTS = '⁰¹²³⁴⁵⁶⁷⁸⁹';
const MOST_TICKS = 50;
/** With fewer marks nobody reads a value off the axis. */
const LEAST_TICKS = 3;
const MULTIPLES = [1, 2, 2.5, 5];

/** A power of ten as written in a label: `×10⁶`. */
export function powerOfTenText(exponent: number): string {
  const digits = Array.from(
    String(Math.abs(exponent)),
    (digit) => SUPERSCRIPTS[Number(digit)] ?? '',
  );
  return `×10${exponent < 0 ? '⁻' : ''}${digits.join('')}`;
}

/**
 * Marks at 1, 2, 2.5 or 5 times a power of ten inside [low, high], about `wanted` of them, but at least three. Very large
 * and small numbers share a power of ten (a multiple of three).
 * @param marks `whole`: of an axis that counts, only whole numbers have a mark, even if these are fewer.
 */
export function axisTicks(
  low: number,
  high: number,
  wanted: number,
  marks: 'any' | 'whole' = 'any',
): AxisTicks {
  const step = stepOf(low, high, wanted, marks);
  if (step === null) return { ticks: [], exponent: 0 };
  const largest = Math.max(Math.abs(low), Math.abs(high));
  const decade = Math.floor(Math.log10(largest) + 1e-9);
  const exponent = decade >= 5 || decade < -2 ? Math.floor(decade / 3) * 3 : 0;
  const shownStep = step / 10 ** exponent;
  let decimals = 0;
  while (decimals < 12 && !isWhole(shownStep * 10 ** decimals)) decimals += 1;
  const ticks: { value: number; text: string }[] = [];
  const first = Math.ceil(low / step - 1e-9);
  // An axis so far from zero that numbers cannot tell one mark from the next.
  if (!Number.isSafeInteger(first)) return { ticks: [], exponent: 0 };
  const last = Math.min(Math.floor(high / step + 1e-9), first + MOST_TICKS);
  for (let index = first; index <= last; index += 1) {
    const text = (index * shownStep).toFixed(decimals);
    ticks.push({
      value: index * step,
      text: Number(text) === 0 ? text.replace('-', '') : text.replace('-', '−'),
    });
  }
  return { ticks, exponent };
}

/** The distance between two marks; null: the axis has no length that numbers can tell. */
function stepOf(low: number, high: number, wanted: number, marks: 'any' | 'whole'): number | null {
  const rough = (high - low) / Math.max(1, wanted);
  const decade = Math.floor(Math.log10(rough));
  if (!Number.isFinite(decade) || 10 ** decade === 0) return null;
  const steps = [decade - 1, decade, decade + 1]
    .flatMap((power) => MULTIPLES.map((multiple) => multiple * 10 ** power))
    .filter((step) => step > 0 && (marks === 'any' || (step >= 1 && isWhole(step))));
  const coarse = steps.find((step) => step >= rough) ?? 1;
  const enough = steps.filter((step) => step < coarse && marksIn(low, high, step) >= LEAST_TICKS);
  return marksIn(low, high, coarse) >= LEAST_TICKS ? coarse : (enough.at(-1) ?? coarse);
}

/** How many multiples of a step lie inside [low, high]. */
function marksIn(low: number, high: number, step: number): number {
  return Math.floor(high / step + 1e-9) - Math.ceil(low / step - 1e-9) + 1;
}

function isWhole(value: number): boolean {
  return Math.abs(value - Math.round(value)) < 1e-6 * Math.max(1, Math.abs(value));
}
