import type { Location } from './location.js';

/** The kinds of datasets that a record knows. */
export const DATASET_TYPES = [
  'Image',
  'Spectrum',
  'SpectrumImage',
  'Diffraction',
  'Notes',
  'Misc',
  'Unknown',
] as const;
export type DatasetType = (typeof DATASET_TYPES)[number];

export const DATASET_ROLES = [
  'Experimental',
  'MasterCalibration',
  'UserCalibration',
  'Derived',
] as const;
export type DatasetRole = (typeof DATASET_ROLES)[number];

/** A harmonised metadata value. Numbers are in the named unit; a list is a list of the same kind. */
export interface MetadataValue {
  readonly value: string | number | boolean | readonly number[] | readonly string[];
  /** Unit symbol as written in the record (`kV`, `nm`, `s`); absent: none. */
  readonly unit?: string;
  /** The instrument is known to write this value wrongly, or it could not be checked. */
  readonly warning?: boolean;
}

/** Harmonised name (`Acceleration Voltage`) to value. */
export type Metadata = Readonly<Record<string, MetadataValue>>;

/** The calibration of one axis: value = origin + index * scale, in unit. */
export interface AxisCalibration {
  readonly scale: number;
  readonly origin: number;
  readonly unit: string;
}

/** One signal of one file (or one series of files): what becomes a dataset. */
export interface Signal {
  /** The signal's own title inside the file, when it has one. */
  readonly title: string | null;
  readonly type: DatasetType;
  readonly role: DatasetRole;
  readonly metadata: Metadata;
  /** Slowest axis first, as numpy does: [frames, rows, columns]. Empty: not an array. */
  readonly shape: readonly number[];
  /** One entry an axis, in the order of `shape`. Empty: not calibrated. */
  readonly calibration: readonly AxisCalibration[];
  /** numpy's name: uint8, int16, float32, complex64... or null. */
  readonly dtype: string | null;
  /** When the data were acquired according to the file itself, epoch milliseconds; null: it does not say. */
  readonly acquiredMs: number | null;
}

/** What is known of one file after reading. */
export interface FileMetadata {
  readonly location: Location;
  /** For people: `DigitalMicrograph 3`, `TIFF (FEI/Thermo)`, `unknown`. */
  readonly format: string;
  /** Which reader answered, with its version: `dm@1`. */
  readonly reader: string;
  /** At least one. */
  readonly signals: readonly SignalResult[];
  /** Human sentences; a file that could not be read has one and keeps its place in the record. */
  readonly warnings: readonly string[];
}

/** A signal as it comes back from the reader process: with its preview if one was made. */
export interface SignalResult extends Signal {
  /** Last part of the preview's location, percent-encoded as locations are; it lies where the file lies. Null: none. */
  readonly previewName: string | null;
}
