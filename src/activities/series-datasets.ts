import { filesOfDataset, type Dataset, type DatasetFile } from '../domain/dataset.js';
import { groupBy } from '../domain/group-by.js';
import { displayName, type Location } from '../domain/location.js';
import { findSeries, seriesFileName, type FindSeriesOptions } from './find-series.js';
import { commonMetadata } from './summarize-activity.js';

/** Files of a series that are read for its metadata. */
const SAMPLED_FILES = 9;

/** Some members of a series that stand for all: first, middle and last, and others evenly between them. */
export function sampleOf<Member>(members: readonly Member[]): readonly Member[] {
  if (members.length <= SAMPLED_FILES) return members;
  const step = (members.length - 1) / (SAMPLED_FILES - 1);
  return Array.from(
    { length: SAMPLED_FILES },
    (_, index) => members.slice(Math.round(index * step))[0],
  ).flatMap((member) => (member === undefined ? [] : [member]));
}

/** What the datasets of one file must have in common with those of the others of a series. */
export function contentOf(datasets: readonly Dataset[]): string {
  const signals = datasets.map(({ reader, format, type, role }) => [reader, format, type, role]);
  return JSON.stringify(signals);
}

/** Datasets by their file, in order. */
export function byLocation(datasets: readonly Dataset[]): Map<Location, Dataset[]> {
  return groupBy(datasets, (dataset) => dataset.location);
}

/** What a series is called by its files, in the order of their numbers: `tile_[0001-0400].tif`. */
export function seriesName(files: readonly DatasetFile[]): string {
  return displayName(seriesFileName(files.map(({ location }) => location)));
}

function largest(values: readonly bigint[]): bigint {
  return values.reduce((most, value) => (value > most ? value : most));
}

/**
 * The dataset of a series with these files instead: name, place, sizes and times follow.
 * @param files in the order of their numbers, at least one; missing ones among them
 */
export function withSeriesFiles(dataset: Dataset, files: readonly DatasetFile[]): Dataset {
  const present = files.filter(({ missingSinceMs }) => missingSinceMs === null);
  const [first = dataset] = present.length > 0 ? present : files;
  const known = present.length > 0 ? present : files;
  const fileName = seriesName(files);
  const { signalNumber, signalCount } = dataset;
  return {
    ...dataset,
    name: signalCount === 1 ? fileName : `${fileName} (${signalNumber} of ${signalCount})`,
    location: first.location,
    series: files,
    sizeBytes: files.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    mtimeNs: largest(known.map(({ mtimeNs }) => mtimeNs)),
    timeNs: -largest(known.map(({ timeNs }) => -timeNs)),
    missingSinceMs:
      present.length > 0 ? null : Math.max(...files.map((file) => file.missingSinceMs ?? 0)),
  };
}

function sameInAll<Value>(values: readonly Value[], otherwise: Value): Value {
  const [first = otherwise, ...others] = values;
  const text = JSON.stringify(first);
  return others.every((value) => JSON.stringify(value) === text) ? first : otherwise;
}

/**
 * The datasets of a series, one a signal. Of metadata, shape and calibration they have what is the same in all files read;
 * the preview is that of the first.
 * @param files all files, in the order of their numbers
 * @param sampled datasets of the files read, in the same order, all of the same contentOf; at least of one
 */
export function seriesDatasets(
  files: readonly DatasetFile[],
  sampled: readonly (readonly Dataset[])[],
): Dataset[] {
  const [first = [], ...others] = sampled;
  return first.map((signal, index) => {
    const alike = sampled.flatMap((datasets) => datasets[index] ?? []);
    const dataset: Dataset = {
      ...signal,
      description: sameInAll(
        alike.map(({ description }) => description),
        null,
      ),
      metadata: others.length === 0 ? signal.metadata : commonMetadata(alike),
      shape: sameInAll(
        alike.map(({ shape }) => shape),
        [],
      ),
      calibration: sameInAll(
        alike.map(({ calibration }) => calibration),
        [],
      ),
      dtype: sameInAll(
        alike.map(({ dtype }) => dtype),
        null,
      ),
      warnings: [...new Set(alike.flatMap(({ warnings }) => warnings))],
    };
    return withSeriesFiles(dataset, files);
  });
}

function fileOf({ location, sizeBytes, mtimeNs, timeNs, missingSinceMs }: Dataset): DatasetFile {
  return { location, sizeBytes, mtimeNs, timeNs, missingSinceMs };
}

/**
 * Makes the numbered series among files that were read each into one dataset a signal: files of a series also have the
 * same reader, format and signals. Everything else stays as it is.
 */
export function formSeries(datasets: readonly Dataset[], options: FindSeriesOptions): Dataset[] {
  const files = byLocation(datasets.filter((dataset) => dataset.series === undefined));
  const named = [...files.values()].flatMap((signals) => {
    const [first] = signals;
    // An empty file is no part of a series: it holds nothing that could be alike.
    return first === undefined || first.sizeBytes === 0
      ? []
      : [{ location: first.location, content: contentOf(signals), signals, first }];
  });
  const contents = new Set(named.map(({ content }) => content));
  const inSeries = new Map<Location, readonly Dataset[]>();
  for (const content of contents) {
    const alike = named.filter((file) => file.content === content);
    for (const { members } of findSeries(alike, options).series) {
      const sampled = sampleOf(members).map(({ signals }) => signals);
      const made = seriesDatasets(
        members.map(({ first }) => fileOf(first)),
        sampled,
      );
      for (const { location } of members) inSeries.set(location, []);
      const [{ location } = { location: '' }] = members;
      inSeries.set(location, made);
    }
  }
  return datasets.flatMap((dataset) => {
    const made = dataset.series === undefined ? inSeries.get(dataset.location) : undefined;
    if (made === undefined) return [dataset];
    return dataset.signalNumber === 1 ? made : [];
  });
}

/**
 * Adds to each series the files of it that are missing now, as the record keeps them.
 * @param datasets with the series of now
 * @param kept datasets of the current version, of a series only with those files that are missing
 */
export function joinMissingFiles(
  datasets: readonly Dataset[],
  kept: readonly Dataset[],
): Dataset[] {
  const joined = [...datasets];
  const left = kept.filter((missing) => {
    if (missing.series === undefined) return true;
    const position = joined.findIndex(
      (dataset) =>
        dataset.series !== undefined &&
        dataset.signalNumber === missing.signalNumber &&
        isOneSeries(dataset.series, missing.series ?? []),
    );
    const dataset = joined[position];
    if (dataset === undefined) return true;
    const known = new Set(filesOfDataset(dataset).map(({ location }) => location));
    const files = [
      ...filesOfDataset(dataset),
      ...missing.series.filter(({ location }) => !known.has(location)),
    ];
    const [series] = findSeries(files, { minFiles: files.length, known: [] }).series;
    joined[position] = withSeriesFiles(dataset, series?.members ?? files);
    return false;
  });
  return [...joined, ...left];
}

/** Whether files of both differ in the number that the series counts by. Two of one side tell which number that is. */
function isOneSeries(present: readonly DatasetFile[], missing: readonly DatasetFile[]): boolean {
  const [some, more] = present.length > 1 ? [present, missing] : [missing, present];
  const files = [...some.slice(0, 2), ...more.slice(0, 1)];
  return findSeries(files, { minFiles: files.length, known: [] }).series.length === 1;
}
