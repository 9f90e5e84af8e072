/** One file with both of its times. */
export interface FileTimes {
  /** When it was written, by the file store and the configured clock offset; epoch milliseconds. */
  readonly writtenMs: number;
  /** When it was acquired, as the file says; epoch milliseconds. */
  readonly acquiredMs: number;
}

/** A stretch of time in which the times in the files were ahead of those of the files by about the same. */
export interface ClockLeadRun {
  /** Times in the files less times of the files, milliseconds; negative: behind. */
  readonly leadMs: number;
  /** Files that say so. */
  readonly files: number;
  /** The first and the last of them: when they were written, epoch milliseconds. */
  readonly firstMs: number;
  readonly lastMs: number;
}

/** How much the lead of one clock scatters: exposures, saving, and minutes where a file has no seconds. */
const TOLERANCE_MS = 90_000;
/** Files that a lead needs before it is believed. */
const LEAST_FILES = 5;
/** Leads that are told from each other; what a store has beyond them is noise. */
const MOST_LEVELS = 12;
/** What a change of the lead costs, against a file that lies outside of the tolerance (1): short bursts are no change. */
const CHANGE_COST = 3;
/** Of the files of a run, how many must agree; else the times scatter and tell nothing. */
const LEAST_SHARE = 0.5;
const DAY_MS = 86_400_000;

/**
 * Splits the files of one folder into stretches of constant lead of their inner clock, oldest first. Robust: single files
 * that lie elsewhere (saved late, copied, with a wrong date inside) change nothing. A file is saved after it was acquired,
 * never before, so a clock that is ahead shows in a few files, while one that is behind has to show on two days: files that
 * were saved together long after they were acquired look the same.
 *
 * The way: the densest values become candidates; the cheapest path over the files in the order of their times (Viterbi)
 * gives each file one of them, where outliers and changes both cost.
 */
export function clockLeadRuns(files: readonly FileTimes[]): readonly ClockLeadRun[] {
  const ordered = [...files].sort((a, b) => a.writtenMs - b.writtenMs);
  const leads = ordered.map(({ writtenMs, acquiredMs }) => acquiredMs - writtenMs);
  const levels = candidateLevels(leads);
  const path = cheapestPath(leads, levels);
  const runs: ClockLeadRun[] = [];
  for (let from = 0; from < path.length;) {
    let to = from + 1;
    while (to < path.length && path[to] === path[from]) to += 1;
    const run = runOf(ordered.slice(from, to), levels[path[from] ?? 0] ?? 0);
    if (run !== null) runs.push(run);
    from = to;
  }
  return joined(runs);
}

/** The values around which most files lie, each at least a tolerance from the others. */
function candidateLevels(leads: readonly number[]): readonly number[] {
  let left = leads.toSorted((a, b) => a - b);
  const levels: number[] = [];
  while (levels.length < MOST_LEVELS) {
    let best = { from: 0, to: 0 };
    for (let from = 0, to = 0; from < left.length; from += 1) {
      while (to < left.length && (left[to] ?? 0) - (left[from] ?? 0) <= TOLERANCE_MS) to += 1;
      if (to - from > best.to - best.from) best = { from, to };
    }
    if (best.to - best.from < LEAST_FILES) break;
    const level = left[Math.floor((best.from + best.to) / 2)] ?? 0;
    levels.push(level);
    left = left.filter((lead) => Math.abs(lead - level) > TOLERANCE_MS);
  }
  return levels;
}

/** For each lead the index of its level. */
function cheapestPath(leads: readonly number[], levels: readonly number[]): readonly number[] {
  if (levels.length === 0) return [];
  let costs = levels.map(() => 0);
  const cameFrom: number[][] = [];
  for (const lead of leads) {
    const cheapest = costs.indexOf(Math.min(...costs));
    const change = (costs[cheapest] ?? 0) + CHANGE_COST;
    const origins = costs.map((cost, level) => (cost <= change ? level : cheapest));
    costs = levels.map((level, index) => {
      const misfit = Math.min(1, ((lead - level) / TOLERANCE_MS) ** 2);
      return Math.min(costs[index] ?? 0, change) + misfit;
    });
    cameFrom.push(origins);
  }
  const path: number[] = [];
  let level = costs.indexOf(Math.min(...costs));
  for (const origins of cameFrom.toReversed()) {
    path.push(level);
    level = origins[level] ?? level;
  }
  return path.reverse();
}

function runOf(files: readonly FileTimes[], level: number): ClockLeadRun | null {
  const agreeing = files.filter(
    ({ writtenMs, acquiredMs }) => Math.abs(acquiredMs - writtenMs - level) <= TOLERANCE_MS,
  );
  const [first] = agreeing;
  const last = agreeing.at(-1);
  if (first === undefined || last === undefined) return null;
  const isShort = last.writtenMs - first.writtenMs < DAY_MS / 2;
  if (agreeing.length < LEAST_FILES || agreeing.length < LEAST_SHARE * files.length) return null;
  if (level < -TOLERANCE_MS && isShort) return null;
  const leads = agreeing.map(({ writtenMs, acquiredMs }) => acquiredMs - writtenMs);
  const leadMs = leads.toSorted((a, b) => a - b)[Math.floor(leads.length / 2)] ?? level;
  return { leadMs, files: agreeing.length, firstMs: first.writtenMs, lastMs: last.writtenMs };
}

/** Runs of one lead that only noise lay between are one. */
function joined(runs: readonly ClockLeadRun[]): readonly ClockLeadRun[] {
  const result: ClockLeadRun[] = [];
  for (const run of runs) {
    const before = result.at(-1);
    if (before === undefined || Math.abs(before.leadMs - run.leadMs) > TOLERANCE_MS) {
      result.push(run);
      continue;
    }
    const larger = before.files >= run.files ? before : run;
    result[result.length - 1] = {
      leadMs: larger.leadMs,
      files: before.files + run.files,
      firstMs: before.firstMs,
      lastMs: run.lastMs,
    };
  }
  return result;
}
