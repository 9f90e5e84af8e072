import type { FileSource } from '../../extractor.js';
import { decodeText, textOf } from '../tiff/tiff-directory.js';
import type { TiffVendorInput } from './tiff-vendor.js';

/** FEI_HELIOS and FEI_SFEG, the private tags that hold the INI text. */
const FEI_TAGS = [34682, 34680] as const;
const MAX_TEXT_BYTES = 4 * 1024 * 1024;
/** The text begins with this section. */
const FIRST_SECTION = '[User]';
/** Bytes searched at each end of a damaged file. */
const SEARCH_BYTES = 16 * 1024 * 1024;
const SEARCH_STEP = 1024 * 1024;

/** The FEI text of a TIFF, and whether it had to be searched for. */
export interface FeiText {
  readonly text: string;
  readonly foundBySearch: boolean;
}

/** Finds the FEI text: by its tag, or in a damaged file by its first section; null when there is none. */
export function findFeiText(input: TiffVendorInput): FeiText | null {
  const { container, directory } = input;
  if (container !== null && directory !== null) {
    for (const tag of FEI_TAGS) {
      const entry = directory.entries.get(tag);
      if (entry === undefined) continue;
      const text = textOf(container, entry, MAX_TEXT_BYTES);
      if (/^\s*\[[^\]\r\n]+\]/.test(text)) return { text, foundBySearch: false };
    }
  }
  if (!input.damaged) return null;
  const at = searchSection(input.file);
  if (at === null) return null;
  const bytes = input.file.readUpTo(at, MAX_TEXT_BYTES);
  const end = bytes.indexOf(0);
  return { text: decodeText(end < 0 ? bytes : bytes.subarray(0, end)), foundBySearch: true };
}

/** Looks at the last bytes first: the text lies behind the pixels in all files seen. */
function searchSection(file: FileSource): number | null {
  const tail = Math.max(0, file.sizeBytes - SEARCH_BYTES);
  for (let at = file.sizeBytes - SEARCH_STEP; at > tail - SEARCH_STEP; at -= SEARCH_STEP) {
    const found = searchStep(file, Math.max(at, tail));
    if (found !== null) return found;
  }
  for (let at = 0; at < Math.min(tail, SEARCH_BYTES); at += SEARCH_STEP) {
    const found = searchStep(file, at);
    if (found !== null) return found;
  }
  return null;
}

function searchStep(file: FileSource, at: number): number | null {
  const bytes = file.readUpTo(at, SEARCH_STEP + FIRST_SECTION.length - 1);
  const found = bytes.indexOf(FIRST_SECTION, 0, 'latin1');
  return found < 0 ? null : at + found;
}
