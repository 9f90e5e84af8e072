import type { AxisCalibration } from '../../../domain/file-metadata.js';
import type {
  FileSource,
  FrameSource,
  PixelArray,
  PixelSize,
  PreviewSource,
} from '../../extractor.js';
import { imageStack } from '../binary/image-stack.js';
import { readNumbers } from '../binary/numeric-type.js';
import {
  addSpectra,
  energySpectrum,
  MAX_CHANNELS,
  MAX_POSITIONS,
  spectrumSums,
  summedPreview,
} from '../binary/spectrum-sums.js';
import type { SerArray } from './ser-axes.js';
import type { SerElement, SerFile } from './ser-file.js';
import type { SerKind } from './ser-metadata.js';

/** At most so many bytes of spectra are summed for a preview; of more, the first. */
const MAX_BYTES = 128 * 1024 * 1024;

/** The preview of a series: its images (of a scan of diffraction patterns the first), its spectrum, or all spectra summed. */
export function serPreview(
  file: FileSource,
  ser: SerFile,
  first: SerElement,
  array: SerArray,
  technique: SerKind['technique'],
): PreviewSource | null {
  if (ser.isSpectra) return spectraPreview(file, ser, first, array, technique);
  const isScan = array.isDiffraction && array.positions.length > 1;
  return imageStack(isScan ? 1 : ser.valid, countOf(first) * first.type.bytes, (index) =>
    imagePreview(file, index === 0 ? first : ser.element(index), array),
  );
}

function countOf({ axes }: SerElement): number {
  return axes.reduce((product, { length }) => product * length, 1);
}

function valuesOf(file: FileSource, element: SerElement): PixelArray {
  const { type, offset } = element;
  return readNumbers(file, { type, offset, count: countOf(element) });
}

function imagePreview(file: FileSource, element: SerElement, array: SerArray): FrameSource {
  const [height = 1, width = 1] = element.axes.map(({ length }) => length);
  const axis = array.calibration.at(-1);
  return {
    kind: 'image',
    width,
    height,
    pixels: upsideDown(valuesOf(file, element), width, height),
    channels: 1,
    stretch: array.isDiffraction || element.type.layout === 'complex' ? 'log' : 'percentile',
    pixelSize: pixelSizeOf(axis),
  };
}

function pixelSizeOf(axis: AxisCalibration | undefined): PixelSize | null {
  return axis === undefined || axis.unit === '' || axis.scale === 0
    ? null
    : { size: Math.abs(axis.scale), unit: axis.unit };
}

/** The rows in the other order: the file has the lowest one first. */
function upsideDown(pixels: PixelArray, width: number, height: number): PixelArray {
  for (let top = 0, bottom = height - 1; top < bottom; top += 1, bottom -= 1) {
    const upper = pixels.slice(top * width, (top + 1) * width);
    pixels.copyWithin(top * width, bottom * width, (bottom + 1) * width);
    for (let x = 0; x < width; x += 1) pixels[bottom * width + x] = upper[x] ?? 0;
  }
  return pixels;
}

function spectraPreview(
  file: FileSource,
  ser: SerFile,
  first: SerElement,
  { positions, calibration }: SerArray,
  technique: SerKind['technique'],
): PreviewSource | null {
  const label = technique === 'EELS' ? 'Energy loss' : 'Energy';
  const energy = calibration.at(-1) ?? { scale: 1, origin: 0, unit: '' };
  const count = positions.reduce((product, length) => product * length, 1);
  const channels = first.axes[0]?.length ?? 1;
  if (count === 1) return energySpectrum(valuesOf(file, first), energy, label);
  if (count > MAX_POSITIONS || channels > MAX_CHANNELS) return null;
  const sums = spectrumSums(count, channels);
  const shown = Math.min(
    ser.valid,
    count,
    Math.max(1, Math.floor(MAX_BYTES / (channels * first.type.bytes))),
  );
  for (let index = 0; index < shown; index += 1) {
    const element = ser.element(index);
    // A spectrum of another length would shift its channels.
    if (element.axes[0]?.length === channels) addSpectra(sums, index, valuesOf(file, element));
  }
  const width = positions.at(-1) ?? 1;
  const pixelSize = pixelSizeOf(calibration[positions.length - 1]);
  return summedPreview(sums, { width, height: count / width, pixelSize }, energy, label);
}
