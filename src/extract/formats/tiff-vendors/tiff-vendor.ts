import type { DatasetType } from '../../../domain/file-metadata.js';
import type { ExtractContext, FileSource, JsonValue } from '../../extractor.js';
import type { MetadataBuilder } from '../../harmonise.js';
import type { TiffContainer, TiffDirectory } from '../tiff/tiff-directory.js';
import type { TiffLayout } from '../tiff/tiff-layout.js';

/** What a vendor module may look at. */
export interface TiffVendorInput {
  readonly file: FileSource;
  readonly context: ExtractContext;
  /** Null when the TIFF structure cannot be read at all. */
  readonly container: TiffContainer | null;
  /** The first directory. */
  readonly directory: TiffDirectory | null;
  readonly layout: TiffLayout | null;
  /** Whether the structure shows damage: then metadata may be searched for in the bytes. */
  readonly damaged: boolean;
}

/** Size of one pixel on the specimen, in the unit named. */
export interface TiffPixelSize {
  readonly x: number;
  readonly y: number;
  readonly unit: string;
}

/** What a vendor module found. */
export interface TiffVendorAnswer {
  readonly metadata: MetadataBuilder;
  readonly type: DatasetType;
  readonly title: string | null;
  /** Epoch milliseconds, or null. */
  readonly acquiredMs: number | null;
  readonly pixelSize: TiffPixelSize | null;
  /** Rows of the picture itself, above a data bar; null: no bar. */
  readonly pictureHeight: number | null;
  /** Width and whole height as the vendor's metadata state them; null: they do not. */
  readonly statedSize: { readonly width: number; readonly height: number } | null;
  /** The vendor's tags as they are. */
  readonly tags: JsonValue;
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
