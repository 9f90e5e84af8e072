import { AppError } from '../../../errors.js';
import type { TiffContainer, TiffDirectory } from './tiff-directory.js';
import { layoutOf, pageBytes, type TiffLayout } from './tiff-layout.js';
import { segmentsOf, type TiffSegments } from './tiff-segments.js';
import type { TiffPageGroup } from './tiff-structure.js';

/** One page, ready to be read. */
interface TiffPageParts {
  readonly layout: TiffLayout;
  readonly directory: TiffDirectory;
  readonly segments: TiffSegments;
}

/**
 * A page of a group, or one of the planes that lie behind the only one.
 * @param page from 0
 * @param plane from 0; more than 0 only of pages that are not compressed
 * @throws AppError FORMAT_INVALID when its directory is damaged or its pixels cannot be found.
 */
export function tiffPage(
  container: TiffContainer,
  group: TiffPageGroup,
  page: number,
  plane: number,
): TiffPageParts {
  const parts = page === 0 ? firstPage(group) : laterPage(container, group, page);
  if (plane === 0) return parts;
  const distance = plane * pageBytes(parts.layout);
  const offsets = parts.segments.offsets.map((offset) => offset + distance);
  return { ...parts, segments: { ...parts.segments, offsets } };
}

function firstPage({ layout, directory, segments }: TiffPageGroup): TiffPageParts {
  return { layout, directory, segments: found(segments) };
}

/** Pages of one kind may still differ in how their strips or tiles lie. */
function laterPage(container: TiffContainer, group: TiffPageGroup, page: number): TiffPageParts {
  const place = group.pages[page];
  const directory = place === undefined ? null : container.directoryOr(place.offset, null);
  if (directory === null) {
    throw new AppError('FORMAT_INVALID', `The TIFF page ${page + 1} cannot be found.`);
  }
  const layout = found(layoutOf(container, directory));
  return { layout, directory, segments: found(segmentsOf(container, directory, layout)) };
}

function found<T extends object>(part: T | string): T {
  if (typeof part === 'string') throw new AppError('FORMAT_INVALID', part);
  return part;
}
