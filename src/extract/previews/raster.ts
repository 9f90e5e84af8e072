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
  const mix = (at: number, value: number): void => {
    const present = data[at] ?? 0;
    data[at] = present + Math.round(((value - present) * coverage) / 255);
  };
  if (raster.channels === 1) {
    mix(y * raster.width + x, greyOf(ink));
    return;
  }
  const at = (y * raster.width + x) * 3;
  mix(at, ink.red);
  mix(at + 1, ink.green);
  mix(at + 2, ink.blue);
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

/** Copies a picture into another one (grey into colour too), cut at the edges. */
export function pasteRaster(target: Raster, source: Raster, left: number, top: number): void {
  for (let y = 0; y < source.height; y += 1) {
    for (let x = 0; x < source.width; x += 1) {
      const from = (y * source.width + x) * source.channels;
      const red = source.data[from] ?? 0;
      const ink =
        source.channels === 1
          ? { red, green: red, blue: red }
          : { red, green: source.data[from + 1] ?? 0, blue: source.data[from + 2] ?? 0 };
      blendPixel(target, left + x, top + y, ink, 255);
    }
  }
}
