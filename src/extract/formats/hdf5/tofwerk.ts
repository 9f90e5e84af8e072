import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type { PreviewSource } from '../../extractor.js';
import { fileTimeOf, isoFileTime, type FileTime } from '../../file-time.js';
import { MetadataBuilder } from '../../harmonise.js';
import {
  attributeNumber,
  attributeText,
  numbersIn,
  groupsIn,
  isList,
  linearAxis,
  memberOf,
  numberOf,
  textOf,
  unlessDamaged,
} from './hdf5-access.js';
import { COUNTED, plainAxes, readBlock, type Hdf5Array, type Hdf5Axis } from './hdf5-array.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';
import type { Hdf5Context, Hdf5Dialect, Hdf5Signal } from './hdf5-dialect.js';
import type { Hdf5File } from './hdf5-file.js';
import type { Hdf5Preview } from './hdf5-preview.js';

/** Bins of a spectrum that is drawn over evenly spaced masses. */
const MASS_BINS = 4096;
const FIB = '/FIBParams';

/**
 * Time-of-flight mass spectra of Tofwerk's TofDAQ, as fibTOF writes them on a focused ion beam microscope (layout as
 * RosettaSciIO's tofwerk reader describes it): peaks a voxel once the file was processed, the sum spectrum, the pictures
 * of the ion beam.
 */
export const tofwerkDialect: Hdf5Dialect = {
  recognises: (file) =>
    file.attributeNames('/').includes('TofDAQ Version') && file.kindOf('/FullSpectra') === 'group',

  read(file, context) {
    const acquired = unlessDamaged(() => timeOf(file, context.timezone), context.warn);
    const signals = [peakSignal, sumSignal, pictureSignal].flatMap(
      (read) => unlessDamaged(() => read(file, acquired, context), context.warn) ?? [],
    );
    return {
      format: file.kindOf('/FIBImages') === 'group' ? 'Tofwerk FIB-SIMS' : 'Tofwerk TofDAQ',
      signals,
    };
  },
};

/** Depth, rows, columns, peaks. */
function peakSignal(file: Hdf5File, acquired: FileTime | null): Hdf5Signal | null {
  const dataset = file.dataset('/PeakData/PeakData');
  if (dataset?.shape.length !== 4) return null;
  const [slices = 1, rows = 1, columns = 1, peaks = 1] = dataset.shape;
  const pixel = pixelOf(file, columns);
  return {
    title: 'Peak data',
    type: 'SpectrumImage',
    role: 'Experimental',
    metadata: metadataOf(file),
    array: {
      datasets: [dataset],
      axes: [
        { source: 0, length: slices, ...COUNTED },
        { source: 1, length: rows, ...pixel },
        { source: 2, length: columns, ...pixel },
        { source: 3, length: peaks, ...peakMasses(file, peaks) },
      ],
    },
    spectralAxis: 3,
    isCalibrated: true,
    acquired,
    xLabel: 'm/z',
  };
}

function sumSignal(
  file: Hdf5File,
  acquired: FileTime | null,
  context: Hdf5Context,
): Hdf5Signal | null {
  const dataset = file.dataset('/FullSpectra/SumSpectrum');
  if (dataset?.shape.length !== 1) return null;
  const masses = file.dataset('/FullSpectra/MassAxis');
  const linear = unlessDamaged(
    () => (masses === null ? null : linearAxis(file, masses)),
    context.warn,
  );
  const [length = 0] = dataset.shape;
  const axis: Hdf5Axis = {
    source: 0,
    length,
    ...(linear === null ? COUNTED : { ...linear, unit: 'Da' }),
  };
  const array: Hdf5Array = { datasets: [dataset], axes: [axis] };
  return {
    title: 'Sum spectrum',
    type: 'Spectrum',
    role: 'Experimental',
    metadata: metadataOf(file),
    array,
    spectralAxis: 0,
    isCalibrated: linear !== null,
    acquired,
    xLabel: 'm/z',
    ...(linear === null && masses?.count === length ? { preview: massPreview(array, masses) } : {}),
  };
}

/** The pictures that the ion beam took between the slices, as one stack where they are of one size. */
function pictureSignal(file: Hdf5File, acquired: FileTime | null): Hdf5Signal | null {
  const found = groupsIn(file, '/FIBImages').flatMap(
    ({ path }) => file.dataset(`${path}/Data`) ?? [],
  );
  const [first] = found;
  if (first?.shape.length !== 2) return null;
  const others = found.slice(1).filter(({ shape }) => shape.join() === first.shape.join());
  const pixel = pixelOf(file, first.shape[1] ?? 1);
  const frame = plainAxes(first).map((axis) => ({ ...axis, ...pixel }));
  const stack: Hdf5Axis = { source: 'stack', length: others.length + 1, ...COUNTED };
  return {
    title: 'FIB images',
    type: 'Image',
    role: 'Experimental',
    metadata: metadataOf(file).text('Data Type', 'FIB_Imaging'),
    array: {
      datasets: [first, ...others],
      axes: others.length > 0 ? [stack, ...frame] : frame,
    },
    spectralAxis: null,
    isCalibrated: true,
    acquired,
  };
}

/** The field of view over the pixels of a row, in micrometres. */
function pixelOf(file: Hdf5File, columns: number): AxisCalibration {
  const field = file.kindOf(FIB) === 'group' ? attributeNumber(file, FIB, 'ViewField') : null;
  if (field === null || !(field > 0) || columns < 1) return COUNTED;
  return { scale: Number(((field * 1e6) / columns).toPrecision(12)), origin: 0, unit: 'µm' };
}

/** The masses of the peaks, where they are evenly spaced; else peaks are counted. */
function peakMasses(file: Hdf5File, peaks: number): AxisCalibration {
  const table = file.dataset('/PeakData/PeakTable');
  if (table?.type.kind !== 'compound' || table.count !== peaks) return COUNTED;
  const rows = file.value(table);
  const masses = isList(rows) ? rows.map((row) => numberOf(memberOf(row, 'mass')) ?? NaN) : [];
  const [first = NaN, second = NaN] = masses;
  const scale = second - first;
  const isEven = masses.every(
    (mass, index) => Math.abs(mass - first - index * scale) <= 1e-3 * Math.abs(scale),
  );
  return isEven && scale !== 0 && Number.isFinite(scale)
    ? { scale, origin: first, unit: 'Da' }
    : COUNTED;
}

/** Counts over mass: the samples of the time of flight are not evenly spaced in mass. */
function massPreview(array: Hdf5Array, massAxis: Hdf5Dataset): Hdf5Preview {
  return (withFile) => withFile((file) => massSpectrum(file, array, massAxis));
}

function massSpectrum(
  file: Hdf5File,
  array: Hdf5Array,
  massAxis: Hdf5Dataset,
): PreviewSource | null {
  const masses = numbersIn(file, massAxis);
  const length = array.axes[0]?.length ?? 0;
  if (masses.length !== length) return null;
  const counts = readBlock(file, array, [{ start: 0, count: length, step: 1 }]);
  const low = masses.reduce((least, mass) => Math.min(least, mass), Infinity);
  const high = masses.reduce((most, mass) => Math.max(most, mass), -Infinity);
  const width = (high - low) / MASS_BINS;
  if (!(width > 0)) return null;
  const values = new Float64Array(MASS_BINS);
  for (const [index, mass] of masses.entries()) {
    const bin = Math.min(MASS_BINS - 1, Math.floor((mass - low) / width));
    values[bin] = (values[bin] ?? 0) + (counts[index] ?? 0);
  }
  return {
    kind: 'spectrum',
    values,
    origin: low + width / 2,
    scale: width,
    xLabel: 'm/z',
    xUnit: 'Da',
    yLabel: 'Counts',
    yUnit: '',
  };
}

/** The first line of the log has an offset; the creation time of the file (dd.mm.yyyy) is local. */
function timeOf(file: Hdf5File, timezone: string): FileTime | null {
  const log = file.dataset('/AcquisitionLog/Log');
  const lines = log?.type.kind === 'compound' ? file.value(log) : undefined;
  const written = textOf(memberOf(isList(lines) ? lines[0] : undefined, 'timestring'));
  const logged = written === null ? null : isoFileTime(written, timezone);
  if (logged !== null) return logged;
  const created = attributeText(file, '/', 'HDF5 File Creation Time') ?? '';
  const match = /^(\d{2})\.(\d{2})\.(\d{4}) (\d{2}):(\d{2}):(\d{2})/.exec(created);
  if (match === null) return null;
  const [, day = 0, month = 0, year = 0, hour = 0, minute = 0, second = 0] = match.map(Number);
  return fileTimeOf({ year, month, day, hour, minute, second }, timezone);
}

function metadataOf(file: Hdf5File): MetadataBuilder {
  const metadata = new MetadataBuilder();
  const version = attributeNumber(file, '/', 'TofDAQ Version');
  metadata
    .text('Data Type', 'PFIB_TOFSIMS')
    .text('Signal', 'SIMS')
    .text('Acquisition Device', attributeText(file, '/', 'DAQ Hardware'))
    .text('Ion Mode', attributeText(file, '/', 'IonMode'))
    .text(
      'Acquisition Software',
      version === null ? null : `TofDAQ ${Number(version.toPrecision(7))}`,
    )
    .number('Frame Count', attributeNumber(file, '/', 'NbrWrites'));
  if (file.kindOf(FIB) === 'group') {
    const current = attributeNumber(file, FIB, 'Current');
    metadata
      .text('Microscope', attributeText(file, FIB, 'FibHardware'))
      .text('Beam Name', 'Ion')
      .number('Acceleration Voltage', attributeNumber(file, FIB, 'Voltage'), 'V')
      .number('Beam Current', current === 0 ? null : current, 'ampere')
      .number('Horizontal Field Width', attributeNumber(file, FIB, 'ViewField'), 'm');
  }
  const pressure = file.dataset('/FibParams/FibPressure/TwData');
  if (pressure !== null) {
    const values = numbersIn(file, pressure);
    if (values.length > 0) {
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      metadata.number('Chamber Pressure', Number(mean.toPrecision(6)), 'Pa');
    }
  }
  return metadata;
}
