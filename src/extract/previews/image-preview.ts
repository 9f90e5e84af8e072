import type { PreviewSource } from '../extractor.js';
import { glyphSheet } from './glyph-sheet.js';
import type { Raster } from './raster.js';
import { reducePixels, type NumberImage } from './reduce-pixels.js';
import { drawScaleBar } from './scale-bar.js';
import { contrastRange, stretchContrast } from './stretch-contrast.js';

/** Images up to this longest side (pixels) are enlarged by whole pixels, so that a small map can be seen. */
const ENLARGED_UP_TO = 128;
const ENLARGED_TO = 256;
const MOST_ENLARGEMENT = 64;
/** The shorter side of very long images is repeated up to this (pixels). */
const SHORTEST_SIDE = 16;
const LABEL_CELL_WIDTH = 7;

type ImageSource = Extract<PreviewSource, { kind: 'image' }>;

/**
 * An image as 8-bit raster that fits into a box: reduced by a whole factor to block means, contrast stretch, scale bar
 * where the pixel size is known.
 * @throws AppError FORMAT_INVALID when there are fewer pixels than width and height say.
 */
export function drawImage(source: ImageSource, boxWidth: number, boxHeight: number): Raster {
  const factor = Math.max(
    1,
    Math.ceil(source.width / boxWidth),
    Math.ceil(source.height / boxHeight),
  );
  const reduced = rasterOf(source, factor);
  const raster = enlarge(reduced, boxWidth, boxHeight);
  if (source.pixelSize !== null) {
    const pixelSize = (source.pixelSize.size * factor * reduced.width) / raster.width;
    drawScaleBar(raster, glyphSheet(LABEL_CELL_WIDTH), {
      size: pixelSize,
      unit: source.pixelSize.unit,
    });
  }
  return raster;
}

function rasterOf(source: ImageSource, factor: number): Raster {
  const { width, height, channels, pixels, stretch } = source;
  const length = width * height * channels;
  // A picture already: shown as it is.
  if (
    factor === 1 &&
    pixels instanceof Uint8Array &&
    pixels.length >= length &&
    length > 0 &&
    ((channels === 1 && stretch === 'none') || channels === 3)
  ) {
    return { width, height, channels, data: new Uint8Array(pixels.subarray(0, length)) };
  }
  const reduced = reducePixels(source, factor);
  return channels === 1 ? greyRaster(source, reduced) : colourRaster(source, reduced);
}

function greyRaster(source: ImageSource, reduced: NumberImage): Raster {
  const data =
    source.stretch === 'none'
      ? stretchContrast(reduced.values, { low: 0, high: 255 }, 'linear')
      : stretchContrast(
          reduced.values,
          contrastRange(reduced.values),
          source.stretch === 'log' ? 'log' : 'linear',
        );
  return { width: reduced.width, height: reduced.height, channels: 1, data };
}

/** Colours as they are when they have 8 bits, else scaled together to their common range; opacity over white. */
function colourRaster(source: ImageSource, reduced: NumberImage): Raster {
  const { width, height, channels } = reduced;
  const has8Bits = source.pixels instanceof Uint8Array;
  const colours = new Float64Array(width * height * 3);
  for (let pixel = 0; pixel < width * height; pixel += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      colours[pixel * 3 + channel] = reduced.values[pixel * channels + channel] ?? 0;
    }
  }
  const range = has8Bits ? { low: 0, high: 255 } : contrastRange(colours);
  const data = stretchContrast(colours, range, 'linear');
  if (channels === 4) {
    const full = has8Bits ? 255 : largestAlpha(reduced);
    for (let pixel = 0; pixel < width * height; pixel += 1) {
      const alpha = Math.min(1, Math.max(0, (reduced.values[pixel * 4 + 3] ?? 0) / full));
      for (let at = pixel * 3; at < pixel * 3 + 3; at += 1) {
        data[at] = Math.round(255 + ((data[at] ?? 0) - 255) * alpha);
      }
    }
  }
  return { width, height, channels: 3, data };
}

function largestAlpha(reduced: NumberImage): number {
  let largest = 0;
  for (let at = 3; at < reduced.values.length; at += 4) {
    largest = Math.max(largest, reduced.values[at] ?? 0);
  }
  return largest > 0 ? largest : 1;
}

/** Repeats pixels of small images by a whole factor, and the short side of very long ones. */
function enlarge(raster: Raster, boxWidth: number, boxHeight: number): Raster {
  const longest = Math.max(raster.width, raster.height);
  const factor =
    longest <= ENLARGED_UP_TO
      ? Math.max(
          1,
          Math.min(
            MOST_ENLARGEMENT,
            Math.floor(ENLARGED_TO / longest),
            Math.floor(boxWidth / raster.width),
            Math.floor(boxHeight / raster.height),
          ),
        )
      : 1;
  const factorFor = (side: number): number =>
    Math.max(factor, side * factor < SHORTEST_SIDE ? Math.ceil(SHORTEST_SIDE / side) : 1);
  const factorX = factorFor(raster.width);
  const factorY = factorFor(raster.height);
  if (factorX === 1 && factorY === 1) return raster;
  const width = raster.width * factorX;
  const height = raster.height * factorY;
  const { channels } = raster;
  const data = new Uint8Array(width * height * channels);
  const stride = width * channels;
  for (let row = 0; row < raster.height; row += 1) {
    const from = row * raster.width * channels;
    const to = row * factorY * stride;
    for (let at = 0; at < stride; at += 1) {
      const column = Math.floor(at / (channels * factorX));
      data[to + at] = raster.data[from + column * channels + (at % channels)] ?? 0;
    }
    for (let copy = 1; copy < factorY; copy += 1) {
      data.copyWithin(to + copy * stride, to, to + stride);
    }
  }
  return { width, height, channels, data };
}
