/** A colour, each part 0 to 255. */
export interface Ink {
  readonly red: number;
  readonly green: number;
  readonly blue: number;
}

export const WHITE: Ink = { red: 255, green: 255, blue: 255 };
export const BLACK: Ink = { red: 0, green: 0, blue: 0 };

/** An 8-bit picture in memory: row by row, 1 (grey) or 3 (red, green, blue) bytes a pixel. */
export interface Raster {
  readonly width: number;
  readonly height: number;
  readonly channels: 1 | 3;
  readonly data: Uint8Array;
}

/** A white picture. */
export function createRaster(width: number, height: number, channels: 1 | 3): Raster {
  return {
    width,
    height,
    channels,
    data: new Uint8Array(width * height * channels).fill(255),
  };
}

/** Brightness of an ink as grey (Rec. 601 weights). */
function greyOf(ink: Ink): number {
  return Math.round(0.299 * ink.red + 0.587 * ink.green + 0.114 * ink.blue);
}

/** Mixes ink into one pixel; coverage 0 (nothing) to 255 (ink only). Pixels outside the picture are left out. */
export function blendPixel(raster: Raster, x: number, y: number, ink: Ink, coverage: number): void {
  if (coverage <= 0 || x < 0 || y < 0 || x >= raster.width || y >= raster.height) return;
  const { data } = raster;
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
  for (let y = Math.max(0, top); y < bottom; y += 1) {
    for (let x = Math.max(0, left); x < right; x += 1) blendPixel(raster, x, y, ink, coverage);
  }
}

/** Copies a picture into a coloured one, cut at the right and lower edge. */
export function pasteRaster(target: Raster, source: Raster, left: number, top: number): void {
  const width = Math.min(source.width, target.width - left);
  const height = Math.min(source.height, target.height - top);
  if (width <= 0) return;
  for (let y = 0; y < height; y += 1) {
    const from = y * source.width * source.channels;
    const line = source.data.subarray(from, from + width * source.channels);
    const to = ((top + y) * target.width + left) * target.channels;
    if (source.channels === target.channels) {
      target.data.set(line, to);
    } else {
      for (let x = 0; x < width; x += 1) target.data.fill(line[x] ?? 0, to + 3 * x, to + 3 * x + 3);
    }
  }
}
