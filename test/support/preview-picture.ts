import sharp from 'sharp';
import type { PixelArray, PreviewSource } from '../../src/extract/extractor.js';
import { renderPreview } from '../../src/extract/previews/render-preview.js';
import type { StackView } from '../../src/extract/previews/stack-preview.js';

export type ImageSource = Extract<PreviewSource, { kind: 'image' }>;
export type SpectrumSource = Extract<PreviewSource, { kind: 'spectrum' }>;

/** A decoded PNG. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly channels: number;
  /** The channels of a pixel, 0 to 255. */
  at(x: number, y: number): number[];
}

/** Decodes a PNG. */
export async function decodedPng(png: Buffer): Promise<Picture> {
  const { data, info } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
  return {
    width: info.width,
    height: info.height,
    channels: info.channels,
    at: (x, y) => {
      const from = (y * info.width + x) * info.channels;
      return [...data.subarray(from, from + info.channels)];
    },
  };
}

/** The preview of a source, decoded. */
export async function pictureOf(source: PreviewSource, stacks?: StackView): Promise<Picture> {
  return decodedPng(await renderPreview(source, stacks));
}

/** A grey image, stretched, without a scale bar, unless the changes say otherwise. */
export function imageSource(
  width: number,
  height: number,
  pixels: PixelArray,
  changes: Partial<ImageSource> = {},
): ImageSource {
  return {
    kind: 'image',
    width,
    height,
    pixels,
    channels: 1,
    stretch: 'percentile',
    pixelSize: null,
    ...changes,
  };
}

/** A spectrum over channels of 1 keV from 0. */
export function spectrumSource(
  values: PixelArray,
  changes: Partial<SpectrumSource> = {},
): SpectrumSource {
  return {
    kind: 'spectrum',
    values,
    origin: 0,
    scale: 1,
    xLabel: 'Energy',
    xUnit: 'keV',
    yLabel: 'Intensity',
    yUnit: 'counts',
    ...changes,
  };
}

/** A pixel of the curve of a spectrum: clearly more blue than red. */
export function isCurve([red = 0, , blue = 0]: number[]): boolean {
  return blue - red > 40;
}
