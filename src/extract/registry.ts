import type { Extractor } from './extractor.js';

/** Every format, in the order in which they are asked: the first whose sniff says yes reads the file. */
export const EXTRACTORS: readonly Extractor[] = [];
