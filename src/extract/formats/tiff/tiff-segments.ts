import type { TiffContainer, TiffDirectory } from './tiff-directory.js';
import { TAG, type TiffLayout } from './tiff-layout.js';

/** Where the strips or tiles of a page lie; row by row of segments, plane after plane. */
export interface TiffSegments {
  readonly offsets: readonly number[];
  readonly byteCounts: readonly number[];
  /** Whether two of them share bytes, as in files whose numbers were damaged. */
  readonly overlapping: boolean;
}

/** More strips or tiles in one page are not read. */
const MAX_SEGMENTS = 2 ** 22;

/** The strips or tiles of a page, or in words why its pixels cannot be found. */
export function segmentsOf(
  container: TiffContainer,
  directory: TiffDirectory,
  layout: TiffLayout,
): TiffSegments | string {
  const planes = layout.planar ? layout.samplesPerPixel : 1;
  const needed =
    planes *
    Math.ceil(layout.width / layout.segmentWidth) *
    Math.ceil(layout.height / layout.segmentHeight);
  if (needed > MAX_SEGMENTS) return `The TIFF page claims ${needed} strips or tiles.`;
  const offsetEntry = directory.entries.get(layout.tiled ? TAG.tileOffsets : TAG.stripOffsets);
  const countEntry = directory.entries.get(layout.tiled ? TAG.tileByteCounts : TAG.stripByteCounts);
  if (offsetEntry === undefined || offsetEntry.count < needed) {
    return `The TIFF page names ${offsetEntry?.count ?? 0} of its ${needed} strips or tiles.`;
  }
  if (countEntry === undefined && layout.compression !== 1) {
    return 'The TIFF page does not say how long its compressed strips or tiles are.';
  }
  const offsets = container.numbersOf(offsetEntry, needed);
  const stated = countEntry === undefined ? [] : container.numbersOf(countEntry, needed);
  const rowBytes =
    Math.ceil((layout.segmentWidth * layout.samplesPerPixel * layout.bitsPerSample) / 8) / planes;
  const byteCounts = offsets.map((offset, index) =>
    layout.compression === 1 && offset !== 0
      ? rowBytes * (layout.tiled ? layout.segmentHeight : segmentRows(layout, index))
      : (stated[index] ?? 0),
  );
  for (const [index, offset] of offsets.entries()) {
    if (offset + (byteCounts[index] ?? 0) > container.source.sizeBytes) {
      return `Strip or tile ${index + 1} of the TIFF page lies outside the file.`;
    }
  }
  return { offsets, byteCounts, overlapping: isOverlapping(offsets, byteCounts) };
}

/** Rows of a strip: the last one of a page may be shorter. */
export function segmentRows(layout: TiffLayout, strip: number): number {
  const down = Math.ceil(layout.height / layout.segmentHeight);
  const top = (strip % down) * layout.segmentHeight;
  return Math.min(layout.segmentHeight, layout.height - top);
}

function isOverlapping(offsets: readonly number[], byteCounts: readonly number[]): boolean {
  const ranges = offsets
    .map((offset, index) => ({ offset, end: offset + (byteCounts[index] ?? 0) }))
    .filter((range) => range.end > range.offset)
    .sort((a, b) => a.offset - b.offset);
  return ranges.some((range, index) => index > 0 && range.offset < (ranges[index - 1]?.end ?? 0));
}
