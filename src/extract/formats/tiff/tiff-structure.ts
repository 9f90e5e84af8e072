import { AppError } from '../../../errors.js';
import type { ByteSource } from './byte-source.js';
import { TiffContainer, type TiffDirectory } from './tiff-directory.js';
import { layoutOf, stackKeyOf, type TiffLayout } from './tiff-layout.js';
import { segmentsOf, type TiffSegments } from './tiff-segments.js';

/** Pages of one layout: one signal. */
export interface TiffPageGroup {
  readonly layout: TiffLayout;
  /** Of its first page. */
  readonly directory: TiffDirectory;
  /** Place of its first page in the chain, from 0. */
  readonly index: number;
  /** Where its first page's pixels lie, or in words why they cannot be found. */
  readonly segments: TiffSegments | string;
  /** All of its pages, in order. */
  readonly pages: readonly TiffPagePlace[];
}

/** Where a page is. */
export interface TiffPagePlace {
  /** Of its directory. */
  readonly offset: number;
  /** Place in the chain, from 0. */
  readonly index: number;
}

/** What the container holds. */
export interface TiffStructure {
  readonly container: TiffContainer | null;
  readonly groups: readonly TiffPageGroup[];
  readonly warnings: readonly string[];
  /** Whether something in it points outside the file or contradicts itself. */
  readonly damaged: boolean;
}

/** Pages of more different layouts are not told apart. */
const MAX_GROUPS = 64;
const MAX_WARNINGS = 20;

/** Walks the chain of directories and sorts pages of one layout together. What is damaged becomes warnings. */
export function readTiffStructure(source: ByteSource): TiffStructure {
  const warnings: string[] = [];
  const groups = new Map<string, TiffPageGroup & { readonly pages: TiffPagePlace[] }>();
  let container: TiffContainer | null = null;
  let isWhole = true;
  let index = 0;
  try {
    container = new TiffContainer(source);
    for (const directory of container.directories((fault) => warnings.push(fault))) {
      if (index === 0) warnings.push(...directory.faults);
      const layout = layoutOf(container, directory);
      if (typeof layout === 'string') {
        warnings.push(layout);
        if (index === 0) isWhole = false;
      } else if (index === 0 || !layout.secondary) {
        const key = stackKeyOf(layout);
        const group = groups.get(key);
        const page = { offset: directory.offset, index };
        if (group !== undefined) group.pages.push(page);
        else if (groups.size < MAX_GROUPS) {
          const segments = segmentsOf(container, directory, layout);
          groups.set(key, { layout, directory, index, segments, pages: [page] });
        } else
          warnings.push(`The TIFF page at ${directory.offset} is of a further kind: left out.`);
      }
      index += 1;
      if (warnings.length >= MAX_WARNINGS) break;
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'FORMAT_INVALID') throw error;
    warnings.push(error.message);
  }
  const segments = [...groups.values()][0]?.segments ?? 'No page.';
  const damaged =
    !isWhole || warnings.length > 0 || typeof segments === 'string' || segments.overlapping;
  return { container, groups: [...groups.values()], warnings, damaged };
}
