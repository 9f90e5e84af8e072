import type { PixelSize } from '../extractor.js';
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

/** Units of one kind by size, each 1000 times the one before, and which values are handy in them. */
interface UnitSeries {
  readonly units: readonly string[];
  readonly from: number;
  readonly below: number;
}

/** For a bar that reads 2 µm and not 2000 nm; distances in diffraction patterns are told in 1/nm also where they are tenths. */
const UNIT_SERIES: readonly UnitSeries[] = [
  { units: ['pm', 'nm', 'µm', 'mm', 'm'], from: 1, below: 1000 },
  { units: ['1/m', '1/mm', '1/µm', '1/nm'], from: 0.1, below: 100 },
];

/** A length of 1, 2 or 5 times a power of ten. */
export interface NiceLength {
  readonly value: number;
  readonly unit: string;
  /** Of the length that it is not above. */
  readonly share: number;
}

/** The longest nice length (1, 2, 5 times a power of ten) not above `longest`, in the unit in which it has few digits. */
export function niceLength(longest: number, unit: string): NiceLength {
  const { limit, shownUnit } = inHandyUnit(longest, unit);
  // The small share added keeps 9.999999999 of rounding a 10.
  const exponent = Math.floor(Math.log10(limit) + 1e-9);
  const mantissa = limit / 10 ** exponent;
  const step = mantissa >= 5 - 1e-9 ? 5 : mantissa >= 2 - 1e-9 ? 2 : 1;
  const value = Number(`${step}e${exponent}`);
  return { value, unit: shownUnit, share: value / limit };
}

function inHandyUnit(longest: number, unit: string): { limit: number; shownUnit: string } {
  const series = UNIT_SERIES.find(({ units }) => units.includes(unit));
  if (series === undefined) return { limit: longest, shownUnit: unit };
  const { units, from, below } = series;
  let limit = longest;
  let at = units.indexOf(unit);
  for (; limit >= below && at < units.length - 1; at += 1) limit /= 1000;
  for (; limit < from && at > 0; at -= 1) limit *= 1000;
  return { limit, shownUnit: units[at] ?? unit };
}

/** The number of a bar as people write it: plain up to six digits, else with an exponent. */
function lengthText({ value, unit }: NiceLength): string {
  const number = value >= 1e-4 && value < 1e6 ? String(value) : value.toExponential(0);
  return `${number} ${unit.startsWith('1/') ? `${unit.slice(2)}⁻¹` : unit}`;
}

/** Whether a bar can be drawn for pixels of a size. */
function isLength({ size, unit }: PixelSize): boolean {
  return size > 0 && Number.isFinite(size) && unit.trim() !== '';
}

/** The least height (pixels) of a picture that is to carry the bar for a size of its pixels; 0: it gets none anyway. */
export function heightForScaleBar(pixelSize: PixelSize | null): number {
  return pixelSize !== null && isLength(pixelSize) ? SMALLEST_HEIGHT : 0;
}

/**
 * Draws a scale bar into the lower left corner; too small pictures and sizes that are not positive get none.
 * @param pixelSize Size of one pixel of `raster` (after its reduction).
 */
export function drawScaleBar(raster: Raster, sheet: GlyphSheet, pixelSize: PixelSize): void {
  if (raster.width < SMALLEST_WIDTH || raster.height < SMALLEST_HEIGHT) return;
  if (!isLength(pixelSize)) return;
  const mostWidth = raster.width * LONGEST_SHARE;
  const length = niceLength(mostWidth * pixelSize.size, pixelSize.unit.trim());
  const barWidth = Math.max(1, Math.round(mostWidth * length.share));
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
