import { createRequire } from 'node:module';
import { AppError } from '../../errors.js';

/** Advance of every DejaVu Sans Mono glyph, in font units of 2048 an em. */
const ADVANCE_UNITS = 1233;
const UNITS_PER_EM = 2048;
const BASELINE_SHARE = 0.78;
const FONT_FAMILY = 'DejaVu Sans Mono';

type Resvg = typeof import('@resvg/resvg-js').Resvg;

function isRenderer(value: unknown): value is { readonly Resvg: Resvg } {
  return (
    typeof value === 'object' &&
    value !== null &&
    'Resvg' in value &&
    typeof value.Resvg === 'function'
  );
}

/**
 * Renders glyphs of DejaVu Sans Mono with resvg, from the font file of the package and never from fonts of the machine.
 * Loads the renderer: a tenth of a second.
 * @param cellWidth pixels; cells are twice as high
 * @returns for each code point the coverage of its cell, 0 to 255, row by row
 * @throws AppError INTERNAL when the package resvg is not as expected
 */
export function renderGlyphs(cellWidth: number, codePoints: readonly number[]): Uint8Array[] {
  const require = createRequire(import.meta.url);
  const loaded: unknown = require('@resvg/resvg-js');
  if (!isRenderer(loaded)) {
    throw new AppError('INTERNAL', 'The package @resvg/resvg-js is not the expected version.', {
      remedy: 'Install recordsmith again.',
    });
  }
  const cellHeight = cellWidth * 2;
  // An empty cell between two glyphs keeps what overhangs out of the neighbour.
  const pitch = cellWidth * 2;
  const size = (cellWidth * UNITS_PER_EM) / ADVANCE_UNITS;
  const baseline = Math.round(cellHeight * BASELINE_SHARE);
  const texts = codePoints.map(
    (codePoint, index) => `<text x="${index * pitch}" y="${baseline}">&#${codePoint};</text>`,
  );
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${codePoints.length * pitch}" height="${cellHeight}">` +
    `<g font-family="${FONT_FAMILY}" font-size="${size}">${texts.join('')}</g></svg>`;
  const { pixels, width } = new loaded.Resvg(svg, {
    font: {
      loadSystemFonts: false,
      fontFiles: [require.resolve('dejavu-fonts-ttf/ttf/DejaVuSansMono.ttf')],
      defaultFontFamily: FONT_FAMILY,
    },
  }).render();
  return codePoints.map((_, index) => {
    const mask = new Uint8Array(cellWidth * cellHeight);
    for (let y = 0; y < cellHeight; y += 1) {
      for (let x = 0; x < cellWidth; x += 1) {
        mask[y * cellWidth + x] = pixels[(y * width + index * pitch + x) * 4 + 3] ?? 0;
      }
    }
    return mask;
  });
}
