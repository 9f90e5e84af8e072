import { inflateSync } from 'node:zlib';
import { COMMON_CHARACTERS, COMMON_GLYPHS } from './common-glyphs.js';
import { blendPixel, type Ink, type Raster } from './raster.js';
import { renderGlyphs } from './render-glyphs.js';

/** Glyphs kept; texts in many scripts start the sheet anew. */
const GLYPH_LIMIT = 4096;
const REPLACEMENT = 0xfffd;
const SPACE = 0x20;

/** Widths of cells in pixels that texts are drawn in; cells are twice as high. */
export type CellWidth = keyof typeof COMMON_GLYPHS;

/** The width of a cell in labels of axes, scale bars and frames. */
export const LABEL_CELL_WIDTH = 7;

/** What a code point is drawn as: control characters, lone surrogates and noncharacters get the replacement sign. */
function drawableCodePoint(codePoint: number): number {
  if (codePoint === 0xa0 || codePoint === 0x09) return SPACE;
  const isControl = codePoint < 0x20 || (codePoint >= 0x7f && codePoint < 0xa0);
  const isSurrogate = codePoint >= 0xd800 && codePoint <= 0xdfff;
  const isNoncharacter = (codePoint & 0xfffe) === 0xfffe;
  return isControl || isSurrogate || isNoncharacter ? REPLACEMENT : codePoint;
}

/** The code points of a text as they are drawn, one a cell. */
function cellsOf(text: string): number[] {
  return Array.from(text, (character) => drawableCodePoint(character.codePointAt(0) ?? SPACE));
}

/**
 * Glyphs of DejaVu Sans Mono in cells of one size. Those of common characters come with the program; others are rendered
 * when they are first needed. A text looks the same everywhere.
 */
export class GlyphSheet {
  /** Pixels. */
  readonly cellWidth: CellWidth;
  readonly cellHeight: number;
  readonly #masks = new Map<number, Uint8Array>();

  constructor(cellWidth: CellWidth) {
    this.cellWidth = cellWidth;
    this.cellHeight = cellWidth * 2;
    const length = cellWidth * this.cellHeight;
    const masks = inflateSync(Buffer.from(COMMON_GLYPHS[cellWidth], 'base64'));
    cellsOf(COMMON_CHARACTERS).forEach((codePoint, index) => {
      this.#masks.set(codePoint, masks.subarray(index * length, (index + 1) * length));
    });
  }

  /** Width of a text in pixels. */
  widthOf(text: string): number {
    return Array.from(text).length * this.cellWidth;
  }

  /** Cuts a text that is wider than `width` pixels; the cut is shown by an ellipsis. */
  fit(text: string, width: number): string {
    const room = Math.max(0, Math.floor(width / this.cellWidth));
    const characters = Array.from(text);
    if (characters.length <= room) return text;
    return room === 0 ? '' : `${characters.slice(0, room - 1).join('')}…`;
  }

  /** Renders the glyphs of a text that are not on the sheet yet, all at once. */
  prepare(text: string): void {
    const missing = [...new Set(cellsOf(text))].filter(
      (codePoint) => codePoint !== SPACE && !this.#masks.has(codePoint),
    );
    if (missing.length === 0) return;
    if (this.#masks.size + missing.length > GLYPH_LIMIT) this.#masks.clear();
    renderGlyphs(this.cellWidth, missing).forEach((mask, index) => {
      this.#masks.set(missing[index] ?? REPLACEMENT, mask);
    });
  }

  /** Writes a text from its upper left corner to the right. */
  draw(raster: Raster, text: string, left: number, top: number, ink: Ink): void {
    this.#eachInked(text, (x, y, coverage) => {
      blendPixel(raster, left + x, top + y, ink, coverage);
    });
  }

  /** Writes a text upwards: `left` is the left edge of its line, `bottom` where it begins. */
  drawUpwards(raster: Raster, text: string, left: number, bottom: number, ink: Ink): void {
    this.#eachInked(text, (x, y, coverage) => {
      blendPixel(raster, left + y, bottom - x, ink, coverage);
    });
  }

  #eachInked(text: string, visit: (x: number, y: number, coverage: number) => void): void {
    this.prepare(text);
    cellsOf(text).forEach((codePoint, cell) => {
      const mask = this.#masks.get(codePoint);
      if (mask === undefined) return;
      for (let y = 0; y < this.cellHeight; y += 1) {
        for (let x = 0; x < this.cellWidth; x += 1) {
          const coverage = mask[y * this.cellWidth + x] ?? 0;
          if (coverage > 0) visit(cell * this.cellWidth + x, y, coverage);
        }
      }
    });
  }
}

const sheets = new Map<CellWidth, GlyphSheet>();

/** The sheet of a cell width in pixels. */
export function glyphSheet(cellWidth: CellWidth): GlyphSheet {
  const sheet = sheets.get(cellWidth) ?? new GlyphSheet(cellWidth);
  sheets.set(cellWidth, sheet);
  return sheet;
}
