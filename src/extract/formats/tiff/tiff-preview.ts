import type { FrameSource, PixelArray, PixelSize } from '../../extractor.js';
import type { TiffContainer, TiffDirectory } from './tiff-directory.js';
import { isColour, TAG, type TiffLayout } from './tiff-layout.js';
import { isDecodable, readTiffPixels, type TiffPixels } from './tiff-pixels.js';
import type { TiffSegments } from './tiff-segments.js';

/** More pixels are thinned out when a preview is read. */
const MAX_PREVIEW_PIXELS = 20 * 1024 * 1024;
/** A file that only a common decoder can read is handed to it whole up to this size. */
const MAX_ENCODED_BYTES = 128 * 1024 * 1024;
/** Pixels that a common decoder may make of a small file. */
const MAX_ENCODED_PIXELS = 256 * 1024 * 1024;

/** What the preview of a page needs to know. */
export interface TiffPage {
  readonly layout: TiffLayout;
  readonly directory: TiffDirectory;
  readonly segments: TiffSegments;
  readonly pixelSize: PixelSize | null;
  /** Rows that belong to the picture, where a data bar lies below it; null: all. */
  readonly pictureHeight: number | null;
  /** A diffraction pattern: of a range that only a logarithm shows. */
  readonly isDiffraction: boolean;
}

/** How a page can be shown: by its exact values, by a common decoder, or why not at all. */
export type PreviewWay =
  | { readonly kind: 'pixels' }
  | { readonly kind: 'encoded' }
  | { readonly kind: 'none'; readonly reason: string };

/** How a page of the layout can be shown. */
export function previewWayOf(layout: TiffLayout, sizeBytes: number): PreviewWay {
  if (isDecodable(layout) && (layout.photometric <= 3 || layout.samplesPerPixel === 1)) {
    return { kind: 'pixels' };
  }
  if (sizeBytes > MAX_ENCODED_BYTES || layout.width * layout.height > MAX_ENCODED_PIXELS) {
    return {
      kind: 'none',
      reason: `The picture is too large to decode (${layout.width} x ${layout.height}).`,
    };
  }
  return { kind: 'encoded' };
}

/** Reads the pixels that the preview of a page is drawn from. Throws as the file does, and for damaged pixels. */
export function tiffPreview(container: TiffContainer, page: TiffPage): FrameSource {
  const { layout } = page;
  const step = Math.ceil(Math.sqrt((layout.width * layout.height) / MAX_PREVIEW_PIXELS));
  const pixels = readTiffPixels(container, layout, page.segments, step);
  const pixelSize =
    page.pixelSize === null ? null : { ...page.pixelSize, size: page.pixelSize.size * step };
  // A data bar has a scale bar of its own where ours is drawn, and its black and white would decide the contrast.
  const height =
    page.pictureHeight === null
      ? pixels.height
      : Math.min(pixels.height, Math.ceil(page.pictureHeight / step));
  const image = (
    values: PixelArray,
    channels: 1 | 3 | 4,
    stretch: 'percentile' | 'log' | 'none',
  ): FrameSource => ({
    kind: 'image',
    width: pixels.width,
    height,
    pixels: values.subarray(0, height * pixels.width * channels),
    channels,
    stretch,
    pixelSize,
  });

  if (layout.photometric === 3 && layout.samplesPerPixel === 1) {
    const mapped = applyColourMap(container, page, pixels);
    if (mapped !== null) return image(mapped.values, mapped.channels, 'none');
  }
  if (isColour(layout)) {
    const channels = pixels.samples === 4 ? 4 : 3;
    return image(toEightBits(pixels.values), channels, 'none');
  }
  const grey = firstSamples(pixels);
  const shown = layout.photometric === 0 ? inverted(grey) : grey;
  if (layout.dtype === 'uint8') return image(shown, 1, 'none');
  return image(shown, 1, page.isDiffraction ? 'log' : 'percentile');
}

/** Palette indices as grey, or as colours where the map has any; null when the map is missing or short. */
function applyColourMap(
  container: TiffContainer,
  page: TiffPage,
  pixels: TiffPixels,
): { values: Uint8Array; channels: 1 | 3 } | null {
  const entry = page.directory.entries.get(TAG.colorMap);
  const size = 2 ** page.layout.bitsPerSample;
  if (entry === undefined || entry.count < 3 * size || size > 65536) return null;
  const map = Uint8Array.from(container.numbersOf(entry, 3 * size), (value) => value >> 8);
  const reds = map.subarray(0, size);
  const isGrey = reds.every(
    (red, index) => red === map[size + index] && red === map[2 * size + index],
  );
  const indices = pixels.values;
  if (isGrey && indices instanceof Uint8Array && reds.every((red, index) => red === index)) {
    return { values: indices, channels: 1 };
  }
  const channels = isGrey ? 1 : 3;
  const values = new Uint8Array(indices.length * channels);
  for (let pixel = 0; pixel < indices.length; pixel += 1) {
    const index = Number(indices[pixel] ?? 0);
    for (let colour = 0; colour < channels; colour += 1) {
      values[pixel * channels + colour] = map[colour * size + index] ?? 0;
    }
  }
  return { values, channels };
}

/** Colours as screens show them: the upper 8 bits of integers; real numbers count from 0 to 1. */
function toEightBits(values: PixelArray): PixelArray {
  if (values instanceof Uint8Array) return values;
  const scaled = new Uint8ClampedArray(values.length);
  const factor =
    values instanceof Uint16Array ? 1 / 256 : values instanceof Uint32Array ? 2 ** -24 : 255;
  for (let index = 0; index < values.length; index += 1) {
    scaled[index] = Math.floor(Number(values[index] ?? 0) * factor);
  }
  return new Uint8Array(scaled.buffer);
}

/** The first sample of each pixel. */
function firstSamples({ values, samples }: TiffPixels): PixelArray {
  if (samples === 1) return values;
  const length = values.length / samples;
  const first = values.slice(0, length);
  for (let pixel = 0; pixel < length; pixel += 1) {
    const value = values[pixel * samples];
    if (value !== undefined) setValue(first, pixel, value);
  }
  return first;
}

/** Values for pictures that store white as zero: the order of grey turned round. */
function inverted(values: PixelArray): PixelArray {
  const turned = values.slice();
  const isEightBit = values instanceof Uint8Array;
  const isSixteenBit = values instanceof Uint16Array;
  const top = isEightBit
    ? 255
    : isSixteenBit
      ? 65535
      : values instanceof Uint32Array
        ? 2 ** 32 - 1
        : 0;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index];
    if (typeof value === 'number') setValue(turned, index, top - value);
    else if (value !== undefined) setValue(turned, index, -value);
  }
  return turned;
}

function setValue(values: PixelArray, index: number, value: number | bigint): void {
  if (values instanceof BigInt64Array || values instanceof BigUint64Array) {
    if (typeof value === 'bigint') values[index] = value;
  } else if (typeof value === 'number') {
    values[index] = value;
  }
}
