import { createRequire } from 'node:module';
import { blendPixel, type Ink, type Raster } from './raster.js';

/** Advance of every DejaVu Sans Mono glyph, in font units of 2048 an em. */
const ADVANCE_UNITS = 1233;
const UNITS_PER_EM = 2048;
const BASELINE_SHARE = 0.78;
/** Glyphs kept; texts in many scripts start the sheet anew. */
const GLYPH_LIMIT = 4096;
const REPLACEMENT = 0xfffd;
const SPACE = 0x20;

type Resvg = typeof import('@resvg/resvg-js').Resvg;

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
 * Glyphs of DejaVu Sans Mono in cells of one size. Each glyph is rendered once a process by resvg from the font
 * file of the package, never from fonts of the machine, so a text looks the same everywhere.
 */
export class GlyphSheet {
  /** Pixels. */
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly #resvg: Resvg;
  readonly #fontFile: string;
  readonly #masks = new Map<number, Uint8Array>();

  constructor(resvg: Resvg, fontFile: string, cellWidth: number) {
    this.#resvg = resvg;
    this.#fontFile = fontFile;
    this.cellWidth = cellWidth;
    this.cellHeight = cellWidth * 2;
    this.prepare(
      Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join(''),
    );
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
    // An empty cell between two glyphs keeps what overhangs out of the neighbour.
    const pitch = this.cellWidth * 2;
    const size = (this.cellWidth * UNITS_PER_EM) / ADVANCE_UNITS;
    const baseline = Math.round(this.cellHeight * BASELINE_SHARE);
    const texts = missing.map(
      (codePoint, index) => `<text x="${index * pitch}" y="${baseline}">&#${codePoint};</text>`,
    );
    const svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${missing.length * pitch}" height="${this.cellHeight}">` +
      `<g font-family="DejaVu Sans Mono" font-size="${size}">${texts.join('')}</g></svg>`;
    const image = new this.#resvg(svg, {
      font: {
        loadSystemFonts: false,
        fontFiles: [this.#fontFile],
        defaultFontFamily: 'DejaVu Sans Mono',
      },
    }).render();
    const { pixels } = image;
    missing.forEach((codePoint, index) => {
      const mask = new Uint8Array(this.cellWidth * this.cellHeight);
      for (let y = 0; y < this.cellHeight; y += 1) {
        for (let x = 0; x < this.cellWidth; x += 1) {
          mask[y * this.cellWidth + x] = pixels[(y * image.width + index * pitch + x) * 4 + 3] ?? 0;
        }
      }
      this.#masks.set(codePoint, mask);
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

const sheets = new Map<number, Promise<GlyphSheet>>();

/** The sheet of a cell width in pixels (cells are twice as high); loads the renderer at the first call. */
export function glyphSheet(cellWidth: 6 | 7): Promise<GlyphSheet> {
  let sheet = sheets.get(cellWidth);
  if (sheet === undefined) {
    sheet = import('@resvg/resvg-js').then(({ Resvg }) => {
      const fontFile = createRequire(import.meta.url).resolve(
        'dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf',
      );
      return new GlyphSheet(Resvg, fontFile, cellWidth);
    });
    sheets.set(cellWidth, sheet);
  }
  return sheet;
}
