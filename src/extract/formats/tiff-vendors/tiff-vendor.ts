import type { AxisCalibration, DatasetType } from '../../../domain/file-metadata.js';
import type { ExtractContext, FileSource, Tags } from '../../extractor.js';
import type { FileTime } from '../../file-time.js';
import type { MetadataBuilder } from '../../harmonise.js';
import { textOf, type TiffContainer, type TiffDirectory } from '../tiff/tiff-directory.js';
import type { TiffLayout } from '../tiff/tiff-layout.js';

/** What a vendor module may look at. */
export interface TiffVendorInput {
  readonly file: FileSource;
  readonly context: ExtractContext;
  /** Null when the TIFF structure cannot be read at all. */
  readonly container: TiffContainer | null;
  /** The first directory. */
  readonly directory: TiffDirectory | null;
  /** The first directory of each kind of page, the first one included. */
  readonly directories: readonly TiffDirectory[];
  readonly layout: TiffLayout | null;
  /** Pages like the first one. */
  readonly pages: number;
  /** Whether the structure shows damage: then metadata may be searched for in the bytes. */
  readonly damaged: boolean;
}

/** Calibration of the two axes of a page. */
export interface TiffAxes {
  readonly rows: AxisCalibration;
  readonly columns: AxisCalibration;
}

/** An axis slower than the rows: pages of a stack. */
export interface TiffStackAxis extends AxisCalibration {
  /** Null: as many as there are pages. */
  readonly length: number | null;
}

/** What a vendor module found. */
export interface TiffVendorAnswer {
  readonly metadata: MetadataBuilder;
  readonly type: DatasetType;
  readonly title: string | null;
  /** Epoch milliseconds, or null. */
  readonly acquiredMs: number | null;
  readonly axes: TiffAxes | null;
  /** Slowest first; without effect where the lengths do not give the number of pages. Empty: not stated. */
  readonly stack: readonly TiffStackAxis[];
  /** Planes that lie uncompressed one after another behind the only directory; 1: as the directory says. */
  readonly planes: number;
  /** Rows of the picture itself, above a data bar; null: no bar. */
  readonly pictureHeight: number | null;
  /** Whether a scale bar of the instrument's program lies in the picture itself: none is drawn over it. */
  readonly hasOwnScaleBar: boolean;
  /** Width and whole height as the vendor's metadata state them; null: they do not. */
  readonly statedSize: { readonly width: number; readonly height: number } | null;
  /** The vendor's tags as they are. */
  readonly tags: Tags;
  readonly warnings: readonly string[];
  /** Whether the metadata were found by searching, since the structure does not lead to them. */
  readonly foundBySearch: boolean;
}

/** Metadata that one vendor's programs write into TIFF files: one file and one line in the list each. */
export interface TiffVendor {
  /** For people, as in `TIFF (FEI/Thermo)`. */
  readonly name: string;
  /** The vendor's answer, or null when the file is not the vendor's. */
  read(input: TiffVendorInput): TiffVendorAnswer | null;
}

/** What a vendor module says, without what it leaves empty. */
export interface GivenAnswer
  extends
    Pick<TiffVendorAnswer, 'metadata' | 'tags'>,
    Partial<Omit<TiffVendorAnswer, 'metadata' | 'tags' | 'acquiredMs'>> {
  /** Of the acquisition; it and its warning are put where they belong. */
  readonly time?: FileTime | null;
}

/** An answer with what is not given left empty: an image without title, time and calibration. */
export function vendorAnswer({ time = null, ...given }: GivenAnswer): TiffVendorAnswer {
  given.metadata.text('Acquisition Time', time?.iso);
  const timeWarning = time?.warning ?? null;
  return {
    type: 'Image',
    title: null,
    acquiredMs: time?.epochMs ?? null,
    axes: null,
    stack: [],
    planes: 1,
    pictureHeight: null,
    hasOwnScaleBar: false,
    statedSize: null,
    foundBySearch: false,
    ...given,
    warnings: [...(given.warnings ?? []), ...(timeWarning === null ? [] : [timeWarning])],
  };
}

/** Axes of pixels of a size in one unit, beginning at 0; null when a size is missing or makes no sense. */
export function axesOf(
  x: number | null | undefined,
  y: number | null | undefined,
  unit: string,
): TiffAxes | null {
  const isSize = (size: number | null | undefined): size is number =>
    size != null && Number.isFinite(size) && size > 0;
  if (!isSize(x) || !isSize(y)) return null;
  return { rows: { scale: y, origin: 0, unit }, columns: { scale: x, origin: 0, unit } };
}

/** Axes of pixels whose sizes are given in metres, in nm rounded to 12 digits. */
export function axesOfMetres(
  x: number | null | undefined,
  y: number | null | undefined,
): TiffAxes | null {
  const nanometres = (metres: number | null | undefined): number | null =>
    metres == null ? null : Number((metres * 1e9).toPrecision(12));
  return axesOf(nanometres(x), nanometres(y), 'nm');
}

/** The text of a tag of the first directory, up to `maxBytes`; null when there is no such tag. */
export function tagText(
  { container, directory }: TiffVendorInput,
  tag: number,
  maxBytes = 65_536,
): string | null {
  const entry = directory?.entries.get(tag);
  return entry === undefined || container === null ? null : textOf(container, entry, maxBytes);
}

/** The first number of a tag of the first directory; null when there is none. */
export function tagNumber({ container, directory }: TiffVendorInput, tag: number): number | null {
  const entry = directory?.entries.get(tag);
  return entry === undefined || container === null
    ? null
    : (container.numbersOf(entry, 1)[0] ?? null);
}

/** The file's name without its extension: what sidecars are named by. */
export function baseName(file: FileSource): string {
  return file.extension === '' ? file.fileName : file.fileName.slice(0, -file.extension.length);
}
