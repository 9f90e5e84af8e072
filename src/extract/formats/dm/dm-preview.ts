import type { FileSource, PixelArray, PreviewSource } from '../../extractor.js';
import { imageStack } from '../binary/image-stack.js';
import type { DmKind } from './dm-kind.js';
import {
  canBeShown,
  isReadable,
  readColours,
  readNumbers,
  readPackedMagnitudes,
  type DmReadableImage,
} from './dm-pixels.js';
import type { DmImage } from './dm-images.js';
import { canBeSummed, sumSpectrumImage } from './dm-spectrum-image.js';

type ImageSource = Extract<PreviewSource, { kind: 'image' }>;
type SpectrumSource = Extract<PreviewSource, { kind: 'spectrum' }>;

/**
 * What the preview of an image is drawn from, read when asked for; null: nothing can be shown. A spectrum image too
 * large to be summed shows its first plane, a scan of diffraction patterns its first one.
 */
export function dmPreviewOf(
  file: FileSource,
  image: DmImage,
  kind: DmKind,
): (() => PreviewSource) | null {
  if (!isReadable(image) || !canBeShown(image)) return null;
  const { spectralAxis } = kind;
  if (image.format.layout.startsWith('packed')) return () => picture(file, image, kind, 0);
  if (spectralAxis === null) {
    const [width = 1, height = 1, ...others] = image.dimensions;
    const isScan = kind.isDiffraction && others.length > 1;
    const frames = isScan ? 1 : others.reduce((product, length) => product * length, 1);
    return () =>
      imageStack(frames, width * height * image.format.bytes, (frame) =>
        picture(file, image, kind, frame),
      );
  }
  if (kind.type === 'SpectrumImage') {
    if (!canBeSummed(image, spectralAxis)) return () => picture(file, image, kind, 0);
    return () => spectrumImage(file, image, kind, spectralAxis);
  }
  return () => {
    const count = image.dimensions.reduce((product, length) => product * length, 1);
    return spectrumOf(image, kind, spectralAxis, readNumbers(file, image, 0, count), 1);
  };
}

function picture(
  file: FileSource,
  image: DmReadableImage,
  kind: DmKind,
  frame: number,
): ImageSource {
  const [width = 1, height = 1] = image.dimensions;
  const first = frame * width * height;
  const axis = image.calibration.at(-1);
  const base = {
    kind: 'image',
    width,
    height,
    pixelSize:
      axis === undefined || axis.unit === ''
        ? null
        : { size: Math.abs(axis.scale), unit: axis.unit },
  } as const;
  switch (image.format.layout) {
    case 'colour':
      return {
        ...base,
        pixels: readColours(file, image, first, width * height),
        channels: 3,
        stretch: 'none',
      };
    case 'packed-square':
    case 'packed-half':
      return { ...base, pixels: readPackedMagnitudes(file, image), channels: 1, stretch: 'log' };
    default:
      return {
        ...base,
        pixels: readNumbers(file, image, first, width * height),
        channels: 1,
        stretch: kind.isDiffraction || image.format.layout === 'complex' ? 'log' : 'percentile',
      };
  }
}

function spectrumImage(
  file: FileSource,
  image: DmReadableImage,
  kind: DmKind,
  spectralAxis: number,
): PreviewSource {
  const sums = sumSpectrumImage(file, image, spectralAxis);
  const axis = image.calibration.filter((_, index) => index !== spectralAxis).at(-1);
  return {
    kind: 'spectrum-image',
    navigation: {
      kind: 'image',
      width: sums.width,
      height: sums.height,
      pixels: sums.map,
      channels: 1,
      stretch: 'percentile',
      pixelSize:
        axis === undefined || axis.unit === ''
          ? null
          : { size: Math.abs(axis.scale), unit: axis.unit },
    },
    spectrum: spectrumOf(image, kind, spectralAxis, sums.spectrum, sums.channelStep),
  };
}

function spectrumOf(
  image: DmReadableImage,
  kind: DmKind,
  spectralAxis: number,
  values: PixelArray,
  channelStep: number,
): SpectrumSource {
  const axis = image.calibration[spectralAxis] ?? { origin: 0, scale: 1, unit: '' };
  return {
    kind: 'spectrum',
    values,
    origin: axis.origin,
    scale: axis.scale * channelStep,
    xLabel: axisLabel(kind, axis.unit),
    xUnit: axis.unit,
    yLabel: image.intensityUnit === 'Counts' ? 'Counts' : 'Intensity',
    yUnit: image.intensityUnit === 'Counts' ? '' : image.intensityUnit,
  };
}

function axisLabel(kind: DmKind, unit: string): string {
  if (unit === 'eV' || unit === 'keV') return kind.technique === 'EELS' ? 'Energy loss' : 'Energy';
  if (kind.technique === 'CL' && unit !== '') return 'Wavelength';
  return unit === '' ? 'Channel' : 'Position';
}
