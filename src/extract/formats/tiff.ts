import { AppError } from '../../errors.js';
import type { AxisCalibration } from '../../domain/file-metadata.js';
import type { ExtractedFile, ExtractedSignal, Extractor, FileSource } from '../extractor.js';
import { MetadataBuilder } from '../harmonise.js';
import { TiffContainer, type TiffDirectory } from './tiff/tiff-directory.js';
import { arrayOf, layoutOf, stackKeyOf, type TiffLayout } from './tiff/tiff-layout.js';
import { previewWayOf, tiffPreview } from './tiff/tiff-preview.js';
import { acquiredOf, resolutionPixelSize, tagsOf } from './tiff/tiff-tags.js';
import { segmentsOf, type TiffSegments } from './tiff/tiff-segments.js';
import type { TiffPixelSize, TiffVendorAnswer } from './tiff-vendors/tiff-vendor.js';
import { TIFF_VENDORS } from './tiff-vendors/tiff-vendors.js';

/** Pages of one layout: one signal. */
interface PageGroup {
  readonly layout: TiffLayout;
  readonly directory: TiffDirectory;
  /** Of its first page in the chain. */
  readonly index: number;
  /** Where its first page's pixels lie, or in words why they cannot be found. */
  readonly segments: TiffSegments | string;
  pages: number;
}

/** What the container holds. */
interface TiffStructure {
  readonly container: TiffContainer | null;
  readonly groups: readonly PageGroup[];
  readonly warnings: readonly string[];
  /** Whether something in it points outside the file or contradicts itself. */
  readonly damaged: boolean;
}

/** Pages of more different layouts are not told apart. */
const MAX_GROUPS = 64;
const MAX_WARNINGS = 20;

/** TIFF and BigTIFF, with the metadata of the vendors in tiff-vendors/. */
export const tiffExtractor: Extractor = {
  id: 'tiff',
  version: 1,
  extensions: ['.tif', '.tiff'],
  promisedFormat: 'a TIFF file',

  sniff({ bytes }) {
    const magic = bytes.toString('latin1', 0, 4);
    return ['II*\0', 'MM\0*', 'II+\0', 'MM\0+'].includes(magic);
  },

  extract(file, context): ExtractedFile {
    const structure = readStructure(file);
    const first = structure.groups[0];
    let vendorName: string | null = null;
    let answer: TiffVendorAnswer | null = null;
    for (const vendor of TIFF_VENDORS) {
      answer = vendor.read({
        file,
        context,
        container: structure.container,
        directory: first?.directory ?? null,
        layout: first?.layout ?? null,
        damaged: structure.damaged,
      });
      if (answer !== null) {
        vendorName = vendor.name;
        break;
      }
    }
    if (answer === null && first === undefined) {
      throw new AppError('FORMAT_INVALID', structure.warnings[0] ?? 'The TIFF has no page.');
    }
    const warnings = [...structure.warnings, ...(answer?.warnings ?? [])];
    const found = { file, structure, answer, timezone: context.timezone, warnings };
    const signals =
      first === undefined || answer?.foundBySearch === true
        ? [searchedSignal(found)]
        : structure.groups.map((group) => signalOf(found, group));
    const kind = structure.container?.bigTiff === true ? 'BigTIFF' : 'TIFF';
    return {
      format: vendorName === null ? kind : `${kind} (${vendorName})`,
      signals,
      warnings: warnings.slice(0, MAX_WARNINGS),
      tags: {
        ...(structure.container === null || first === undefined
          ? {}
          : { TIFF: tagsOf(structure.container, first.directory) }),
        ...(vendorName === null || answer === null ? {} : { [vendorName]: answer.tags }),
      },
    };
  },
};

function readStructure(file: FileSource): TiffStructure {
  const warnings: string[] = [];
  const groups = new Map<string, PageGroup>();
  let container: TiffContainer | null = null;
  let isWhole = true;
  let index = 0;
  try {
    container = new TiffContainer(file);
    for (const directory of container.directories((fault) => warnings.push(fault))) {
      if (index === 0) warnings.push(...directory.faults);
      const layout = layoutOf(container, directory);
      if (typeof layout === 'string') {
        warnings.push(layout);
        if (index === 0) isWhole = false;
      } else if (index === 0 || !layout.secondary) {
        const key = stackKeyOf(layout);
        const group = groups.get(key);
        if (group !== undefined) group.pages += 1;
        else if (groups.size < MAX_GROUPS) {
          const segments = segmentsOf(container, directory, layout);
          groups.set(key, { layout, directory, index, segments, pages: 1 });
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

interface Found {
  readonly file: FileSource;
  readonly structure: TiffStructure;
  readonly answer: TiffVendorAnswer | null;
  readonly timezone: string;
  readonly warnings: string[];
}

/** The signal of a file whose metadata were found although its structure is damaged: no pixels. */
function searchedSignal({ answer, warnings }: Found): ExtractedSignal {
  warnings.unshift(
    'The TIFF structure is damaged: metadata were found by searching, the picture cannot be shown.',
  );
  const size = answer?.statedSize ?? null;
  return {
    title: answer?.title ?? null,
    type: answer?.type ?? 'Image',
    role: 'Experimental',
    metadata: answer?.metadata.build() ?? {},
    shape: size === null ? [] : [size.height, size.width],
    calibration: size === null ? [] : calibrationOf(2, 0, answer?.pixelSize ?? null),
    dtype: null,
    acquiredMs: answer?.acquiredMs ?? null,
    previewOf: null,
  };
}

function signalOf(found: Found, group: PageGroup): ExtractedSignal {
  const { structure, answer } = found;
  const { layout, directory } = group;
  const { container } = structure;
  const { shape, dtype } = arrayOf(layout, group.pages);
  const pixelSize = pixelSizeOf(found, group);
  const acquired =
    answer === null && container !== null ? acquiredOf(container, directory, found.timezone) : null;
  if (acquired !== null && acquired.warning !== null) found.warnings.push(acquired.warning);
  return {
    title: answer?.title ?? null,
    type: answer?.type ?? 'Image',
    role: 'Experimental',
    metadata:
      answer?.metadata.build() ??
      new MetadataBuilder().text('Acquisition Time', acquired?.iso).build(),
    shape,
    calibration: calibrationOf(shape.length, group.pages > 1 ? 1 : 0, pixelSize),
    dtype,
    acquiredMs: answer?.acquiredMs ?? acquired?.epochMs ?? null,
    previewOf: previewFor(found, group, pixelSize),
  };
}

/** What reads the preview's source; null, with a warning, where it is known that nothing can be shown. */
function previewFor(
  { file, structure, answer, warnings }: Found,
  group: PageGroup,
  pixelSize: TiffPixelSize | null,
): ExtractedSignal['previewOf'] {
  const { container } = structure;
  if (container === null) return null;
  const way = previewWayOf(group, file.sizeBytes);
  const { segments } = group;
  if (way.kind === 'none') {
    warnings.push(`No preview: ${way.reason}`);
    return null;
  }
  if (way.kind === 'encoded')
    return () => ({ kind: 'encoded', bytes: file.read(0, file.sizeBytes) });
  if (typeof segments === 'string') {
    warnings.push(`No preview: ${segments}`);
    return null;
  }
  return () =>
    tiffPreview(container, {
      layout: group.layout,
      directory: group.directory,
      segments,
      pixelSize: pixelSize === null ? null : { size: pixelSize.x, unit: pixelSize.unit },
      pictureHeight: answer?.pictureHeight ?? null,
    });
}

/** The vendor's pixel size holds for pages as wide as the first; else what the resolution tags say. */
function pixelSizeOf({ structure, answer }: Found, group: PageGroup): TiffPixelSize | null {
  const isFirstSize = group.layout.width === structure.groups[0]?.layout.width;
  if (answer !== null) return isFirstSize ? answer.pixelSize : null;
  if (structure.container === null) return null;
  return resolutionPixelSize(structure.container, group.directory);
}

/** One entry an axis: `leading` axes that are no lengths, rows, columns, then samples. */
function calibrationOf(
  axes: number,
  leading: number,
  pixelSize: TiffPixelSize | null,
): AxisCalibration[] {
  if (pixelSize === null) return [];
  return Array.from({ length: axes }, (_, axis): AxisCalibration => {
    if (axis === leading) return { scale: pixelSize.y, origin: 0, unit: pixelSize.unit };
    if (axis === leading + 1) return { scale: pixelSize.x, origin: 0, unit: pixelSize.unit };
    return { scale: 1, origin: 0, unit: '' };
  });
}
