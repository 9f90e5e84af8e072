import type { AxisCalibration, DatasetRole, DatasetType, Metadata } from './file-metadata.js';
import type { Location } from './location.js';

/** One file of a dataset, as it was when it was recorded. */
export interface DatasetFile {
  readonly location: Location;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  /** The time used for grouping, nanoseconds since the epoch. */
  readonly timeNs: bigint;
  /** Epoch milliseconds since when the file is gone or outside the window; null: present. */
  readonly missingSinceMs: number | null;
}

/** A dataset as the record and the catalogue hold it. */
export interface Dataset {
  /** `file.dm4`, with several signals `file.dm4 (2 of 3)`; of a series `tile_[0001-0400].tif`. */
  readonly name: string;
  /** Of a series: that of its first file. */
  readonly location: Location;
  /**
   * The files of a numbered series in the order of their numbers, at least one; absent: the dataset is one file. Sizes are
   * then summed, mtimeNs is the newest, timeNs the earliest of them, and acquiredMs that of the first file.
   */
  readonly series?: readonly DatasetFile[];
  readonly format: string;
  readonly type: DatasetType;
  readonly role: DatasetRole;
  readonly description: string | null;
  /** Location (percent-encoded, from paths.output, leading slash) of the preview; null: none. */
  readonly preview: Location | null;
  /** The metadata that is not in the activity's setup. */
  readonly metadata: Metadata;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  /** The time used for grouping, nanoseconds since the epoch. */
  readonly timeNs: bigint;
  readonly acquiredMs: number | null;
  readonly shape: readonly number[];
  readonly calibration: readonly AxisCalibration[];
  readonly dtype: string | null;
  readonly reader: string;
  /** From 1; which signal of the file, and of how many. */
  readonly signalNumber: number;
  readonly signalCount: number;
  readonly warnings: readonly string[];
  /** Epoch milliseconds since when the file is gone or outside the window; null: present. */
  readonly missingSinceMs: number | null;
}

/** The files of a dataset: those of its series, or the one that it is. */
export function filesOfDataset(dataset: Dataset): readonly DatasetFile[] {
  return dataset.series ?? [dataset];
}

/** The latest time of a dataset's files, nanoseconds since the epoch. */
export function lastTimeNs(dataset: Dataset): bigint {
  return filesOfDataset(dataset).reduce(
    (last, { timeNs }) => (timeNs > last ? timeNs : last),
    dataset.timeNs,
  );
}
