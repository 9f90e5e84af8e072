import type { CompanionRule } from '../domain/companion-rule.js';
import type { Extractor } from './extractor.js';
import { blockfileExtractor } from './formats/blockfile.js';
import { brukerExtractor } from './formats/bruker.js';
import { dicomExtractor } from './formats/dicom.js';
import { dmExtractor } from './formats/dm.js';
import { edaxExtractor } from './formats/edax.js';
import { emiExtractor } from './formats/emi.js';
import { empadExtractor } from './formats/empad.js';
import { hdf5Extractor } from './formats/hdf5.js';
import { jeolExtractor } from './formats/jeol.js';
import { mibExtractor } from './formats/mib.js';
import { mrcExtractor } from './formats/mrc.js';
import { msaExtractor } from './formats/msa.js';
import { pictureExtractor } from './formats/picture.js';
import { serExtractor } from './formats/ser.js';
import { textExtractor } from './formats/text.js';
import { tiffExtractor } from './formats/tiff.js';
import { tvipsStreamExtractor } from './formats/tvips-stream.js';

/** Every format, in the order in which they are asked: the first whose sniff says yes reads the file. */
export const EXTRACTORS: readonly Extractor[] = [
  dmExtractor,
  serExtractor,
  emiExtractor,
  hdf5Extractor,
  // Before TIFF: the bytes before a DICOM data set may be a TIFF header.
  dicomExtractor,
  tiffExtractor,
  brukerExtractor,
  blockfileExtractor,
  mibExtractor,
  jeolExtractor,
  mrcExtractor,
  msaExtractor,
  // These have no mark of their own: sizes, versions or words must fit.
  edaxExtractor,
  tvipsStreamExtractor,
  empadExtractor,
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
