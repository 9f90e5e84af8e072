import type { JsonValue } from '../../extractor.js';
import {
  datasetJson,
  datasetText,
  memberOf,
  textOf,
  readGroupsIn,
  unlessDamaged,
} from './hdf5-access.js';
import type { Hdf5Axis } from './hdf5-array.js';
import type { Hdf5Context, Hdf5Dialect, Hdf5Signal } from './hdf5-dialect.js';
import { wholeTransform } from './half-plane.js';
import type { Hdf5File } from './hdf5-file.js';
import type { ImageSource } from './hdf5-preview.js';
import { jsonIfPossible } from './hdf5-tags.js';
import { handyUnit } from './si-units.js';
import {
  documentDetector,
  documentNumber,
  documentText,
  documentTime,
  veloxDocument,
  veloxDocumentIn,
} from './velox-document.js';
import { eelsSignals } from './velox-eels.js';
import { energyAxis, firstXrayChannel, pixelAxes } from './velox-axes.js';
import { isScanning, veloxMetadata } from './velox-metadata.js';
import { veloxNames, type VeloxName } from './velox-names.js';
import { streamSignals } from './velox-stream.js';

/** Velox 1 to 3 (FEI, Thermo Fisher): pictures, stacks, X-ray spectra and spectrum images, EELS. */
export const veloxDialect: Hdf5Dialect = {
  recognises(file) {
    if (file.kindOf('/Version') !== 'dataset' || file.kindOf('/Data') !== 'group') return false;
    const format = textOf(memberOf(datasetJson(file, '/Version') ?? undefined, 'format'));
    return format === 'Velox' || format === 'DevelopersKit';
  },

  read(file, context) {
    const version = textOf(memberOf(datasetJson(file, '/Info') ?? undefined, 'applicationVersion'));
    const software = version === null ? 'Velox' : `Velox ${version}`;
    const names = veloxNames(file);
    return {
      format: 'Velox EMD',
      signals: [
        ...readGroupsIn(file, '/Data/Spectrum', context.warn, ({ path }) =>
          spectrumSignal(file, path, software, context),
        ),
        ...readGroupsIn(file, '/Data/Image', context.warn, ({ path }) =>
          imageSignal(file, path, { software, name: names.get(path) ?? null }, context),
        ),
        ...streamSignals(file, software, context),
        ...eelsSignals(file, software, context),
      ],
    };
  },

  tagOf(file, dataset) {
    if (/\/(?:Acquisition)?Metadata$/.test(dataset.path)) {
      return veloxDocumentIn(file, dataset) ?? undefined;
    }
    if (dataset.type.kind !== 'text' || dataset.count !== 1) return undefined;
    const text = datasetText(file, dataset.path);
    return text === null ? undefined : jsonIfPossible(text);
  },
};

/** `Data` is [channels, spectra] in the file. */
function spectrumSignal(
  file: Hdf5File,
  path: string,
  software: string,
  context: Hdf5Context,
): Hdf5Signal | null {
  const dataset = file.dataset(`${path}/Data`);
  if (dataset === null) return null;
  const [channels = 0, spectra = 1] = dataset.shape;
  const document = unlessDamaged(() => veloxDocument(file, path), context.warn);
  const energy: Hdf5Axis = { source: 0, length: channels, ...energyAxis(document) };
  const stack: Hdf5Axis = { source: 1, length: spectra, scale: 1, origin: 0, unit: '' };
  return {
    title: documentText(document, 'BinaryResult', 'Detector') ?? 'EDS',
    type: 'Spectrum',
    role: 'Experimental',
    metadata: veloxMetadata(document, 'EDS', software)
      .text('Signal', 'EDS')
      .text('Data Type', `${modeOf(document)}_EDS`),
    array: { datasets: [dataset], axes: spectra > 1 ? [stack, energy] : [energy] },
    spectralAxis: spectra > 1 ? 1 : 0,
    firstChannel: firstXrayChannel(document),
    isCalibrated: true,
    acquired: documentTime(document, context.timezone),
  };
}

/** `Data` is [rows, columns, frames] in the file. */
function imageSignal(
  file: Hdf5File,
  path: string,
  known: { readonly software: string; readonly name: VeloxName | null },
  context: Hdf5Context,
): Hdf5Signal | null {
  const dataset = file.dataset(`${path}/Data`);
  if (dataset === null) return null;
  const [rows = 1, columns = 1, frames = 1] = dataset.shape;
  const document = unlessDamaged(() => veloxDocument(file, path), context.warn);
  const [y, x] = pixelAxes(document, columns);
  const time = timeAxis(document, frames);
  const { type } = dataset;
  const isComplex = type.kind === 'complex';
  // Velox names the parts of a number by what is stored: `realFloatHalfEven`, of a picture of even width.
  const half = isComplex ? /Half(?:(Even)|Odd)$/.exec(type.memberName) : null;
  const isDiffraction = x.unit.startsWith('1/') && !isComplex;
  const metadata = veloxMetadata(document, null, known.software).text(
    'Data Type',
    `${modeOf(document)}_${isDiffraction ? 'Diffraction' : 'Imaging'}`,
  );
  if (frames > 1) metadata.number('Frame Count', frames);
  return {
    title: known.name?.title ?? documentText(document, 'BinaryResult', 'Detector'),
    type: isDiffraction ? 'Diffraction' : 'Image',
    role: isComplex || known.name?.isDerived === true ? 'Derived' : 'Experimental',
    metadata,
    array: {
      datasets: [dataset],
      axes: [
        ...(frames > 1 ? [{ source: 2, length: frames, ...time }] : []),
        { source: 0, length: rows, ...y },
        { source: 1, length: columns, ...x },
      ],
    },
    spectralAxis: null,
    isCalibrated: true,
    acquired: documentTime(document, context.timezone),
    ...(half === null
      ? {}
      : { drawnAs: (stored: ImageSource) => wholeTransform(stored, half[1] !== undefined) }),
  };
}

/** Frames follow each other in the time of a scan, or in the exposure time of a camera. */
function timeAxis(
  document: JsonValue | null,
  frames: number,
): { readonly scale: number; readonly origin: number; readonly unit: string } {
  const seconds =
    documentNumber(document, 'Scan', 'FrameTime') ??
    documentNumber(documentDetector(document), 'ExposureTime');
  if (seconds === null || !(seconds > 0)) return { scale: 1, origin: 0, unit: '' };
  const { unit, factor } = handyUnit(seconds * frames, 's');
  return { scale: Number((seconds * factor).toPrecision(15)), origin: 0, unit };
}

function modeOf(document: JsonValue | null): 'STEM' | 'TEM' {
  return isScanning(document) ? 'STEM' : 'TEM';
}
