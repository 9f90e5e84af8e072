import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type { JsonValue } from '../../extractor.js';
import { groupsIn, readGroupsIn, unlessDamaged } from './hdf5-access.js';
import { COUNTED, type Hdf5Array, type Hdf5Axis } from './hdf5-array.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';
import type { Hdf5Context, Hdf5Signal } from './hdf5-dialect.js';
import type { Hdf5File } from './hdf5-file.js';
import { pixelAxes } from './velox-axes.js';
import { documentNumber, documentTime, veloxDocument } from './velox-document.js';
import { veloxMetadata } from './velox-metadata.js';

/**
 * EELS spectrum images (`/Data/EelsSpectrumImage`, [columns, channels, rows] in the file) and spectra
 * (`/Data/EelsSpectrum`, [channels, spectra]). Their energy axis is in a document of its own, a column a scan line.
 */
export function eelsSignals(
  file: Hdf5File,
  software: string,
  context: Hdf5Context,
): readonly Hdf5Signal[] {
  return ['/Data/EelsSpectrum', '/Data/EelsSpectrumImage'].flatMap((place) =>
    readGroupsIn(file, place, context.warn, ({ path }) =>
      eelsSignal(file, path, software, context),
    ),
  );
}

function eelsSignal(
  file: Hdf5File,
  path: string,
  software: string,
  context: Hdf5Context,
): Hdf5Signal | null {
  const dataset = file.dataset(`${path}/Data`);
  if (dataset === null || dataset.shape.length === 0 || dataset.shape.length > 3) return null;
  const document = unlessDamaged(() => veloxDocument(file, path), context.warn);
  const lines = unlessDamaged(() => veloxDocument(file, path, 'AcquisitionMetadata'), context.warn);
  const isImage = dataset.shape.length === 3;
  const exposure =
    documentNumber(lines, 'Data', 'exposureTime') ?? documentNumber(lines, 'exposureTime');
  const array = isImage
    ? imageArray(file, dataset, document, lossAxis(lines))
    : spectrumArray(dataset, lossAxis(lines));
  return {
    title: 'EELS',
    type: isImage ? 'SpectrumImage' : 'Spectrum',
    role: 'Experimental',
    metadata: veloxMetadata(document, 'EELS', software)
      .text('Signal', 'EELS')
      .text('Data Type', isImage ? 'STEM_EELS_Spectrum_Imaging' : 'STEM_EELS')
      .number('Exposure Time', exposure === 0 ? null : exposure, 's'),
    array,
    spectralAxis: array.axes.length - 1,
    isCalibrated: true,
    acquired: documentTime(document, context.timezone),
    xLabel: 'Energy loss',
  };
}

function spectrumArray(dataset: Hdf5Dataset, loss: AxisCalibration): Hdf5Array {
  const [channels = 0, spectra = 1] = dataset.shape;
  const energy: Hdf5Axis = { source: 0, length: channels, ...loss };
  const stack: Hdf5Axis = { source: 1, length: spectra, ...COUNTED };
  return { datasets: [dataset], axes: spectra > 1 ? [stack, energy] : [energy] };
}

function imageArray(
  file: Hdf5File,
  dataset: Hdf5Dataset,
  document: JsonValue | null,
  loss: AxisCalibration,
): Hdf5Array {
  const [columns = 1, channels = 1, rows = 1] = dataset.shape;
  const [y, x] = pixelAxes(sizedDocument(file, document, rows, columns), columns);
  return {
    datasets: [dataset],
    axes: [
      { source: 2, length: rows, ...y },
      { source: 0, length: columns, ...x },
      { source: 1, length: channels, ...loss },
    ],
  };
}

/** The document, or where it has no pixel size that of a picture of the same raster. */
function sizedDocument(
  file: Hdf5File,
  document: JsonValue | null,
  rows: number,
  columns: number,
): JsonValue | null {
  if (documentNumber(document, 'BinaryResult', 'PixelSize', 'width') !== null) return document;
  const same = groupsIn(file, '/Data/Image').find(({ path }) => {
    const shape = file.dataset(`${path}/Data`)?.shape ?? [];
    return shape[0] === rows && shape[1] === columns;
  });
  return same === undefined ? document : veloxDocument(file, same.path);
}

/** eV a channel and eV of the first channel, of the first scan line. */
function lossAxis(lines: JsonValue | null): AxisCalibration {
  const scale = documentNumber(lines, 'Data', 'dispersion') ?? documentNumber(lines, 'dispersion');
  if (scale === null || scale === 0) return COUNTED;
  const origin = documentNumber(lines, 'Data', 'offset') ?? documentNumber(lines, 'offset');
  return { scale, origin: origin ?? 0, unit: 'eV' };
}
