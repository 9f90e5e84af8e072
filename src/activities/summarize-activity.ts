import type { Activity } from '../domain/activity.js';
import type { Metadata, MetadataValue } from '../domain/file-metadata.js';
import { filesOfDataset, lastTimeNs, type Dataset } from '../domain/dataset.js';

/** Numbers whose relative difference is below this are the same setting: readers convert units in floating point. */
const FLOAT_NOISE = 1e-9;

function sameNumber(a: number, b: number): boolean {
  return Object.is(a, b) || Math.abs(a - b) <= FLOAT_NOISE * Math.max(Math.abs(a), Math.abs(b));
}

type Scalar = string | number | boolean;

function sameScalar(a: Scalar | undefined, b: Scalar | undefined): boolean {
  return typeof a === 'number' && typeof b === 'number' ? sameNumber(a, b) : a === b;
}

type List = readonly Scalar[];

function isList(value: MetadataValue['value']): value is readonly number[] | readonly string[] {
  return typeof value === 'object';
}

function sameList(a: List, b: List): boolean {
  return a.length === b.length && a.every((item, index) => sameScalar(item, b[index]));
}

function sameValue(a: MetadataValue, b: MetadataValue): boolean {
  if (a.unit !== b.unit) return false;
  if (isList(a.value)) return isList(b.value) && sameList(a.value, b.value);
  return !isList(b.value) && sameScalar(a.value, b.value);
}

/** What is present and equal in every dataset; with a single dataset nothing is common. A warning of one is kept. */
export function commonMetadata(datasets: readonly Dataset[]): Metadata {
  const [first, ...others] = datasets;
  if (first === undefined || others.length === 0) return {};
  const common: [string, MetadataValue][] = [];
  for (const [name, value] of Object.entries(first.metadata)) {
    let warning = value.warning === true;
    const everywhere = others.every((dataset) => {
      if (!Object.hasOwn(dataset.metadata, name)) return false;
      const other = dataset.metadata[name];
      if (other === undefined || !sameValue(value, other)) return false;
      warning ||= other.warning === true;
      return true;
    });
    if (everywhere) common.push([name, warning ? { ...value, warning } : value]);
  }
  return Object.fromEntries(common);
}

function compareDatasets(a: Dataset, b: Dataset): number {
  if (a.timeNs !== b.timeNs) return a.timeNs < b.timeNs ? -1 : 1;
  if (a.location !== b.location) return a.location < b.location ? -1 : 1;
  return a.signalNumber - b.signalNumber;
}

/** Epoch milliseconds, rounded down. */
function millisecondsOf(timeNs: bigint): number {
  const remainder = ((timeNs % 1_000_000n) + 1_000_000n) % 1_000_000n;
  return Number((timeNs - remainder) / 1_000_000n);
}

/**
 * Makes an activity of its datasets: ordered by time, location and signal; what is present and equal in every dataset
 * (numbers within float noise, same unit) becomes the setup and leaves the datasets.
 * @param datasets at least one, each with all of its metadata
 */
export function summarizeActivity(seqno: number, datasets: readonly Dataset[]): Activity {
  const ordered = datasets.toSorted(compareDatasets);
  const setup = commonMetadata(ordered);
  const [first] = ordered;
  const startNs = first?.timeNs ?? 0n;
  // A series goes on while others are acquired: the last dataset to begin need not be the last to end.
  const endNs = ordered.map(lastTimeNs).reduce((last, ns) => (ns > last ? ns : last), startNs);
  return {
    seqno,
    startMs: millisecondsOf(startNs),
    endMs: millisecondsOf(endNs),
    setup,
    datasets: ordered.map((dataset) => ({
      ...dataset,
      metadata: Object.fromEntries(
        Object.entries(dataset.metadata).filter(([name]) => !Object.hasOwn(setup, name)),
      ),
    })),
  };
}

/** The times of all files of datasets, nanoseconds since the epoch: what activities are found in. */
export function fileTimesNs(datasets: readonly Dataset[]): bigint[] {
  return datasets.flatMap((dataset) => filesOfDataset(dataset).map(({ timeNs }) => timeNs));
}

/**
 * Sorts datasets, each given by the times of its files, into the groups of these times: a dataset is where its first file
 * is. Groups that have nothing but later files of series are left out.
 * @param groups as clusterByTime gives them for all times one after the other; every time is in one group
 * @returns indices of the datasets of each group
 */
export function groupByFirstFile(
  datasetTimesNs: readonly (readonly bigint[])[],
  groups: readonly (readonly number[])[],
): readonly (readonly number[])[] {
  const groupOfTime = new Map<number, number>();
  for (const [group, indices] of groups.entries()) {
    for (const index of indices) groupOfTime.set(index, group);
  }
  const members: number[][] = groups.map(() => []);
  let begin = 0;
  for (const [index, times] of datasetTimesNs.entries()) {
    let first = 0;
    for (const [position, timeNs] of times.entries()) {
      if (timeNs < (times[first] ?? timeNs)) first = position;
    }
    members[groupOfTime.get(begin + first) ?? 0]?.push(index);
    begin += times.length;
  }
  return members.filter((group) => group.length > 0);
}

/**
 * The activities of a session, numbered from 0. Every file of a series counts where the times are grouped, so a series
 * does not move the borders of activities; the dataset is in the activity of its first file, which then lasts as long as
 * the series does.
 * @param groups as clusterByTime gives them for fileTimesNs
 */
export function summarizeActivities(
  datasets: readonly Dataset[],
  groups: readonly (readonly number[])[],
): Activity[] {
  const times = datasets.map((dataset) => filesOfDataset(dataset).map(({ timeNs }) => timeNs));
  return groupByFirstFile(times, groups).map((group, seqno) =>
    summarizeActivity(
      seqno,
      group.flatMap((index) => datasets[index] ?? []),
    ),
  );
}
