import { AppError } from '../../../errors.js';
import type { JsonValue, PreviewSource } from '../../extractor.js';
import { datasetJson, groupsIn, memberOf, numberOf, readGroupsIn } from './hdf5-access.js';
import type { Hdf5Axis } from './hdf5-array.js';
import type { Hdf5Dataset } from './hdf5-dataset.js';
import type { Hdf5Context, Hdf5Signal } from './hdf5-dialect.js';
import type { Hdf5File } from './hdf5-file.js';
import { pixelSizeOf, type Hdf5Preview } from './hdf5-preview.js';
import { energyAxis, firstXrayChannel, pixelAxes } from './velox-axes.js';
import { documentNumber, documentTime, veloxDocument } from './velox-document.js';
import { veloxMetadata } from './velox-metadata.js';

/** In a stream this value ends a pixel; any other is the channel of one X-ray. */
const PIXEL_END = 65_535;
/** Values read at a time. */
const BLOCK = 1 << 20;
/** Values read of all streams together, for the preview: of longer ones the first frames. */
const MAX_VALUES = 1 << 25;
const MAX_PIXELS = 1 << 22;
const MAX_CHANNELS = 1 << 16;

/** One detector's events. */
interface VeloxStream {
  readonly dataset: Hdf5Dataset;
  readonly channels: number;
  readonly document: JsonValue | null;
}

/** The X-ray spectrum image of a file, all detectors and frames together; none when it holds none. */
export function streamSignals(
  file: Hdf5File,
  software: string,
  context: Hdf5Context,
): readonly Hdf5Signal[] {
  const images = groupsIn(file, '/Data/SpectrumImage');
  if (images.length === 0) return [];
  const streams = readGroupsIn(file, '/Data/SpectrumStream', context.warn, ({ path }) =>
    streamAt(file, path),
  );
  const [first] = streams;
  if (first === undefined) {
    context.warn(
      'The spectrum image is kept in Velox’s own packed form alone (the file was pruned) and cannot be read.',
    );
    return [];
  }
  const size = scanSizeOf(file, first.document);
  if (size === null) return [];
  const { rows, columns } = size;
  const [y, x] = pixelAxes(first.document, columns);
  const axes: readonly Hdf5Axis[] = [
    { source: 0, length: rows, ...y },
    { source: 0, length: columns, ...x },
    { source: 0, length: first.channels, ...energyAxis(first.document) },
  ];
  const settings = images.map(({ path }) => datasetJson(file, `${path}/SpectrumImageSettings`));
  const frames = numberOf(memberOf(settings[0] ?? undefined, 'endFramePosition'));
  return [
    {
      title: 'EDS',
      type: 'SpectrumImage',
      role: 'Experimental',
      metadata: veloxMetadata(first.document, 'EDS stream', software)
        .text('Signal', 'EDS')
        .text('Data Type', 'STEM_EDS_Spectrum_Imaging')
        .number('Frame Count', frames),
      array: { datasets: [first.dataset], axes },
      spectralAxis: 2,
      isCalibrated: true,
      acquired: documentTime(first.document, context.timezone),
      dtype: 'uint16',
      preview: streamPreview(streams, axes, frames ?? Infinity),
    },
  ];
}

function streamAt(file: Hdf5File, path: string): VeloxStream | null {
  const dataset = file.dataset(`${path}/Data`);
  const settings = datasetJson(file, `${path}/AcquisitionSettings`);
  const channels = numberOf(memberOf(settings ?? undefined, 'bincount')) ?? 0;
  if (dataset?.type.kind !== 'number' || dataset.type.dtype !== 'uint16') return null;
  if (!Number.isInteger(channels) || channels < 1 || channels > MAX_CHANNELS) return null;
  return { dataset, channels, document: veloxDocument(file, path) };
}

/**
 * Rows and columns of the part of the raster that was scanned; without it as large as the first picture that was
 * recorded at the same time.
 */
function scanSizeOf(
  file: Hdf5File,
  document: JsonValue | null,
): { readonly rows: number; readonly columns: number } | null {
  const scan = (...path: readonly string[]): number =>
    documentNumber(document, 'Scan', ...path) ?? 0;
  const area = (name: string): number => scan('ScanArea', name);
  const columns = Math.round(scan('ScanSize', 'width') * (area('right') - area('left')));
  const rows = Math.round(scan('ScanSize', 'height') * (area('bottom') - area('top')));
  if (columns > 0 && rows > 0) return { rows, columns };
  const [image] = groupsIn(file, '/Data/Image');
  const shape = image === undefined ? [] : (file.dataset(`${image.path}/Data`)?.shape ?? []);
  const [pictureRows = 0, pictureColumns = 0] = shape;
  return pictureRows > 0 && pictureColumns > 0
    ? { rows: pictureRows, columns: pictureColumns }
    : null;
}

/** X-rays a pixel and X-rays a channel, summed over detectors and frames. */
function streamPreview(
  streams: readonly VeloxStream[],
  axes: readonly Hdf5Axis[],
  frames: number,
): Hdf5Preview | null {
  const [y, x, energy] = axes;
  if (y === undefined || x === undefined || energy === undefined) return null;
  if (y.length * x.length > MAX_PIXELS) return null;
  // Events below are of the electronics.
  const begin = firstXrayChannel(streams[0]?.document ?? null);
  const firstChannel = begin < energy.length ? begin : 0;
  const read = (file: Hdf5File): PreviewSource => {
    const map = new Float64Array(y.length * x.length);
    const spectrum = new Float64Array(energy.length);
    for (const { dataset } of streams) {
      const limit = MAX_VALUES / streams.length;
      addStream(file, dataset, { map, spectrum, firstChannel, frames, limit });
    }
    return {
      kind: 'spectrum-image',
      navigation: {
        kind: 'image',
        width: x.length,
        height: y.length,
        pixels: map,
        channels: 1,
        stretch: 'percentile',
        pixelSize: pixelSizeOf(x, 1),
      },
      spectrum: {
        kind: 'spectrum',
        values: spectrum.subarray(firstChannel),
        origin: energy.origin + firstChannel * energy.scale,
        scale: energy.scale,
        xLabel: 'Energy',
        xUnit: energy.unit,
        yLabel: 'Counts',
        yUnit: '',
      },
    };
  };
  return (withFile) => withFile(read);
}

/** Pixels follow row by row, frame after frame. */
function addStream(
  file: Hdf5File,
  dataset: Hdf5Dataset,
  sums: {
    readonly map: Float64Array;
    readonly spectrum: Float64Array;
    readonly firstChannel: number;
    readonly frames: number;
    readonly limit: number;
  },
): void {
  const { map, spectrum, firstChannel } = sums;
  const length = Math.min(dataset.shape[0] ?? 0, Math.floor(sums.limit));
  let pixel = 0;
  let frame = 0;
  for (let start = 0; start < length && frame < sums.frames; start += BLOCK) {
    const count = Math.min(BLOCK, length - start);
    const bytes = file.read(dataset, {
      offset: dataset.shape.map((_, axis) => (axis === 0 ? start : 0)),
      count: dataset.shape.map((_, axis) => (axis === 0 ? count : 1)),
      stride: dataset.shape.map(() => 1),
    });
    if (bytes.length !== count * 2) {
      throw new AppError('FORMAT_INVALID', `${dataset.path} is shorter than it says.`);
    }
    const values = new Uint16Array(bytes.buffer, bytes.byteOffset, count);
    for (const value of values) {
      if (value === PIXEL_END) {
        pixel += 1;
        if (pixel === map.length) {
          pixel = 0;
          frame += 1;
          if (frame >= sums.frames) return;
        }
      } else if (value >= firstChannel && value < spectrum.length) {
        map[pixel] = (map[pixel] ?? 0) + 1;
        spectrum[value] = (spectrum[value] ?? 0) + 1;
      }
    }
  }
}
