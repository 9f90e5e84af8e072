import type { FindSeriesOptions } from '../activities/find-series.js';
import { formSeries, joinMissingFiles, seriesName } from '../activities/series-datasets.js';
import type { FileVerdict, FoundFile } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import { filesOfDataset, type Dataset } from '../domain/dataset.js';
import type { Session } from '../domain/session.js';
import { decideByAcquiredTime } from '../files/acquired-time.js';
import type { BuildPolicy } from './build-environment.js';
import type { Look } from './look-at-session.js';
import type { LookRequest } from '../files/look-request.js';
import { keepMissingFiles } from './keep-missing-files.js';
import { refusedPlaces } from './read-session-files.js';

const DAY_MS = 86_400_000;

/** The datasets of a record with what is to be said about them. */
export interface GatheredDatasets {
  readonly datasets: readonly Dataset[];
  /** Of the look, as they are after reading. */
  readonly verdicts: readonly FileVerdict[];
  readonly warnings: readonly string[];
  /** Files near the session that its times, as they are now, leave out. */
  readonly outside: ReadonlySet<Location>;
}

/** What the datasets of a session are gathered from. */
export interface GatherDatasetsOptions {
  readonly session: Session;
  readonly policy: BuildPolicy;
  /** IANA zone of the instrument. */
  readonly timezone: string;
  readonly request: LookRequest;
  readonly look: Look;
  /** Of every file of the look, also of those whose own time decides. */
  readonly read: readonly Dataset[];
  /** Of the current version of the record, setup values included; empty: there is none, or a fresh start is wanted. */
  readonly recorded: readonly Dataset[];
  readonly nowMs: number;
}

function acquiredByLocation(datasets: readonly Dataset[]): Map<Location, number | null> {
  const acquired = new Map<Location, number | null>();
  for (const { location, acquiredMs } of datasets) {
    const known = acquired.get(location) ?? null;
    const earliest = known === null || (acquiredMs !== null && acquiredMs < known);
    acquired.set(location, earliest ? acquiredMs : known);
  }
  return acquired;
}

/** Whether a file's own time lies more than a day outside of the session: an old file copied or opened again. */
export function isStale({ acquiredMs }: Pick<Dataset, 'acquiredMs'>, session: Session): boolean {
  if (acquiredMs === null) return false;
  const { start, end } = session;
  return acquiredMs < start.toMillis() - DAY_MS || acquiredMs > end.toMillis() + DAY_MS;
}

/** What makes a series of files, for a session with these datasets in its record. */
export function seriesRule(
  { seriesMinFiles }: Pick<BuildPolicy, 'seriesMinFiles'>,
  recorded: readonly Dataset[],
): FindSeriesOptions {
  const known = recorded.flatMap(({ series, signalNumber }) =>
    series === undefined || signalNumber > 1 ? [] : [series.map(({ location }) => location)],
  );
  return { minFiles: seriesMinFiles, known };
}

/**
 * Decides which of the datasets read belong to the session after all (their own acquisition time may say no) and keeps
 * those of the current version that cannot be found or read any more. Pure.
 */
export function gatherDatasets(options: GatherDatasetsOptions): GatheredDatasets {
  const { session, policy, timezone, request, look, read, recorded, nowMs } = options;
  const acquired = acquiredByLocation(read);
  const decision = decideByAcquiredTime(request, look.needsAcquiredTime, acquired);
  const undecided = new Set(look.needsAcquiredTime.map((file) => file.location));
  const timeOf = new Map(decision.files.map((file) => [file.location, file.timeNs]));
  const included = new Set(request.included);
  const warnings: string[] = [];

  let datasets = read.flatMap((dataset) => {
    if (!undecided.has(dataset.location)) return [dataset];
    const timeNs = timeOf.get(dataset.location);
    return timeNs === undefined ? [] : [{ ...dataset, timeNs }];
  });
  let verdicts: readonly FileVerdict[] = [...look.verdicts, ...decision.verdicts];

  const stale = new Set(
    datasets.filter((dataset) => isStale(dataset, session)).map(({ location }) => location),
  );
  for (const location of included) stale.delete(location);
  if (stale.size > 0 && policy.staleFiles === 'exclude') {
    datasets = datasets.filter((dataset) => !stale.has(dataset.location));
    verdicts = verdicts.map((verdict) =>
      stale.has(verdict.location)
        ? { ...verdict, verdict: 'stale', rule: 'acquired more than a day outside of the session' }
        : verdict,
    );
  } else {
    for (const dataset of datasets) {
      if (!stale.has(dataset.location) || dataset.signalNumber > 1) continue;
      warnings.push(`${dataset.name}: acquired more than a day outside of the session.`);
    }
  }

  const takenOver = new Set([...look.takenOver, ...decision.takenOver]);
  const outside = new Set(
    verdicts
      .filter(({ verdict }) => verdict === 'before start' || verdict === 'after end')
      .map((verdict) => verdict.location),
  );
  const others = verdicts.filter(
    ({ location, verdict }) => verdict === 'other session' && !takenOver.has(location),
  ).length;
  if (others > 0) warnings.push(overlapNote(others));
  if (takenOver.size > 0) warnings.push(takenOverNote(takenOver.size));

  datasets = formSeries(datasets, seriesRule(policy, recorded));
  const kept = keepMissingFiles({
    recorded,
    files: filesOf([...look.files, ...decision.files], datasets),
    verdicts,
    unreadable: new Set([...refusedPlaces(look.verdicts), ...look.storeFaults]),
    outside,
    timezone,
    nowMs,
  });
  warnings.push(...kept.warnings);
  return {
    datasets: joinMissingFiles(datasets, kept.datasets),
    verdicts: tellSeries(verdicts, datasets),
    warnings,
    outside,
  };
}

/** The verdicts, those on files of a series saying of which. */
function tellSeries(
  verdicts: readonly FileVerdict[],
  datasets: readonly Dataset[],
): readonly FileVerdict[] {
  const nameOf = new Map<Location, string>();
  for (const { series, signalNumber } of datasets) {
    if (series === undefined || signalNumber > 1) continue;
    const name = seriesName(series);
    for (const { location } of series) nameOf.set(location, name);
  }
  if (nameOf.size === 0) return verdicts;
  return verdicts.map((verdict) => {
    const name = nameOf.get(verdict.location);
    return name === undefined
      ? verdict
      : { ...verdict, rule: `part of series ${name}: ${verdict.rule}` };
  });
}

/** Never says whose they are: a record may be read by people who may not know. */
function overlapNote(files: number): string {
  const subject = files === 1 ? '1 file' : `${files} files`;
  const belongs = files === 1 ? 'belongs' : 'belong';
  return `Sessions overlap on this folder: ${subject} written in this session ${belongs} to another one.`;
}

/** The times of the session changed; what its record held is in the record of another one. */
function takenOverNote(files: number): string {
  const subject = files === 1 ? '1 file' : `${files} files`;
  const [was, belongs] = files === 1 ? ['was', 'belongs'] : ['were', 'belong'];
  return `${subject} of an earlier version ${was} written outside the times of this session and ${belongs} to another one.`;
}

function filesOf(files: readonly FoundFile[], datasets: readonly Dataset[]): FoundFile[] {
  const kept = new Set(datasets.flatMap(filesOfDataset).map(({ location }) => location));
  return files.filter((file) => kept.has(file.location));
}
