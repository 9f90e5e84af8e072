import { MetadataBuilder } from '../../harmonise.js';
import {
  attributeNumber,
  attributeText,
  linearAxis,
  numberOf,
  textOf,
  unlessDamaged,
} from './hdf5-access.js';
import { spectralLabel } from './axis-label.js';
import { COUNTED, type Hdf5Array, type Hdf5Axis, type NamedCalibration } from './hdf5-array.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';
import {
  isReciprocal,
  type Hdf5Context,
  type Hdf5Dialect,
  type Hdf5Signal,
} from './hdf5-dialect.js';
import type { Hdf5File } from './hdf5-file.js';
import { objectsIn, pathIn } from './hdf5-walk.js';
import {
  addPrismaticMetadata,
  isPrismatic,
  prismaticDepth,
  prismaticUnit,
  stackName,
} from './prismatic.js';

/** Names that begin so are data; others in a data group are axes and helpers (EMD 0.2, py4DSTEM). */
const DATA_NAME = /^(?:data|counted_datacube|diffractionslice|realslice|pointlist)/;

/** A data group, or several of Prismatic's that differ in depth alone. */
interface EmdData {
  readonly title: string;
  readonly groups: readonly string[];
  readonly datasets: readonly [Hdf5Dataset, ...Hdf5Dataset[]];
  readonly dataName: string;
}

/**
 * The EMD format of NCEM (Berkeley): groups with the attribute emd_group_type hold data and dim1, dim2... Written by
 * HyperSpy, ncempy, Prismatic (`/4DSTEM_simulation`) and py4DSTEM (`/4DSTEM_experiment`, EMD 1.0).
 */
export const ncemEmdDialect: Hdf5Dialect = {
  recognises(file) {
    if (
      file.attributeNames('/').some((name) => name === 'version_major' || name === 'emd_group_type')
    ) {
      return true;
    }
    return (file.children('/') ?? []).some(
      ({ kind, path }) =>
        kind === 'group' &&
        file
          .attributeNames(path)
          .some((name) => name === 'version_major' || name === 'emd_group_type'),
    );
  },

  read(file, context) {
    const data = dataIn(file);
    return {
      format: formatOf(file),
      signals: data.flatMap(
        (found) => unlessDamaged(() => signalOf(file, found, context), context.warn) ?? [],
      ),
    };
  },
};

function formatOf(file: Hdf5File): string {
  if (isPrismatic(file)) return 'EMD (Prismatic)';
  if (file.kindOf('/4DSTEM_experiment') === 'group') return 'EMD (py4DSTEM)';
  const version = ['version_major', 'version_minor'].map((name) => {
    const value = file.attribute('/', name);
    return numberOf(value) ?? textOf(value);
  });
  return version.includes(null) ? 'EMD (NCEM)' : `EMD (NCEM ${version.join('.')})`;
}

function dataIn(file: Hdf5File): readonly EmdData[] {
  const found = new Map<string, EmdData>();
  for (const { path, parent, name, kind } of objectsIn(file)) {
    if (kind !== 'dataset' || !DATA_NAME.test(name)) continue;
    const type = file.attribute(parent, 'emd_group_type');
    if (numberOf(type) !== 1 && textOf(type) !== 'array') continue;
    const dataset = file.dataset(path);
    if (dataset === null) continue;
    const title = parent.slice(parent.lastIndexOf('/') + 1);
    const key = isPrismatic(file) ? `${stackName(parent)}/${name}` : path;
    const earlier = found.get(key);
    const isSame = earlier?.datasets[0].shape.join() === dataset.shape.join();
    if (earlier === undefined || !isSame) {
      const fresh = earlier === undefined ? key : path;
      found.set(fresh, { title, groups: [parent], datasets: [dataset], dataName: name });
    } else {
      found.set(key, {
        ...earlier,
        title: stackName(title),
        groups: [...earlier.groups, parent],
        datasets: [...earlier.datasets, dataset],
      });
    }
  }
  return [...found.values()];
}

function signalOf(file: Hdf5File, data: EmdData, context: Hdf5Context): Hdf5Signal {
  const [dataset] = data.datasets;
  const [group = '/'] = data.groups;
  const isDatacube = data.dataName.includes('datacube');
  // In EMD 0.x the first axis is x; cubes of diffraction patterns and EMD 1.0 are in the usual order.
  const isTransposed = !isDatacube && textOf(file.attribute(group, 'emd_group_type')) !== 'array';
  const firstDim = file.kindOf(pathIn(group, 'dim0')) === 'dataset' ? 0 : 1;
  const own = dataset.shape.map((length, source): Hdf5Axis => {
    return { source, length, ...calibrationOf(file, pathIn(group, `dim${source + firstDim}`)) };
  });
  if (isTransposed) own.reverse();
  const depth: Hdf5Axis[] =
    data.datasets.length > 1
      ? [
          {
            source: 'stack',
            length: data.datasets.length,
            ...prismaticDepth(file, data.datasets.length),
          },
        ]
      : [];
  const axes = [...depth, ...own];
  const energy = axes.findIndex(({ unit }) => unit === 'eV' || unit === 'keV');
  const isSpectrum = attributeText(file, group, 'record_by') === 'spectrum';
  const spectralAxis = isSpectrum ? axes.length - 1 : energy < 0 ? null : energy;
  const positions = axes.filter(({ length }, index) => index !== spectralAxis && length > 1);
  const array: Hdf5Array = { datasets: data.datasets, axes };
  const isDiffraction =
    isDatacube || data.dataName.startsWith('diffractionslice') || isReciprocal(array);
  const isSimulated = isPrismatic(file);
  const metadata = metadataOf(file);
  if (isSimulated) addPrismaticMetadata(file, metadata);
  return {
    title: data.title === '__unnamed__' ? null : data.title.replace(/_depth(?:\d{4})?$/, ''),
    type:
      spectralAxis !== null
        ? positions.length > 0
          ? 'SpectrumImage'
          : 'Spectrum'
        : isDiffraction
          ? 'Diffraction'
          : 'Image',
    role: isSimulated ? 'Derived' : 'Experimental',
    metadata,
    array,
    spectralAxis,
    isCalibrated: true,
    ...(isSimulated ? inTrueUnit(file, axes, context) : {}),
    acquired: null,
    xLabel: spectralLabel(axes[spectralAxis ?? -1]),
    yLabel: 'Intensity',
  };
}

/** Warns of units that Prismatic got wrong; the calibration stays as the file has it, the scale bar is right. */
function inTrueUnit(
  file: Hdf5File,
  axes: readonly Hdf5Axis[],
  { warn }: Hdf5Context,
): Pick<Hdf5Signal, 'drawnAs'> {
  const units = axes.map((axis) => prismaticUnit(file, axis));
  for (const [index, unit] of units.entries()) {
    if (unit === null) continue;
    warn(
      `The file says ${axes[index]?.unit ?? ''} for axes whose numbers are in ${unit}: Prismatic wrote them so.`,
    );
  }
  const unit = units.at(-1) ?? null;
  if (unit === null) return {};
  return {
    drawnAs: (stored) => ({
      ...stored,
      pixelSize: stored.pixelSize === null ? null : { ...stored.pixelSize, unit },
    }),
  };
}

function calibrationOf(file: Hdf5File, path: string): NamedCalibration {
  const dataset = file.dataset(path);
  if (dataset === null) return COUNTED;
  const unit = unitOf(attributeText(file, path, 'units'));
  const name = attributeText(file, path, 'name') ?? '';
  // A single number is the length of the axis.
  const linear = dataset.shape.length === 0 ? null : linearAxis(file, dataset);
  return { ...(linear ?? COUNTED), unit, name };
}

/** `[n_m]` is nm, `[n_m^-1]` is 1/nm; several in brackets are multiplied. Underscores mean that in brackets alone. */
function unitOf(text: string | null): string {
  if (text === null || text.length > 100) return '';
  const bracketed = [...text.matchAll(/\[([^[\]]*)\]/g)].map(([, unit = '']) =>
    unit.replaceAll('_', ''),
  );
  const units = bracketed.length === 0 ? [text] : bracketed;
  return units
    .map((unit) => unit.replace(/^(.+)\^-1$/, '1/$1'))
    .filter((unit) => unit !== '')
    .join(' * ')
    .replaceAll('\u03bc', '\u00b5');
}

/** The groups beside the data that tell of the microscope, the sample and the people. */
function metadataOf(file: Hdf5File): MetadataBuilder {
  const metadata = new MetadataBuilder();
  const text = (group: string, name: string): string | null =>
    file.kindOf(group) === 'group' ? attributeText(file, group, name) : null;
  const voltage = /^(\d{1,7}(?:\.\d{1,6})?) ?(k?V)$/i.exec(text('/microscope', 'voltage') ?? '');
  metadata
    .text('Microscope', text('/microscope', 'name'))
    .text('Specimen', text('/sample', 'material') ?? text('/sample', 'name'))
    .text('Operator', text('/user', 'name'))
    .text('User Text', text('/comments', 'comment'));
  if (voltage !== null) {
    metadata.number(
      'Acceleration Voltage',
      Number(voltage[1]),
      voltage[2]?.length === 2 ? 'kV' : 'V',
    );
  } else if (file.kindOf('/microscope') === 'group') {
    // A plain number is in volts.
    metadata.number('Acceleration Voltage', attributeNumber(file, '/microscope', 'voltage'), 'V');
  }
  return metadata;
}
