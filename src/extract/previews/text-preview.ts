import { glyphSheet } from './glyph-sheet.js';
import { createRaster, type Ink, type Raster } from './raster.js';

const CELL_WIDTH = 6;
const MARGIN = 10;
const MOST_LINES = 40;
const LEAST_HEIGHT = 120;
const TAB_WIDTH = 4;
const TEXT: Ink = { red: 40, green: 40, blue: 40 };
const MOST_CHARACTERS_LOOKED_AT = 1000;
const CONTROL = /\p{Cc}/gu;

/** Blanks for tabs, the replacement sign for other control characters. */
function cleanLine(line: string): string {
  let clean = '';
  for (const character of line.slice(0, MOST_CHARACTERS_LOOKED_AT).trimEnd()) {
    clean += character === '\t' ? ' '.repeat(TAB_WIDTH - (clean.length % TAB_WIDTH)) : character;
  }
  return clean.replace(CONTROL, '\u{fffd}');
}

/**
 * The first 40 lines of a text in monospace on white; lines that are too long end with an ellipsis. The picture is as high as
 * its lines, so that a short note can be read where the picture is shown small.
 * @param mostHeight pixels
 */
export function drawText(lines: readonly string[], width: number, mostHeight: number): Raster {
  const sheet = glyphSheet(CELL_WIDTH);
  const kept = lines.slice(0, MOST_LINES);
  const wanted = 2 * MARGIN + kept.length * sheet.cellHeight;
  const raster = createRaster(width, Math.min(mostHeight, Math.max(LEAST_HEIGHT, wanted)), 1);
  const shown = kept.map((line) => sheet.fit(cleanLine(line), width - 2 * MARGIN));
  sheet.prepare(shown.join(''));
  shown.forEach((line, index) => {
    sheet.draw(raster, line, MARGIN, MARGIN + index * sheet.cellHeight, TEXT);
  });
  return raster;
}
