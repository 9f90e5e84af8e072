import type { AxisCalibration } from '../../../domain/file-metadata.js';
import { isConvertible } from '../../../domain/units.js';
import type { ExtractedSignal, FileSource, PreviewSource } from '../../extractor.js';
import { MetadataBuilder } from '../../harmonise.js';
import { imageStack } from '../binary/image-stack.js';
import type { TiffAxes, TiffStackAxis, TiffVendorAnswer } from '../tiff-vendors/tiff-vendor.js';
import { arrayOf, pageBytes } from './tiff-layout.js';
import { tiffPage } from './tiff-page.js';
import { previewWayOf, tiffPreview, type TiffPage } from './tiff-preview.js';
import { acquiredOf, resolutionPixelSize } from './tiff-tags.js';
import type { TiffPageGroup, TiffStructure } from './tiff-structure.js';

/** All that the signals of one file are made of. */
export interface TiffFindings {
  readonly file: FileSource;
  readonly structure: TiffStructure;
  readonly answer: TiffVendorAnswer | null;
  /** IANA zone of the instrument. */
  readonly timezone: string;
  /** Warnings that come up are added here. */
  readonly warnings: string[];
}

/** The signals of a file: one for each kind of page, or one without pixels where only a search found metadata. */
export function tiffSignals(found: TiffFindings): ExtractedSignal[] {
  const { groups } = found.structure;
  if (groups.length === 0 || found.answer?.foundBySearch === true) return [searchedSignal(found)];
  return groups.map((group) => signalOf(found, group));
}

/** The signal of a file whose metadata were found although its structure is damaged: no pixels. */
function searchedSignal({ answer, warnings }: TiffFindings): ExtractedSignal {
  warnings.unshift(
    'The TIFF structure is damaged: metadata were found by searching, the picture cannot be shown.',
  );
  const size = answer?.statedSize ?? null;
  const axes = answer?.axes ?? null;
  return {
    title: answer?.title ?? null,
    type: answer?.type ?? 'Image',
    role: 'Experimental',
    metadata: withPixelSize(answer?.metadata ?? new MetadataBuilder(), axes).build(),
    shape: size === null ? [] : [size.height, size.width],
    calibration: size === null || axes === null ? [] : [axes.rows, axes.columns],
    dtype: null,
    acquiredMs: answer?.acquiredMs ?? null,
    previewOf: null,
  };
}

function signalOf(found: TiffFindings, group: TiffPageGroup): ExtractedSignal {
  const { structure, answer, warnings } = found;
  const { container } = structure;
  const planes = planesOf(found, group);
  const { shape, dtype } = arrayOf(group.layout, 1);
  const pages = group.pages.length * planes;
  const isFirst = group === structure.groups[0];
  const stack = stackOf(isFirst ? (answer?.stack ?? []) : [], pages);
  const axes = axesOfGroup(found, group);
  const metadata = answer?.metadata ?? new MetadataBuilder();
  // DateTime is when the file was written, which is as good as it gets where the vendor says nothing.
  const written =
    answer?.acquiredMs == null && container !== null
      ? acquiredOf(container, group.directory, found.timezone)
      : null;
  if (written !== null) {
    if (!metadata.has('Acquisition Time')) metadata.text('Acquisition Time', written.iso);
    if (written.warning !== null && isFirst) warnings.push(written.warning);
  }
  const calibration = [
    ...stack.map(({ scale, origin, unit }) => ({ scale, origin, unit })),
    axes?.rows ?? UNCALIBRATED,
    axes?.columns ?? UNCALIBRATED,
    ...shape.slice(2).map(() => UNCALIBRATED),
  ];
  return {
    title: answer?.title ?? null,
    type: answer?.type ?? 'Image',
    role: 'Experimental',
    metadata: withPixelSize(metadata, answer === null ? null : axes).build(),
    shape: [...stack.map(({ length }) => length), ...shape],
    calibration: calibration.every(isUncalibrated) ? [] : calibration,
    dtype,
    acquiredMs: answer?.acquiredMs ?? written?.epochMs ?? null,
    previewOf: previewFor(found, group, axes, planes),
  };
}

const UNCALIBRATED: AxisCalibration = { scale: 1, origin: 0, unit: '' };

function isUncalibrated({ scale, origin, unit }: AxisCalibration): boolean {
  return scale === 1 && origin === 0 && unit === '';
}

/** Planes that lie behind one directory, where the file is long enough to hold them. */
function planesOf(
  { file, answer, structure, warnings }: TiffFindings,
  group: TiffPageGroup,
): number {
  const planes = answer?.planes ?? 1;
  const { layout, segments } = group;
  if (planes === 1 || group !== structure.groups[0] || typeof segments === 'string') return 1;
  const room = file.sizeBytes - (segments.offsets[0] ?? 0);
  if (layout.compression === 1 && pageBytes(layout) * planes <= room) return planes;
  warnings.push(`The file promises ${planes} planes and holds one.`);
  return 1;
}

/** The axes slower than the rows: as the vendor says where that gives the number of pages, else one for all. */
function stackOf(
  stated: readonly TiffStackAxis[],
  pages: number,
): (AxisCalibration & { readonly length: number })[] {
  if (pages === 1) return [];
  const axes = stated
    .map((axis) => ({ ...axis, length: axis.length ?? pages }))
    .filter(({ length }) => length !== 1);
  const fits = axes.reduce((product, { length }) => product * length, 1) === pages;
  return fits && axes.every(({ length }) => Number.isInteger(length) && length > 1)
    ? axes
    : [{ ...UNCALIBRATED, length: pages }];
}

/** The vendor's calibration holds for pages as wide as the first; else what the resolution tags say. */
function axesOfGroup({ structure, answer }: TiffFindings, group: TiffPageGroup): TiffAxes | null {
  const isFirstSize = group.layout.width === structure.groups[0]?.layout.width;
  if (answer !== null) return isFirstSize ? answer.axes : null;
  if (structure.container === null) return null;
  const size = resolutionPixelSize(structure.container, group.directory);
  if (size === null) return null;
  return {
    rows: { scale: size.y, origin: 0, unit: size.unit },
    columns: { scale: size.x, origin: 0, unit: size.unit },
  };
}

/** Adds the size of a pixel where it is a length. */
function withPixelSize(metadata: MetadataBuilder, axes: TiffAxes | null): MetadataBuilder {
  if (axes === null) return metadata;
  const { rows, columns } = axes;
  // A wavelength over time has a length on one axis only, which is no size of a pixel.
  if (!isConvertible(columns.unit, 'nm') || !isConvertible(rows.unit, 'nm')) return metadata;
  return metadata
    .number('Pixel Width', columns.scale, columns.unit)
    .number('Pixel Height', rows.scale, rows.unit);
}

/** What reads the preview's source; null, with a warning, where it is known that nothing can be shown. */
function previewFor(
  { file, structure, answer, warnings }: TiffFindings,
  group: TiffPageGroup,
  axes: TiffAxes | null,
  planes: number,
): ExtractedSignal['previewOf'] {
  const { container } = structure;
  if (container === null) return null;
  const way = previewWayOf(group.layout, file.sizeBytes);
  const { segments } = group;
  if (way.kind === 'none') {
    warnings.push(`No preview: ${way.reason}`);
    return null;
  }
  const pixelSize = answer?.hasOwnScaleBar === true ? null : pixelSizeOf(axes);
  if (way.kind === 'encoded') return () => encodedPages(file, group, pixelSize);
  if (typeof segments === 'string') {
    warnings.push(`No preview: ${segments}`);
    return null;
  }
  const drawn = {
    pixelSize,
    pictureHeight: answer?.pictureHeight ?? null,
    isDiffraction: answer?.type === 'Diffraction',
  };
  return () =>
    imageStack(group.pages.length * planes, pageBytes(group.layout), (frame) => {
      const page = tiffPage(container, group, Math.floor(frame / planes), frame % planes);
      return tiffPreview(container, { ...page, ...drawn });
    });
}

/** For the scale bar; null where there is none: a bar on axes of different units would measure only one of them. */
function pixelSizeOf(axes: TiffAxes | null): TiffPage['pixelSize'] {
  const isSquare = axes !== null && axes.rows.unit === axes.columns.unit && axes.rows.unit !== '';
  return isSquare ? { size: axes.columns.scale, unit: axes.columns.unit } : null;
}

/** Pages that a common decoder reads: the file is read once. */
function encodedPages(
  file: FileSource,
  { layout, pages }: TiffPageGroup,
  pixelSize: TiffPage['pixelSize'],
): PreviewSource {
  const bytes = file.read(0, file.sizeBytes);
  return imageStack(pages.length, pageBytes(layout), (frame) => {
    const page = pages[frame]?.index ?? 0;
    return { kind: 'encoded', bytes, page, pixelSize };
  });
}
