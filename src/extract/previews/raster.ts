import { AppError } from '../../errors.js';

/** A colour, each part 0 to 255. */
export interface Ink {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

export const WHITE: Ink = { red: 255, green: 255, blue: 255 };
export const BLACK: Ink = { red: 0, green: 0, blue: 0 };

/** An 8-bit picture in memory: row by row, 1 (grey, or a place in the palette) or 3 (red, green, blue) bytes a pixel. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
  /** Of a drawing, whose bytes are places in the palette of these inks; absent: bytes are brightness. */
  readonly inks?: readonly Ink[];
}

/** Steps from white to an ink in a palette. */
const INK_STEPS = 63;
/** A palette has 256 places. */
const MOST_INKS = 4;

/** A white picture. */
export function createRaster(width: number, height: number, channels: 1 | 3): Raster {
  return {
    width,
    height,
    channels,
    data: new Uint8Array(width * height * channels).fill(255),
  };
}

/** A white picture for a few inks: a third of the bytes of one in colours. */
export function createDrawing(width: number, height: number, inks: readonly Ink[]): Raster {
  if (inks.length > MOST_INKS) throw new AppError('INTERNAL', `${inks.length} inks are too many.`);
  return { width, height, channels: 1, data: new Uint8Array(width * height), inks };
}

const palettes = new WeakMap<readonly Ink[], Uint8Array>();

/** The colours of a drawing, 3 bytes each: white, then the steps to each ink. */
export function paletteOf(inks: readonly Ink[]): Uint8Array {
  const palette = palettes.get(inks) ?? mixPalette(inks);
  palettes.set(inks, palette);
  return palette;
}

function mixPalette(inks: readonly Ink[]): Uint8Array {
  const palette = new Uint8Array(3 * (1 + inks.length * INK_STEPS)).fill(255);
  inks.forEach((ink, number) => {
    for (let step = 1; step <= INK_STEPS; step += 1) {
      const at = 3 * placeOf(number, step);
      const coverage = (step * 255) / INK_STEPS;
      mix(palette, at, ink.red, coverage);
      mix(palette, at + 1, ink.green, coverage);
      mix(palette, at + 2, ink.blue, coverage);
    }
  });
  return palette;
}

function placeOf(inkNumber: number, step: number): number {
  return inkNumber * INK_STEPS + step;
}

/** Where two inks meet, the one seen is the one that covers the pixel, or else the darker one. */
function drawInk(
  data: Uint8Array,
  at: number,
  inks: readonly Ink[],
  ink: Ink,
  coverage: number,
): void {
  const step = Math.round((coverage * INK_STEPS) / 255);
  if (step === 0) return;
  const present = data[at] ?? 0;
  if (present === 0 || step === INK_STEPS || darkness(ink, step) > darknessAt(inks, present)) {
    data[at] = placeOf(inks.indexOf(ink), step);
  }
}

function darknessAt(inks: readonly Ink[], place: number): number {
  const ink = inks[Math.floor((place - 1) / INK_STEPS)] ?? WHITE;
  return darkness(ink, ((place - 1) % INK_STEPS) + 1);
}

function darkness(ink: Ink, step: number): number {
  return (255 - greyOf(ink)) * step;
}

/** Brightness of an ink as grey (Rec. 601 weights). */
function greyOf(ink: Ink): number {
  return Math.round(0.299 * ink.red + 0.587 * ink.green + 0.114 * ink.blue);
}

/** Mixes ink into one pixel; coverage 0 (nothing) to 255 (ink only). Pixels outside the picture are left out. */
export function blendPixel(raster: Raster, x: number, y: number, ink: Ink, coverage: number): void {
  if (coverage <= 0 || x < 0 || y < 0 || x >= raster.width || y >= raster.height) return;
  const { data, inks } = raster;
  if (inks !== undefined) {
    drawInk(data, y * raster.width + x, inks, ink, coverage);
    return;
  }
  if (raster.channels === 1) {
    mix(data, y * raster.width + x, greyOf(ink), coverage);
    return;
  }
  const at = (y * raster.width + x) * 3;
  mix(data, at, ink.red, coverage);
  mix(data, at + 1, ink.green, coverage);
  mix(data, at + 2, ink.blue, coverage);
}

function mix(data: Uint8Array, at: number, value: number, coverage: number): void {
  const present = data[at] ?? 0;
  data[at] = present + Math.round(((value - present) * coverage) / 255);
}

/** Fills a rectangle, cut at the edges of the picture; coverage as in blendPixel. */
export function fillRectangle(
  raster: Raster,
  left: number,
  top: number,
  width: number,
  height: number,
  ink: Ink,
  coverage = 255,
): void {
  const bottom = Math.min(raster.height, top + height);
  const right = Math.min(raster.width, left + width);
  const { data, inks, channels } = raster;
  for (let y = Math.max(0, top); y < bottom; y += 1) {
    if (coverage === 255 && channels === 1) {
      const value = inks === undefined ? greyOf(ink) : placeOf(inks.indexOf(ink), INK_STEPS);
      data.fill(value, y * raster.width + Math.max(0, left), y * raster.width + right);
      continue;
    }
    for (let x = Math.max(0, left); x < right; x += 1) blendPixel(raster, x, y, ink, coverage);
  }
}

/** Draws a line of one pixel around a rectangle, outside of it. */
export function outlineRectangle(
  raster: Raster,
  left: number,
  top: number,
  width: number,
  height: number,
  ink: Ink,
): void {
  fillRectangle(raster, left - 1, top - 1, width + 2, 1, ink);
  fillRectangle(raster, left - 1, top + height, width + 2, 1, ink);
  fillRectangle(raster, left - 1, top, 1, height, ink);
  fillRectangle(raster, left + width, top, 1, height, ink);
}

/** Copies a picture into a coloured one, cut at the right and lower edge. */
export function pasteRaster(target: Raster, source: Raster, left: number, top: number): void {
  const width = Math.min(source.width, target.width - left);
  const height = Math.min(source.height, target.height - top);
  if (width <= 0) return;
  const palette = source.inks === undefined ? null : paletteOf(source.inks);
  for (let y = 0; y < height; y += 1) {
    const from = y * source.width * source.channels;
    const line = source.data.subarray(from, from + width * source.channels);
    const to = ((top + y) * target.width + left) * target.channels;
    if (palette !== null) {
      for (let x = 0; x < width; x += 1) {
        const colour = (line[x] ?? 0) * 3;
        target.data[to + 3 * x] = palette[colour] ?? 0;
        target.data[to + 3 * x + 1] = palette[colour + 1] ?? 0;
        target.data[to + 3 * x + 2] = palette[colour + 2] ?? 0;
      }
    } else if (source.channels === target.channels) {
      target.data.set(line, to);
    } else {
      for (let x = 0; x < width; x += 1) target.data.fill(line[x] ?? 0, to + 3 * x, to + 3 * x + 3);
    }
  }
}
