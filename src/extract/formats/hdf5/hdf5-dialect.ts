import type { DatasetRole, DatasetType } from '../../../domain/file-metadata.js';
import type { ExtractedSignal, JsonValue } from '../../extractor.js';
import type { FileTime } from '../../file-time.js';
import type { MetadataBuilder } from '../../harmonise.js';
import type { Hdf5Array, Hdf5Axis } from './hdf5-array.js';
import { shapeOf } from './hdf5-array.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';
import type { Hdf5File } from './hdf5-file.js';
import {
  hdf5PreviewOf,
  type Hdf5Preview,
  type ImageSource,
  type WithHdf5File,
} from './hdf5-preview.js';
import { typeText } from './hdf5-types.js';

/** What a dialect may need to know besides the file. */
export interface Hdf5Context {
  readonly fileName: string;
  /** IANA zone in which local times are read. */
  readonly timezone: string;
  /** Takes a sentence about what could not be read. */
  readonly warn: (sentence: string) => void;
}

/** One signal as a dialect finds it. */
export interface Hdf5Signal {
  readonly title: string | null;
  readonly type: DatasetType;
  readonly role: DatasetRole;
  /** Whatever does not follow from the axes. */
  readonly metadata: MetadataBuilder;
  readonly array: Hdf5Array;
  /** Index of the energy, wavelength or mass axis in the array; null: none. */
  readonly spectralAxis: number | null;
  /** Whether the axes are calibrated; else they count values. */
  readonly isCalibrated: boolean;
  readonly acquired: FileTime | null;
  /** Drawn instead of the array; absent: the array is drawn. */
  readonly preview?: Hdf5Preview | null;
  /** Makes of each picture of the array what is drawn. @default as it is stored */
  readonly drawnAs?: (stored: ImageSource) => ImageSource;
  /** Of the spectral axis. @default 'Energy' */
  readonly xLabel?: string;
  /** Of a curve. @default 'Counts' */
  readonly yLabel?: string;
  /** Index of the first channel that a curve shows. @default 0 */
  readonly firstChannel?: number;
  /** Stated instead of the type of the datasets. */
  readonly dtype?: string;
}

/** What a dialect found. */
export interface Hdf5Reading {
  /** For people: `Velox EMD`. */
  readonly format: string;
  readonly signals: readonly Hdf5Signal[];
}

/** One way in which programs lay out HDF5 files. */
export interface Hdf5Dialect {
  /** Whether the file is of this dialect: looks at a few names and attributes. */
  recognises(file: Hdf5File): boolean;
  /** @throws AppError FORMAT_INVALID naming what is wrong. */
  read(file: Hdf5File, context: Hdf5Context): Hdf5Reading;
  /** A better form of a dataset for the sidecar; undefined: none. */
  tagOf?(file: Hdf5File, dataset: Hdf5Dataset): JsonValue | undefined;
}

const LENGTH_UNITS: readonly string[] = ['m', 'cm', 'mm', 'µm', 'um', 'nm', 'pm', 'Å', 'A'];
const ENERGY_UNITS: readonly string[] = ['eV', 'keV'];

/** Whether the last two axes are in reciprocal space: a diffraction pattern, unless it was computed. */
export function isReciprocal({ axes, datasets }: Hdf5Array): boolean {
  const [y, x] = axes.slice(-2);
  const isInverse = (axis: Hdf5Axis | undefined): boolean =>
    axis !== undefined && /^1 ?\/|(?:\^-1|⁻¹)$/.test(axis.unit);
  return isInverse(y) && isInverse(x) && datasets[0].type.kind === 'number';
}

/** The signal as extractors give it; `withFile` is null when no previews are wanted. */
export function extractedSignal(
  signal: Hdf5Signal,
  context: Hdf5Context,
  withFile: WithHdf5File | null,
): ExtractedSignal {
  const { array, metadata, acquired, spectralAxis } = signal;
  const shape = shapeOf(array);
  addAxes(signal);
  metadata.text('Title', signal.title).text('Data Dimensions', shape.join(' × '));
  if (acquired !== null) {
    metadata.text('Acquisition Time', acquired.iso);
    if (acquired.warning !== null) context.warn(acquired.warning);
  }
  const isComplex = array.datasets[0].type.kind === 'complex';
  const preview =
    signal.preview === undefined
      ? hdf5PreviewOf({
          array,
          spectralAxis,
          stretch: signal.type === 'Diffraction' || isComplex ? 'log' : 'percentile',
          sumsFrames: signal.type === 'Diffraction' && shape.length > 3,
          xLabel: signal.xLabel ?? 'Energy',
          yLabel: signal.yLabel ?? 'Counts',
          firstChannel: signal.firstChannel ?? 0,
          drawnAs: signal.drawnAs ?? ((stored) => stored),
        })
      : signal.preview;
  return {
    title: signal.title,
    type: signal.type,
    role: signal.role,
    metadata: metadata.build(),
    shape,
    calibration: signal.isCalibrated
      ? array.axes.map(({ scale, origin, unit }) => ({ scale, origin, unit }))
      : [],
    dtype: signal.dtype ?? typeText(array.datasets[0].type),
    acquiredMs: acquired?.epochMs ?? null,
    previewOf: preview === null || withFile === null ? null : () => preview(withFile),
  };
}

/** Pixel size and energy axis, where the axes say them. */
function addAxes({ metadata, array, spectralAxis, isCalibrated }: Hdf5Signal): void {
  if (!isCalibrated) return;
  const spatial = array.axes.filter((_, index) => index !== spectralAxis);
  const add = (name: 'Pixel Width' | 'Pixel Height', axis: Hdf5Axis | undefined): void => {
    if (axis === undefined || !LENGTH_UNITS.includes(axis.unit) || metadata.has(name)) return;
    metadata.number(name, tidy(Math.abs(axis.scale)), axis.unit);
  };
  add('Pixel Width', spatial.at(-1));
  add('Pixel Height', spatial.at(-2));
  const energy = spectralAxis === null ? undefined : array.axes[spectralAxis];
  if (energy !== undefined && ENERGY_UNITS.includes(energy.unit)) {
    metadata
      .number('Energy Dispersion', tidy(energy.scale), energy.unit)
      .number('Energy Offset', tidy(energy.origin), energy.unit);
  }
}

/** Without the noise of 32-bit numbers (0.05 is stored as 0.05000000074505806) and of conversions. */
function tidy(value: number): number {
  const short = Number(value.toPrecision(7));
  return Math.fround(short) === Math.fround(value) && Math.fround(value) === value
    ? short
    : Number(value.toPrecision(12));
}
