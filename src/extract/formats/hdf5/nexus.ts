import type { AxisCalibration } from '../../../domain/file-metadata.js';
import { isoFileTime, type FileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import {
  attributeNumber,
  attributeText,
  datasetText,
  isList,
  linearAxis,
  textOf,
  unlessDamaged,
} from './hdf5-access.js';
import { spectralLabel } from './axis-label.js';
import { COUNTED, type Hdf5Axis, type NamedCalibration } from './hdf5-array.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';
import type { Hdf5Context, Hdf5Dialect, Hdf5Signal } from './hdf5-dialect.js';
import type { Hdf5File } from './hdf5-file.js';
import { objectsIn, pathIn, type Hdf5Object } from './hdf5-walk.js';

/** What the file tells of the measurement as a whole. */
interface NexusFacts {
  readonly metadata: () => MetadataBuilder;
  readonly acquired: FileTime | null;
}

/** NeXus: groups whose NX_class is NXdata hold a signal and its axes (NeXus manual, "NXdata"). */
export const nexusDialect: Hdf5Dialect = {
  recognises: (file) =>
    file.attributeNames('/').some((name) => /^nexus_version$/i.test(name)) ||
    (file.children('/') ?? []).some(
      ({ kind, path }) =>
        kind === 'group' && (attributeText(file, path, 'NX_class') ?? '').startsWith('NX'),
    ),

  read(file, context) {
    const groups = [...objectsIn(file)].flatMap((object) =>
      object.kind === 'group'
        ? [{ ...object, nexusClass: attributeText(file, object.path, 'NX_class') ?? '' }]
        : [],
    );
    const facts = factsOf(file, groups, context);
    return {
      format: 'NeXus',
      signals: groups
        .filter(({ nexusClass }) => nexusClass === 'NXdata')
        .flatMap((group) => unlessDamaged(() => signalOf(file, group, facts), context.warn) ?? []),
    };
  },
};

function factsOf(
  file: Hdf5File,
  groups: readonly (Hdf5Object & { readonly nexusClass: string })[],
  context: Hdf5Context,
): NexusFacts {
  const text = (nexusClass: string, name: string): string | null => {
    for (const group of groups) {
      if (group.nexusClass !== nexusClass) continue;
      const found = unlessDamaged(() => datasetText(file, pathIn(group.path, name)), context.warn);
      if (found !== null) return found;
    }
    return null;
  };
  const start = text('NXentry', 'start_time');
  const facts = [
    ['Microscope', text('NXinstrument', 'name')],
    ['Specimen', text('NXsample', 'name')],
    ['Operator', text('NXuser', 'name')],
    ['Acquisition Software', text('NXentry', 'program_name')],
    ['User Text', text('NXentry', 'title')],
  ] as const;
  return {
    metadata: () =>
      facts.reduce((metadata, [name, value]) => metadata.text(name, value), new MetadataBuilder()),
    acquired: start === null ? null : isoFileTime(start, context.timezone),
  };
}

function signalOf(file: Hdf5File, group: Hdf5Object, facts: NexusFacts): Hdf5Signal | null {
  const dataset = signalDataset(file, group.path);
  if (dataset === null || dataset.type.kind === 'text') return null;
  const axes = axesOf(file, group.path, dataset);
  const interpretation =
    attributeText(file, group.path, 'interpretation') ??
    attributeText(file, dataset.path, 'interpretation');
  const energy = axes.findIndex(({ unit }) => unit === 'eV' || unit === 'keV');
  const isSpectral = interpretation === 'spectrum' || axes.length === 1;
  const spectralAxis = energy >= 0 ? energy : isSpectral ? axes.length - 1 : null;
  const hasPositions = axes.some(({ length }, index) => index !== spectralAxis && length > 1);
  return {
    title: group.name,
    type: spectralAxis === null ? 'Image' : hasPositions ? 'SpectrumImage' : 'Spectrum',
    role: dataset.type.kind === 'complex' ? 'Derived' : 'Experimental',
    metadata: facts.metadata(),
    array: { datasets: [dataset], axes },
    spectralAxis,
    isCalibrated: true,
    acquired: facts.acquired,
    xLabel: spectralLabel(axes[spectralAxis ?? -1]),
    yLabel: 'Intensity',
  };
}

/** The dataset that the group names; in older files the one whose own attribute `signal` is 1, or `data`. */
function signalDataset(file: Hdf5File, group: string): Hdf5Dataset | null {
  const named = attributeText(file, group, 'signal');
  if (named !== null) return file.dataset(pathIn(group, named));
  const marked = (file.children(group) ?? []).find(
    ({ kind, path }) => kind === 'dataset' && attributeNumber(file, path, 'signal') === 1,
  );
  return file.dataset(marked?.path ?? pathIn(group, 'data'));
}

/** The axes that the group names, in the order of the dataset unless `<name>_indices` says otherwise. */
function axesOf(file: Hdf5File, group: string, dataset: Hdf5Dataset): readonly Hdf5Axis[] {
  const stated = file.attribute(group, 'axes') ?? file.attribute(dataset.path, 'axes');
  const names = isList(stated)
    ? stated.map((name) => textOf(name) ?? '.')
    : (textOf(stated) ?? '').split(/[,:]/).map((name) => name.trim());
  const calibrations = dataset.shape.map((): NamedCalibration => COUNTED);
  for (const [position, name] of names.slice(0, dataset.shape.length).entries()) {
    if (name === '.' || name === '') continue;
    const index = attributeNumber(file, group, `${name}_indices`) ?? position;
    const calibration = calibrationOf(file, pathIn(group, name), dataset.shape[index] ?? 0);
    if (calibration !== null && index < calibrations.length) {
      calibrations[index] = { ...calibration, name };
    }
  }
  return dataset.shape.map((length, source) => ({
    source,
    length,
    ...(calibrations[source] ?? COUNTED),
  }));
}

function calibrationOf(file: Hdf5File, path: string, length: number): AxisCalibration | null {
  const values = file.dataset(path);
  if (values?.count !== length) return null;
  const linear = linearAxis(file, values);
  const unit = (attributeText(file, path, 'units') ?? '').replaceAll('\u03bc', '\u00b5');
  return linear === null ? { ...COUNTED, unit } : { ...linear, unit };
}
