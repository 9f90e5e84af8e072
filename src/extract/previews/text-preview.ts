import { glyphSheet } from './glyph-sheet.js';
import { createRaster, type Ink, type Raster } from './raster.js';

const CELL_WIDTH = 6;
const MARGIN = 10;
const MOST_LINES = 40;
const LEAST_HEIGHT = 120;
/** Least width of a column, and the blanks between two. */
const LEAST_COLUMN = 4;
const COLUMN_GAP = 2;
/** Longer ones before a tab are prose: the columns of other lines do not make room for them. */
const MOST_COLUMN = 24;
const TEXT: Ink = { red: 40, green: 40, blue: 40 };
const MOST_CHARACTERS_LOOKED_AT = 1000;
const CONTROL = /\p{Cc}/gu;

/**
 * The lines with blanks for tabs: in lines that follow one another, what stands between the same tabs begins below each other,
 * however wide the fields are. Other control characters get the replacement sign.
 */
function cleanLines(lines: readonly string[]): string[] {
  const rows = lines.map((line) => line.slice(0, MOST_CHARACTERS_LOOKED_AT).split('\t'));
  let widths: readonly number[] = [];
  return rows.map((cells, index) => {
    const follows = (rows[index - 1]?.length ?? 1) > 1;
    if (!follows) widths = columnWidths(rows.slice(index));
    const aligned = cells.map((cell, column) =>
      column === cells.length - 1 ? cell : `${cell.padEnd((widths[column] ?? 1) - 1)} `,
    );
    return aligned.join('').trimEnd().replace(CONTROL, '\u{fffd}');
  });
}

/** Widths of the columns in the table that the first of the rows begins: it ends before the first row without a tab. */
function columnWidths(rows: readonly (readonly string[])[]): readonly number[] {
  const end = rows.findIndex((cells) => cells.length === 1);
  const widths: number[] = [];
  for (const cells of rows.slice(0, end < 0 ? rows.length : end)) {
    cells.slice(0, -1).forEach((cell, column) => {
      const wanted = cell.length > MOST_COLUMN ? 0 : cell.length + COLUMN_GAP;
      widths[column] = Math.max(LEAST_COLUMN, widths[column] ?? 0, wanted);
    });
  }
  return widths;
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
  const shown = cleanLines(kept).map((line) => sheet.fit(line, width - 2 * MARGIN));
  sheet.prepare(shown.join(''));
  shown.forEach((line, index) => {
    sheet.draw(raster, line, MARGIN, MARGIN + index * sheet.cellHeight, TEXT);
  });
  return raster;
}
