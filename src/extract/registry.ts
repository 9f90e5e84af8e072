import type { CompanionRule } from '../domain/companion-rule.js';
import type { Extractor } from './extractor.js';
import { dmExtractor } from './formats/dm.js';
import { msaExtractor } from './formats/msa.js';
import { pictureExtractor } from './formats/picture.js';
import { textExtractor } from './formats/text.js';
import { tiffExtractor } from './formats/tiff.js';

/** Every format, in the order in which they are asked: the first whose sniff says yes reads the file. */
export const EXTRACTORS: readonly Extractor[] = [
  dmExtractor,
  tiffExtractor,
  msaExtractor,
  pictureExtractor,
  textExtractor,
];

/** Lower-case extensions, with dot, that some format claims as its main files: what an `exclusive` search finds. */
export const CLAIMED_EXTENSIONS: readonly string[] = [
  ...new Set(EXTRACTORS.flatMap((extractor) => extractor.extensions)),
];

/** The companions of all formats. */
export const COMPANION_RULES: readonly CompanionRule[] = EXTRACTORS.flatMap(
  (extractor) => extractor.companions ?? [],
);
