import type { AxisCalibration, DatasetRole, DatasetType, Metadata } from './file-metadata.js';
import type { Location } from './location.js';

/** A dataset as the record and the catalogue hold it. */
export interface Dataset {
  /** `file.dm4`, with several signals `file.dm4 (2 of 3)`. */
  readonly name: string;
  readonly location: Location;
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
