import { byLocation, withSeriesFiles } from '../activities/series-datasets.js';
import { filesOfDataset, type Dataset, type DatasetFile } from '../domain/dataset.js';
import type { FileVerdict, FoundFile } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import { findMissingFiles } from '../files/missing-files.js';
import { zonedInstant } from '../record/zoned-instant.js';

/** What the current version of a record is compared with. */
export interface KeepMissingFilesOptions {
  /** Datasets of the current version. */
  readonly recorded: readonly Dataset[];
  /** The files of the session now. */
  readonly files: readonly FoundFile[];
  readonly verdicts: readonly FileVerdict[];
  /** Files and folders that are there and cannot be read. */
  readonly unreadable: ReadonlySet<Location>;
  /** Files that the times of the session leave out by now. */
  readonly outside: ReadonlySet<Location>;
  /** IANA zone of the instrument. */
  readonly timezone: string;
  readonly nowMs: number;
}

/** Datasets of the current version that stay in the record although their files cannot be had now. */
export interface KeptDatasets {
  /** Of a series only with those of its files that cannot be had. */
  readonly datasets: readonly Dataset[];
  readonly warnings: readonly string[];
}

/** Which datasets of the current version, or files of its series, are missing now and are kept. Pure. */
export function keepMissingFiles(options: KeepMissingFilesOptions): KeptDatasets {
  const { recorded, outside, timezone } = options;
  const signalsOf = byLocation(recorded);
  const recordedFiles = [...signalsOf.values()].flatMap(([first]) =>
    first === undefined ? [] : filesOfDataset(first).map((file) => fileOf(first, file)),
  );
  const lostOf = new Map<Dataset, DatasetFile[]>();
  for (const state of findMissingFiles({ ...options, recorded: recordedFiles })) {
    if (state.kind !== 'missing' && state.kind !== 'unreadable') continue;
    const { dataset, file } = state.recorded;
    const lost = lostOf.get(dataset) ?? [];
    lost.push({ ...file, missingSinceMs: state.missingSinceMs });
    lostOf.set(dataset, lost);
  }
  const datasets: Dataset[] = [];
  const warnings: string[] = [];
  for (const [dataset, lost] of lostOf) {
    const [first] = lost;
    if (first === undefined) continue;
    for (const signal of signalsOf.get(dataset.location) ?? []) {
      datasets.push(
        signal.series === undefined
          ? { ...signal, missingSinceMs: first.missingSinceMs }
          : withSeriesFiles(signal, lost),
      );
    }
    // Of what cannot be read the look has said so.
    const missing = lost.flatMap(({ location, missingSinceMs }) =>
      missingSinceMs === null ? [] : [{ location, missingSinceMs }],
    );
    warnings.push(...warningsOf(dataset, missing, outside, timezone));
  }
  return { datasets, warnings };
}

function fileOf(dataset: Dataset, file: DatasetFile) {
  const { location, sizeBytes, mtimeNs, missingSinceMs } = file;
  return { dataset, file, location, sizeBytes, mtimeNs, missingSinceMs };
}

/** One sentence a file, or one of a series: thousands of its files may be gone. */
function warningsOf(
  dataset: Dataset,
  missing: readonly { readonly location: Location; readonly missingSinceMs: number }[],
  outside: ReadonlySet<Location>,
  timezone: string,
): string[] {
  if (missing.length === 0) return [];
  const sinceMs = Math.min(...missing.map((file) => file.missingSinceMs));
  const since = zonedInstant(sinceMs, timezone);
  const isOut = missing.every(({ location }) => outside.has(location));
  const what = isOut
    ? `no longer within the times of the session, since ${since}`
    : `missing since ${since}`;
  if (dataset.series === undefined) return [`${dataset.location}: ${what}.`];
  const files = `${missing.length} of ${dataset.series.length} files`;
  return [`Series from ${dataset.location}: ${files} ${what}.`];
}
