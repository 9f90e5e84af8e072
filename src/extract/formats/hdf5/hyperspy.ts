import type { AxisCalibration, DatasetType } from '../../../domain/file-metadata.js';
import type { JsonValue } from '../../extractor.js';
import { isoFileTime, type FileTime } from '../../file-time.js';
import {
  attributeNumber,
  attributeText,
  groupsIn,
  linearAxis,
  numberOf,
  textOf,
  readGroupsIn,
} from './hdf5-access.js';
import type { Hdf5Array, Hdf5Axis } from './hdf5-array.js';
import {
  isReciprocal,
  type Hdf5Context,
  type Hdf5Dialect,
  type Hdf5Signal,
} from './hdf5-dialect.js';
import type { Hdf5File } from './hdf5-file.js';
import { hyperspyMetadata, type HyperspyTags } from './hyperspy-metadata.js';

/** An axis with what HyperSpy says of it. */
interface HyperspyAxis extends Hdf5Axis {
  /** False: one of the axes of the signal itself; null: it does not say. */
  readonly navigates: boolean | null;
}

/** Files of HyperSpy (hspy): `/Experiments/<name>/{data, axis-0..., metadata, original_metadata}`. */
export const hyperspyDialect: Hdf5Dialect = {
  recognises: (file) =>
    attributeText(file, '/', 'file_format')?.toLowerCase() === 'hyperspy' ||
    groupsIn(file, '/Experiments').some(
      ({ path }) => file.kindOf(`${path}/data`) === 'dataset' && hasAxis(file, path),
    ),

  read(file, context) {
    const version = file.attribute('/', 'file_format_version');
    const suffix = textOf(version) ?? numberOf(version);
    return {
      format: suffix === null ? 'HyperSpy' : `HyperSpy ${suffix}`,
      signals: readGroupsIn(file, '/Experiments', context.warn, ({ name, path }) =>
        signalOf(file, name, path, context),
      ),
    };
  },
};

function hasAxis(file: Hdf5File, path: string): boolean {
  return file.kindOf(`${path}/axis-0`) === 'group';
}

function signalOf(
  file: Hdf5File,
  name: string,
  path: string,
  context: Hdf5Context,
): Hdf5Signal | null {
  const dataset = file.dataset(`${path}/data`);
  if (dataset === null) return null;
  const tags = tagsOf(file, path);
  const axes = dataset.shape.map((length, source) =>
    axisOf(file, path, dataset.shape.length, length, source),
  );
  const signalAxes = signalAxesOf(axes, textOf(tags('Signal', 'record_by')));
  const [spectral] = signalAxes;
  const spectralAxis = signalAxes.length === 1 && spectral !== undefined ? spectral : null;
  const signalType = textOf(tags('Signal', 'signal_type')) ?? '';
  const title = textOf(tags('General', 'title'));
  const hasPositions = axes.some(({ length }, index) => index !== spectralAxis && length > 1);
  const array: Hdf5Array = { datasets: [dataset], axes };
  const unit = spectralAxis === null ? '' : (axes[spectralAxis]?.unit ?? '');
  return {
    title: title ?? (name === '__unnamed__' ? null : name),
    type: typeOf(spectralAxis, hasPositions, signalType, array),
    role: dataset.type.kind === 'complex' ? 'Derived' : 'Experimental',
    metadata: hyperspyMetadata(tags, signalType),
    array,
    spectralAxis,
    isCalibrated: true,
    acquired: timeOf(tags, context.timezone),
    xLabel:
      unit === 'eV' || unit === 'keV'
        ? signalType === 'EELS'
          ? 'Energy loss'
          : 'Energy'
        : unit === ''
          ? 'Channel'
          : 'Signal axis',
    yLabel: 'Intensity',
  };
}

function typeOf(
  spectralAxis: number | null,
  hasPositions: boolean,
  signalType: string,
  array: Hdf5Array,
): DatasetType {
  if (spectralAxis !== null) return hasPositions ? 'SpectrumImage' : 'Spectrum';
  if (array.axes.length < 2) return 'Misc';
  return /diffraction/i.test(signalType) || isReciprocal(array) ? 'Diffraction' : 'Image';
}

/** The axes that are not navigated; of older files the last one of spectra and the last two of pictures. */
function signalAxesOf(axes: readonly HyperspyAxis[], recordedBy: string | null): readonly number[] {
  const indices = axes.map((_, index) => index);
  if (axes.some(({ navigates }) => navigates === true) || recordedBy === null) {
    const own = indices.filter((index) => axes[index]?.navigates === false);
    if (own.length > 0 || recordedBy === null) return own;
  }
  if (recordedBy === 'spectrum') return indices.slice(-1);
  return recordedBy === 'image' ? indices.slice(-2) : [];
}

function axisOf(
  file: Hdf5File,
  path: string,
  count: number,
  length: number,
  source: number,
): HyperspyAxis {
  const places = [`${path}/axis-${source}`, `${path}/_list_${count}_axes/${source}`];
  const place = places.find((one) => file.kindOf(one) === 'group');
  if (place === undefined) {
    return { source, length, scale: 1, origin: 0, unit: '', navigates: null };
  }
  const unit = attributeText(file, place, 'units') ?? '';
  const navigates = file.attribute(place, 'navigate');
  return {
    source,
    length,
    ...scaleOf(file, place),
    unit: /undefined|^_None_$|^None$/.test(unit) ? '' : unit.replaceAll('\u03bc', '\u00b5'),
    navigates: typeof navigates === 'boolean' ? navigates : null,
  };
}

/** Scale and offset, or of an axis that is not uniform its values. */
function scaleOf(file: Hdf5File, place: string): Pick<AxisCalibration, 'scale' | 'origin'> {
  const values = file.dataset(`${place}/axis`);
  if (values !== null) return linearAxis(file, values) ?? { scale: 1, origin: 0 };
  return {
    scale: attributeNumber(file, place, 'scale') ?? 1,
    origin: attributeNumber(file, place, 'offset') ?? 0,
  };
}

/** Reads `metadata`; versions before 1.2 had General and Signal as attributes of `mapped_parameters`. */
function tagsOf(file: Hdf5File, path: string): HyperspyTags {
  const root = [`${path}/metadata`, `${path}/mapped_parameters`].find(
    (place) => file.kindOf(place) === 'group',
  );
  const isFlat = root?.endsWith('/mapped_parameters') === true;
  const read = (place: string, name: string): JsonValue | undefined => {
    if (file.kindOf(place) !== 'group') return undefined;
    const value = file.attribute(place, name);
    return value === '_None_' ? undefined : value;
  };
  return (...names) => {
    const name = names.at(-1);
    if (root === undefined || name === undefined) return undefined;
    const found = read([root, ...names.slice(0, -1)].join('/'), name);
    return found === undefined && isFlat ? read(root, name) : found;
  };
}

/** Date and time apart; in the zone that the file names, else in that of the instrument. */
function timeOf(tags: HyperspyTags, timezone: string): FileTime | null {
  const date = textOf(tags('General', 'date'));
  const time = textOf(tags('General', 'time'));
  if (date === null || time === null) return null;
  const zone = textOf(tags('General', 'time_zone')) ?? '';
  const suffix = zone === 'UTC' ? 'Z' : /^[+-]\d{2}:?\d{2}$/.test(zone) ? zone : '';
  const hasOffset = /(?:Z|[+-]\d{2}:?\d{2})$/.test(time);
  return isoFileTime(`${date}T${time}${hasOffset ? '' : suffix}`, timezone);
}
