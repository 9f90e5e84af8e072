import type { GlyphSheet } from './glyph-sheet.js';
import { BLACK, fillRectangle, WHITE, type Raster } from './raster.js';

/** Pictures narrower or lower than this (pixels) carry no bar. */
const SMALLEST_WIDTH = 80;
const SMALLEST_HEIGHT = 60;
const LONGEST_SHARE = 0.3;
const BAR_HEIGHT = 4;
const PADDING = 5;
const MARGIN = 8;
const BACKGROUND_COVERAGE = 140;
/** Units of length by size, for a bar that reads 2 µm and not 2000 nm. */
const LENGTHS = ['pm', 'nm', 'µm', 'mm', 'm'] as const;

/** A length of 1, 2 or 5 times a power of ten. */
export interface NiceLength {
  readonly value: number;
  readonly unit: string;
}

/** The longest nice length (1, 2, 5 times a power of ten) not above `longest`, in the unit in which it has few digits. */
export function niceLength(longest: number, unit: string): NiceLength {
  let limit = longest;
  let shownUnit = unit;
  const place = LENGTHS.findIndex((length) => length === unit);
  if (place >= 0) {
    let at = place;
    while (limit >= 1000 && at < LENGTHS.length - 1) {
      limit /= 1000;
      at += 1;
    }
    while (limit < 1 && at > 0) {
      limit *= 1000;
      at -= 1;
    }
    shownUnit = LENGTHS[at] ?? unit;
  }
  // The small share added keeps 9.999999999 of rounding a 10.
  const exponent = Math.floor(Math.log10(limit) + 1e-9);
  const mantissa = limit / 10 ** exponent;
  const step = mantissa >= 5 - 1e-9 ? 5 : mantissa >= 2 - 1e-9 ? 2 : 1;
  return { value: Number(`${step}e${exponent}`), unit: shownUnit };
}

/** The number of a bar as people write it: plain up to six digits, else with an exponent. */
function lengthText(length: NiceLength): string {
  return `${length.value >= 1e-4 && length.value < 1e6 ? String(length.value) : length.value.toExponential(0)} ${length.unit}`;
}

/**
 * Draws a scale bar into the lower left corner; too small pictures and sizes that are not positive get none.
 * @param pixelSize Size of one pixel of `raster` (after its reduction).
 */
export function drawScaleBar(
  raster: Raster,
  sheet: GlyphSheet,
  pixelSize: { readonly size: number; readonly unit: string },
): void {
  if (raster.width < SMALLEST_WIDTH || raster.height < SMALLEST_HEIGHT) return;
  if (!(pixelSize.size > 0) || !Number.isFinite(pixelSize.size) || pixelSize.unit.trim() === '') {
    return;
  }
  const longest = raster.width * LONGEST_SHARE * pixelSize.size;
  const length = niceLength(longest, pixelSize.unit.trim());
  // The bar takes the same share of the longest one in whichever unit.
  const inOwnUnit = niceLengthShare(longest, pixelSize.unit.trim(), length);
  const barWidth = Math.max(1, Math.round(raster.width * LONGEST_SHARE * inOwnUnit));
  const text = sheet.fit(lengthText(length), raster.width - 2 * (MARGIN + PADDING));
  const width = Math.max(barWidth, sheet.widthOf(text)) + 2 * PADDING;
  const height = BAR_HEIGHT + sheet.cellHeight + 2 * PADDING - 2;
  const top = raster.height - MARGIN - height;
  fillRectangle(raster, MARGIN, top, width, height, BLACK, BACKGROUND_COVERAGE);
  const textLeft = MARGIN + Math.floor((width - sheet.widthOf(text)) / 2);
  sheet.draw(raster, text, textLeft, top + PADDING - 3, WHITE);
  const barLeft = MARGIN + Math.floor((width - barWidth) / 2);
  fillRectangle(raster, barLeft, top + height - PADDING - BAR_HEIGHT, barWidth, BAR_HEIGHT, WHITE);
}

/** Which share of `longest` (in `unit`) a nice length has. */
function niceLengthShare(longest: number, unit: string, length: NiceLength): number {
  const from = LENGTHS.findIndex((candidate) => candidate === unit);
  const to = LENGTHS.findIndex((candidate) => candidate === length.unit);
  const factor = from < 0 || to < 0 ? 1 : 1000 ** (to - from);
  return (length.value * factor) / longest;
}
