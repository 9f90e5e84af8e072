import { createHash } from 'node:crypto';
import { lastTimeNs, type Dataset, type DatasetFile } from '../domain/dataset.js';
import { decodeLocation, displayName, type Location } from '../domain/location.js';
import { replaceForbidden } from './forbidden-characters.js';
import type { DocumentDataset } from './record-document.js';
import { zonedInstant } from './zoned-instant.js';

type SeriesExtension = NonNullable<NonNullable<DocumentDataset['extensions']>['series']>;

function fileName(location: Location): string {
  const path = decodeLocation(location);
  return replaceForbidden(displayName(path.subarray(path.lastIndexOf(0x2f) + 1)));
}

/** What changes when any file of the series does. */
function digestOf(files: readonly DatasetFile[]): string {
  const hash = createHash('sha256');
  for (const { location, sizeBytes, mtimeNs, missingSinceMs } of files) {
    const since = missingSinceMs === null ? '' : String(missingSinceMs);
    hash.update(`${location}\n${sizeBytes} ${mtimeNs} ${since}\n`);
  }
  return hash.digest('hex');
}

function instantOf(timeNs: bigint, timezone: string): string {
  return zonedInstant(Number(timeNs / 1_000_000n), timezone);
}

/** How a record shows that a dataset is a series. */
export interface DescribedSeries {
  /** For its description. */
  readonly text: string;
  readonly extension: SeriesExtension;
}

/**
 * How a record shows that a dataset is a series; null: it is one file.
 * @throws AppError TIME_INVALID, as zonedInstant does.
 */
export function describeSeries(dataset: Dataset, timezone: string): DescribedSeries | null {
  const files = dataset.series;
  if (files === undefined) return null;
  const missing = files.filter(({ missingSinceMs }) => missingSinceMs !== null).length;
  const extension = {
    count: files.length,
    first: fileName(files[0]?.location ?? dataset.location),
    last: fileName(files.at(-1)?.location ?? dataset.location),
    startTime: instantOf(dataset.timeNs, timezone),
    endTime: instantOf(lastTimeNs(dataset), timezone),
    ...(missing === 0 ? {} : { missing }),
    sha256: digestOf(files),
  };
  const { count, first, last, startTime, endTime } = extension;
  const lost = missing === 0 ? '' : ` (${missing} missing)`;
  const text = `Series of ${count} ${count === 1 ? 'file' : 'files'}${lost}: first ${first}, last ${last}, from ${startTime} to ${endTime}`;
  return { text, extension };
}
