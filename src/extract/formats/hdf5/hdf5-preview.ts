import type { PreviewSource } from '../../extractor.js';
import { imageStack } from '../binary/image-stack.js';
import { positionLabel } from './axis-label.js';
import {
  chunkLength,
  readBlock,
  shapeOf,
  valueBytes,
  type Hdf5Array,
  type Hdf5Axis,
  type Hdf5Range,
  type NumberArray,
} from './hdf5-array.js';
import type { Hdf5File } from './hdf5-file.js';
import { MAX_READ_BYTES } from './hdf5-limits.js';
import { reducedFrame } from './reduced-frame.js';
import { sumHdf5SpectrumImage } from './hdf5-spectrum-image.js';
import { isPixelType } from './hdf5-values.js';

/** What a picture is drawn from. */
export type ImageSource = Extract<PreviewSource, { kind: 'image' }>;
type SpectrumSource = Extract<PreviewSource, { kind: 'spectrum' }>;

/** How an array is drawn. */
export interface Hdf5View {
  readonly array: Hdf5Array;
  /** Index of the energy, wavelength or mass axis; null: none. */
  readonly spectralAxis: number | null;
  readonly stretch: 'percentile' | 'log';
  /** Whether a stack shows the sum of some of its frames (diffraction patterns of a scan) and not its first one. */
  readonly sumsFrames: boolean;
  /** What the spectral axis and its values are. */
  readonly xLabel: string;
  readonly yLabel: string;
  /** Index of the first channel of a spectrum that is shown. */
  readonly firstChannel: number;
  /** Makes of a picture as it is stored what is drawn. */
  readonly drawnAs: (stored: ImageSource) => ImageSource;
}

/** Values of a curve; more are thinned out. */
const MAX_CURVE = 1 << 20;
/** Values of a curve that is too long to be read whole. */
const MAX_SAMPLES = 2048;
/** Frames of a scan that are summed, along each axis. */
const FRAMES_PER_AXIS = 8;

/** Opens the file again, hands it over and closes it. */
export type WithHdf5File = <T>(use: (file: Hdf5File) => T) => T;

/** Reads what a preview is drawn from; null: there is nothing to show. */
export type Hdf5Preview = (withFile: WithHdf5File) => PreviewSource | null;

/** The preview of an array; null: it holds nothing that can be drawn. */
export function hdf5PreviewOf(view: Hdf5View): Hdf5Preview | null {
  const { array, spectralAxis } = view;
  const shape = shapeOf(array);
  if (!isPixelType(array.datasets[0].type) || shape.length === 0) return null;
  if (!shape.every((length) => Number.isSafeInteger(length) && length > 0)) return null;
  const longAxes = shape.flatMap((length, axis) => (length > 1 ? [axis] : []));
  const isColour = array.datasets[0].type.kind === 'colour';
  if (isColour && shape.length < 2) return null;
  if (longAxes.length <= 1 && !isColour) {
    const axis = longAxes[0] ?? spectralAxis ?? shape.length - 1;
    return (shape[axis] ?? 0) < 2
      ? null
      : (withFile) => withFile((file) => curve(file, view, axis));
  }
  if (spectralAxis === null) return (withFile) => frames(withFile, view);
  if ((shape[spectralAxis] ?? 1) < 2)
    return (withFile) => withFile((file) => picture(file, view, 0));
  return (withFile) => withFile((file) => spectrumImage(file, view, spectralAxis));
}

/** The frames of a stack; of a scan of diffraction patterns the sum of some. */
function frames(withFile: WithHdf5File, view: Hdf5View): PreviewSource {
  const count = shapeOf(view.array)
    .slice(0, -2)
    .reduce((product, length) => product * length, 1);
  return imageStack(view.sumsFrames ? 1 : count, bytesForFrame(view.array), (frame) =>
    withFile((file) => picture(file, view, frame)),
  );
}

/** What is read and unpacked for one frame: whole chunks, or all frames where these lie interleaved. */
function bytesForFrame(array: Hdf5Array): number {
  const inFrame = array.axes.slice(-2);
  const slowest = Math.min(...inFrame.map(({ source }) => (source === 'stack' ? 0 : source)));
  const together = array.axes.slice(0, -2).map((axis) => {
    const chunk = chunkLength(array, axis);
    if (chunk !== null) return Math.min(chunk, axis.length);
    return axis.source !== 'stack' && axis.source > slowest ? axis.length : 1;
  });
  return [...together, ...inFrame.map(({ length }) => length)].reduce(
    (product, length) => product * length,
    valueBytes(array),
  );
}

function spectrumImage(file: Hdf5File, view: Hdf5View, spectralAxis: number): PreviewSource {
  const { array } = view;
  const sums = sumHdf5SpectrumImage(file, array, spectralAxis);
  if (sums === null) return picture(file, view, 0);
  const { width, height, map, spectrum } = sums;
  const positions = array.axes.filter((_, axis) => axis !== spectralAxis);
  return {
    kind: 'spectrum-image',
    navigation: {
      kind: 'image',
      width,
      height,
      pixels: map,
      channels: 1,
      stretch: 'percentile',
      pixelSize: pixelSizeOf(positions.at(-1), 1),
    },
    spectrum: curveOf(view, spectralAxis, spectrum, { step: 1, first: 0 }),
  };
}

/** The size of a pixel along an axis, for the scale bar. */
export function pixelSizeOf(axis: Hdf5Axis | undefined, step: number): ImageSource['pixelSize'] {
  if (axis === undefined || axis.unit === '' || !(Math.abs(axis.scale) > 0)) return null;
  return { size: Math.abs(axis.scale) * step, unit: axis.unit };
}

function curve(file: Hdf5File, view: Hdf5View, axis: number): SpectrumSource {
  const { array } = view;
  const whole = shapeOf(array)[axis] ?? 1;
  const first = axis === view.spectralAxis && view.firstChannel < whole ? view.firstChannel : 0;
  const length = whole - first;
  const part = (start: number, count: number): NumberArray =>
    readBlock(
      file,
      array,
      shapeOf(array).map((_, index) =>
        index === axis ? { start: first + start, count, step: 1 } : { start: 0, count: 1, step: 1 },
      ),
    );
  if (length * valueBytes(array) <= MAX_READ_BYTES) {
    const values = part(0, length);
    const step = Math.max(1, Math.ceil(length / MAX_CURVE));
    return curveOf(view, axis, step === 1 ? values : values.filter((_, at) => at % step === 0), {
      step,
      first,
    });
  }
  const step = Math.ceil(length / MAX_SAMPLES);
  const samples = new Float64Array(Math.ceil(length / step));
  for (let index = 0; index < samples.length; index += 1) {
    samples[index] = part(index * step, 1)[0] ?? 0;
  }
  return curveOf(view, axis, samples, { step, first });
}

function curveOf(
  view: Hdf5View,
  index: number,
  values: SpectrumSource['values'],
  shown: { readonly step: number; readonly first: number },
): SpectrumSource {
  const axis = view.array.axes[index];
  return {
    kind: 'spectrum',
    values,
    origin: (axis?.origin ?? 0) + shown.first * (axis?.scale ?? 1),
    scale: (axis?.scale ?? 1) * shown.step,
    xLabel: index === view.spectralAxis ? view.xLabel : positionLabel(axis),
    xUnit: axis?.unit ?? '',
    yLabel: view.yLabel,
    yUnit: '',
  };
}

/** A frame, reduced where it is too large to be read at once. */
function picture(file: Hdf5File, view: Hdf5View, index: number): ImageSource {
  const { array } = view;
  const shape = shapeOf(array);
  const [height = 1, width = 1] = shape.slice(-2);
  const { type } = array.datasets[0];
  const channels = type.kind === 'colour' ? type.channels : 1;
  const isWide = type.kind === 'colour' && type.dtype.endsWith('16');
  const frameBytes = height * width * valueBytes(array);
  const axis = array.axes.at(-1);
  const { pixels, ...size } =
    frameBytes > MAX_READ_BYTES
      ? reducedFrame(file, array, channels, indexRanges(shape.slice(0, -2), index))
      : { width, height, step: 1, pixels: wholeFrame(file, view, frameBytes, index) };
  const base = {
    kind: 'image',
    width: size.width,
    height: size.height,
    pixelSize: pixelSizeOf(axis, size.step),
  } as const;
  return view.drawnAs(
    channels === 1
      ? { ...base, pixels, channels, stretch: view.stretch }
      : { ...base, pixels: eightBits(pixels, isWide), channels, stretch: 'none' },
  );
}

/** A frame as it is, or the sum of some. */
function wholeFrame(
  file: Hdf5File,
  view: Hdf5View,
  frameBytes: number,
  index: number,
): NumberArray {
  const shape = shapeOf(view.array);
  const leading = view.sumsFrames
    ? scanRanges(shape.slice(0, -2), frameBytes)
    : indexRanges(shape.slice(0, -2), index);
  const count = leading.reduce((product, { count }) => product * count, 1);
  const frame = shape.slice(-2).map((count) => ({ start: 0, count, step: 1 }));
  const values = readBlock(file, view.array, [...leading, ...frame]);
  return count === 1 ? values : sumFrames(values, count);
}

/** The place of a frame along the axes slower than its own, the last of which is the fastest. */
function indexRanges(leading: readonly number[], index: number): readonly Hdf5Range[] {
  let rest = index;
  return leading
    .toReversed()
    .map((length) => {
      const start = rest % length;
      rest = Math.floor(rest / length);
      return { start, count: 1, step: 1 };
    })
    .toReversed();
}

/** Of a scan some frames, spread over it, that fit into one read. */
function scanRanges(leading: readonly number[], frameBytes: number): readonly Hdf5Range[] {
  const affordable = Math.max(1, Math.floor(MAX_READ_BYTES / Math.max(1, frameBytes)));
  const each = Math.max(
    1,
    Math.min(FRAMES_PER_AXIS, Math.floor(affordable ** (1 / Math.max(1, leading.length)))),
  );
  return leading.map((length) => {
    const step = Math.ceil(length / each);
    const start = Math.floor(((length - 1) % step) / 2);
    return { start, count: Math.floor((length - 1 - start) / step) + 1, step };
  });
}

function sumFrames(values: ArrayLike<number>, frames: number): Float64Array {
  const size = values.length / frames;
  const sums = new Float64Array(size);
  for (let at = 0; at < values.length; at += 1) {
    const value = values[at] ?? 0;
    if (value - value === 0) sums[at % size] = (sums[at % size] ?? 0) + value;
  }
  return sums;
}

/** Colours as 8 bits: of 16 the upper ones. */
function eightBits(values: ArrayLike<number>, isWide: boolean): Uint8Array {
  return Uint8Array.from(values, (value) => (isWide ? value >> 8 : value));
}
