/** One figure of a benchmark. */
export interface BenchRow {
  readonly label: string;
  readonly value: number;
  /** `ms`, `MB/s`, `x` (a ratio)... */
  readonly unit: string;
  /** The figure to reach, in words: `<= 60`. Absent: only informative. */
  readonly target?: string;
  /** Whether the target is reached; absent: nothing to reach, or not measurable here. */
  readonly pass?: boolean;
}

/** What a benchmark module's `run()` gives. Results are checked before their time counts. */
export interface BenchResult {
  readonly name: string;
  readonly rows: readonly BenchRow[];
}

/** The median of at least one value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? upper)) / 2;
}

/** Milliseconds of each of `repeats` calls, in order; the first (cold) call is left out when `warm`. */
export async function timeMs(
  work: () => unknown,
  options: { readonly repeats: number; readonly warm?: boolean },
): Promise<number[]> {
  if (options.warm === true) await work();
  const times: number[] = [];
  for (let count = 0; count < options.repeats; count += 1) {
    const start = performance.now();
    await work();
    times.push(performance.now() - start);
  }
  return times;
}
