import { expect, test } from '@jest/globals';
import { COMMON_CHARACTERS } from '../../src/extract/previews/common-glyphs.js';
import { glyphSheet, type CellWidth } from '../../src/extract/previews/glyph-sheet.js';
import { BLACK, createRaster } from '../../src/extract/previews/raster.js';
import { renderGlyphs } from '../../src/extract/previews/render-glyphs.js';

function drawn(cellWidth: CellWidth, text: string): number[] {
  const sheet = glyphSheet(cellWidth);
  const raster = createRaster(sheet.widthOf(text), sheet.cellHeight, 1);
  sheet.draw(raster, text, 0, 0, BLACK);
  return Array.from(raster.data, (grey) => 255 - grey);
}

test.each([6, 7] as const)(
  'the glyphs that come with the program are those of its font, %i pixels wide',
  (cellWidth) => {
    const characters = Array.from(COMMON_CHARACTERS);
    const rendered = renderGlyphs(
      cellWidth,
      characters.map((character) => character.codePointAt(0) ?? 0),
    );
    const wrong = characters.filter(
      (character, index) =>
        drawn(cellWidth, character).join() !== Array.from(rendered[index] ?? []).join(),
    );
    expect(wrong).toEqual([]);
  },
);

test('a character that does not come with the program is drawn, too', () => {
  const [rendered] = renderGlyphs(7, ['Ж'.codePointAt(0) ?? 0]);
  expect(rendered?.some((coverage) => coverage > 0)).toBe(true);
  expect(drawn(7, 'Ж')).toEqual(Array.from(rendered ?? []));
});
