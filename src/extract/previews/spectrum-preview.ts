import { axisTicks, powerOfTenText, type AxisTicks } from './axis-ticks.js';
import { glyphSheet, LABEL_CELL_WIDTH, type GlyphSheet } from './glyph-sheet.js';
import { noisePeak } from './noise-peak.js';
import { blendPixel, createDrawing, fillRectangle, type Ink, type Raster } from './raster.js';
import { copyNumbers } from './reduce-pixels.js';
import { spectrumAxis, type Range, type SpectrumSource } from './spectrum-axis.js';

const CURVE: Ink = { red: 24, green: 84, blue: 158 };
const FRAME: Ink = { red: 90, green: 90, blue: 90 };
const GRID: Ink = { red: 228, green: 228, blue: 228 };
const TEXT: Ink = { red: 40, green: 40, blue: 40 };
const INKS = [CURVE, FRAME, GRID, TEXT] as const;
/** Half the width of the curve, pixels. */
const HALF_STROKE = 0.7;
const EDGE = 12;
/** Upper edge of what is said of a cut peak, pixels. */
const MARK_TOP = 2;
const TICK_LENGTH = 4;
const X_TICK_PIXELS = 75;
const Y_TICK_PIXELS = 48;
/** A curve that stays in the upper part of its range does not need the zero. */
const ZERO_WITHIN = 0.5;
const HEADROOM = 0.05;
/** The part of the picture in which the curve lies, pixels. */
interface PlotArea {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** A spectrum as a curve with axes. Values that are not finite leave gaps; of many values a pixel, the least and most are shown. */
export function drawSpectrum(source: SpectrumSource, width: number, height: number): Raster {
  const sheet = glyphSheet(LABEL_CELL_WIDTH);
  const raster = createDrawing(width, height, INKS);
  const values = new Float64Array(source.values.length);
  copyNumbers(source.values, 0, values.length, values);
  const axis = spectrumAxis(source);
  if (axis.isReversed) values.reverse();
  const cut = noisePeak(axis, values);
  const yRange = valueRange(cut === null ? values : cut.others);
  const yTicks = axisTicks(yRange.low, yRange.high, (height - 60) / Y_TICK_PIXELS);
  const yTextWidth = Math.max(0, ...yTicks.ticks.map(({ text }) => sheet.widthOf(text)));
  const left = 4 + sheet.cellHeight + 4 + yTextWidth + 3 + TICK_LENGTH;
  // What is said of a cut peak has a line of its own, where no curve crosses it.
  const top = cut === null ? EDGE : MARK_TOP + sheet.cellHeight + 2;
  const area: PlotArea = {
    left,
    top,
    width: Math.max(1, width - left - EDGE),
    height: Math.max(1, height - top - TICK_LENGTH - 2 * sheet.cellHeight - 8),
  };
  const xTicks = axisTicks(
    axis.range.low,
    axis.range.high,
    area.width / X_TICK_PIXELS,
    axis.isCounted ? 'whole' : 'any',
  );
  drawXAxis(raster, sheet, area, axis.range, xTicks);
  drawYAxis(raster, sheet, area, yRange, yTicks);
  drawCurve(raster, area, values, yRange);
  drawFrame(raster, area);
  if (cut !== null) drawCutMark(raster, sheet, area, cut.height);
  const xLabel = labelText(axis.label, axis.unit, xTicks.exponent);
  drawLabels(raster, sheet, area, xLabel, labelText(source.yLabel, source.yUnit, yTicks.exponent));
  return raster;
}

/** Says above the plot how high the peak is that leaves the picture. */
function drawCutMark(raster: Raster, sheet: GlyphSheet, area: PlotArea, peak: number): void {
  const right = area.left + area.width;
  const text = sheet.fit(`peak at zero cut, it reaches ${countText(peak)}`, right - EDGE);
  sheet.draw(raster, text, right - sheet.widthOf(text), MARK_TOP, TEXT);
}

function countText(value: number): string {
  return value < 1e6 ? String(Number(value.toPrecision(6))) : value.toExponential(2);
}

/** Label, power of ten and unit: `Intensity (×10⁶ counts)`. */
function labelText(label: string, unit: string, exponent: number): string {
  const inBrackets = [exponent === 0 ? '' : powerOfTenText(exponent), unit.trim()]
    .filter((part) => part !== '')
    .join(' ');
  return inBrackets === '' ? label.trim() : `${label.trim()} (${inBrackets})`.trim();
}

/** From zero (or the least value, when negative or far above zero) to a little above the most. */
function valueRange(values: Float64Array): Range {
  let least = Number.POSITIVE_INFINITY;
  let most = Number.NEGATIVE_INFINITY;
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    if (value < least) least = value;
    if (value > most) most = value;
  }
  if (least > most) return { low: 0, high: 1 };
  let low = Math.min(0, least);
  let high = Math.max(0, most);
  if (least > 0 && least > most * ZERO_WITHIN && most - least > most * 1e-9) low = least;
  if (most < 0 && most < least * ZERO_WITHIN && most - least > -least * 1e-9) high = most;
  if (low === high) return { low: 0, high: 1 };
  const room = (high / 2 - low / 2) * 2 * HEADROOM;
  const top = high + (high === 0 ? 0 : room);
  const bottom = low === 0 ? 0 : low - room;
  return Number.isFinite(top - bottom)
    ? { low: bottom, high: top }
    : { low: -Number.MAX_VALUE / 4, high: Number.MAX_VALUE / 4 };
}

function drawFrame(raster: Raster, area: PlotArea): void {
  fillRectangle(raster, area.left - 1, area.top, 1, area.height + 1, FRAME);
  fillRectangle(raster, area.left - 1, area.top + area.height, area.width + 1, 1, FRAME);
}

function drawXAxis(
  raster: Raster,
  sheet: GlyphSheet,
  area: PlotArea,
  range: Range,
  { ticks }: AxisTicks,
): void {
  const bottom = area.top + area.height;
  let freeFrom = 0;
  for (const { value, text } of ticks) {
    const share = (value - range.low) / (range.high - range.low);
    const x = area.left + Math.round(share * (area.width - 1));
    fillRectangle(raster, x, area.top, 1, area.height, GRID);
    fillRectangle(raster, x, bottom + 1, 1, TICK_LENGTH, FRAME);
    const width = sheet.widthOf(text);
    const left = Math.min(Math.round(x - width / 2), raster.width - width - 1);
    // Long numbers that would run into each other: every other one is left out.
    if (left < freeFrom) continue;
    sheet.draw(raster, text, left, bottom + 1 + TICK_LENGTH, TEXT);
    freeFrom = left + width + sheet.cellWidth;
  }
}

function drawYAxis(
  raster: Raster,
  sheet: GlyphSheet,
  area: PlotArea,
  range: Range,
  { ticks }: AxisTicks,
): void {
  for (const { value, text } of ticks) {
    const share = (value - range.low) / (range.high - range.low);
    const y = area.top + Math.round((1 - share) * (area.height - 1));
    fillRectangle(raster, area.left, y, area.width, 1, GRID);
    fillRectangle(raster, area.left - 1 - TICK_LENGTH, y, TICK_LENGTH, 1, FRAME);
    const left = area.left - TICK_LENGTH - 3 - sheet.widthOf(text);
    sheet.draw(raster, text, left, y - Math.floor(sheet.cellHeight / 2), TEXT);
  }
}

function drawLabels(
  raster: Raster,
  sheet: GlyphSheet,
  area: PlotArea,
  xLabel: string,
  yLabel: string,
): void {
  const xText = sheet.fit(xLabel, area.width);
  const xLeft = area.left + Math.floor((area.width - sheet.widthOf(xText)) / 2);
  sheet.draw(raster, xText, xLeft, raster.height - sheet.cellHeight - 2, TEXT);
  const yText = sheet.fit(yLabel, area.height);
  const yBottom = area.top + area.height - Math.floor((area.height - sheet.widthOf(yText)) / 2);
  sheet.drawUpwards(raster, yText, 3, yBottom - 1, TEXT);
}

/**
 * Draws the polyline through all values column by column: in each column of pixels the curve covers what lies between
 * its least and most value there, widened by half a stroke; the ends are softened.
 */
function drawCurve(raster: Raster, area: PlotArea, values: Float64Array, range: Range): void {
  const intervals = values.length - 1;
  const toY = (value: number): number =>
    area.top + (1 - (value - range.low) / (range.high - range.low)) * (area.height - 1) + 0.5;
  const valueAt = (position: number): number => {
    const index = Math.min(Math.max(Math.floor(position), 0), Math.max(0, intervals));
    const before = values[index] ?? Number.NaN;
    const after = values[index + 1];
    const share = position - index;
    return share <= 0 || after === undefined ? before : before + (after - before) * share;
  };
  for (let column = 0; column < area.width; column += 1) {
    const perPixel = intervals / Math.max(1, area.width - 1);
    const start = Math.max(0, (column - 0.5) * perPixel);
    const end = Math.min(Math.max(0, intervals), (column + 0.5) * perPixel);
    let least = Number.POSITIVE_INFINITY;
    let most = Number.NEGATIVE_INFINITY;
    const include = (value: number): void => {
      if (!Number.isFinite(value)) return;
      if (value < least) least = value;
      if (value > most) most = value;
    };
    include(valueAt(start));
    include(valueAt(end));
    for (let index = Math.ceil(start); index <= end; index += 1) {
      include(values[index] ?? Number.NaN);
    }
    if (least > most) continue;
    const top = Math.max(area.top - 1, toY(most) - HALF_STROKE);
    const bottom = Math.min(area.top + area.height + 1, toY(least) + HALF_STROKE);
    for (let y = Math.floor(top); y < bottom; y += 1) {
      const coverage = Math.min(y + 1, bottom) - Math.max(y, top);
      blendPixel(raster, area.left + column, y, CURVE, Math.round(coverage * 255));
    }
  }
}
