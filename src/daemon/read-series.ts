import { rm } from 'node:fs/promises';
import { findSeries, type FindSeriesOptions } from '../activities/find-series.js';
import { byLocation, contentOf, sampleOf, seriesDatasets } from '../activities/series-datasets.js';
import type { Dataset } from '../domain/dataset.js';
import { isTapeStub, type FoundFile } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import { pathBelow, sidecarLocation } from '../extract/output-locations.js';
import { readSessionFiles, type ReadSessionFilesOptions } from './read-session-files.js';
import { stagingPath } from './staging.js';

/** How files and series of a session are read. */
export interface ReadSeriesOptions extends ReadSessionFilesOptions {
  readonly series: FindSeriesOptions;
  /** Files whose own time has to be read before it is known whether they belong to the session: among `files`. */
  readonly undecided: ReadonlySet<Location>;
  /** Whether what a file says of itself keeps it out of the record: then each file of its series is to be asked. */
  readonly isOut: (dataset: Dataset) => boolean;
}

/**
 * The datasets of a session's files as readSessionFiles gives them; numbered series are one dataset a signal, for which
 * only some of the files are read. Where these are not alike, every file of the series is read and a dataset of its own.
 * Throws as readSessionFiles does.
 */
export async function readFilesAndSeries(options: ReadSeriesOptions): Promise<readonly Dataset[]> {
  const { files, undecided } = options;
  const whole = files.filter(
    (file) => file.sizeBytes > 0 && !isTapeStub(file) && !undecided.has(file.location),
  );
  const found = findSeries(whole, options.series).series.map(({ members }) => ({
    members,
    sample: sampleOf(members),
  }));
  if (found.length === 0) return readSessionFiles(options);

  const inSeries = new Set(found.flatMap(({ members }) => members));
  const sampled = new Set(found.flatMap(({ sample }) => sample));
  const firstRead = files.filter((file) => !inSeries.has(file) || sampled.has(file));
  const read = await readSessionFiles({ ...options, files: firstRead });
  const datasetsOf = byLocation(read);
  const series: Dataset[] = [];
  const told = new Set<Location>();
  const unlike = new Set<FoundFile>();
  for (const { members, sample } of found) {
    const samples = sample.map(({ location }) => datasetsOf.get(location) ?? []);
    const contents = new Set(samples.map(contentOf));
    if (contents.size !== 1 || samples.flat().some(options.isOut)) {
      for (const member of members) if (!sampled.has(member)) unlike.add(member);
      continue;
    }
    series.push(
      ...seriesDatasets(
        members.map((file) => ({ ...fileFacts(file), missingSinceMs: null })),
        samples,
      ),
    );
    for (const { location } of sample) told.add(location);
    await discardOutputs(options, samples.slice(1).flat());
  }
  const rest = read.filter(({ location }) => !told.has(location));
  const others =
    unlike.size === 0
      ? []
      : await readSessionFiles({
          ...options,
          files: files.filter((file) => unlike.has(file)),
          onFileRead: (done) => options.onFileRead?.(firstRead.length + done),
        });
  options.onFileRead?.(files.length);
  return [...rest, ...others, ...series];
}

function fileFacts({ location, sizeBytes, mtimeNs, timeNs }: FoundFile) {
  return { location, sizeBytes, mtimeNs, timeNs };
}

/** Removes what was staged for files of a series besides its first: no dataset names it. */
async function discardOutputs(
  { environment, attempt }: ReadSeriesOptions,
  datasets: readonly Dataset[],
): Promise<void> {
  const staging = stagingPath(environment.paths.output, attempt);
  const outputs = datasets.flatMap(({ location, preview, signalNumber }) => [
    ...(signalNumber === 1 ? [sidecarLocation(location)] : []),
    ...(preview === null ? [] : [preview]),
  ]);
  for (const output of outputs) await rm(pathBelow(staging, output), { force: true });
}
