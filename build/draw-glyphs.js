// @ts-check
import { writeFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import { renderGlyphs } from '../dist/extract/previews/render-glyphs.js';

/*
 * npm run glyphs: draws the characters that labels of previews mostly consist of, so that a reader process need not load a
 * renderer of fonts for them.
 */
const ascii = Array.from({ length: 94 }, (_, index) => String.fromCharCode(33 + index)).join('');
const characters = `${ascii}µμÅ°×·±−–—…‘’“”⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉αβγδθλσΔΣΩ½äöüßéèñç\ufffd`;
const codePoints = Array.from(characters, (character) => character.codePointAt(0) ?? 0);

/** @param {number} cellWidth */
function glyphs(cellWidth) {
  const masks = Buffer.concat(renderGlyphs(cellWidth, codePoints));
  return deflateSync(masks, { level: 9 }).toString('base64');
}

writeFileSync(
  new URL('../src/extract/previews/common-glyphs.ts', import.meta.url),
  `// Made by \`npm run glyphs\`.

/** Characters whose glyphs come with the program. */
export const COMMON_CHARACTERS =
  ${JSON.stringify(characters).replaceAll("'", "\\'").replace(/^"|"$/g, "'").replaceAll('\\"', '"')};

/** Their coverages (0 to 255, row by row, cell after cell) for each width of a cell, deflated, as base64. */
export const COMMON_GLYPHS = {
  6: '${glyphs(6)}',
  7: '${glyphs(7)}',
} as const;
`,
);
