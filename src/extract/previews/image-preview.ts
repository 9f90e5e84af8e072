import type { PreviewSource } from '../extractor.js';
import { glyphSheet, LABEL_CELL_WIDTH } from './glyph-sheet.js';
import type { Raster } from './raster.js';
import { reducePixels } from './reduce-pixels.js';
import { drawScaleBar, heightForScaleBar } from './scale-bar.js';
import {
  contrastRange,
  PICTURE_RANGE,
  pictureRange,
  stretchContrast,
  type ContrastRange,
} from './stretch-contrast.js';

/** Images up to this longest side (pixels) are enlarged by whole pixels, so that a small map can be seen. */
const ENLARGED_UP_TO = 128;
const ENLARGED_TO = 256;
const MOST_ENLARGEMENT = 64;
/** The shorter side of very long images is repeated up to this (pixels). */
const SHORTEST_SIDE = 16;

type ImageSource = Extract<PreviewSource, { kind: 'image' }>;

/** An image reduced to what its preview has room for; its contrast is not chosen yet. */
export interface ReducedImage {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  /** Row by row, `channels` interleaved values a pixel; NaN: nothing was measured. */
  readonly values: Float64Array;
  /** Opacity of each pixel, 0 to 1; null: opaque. */
  readonly opacity: Float64Array | null;
  /** Whether its values are brightness already, 0 to 255. */
  readonly isPicture: boolean;
  readonly stretch: 'linear' | 'log';
  /** Of one pixel of this image. */
  readonly pixelSize: ImageSource['pixelSize'];
}

/**
 * An image as 8-bit raster that fits into a box: reduced by a whole factor to block means, contrast stretch, scale bar
 * where the pixel size is known.
 * @throws AppError FORMAT_INVALID when there are fewer pixels than width and height say.
 */
export function drawImage(source: ImageSource, boxWidth: number, boxHeight: number): Raster {
  const picture = pictureOf(source, boxWidth, boxHeight);
  if (picture !== null) return finished(picture, source, boxWidth, boxHeight);
  const reduced = reduceImage(source, boxWidth, boxHeight);
  return finished(rasterOf(reduced, commonContrast([reduced])), reduced, boxWidth, boxHeight);
}

/** Enlarges what is small, and draws the scale bar. */
function finished(
  raster: Raster,
  image: Pick<ReducedImage, 'width' | 'pixelSize'>,
  boxWidth: number,
  boxHeight: number,
): Raster {
  // A line of pixels has no height that could be wrong: it is made high enough for its bar.
  const leastHeight = raster.height === 1 ? heightForScaleBar(image.pixelSize) : 0;
  return withScaleBar(enlarge(raster, boxWidth, boxHeight, leastHeight), image);
}

/** A picture of 8 bits that fits into the box as it is; null: it has to be made one. */
function pictureOf(source: ImageSource, boxWidth: number, boxHeight: number): Raster | null {
  const { width, height, channels, pixels, stretch } = source;
  const length = width * height * channels;
  const isShownAsItIs = channels === 3 || (channels === 1 && stretch === 'none');
  if (!isShownAsItIs || !(pixels instanceof Uint8Array)) return null;
  if (width > boxWidth || height > boxHeight || length === 0 || pixels.length < length) return null;
  const data = new Uint8Array(pixels.subarray(0, length));
  if (channels === 1 && pictureRange([data]) !== PICTURE_RANGE) return null;
  return { width, height, channels, data };
}

/** By which whole factor an image is reduced to fit into a box. */
function reductionOf(width: number, height: number, boxWidth: number, boxHeight: number): number {
  return Math.max(1, Math.ceil(width / boxWidth), Math.ceil(height / boxHeight));
}

/** By which whole factor the pixels of a small image are repeated in a box. */
function enlargementOf(width: number, height: number, boxWidth: number, boxHeight: number): number {
  const longest = Math.max(width, height);
  if (longest > ENLARGED_UP_TO) return 1;
  const room = Math.min(Math.floor(boxWidth / width), Math.floor(boxHeight / height));
  return Math.max(1, Math.min(MOST_ENLARGEMENT, Math.floor(ENLARGED_TO / longest), room));
}

/** By how much an image is drawn larger in a box than it is (a whole factor, or one over a whole factor). */
export function scaleInBox(
  width: number,
  height: number,
  boxWidth: number,
  boxHeight: number,
): number {
  const reduction = reductionOf(width, height, boxWidth, boxHeight);
  return reduction > 1 ? 1 / reduction : enlargementOf(width, height, boxWidth, boxHeight);
}

/** Reduces an image by a whole factor until it fits into a box. Throws as drawImage. */
export function reduceImage(
  source: ImageSource,
  boxWidth: number,
  boxHeight: number,
): ReducedImage {
  const factor = reductionOf(source.width, source.height, boxWidth, boxHeight);
  const { width, height, channels, values } = reducePixels(source, factor);
  const has8Bits = source.pixels instanceof Uint8Array;
  const base = {
    width,
    height,
    pixelSize:
      source.pixelSize === null
        ? null
        : { size: source.pixelSize.size * factor, unit: source.pixelSize.unit },
  };
  if (channels === 1) {
    const isPicture = source.stretch === 'none';
    const stretch = source.stretch === 'log' ? 'log' : 'linear';
    return { ...base, channels: 1, values, opacity: null, isPicture, stretch };
  }
  return {
    ...base,
    channels: 3,
    values: channels === 3 ? values : coloursOf(values),
    opacity: channels === 3 ? null : opacityOf(values, has8Bits),
    isPicture: has8Bits,
    stretch: 'linear',
  };
}

/** The contrast in which images are shown that are to be compared, by what their values are. */
export interface CommonContrast {
  /** Null: none of them has a finite value. */
  readonly measured: ContrastRange | null;
  /** Of grey pictures; colours stay as they are. */
  readonly pictures: ContrastRange;
}

/** One contrast for all images with measured values, and one for all grey pictures. */
export function commonContrast(images: readonly ReducedImage[]): CommonContrast {
  const measured = images.filter(({ isPicture }) => !isPicture);
  const pictures = images.filter(({ isPicture, channels }) => isPicture && channels === 1);
  const [first] = measured;
  return {
    measured: first === undefined ? null : contrastRange(allValues(measured), first.stretch),
    pictures: pictureRange(pictures.map(({ values }) => values)),
  };
}

function allValues(images: readonly ReducedImage[]): Float64Array {
  const [first, ...others] = images;
  if (first !== undefined && others.length === 0) return first.values;
  const all = new Float64Array(images.reduce((sum, { values }) => sum + values.length, 0));
  let at = 0;
  for (const { values } of images) {
    all.set(values, at);
    at += values.length;
  }
  return all;
}

/** A reduced image in a contrast; opacity lies over white. */
export function rasterOf(image: ReducedImage, contrast: CommonContrast): Raster {
  const { width, height, channels, opacity } = image;
  const ofPictures = channels === 1 ? contrast.pictures : PICTURE_RANGE;
  const data = stretchContrast(image.values, image.isPicture ? ofPictures : contrast.measured);
  for (const [pixel, alpha] of opacity?.entries() ?? []) {
    for (let at = pixel * 3; at < pixel * 3 + 3; at += 1) {
      data[at] = Math.round(255 + ((data[at] ?? 0) - 255) * alpha);
    }
  }
  return { width, height, channels, data };
}

/** Red, green and blue of pixels with opacity. */
function coloursOf(values: Float64Array): Float64Array {
  const colours = new Float64Array((values.length / 4) * 3);
  for (let from = 0, to = 0; from < values.length; from += 4, to += 3) {
    colours[to] = values[from] ?? 0;
    colours[to + 1] = values[from + 1] ?? 0;
    colours[to + 2] = values[from + 2] ?? 0;
  }
  return colours;
}

/** The fourth value of each pixel as a share of 255, or of the largest one where it may be more. */
function opacityOf(values: Float64Array, has8Bits: boolean): Float64Array {
  const stored = Float64Array.from(
    { length: values.length / 4 },
    (_, at) => values[at * 4 + 3] ?? 0,
  );
  const largest = stored.reduce((most, value) => Math.max(most, value), 0);
  const full = has8Bits ? 255 : largest > 0 ? largest : 1;
  return stored.map((value) => Math.min(1, Math.max(0, value / full)));
}

/** Draws the scale bar of an image into a raster that may be enlarged. */
export function withScaleBar(
  raster: Raster,
  { width, pixelSize }: Pick<ReducedImage, 'width' | 'pixelSize'>,
): Raster {
  if (pixelSize !== null) {
    const size = (pixelSize.size * width) / raster.width;
    drawScaleBar(raster, glyphSheet(LABEL_CELL_WIDTH), { size, unit: pixelSize.unit });
  }
  return raster;
}

/**
 * Repeats pixels of small images by a whole factor, and the short side of very long ones.
 * @param leastHeight Up to which rows are repeated, pixels.
 */
export function enlarge(
  raster: Raster,
  boxWidth: number,
  boxHeight: number,
  leastHeight = 0,
): Raster {
  const factor = enlargementOf(raster.width, raster.height, boxWidth, boxHeight);
  const factorFor = (side: number, least: number): number =>
    side * factor < least ? Math.ceil(least / side) : factor;
  const factorX = factorFor(raster.width, SHORTEST_SIDE);
  const factorY = factorFor(raster.height, Math.max(SHORTEST_SIDE, leastHeight));
  if (factorX === 1 && factorY === 1) return raster;
  const width = raster.width * factorX;
  const height = raster.height * factorY;
  const { channels } = raster;
  const data = new Uint8Array(width * height * channels);
  const stride = width * channels;
  for (let row = 0; row < raster.height; row += 1) {
    const from = row * raster.width * channels;
    const to = row * factorY * stride;
    for (let column = 0, at = to; column < raster.width; column += 1) {
      for (let copy = 0; copy < factorX; copy += 1) {
        for (let channel = 0; channel < channels; channel += 1, at += 1) {
          data[at] = raster.data[from + column * channels + channel] ?? 0;
        }
      }
    }
    for (let copy = 1; copy < factorY; copy += 1) {
      data.copyWithin(to + copy * stride, to, to + stride);
    }
  }
  return { width, height, channels, data };
}
