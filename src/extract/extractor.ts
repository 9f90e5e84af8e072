import type { CompanionRule } from '../domain/companion-rule.js';
import type { Signal } from '../domain/file-metadata.js';

// What a module of a facility needs of the nouns: this file is what `recordsmith/extractor` gives.
export type { CompanionRule } from '../domain/companion-rule.js';
export type {
  AxisCalibration,
  DatasetRole,
  DatasetType,
  Metadata,
  MetadataValue,
  Signal,
} from '../domain/file-metadata.js';

/** Random access to one file that counts what is read; given to extractors in the reader process. */
export interface FileSource {
  /** Last part of the path (percent-encoded when not UTF-8). */
  readonly fileName: string;
  /** Lower-case extension with its dot (`.dm3`), or an empty string. */
  readonly extension: string;
  readonly sizeBytes: number;
  /** Modification time, epoch milliseconds. */
  readonly mtimeMs: number;
  /**
   * Exactly `length` bytes from `offset`.
   * @throws AppError FORMAT_INVALID when the file ends before, LIMIT_EXCEEDED when more than the allowed number of bytes
   * would have been read, FILE_UNREADABLE when the file system fails.
   */
  read(offset: number, length: number): Buffer;
  /** Up to `length` bytes from `offset`: fewer at the end of the file. Throws as `read` does. */
  readUpTo(offset: number, length: number): Buffer;
  /** A file beside this one, by exact name or (second try) ignoring case; null when there is none. */
  sibling(fileName: string): FileSource | null;
}

/** What an extractor may need to know besides the file. */
export interface ExtractContext {
  /** IANA zone of the instrument: local times inside files are read in it. */
  readonly timezone: string;
  /** Whether previews are wanted; without, `previewOf` is never called. */
  readonly previews: boolean;
  /**
   * Whether attributes of DICOM files that may identify people are kept (configuration: extract.dicom_identity).
   * @default false
   */
  readonly dicomIdentity?: boolean;
}

/** Typed pixels as read, before any reduction. */
export type PixelArray =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigInt64Array
  | BigUint64Array
  | Float32Array
  | Float64Array;

/** What one frame of a stack is drawn from: numbers, or a picture file. */
export type FrameSource = Extract<PreviewSource, { kind: 'image' | 'encoded' }>;

/** Side of one pixel, for the scale bar. */
export interface PixelSize {
  readonly size: number;
  readonly unit: string;
}

/** What a preview is drawn from. */
export type PreviewSource =
  | {
      readonly kind: 'image';
      readonly width: number;
      readonly height: number;
      /** Row by row, `channels` interleaved values a pixel. Complex data come as their magnitude. */
      readonly pixels: PixelArray;
      /** 1 grey, 3 RGB, 4 RGBA. RGB is shown as it is, grey is stretched between percentiles. */
      readonly channels: 1 | 3 | 4;
      /** `log` for diffraction and other data of a great range; `none` for grey that is already a picture (8 bit). */
      readonly stretch: 'percentile' | 'log' | 'none';
      /** Of one pixel in x, for the scale bar; null: unknown. */
      readonly pixelSize: PixelSize | null;
    }
  /** Frames of one kind, of which several are shown side by side, or one, as the configuration says. */
  | {
      readonly kind: 'stack';
      /** At least 1. */
      readonly count: number;
      /** What reading one frame takes, as it is read or unpacked, whichever is more: of frames that take much, fewer are shown. */
      readonly frameBytes: number;
      /** Reads a frame (the first is 0); called at most once for each. What it throws costs that frame only. */
      readonly frameAt: (index: number) => FrameSource;
    }
  | {
      readonly kind: 'spectrum';
      readonly values: PixelArray;
      /** x = origin + index * scale. */
      readonly origin: number;
      readonly scale: number;
      readonly xLabel: string;
      readonly xUnit: string;
      readonly yLabel: string;
      readonly yUnit: string;
    }
  | {
      readonly kind: 'spectrum-image';
      /** Sum or mean over energy, one value a pixel. */
      readonly navigation: Extract<PreviewSource, { kind: 'image' }>;
      readonly spectrum: Extract<PreviewSource, { kind: 'spectrum' }>;
    }
  /** A picture file that a common decoder reads (PNG, JPEG, GIF, WebP, TIFF). */
  | {
      readonly kind: 'encoded';
      readonly bytes: Buffer;
      /** Of several pages the one that is shown, from 0. @default 0 */
      readonly page?: number;
      /** As for `image`. @default null */
      readonly pixelSize?: PixelSize | null;
      /** Whether black and white are exchanged in the file. @default false */
      readonly isNegative?: boolean;
    }
  | { readonly kind: 'text'; readonly lines: readonly string[] };

/** A signal as an extractor gives it. */
export interface ExtractedSignal extends Signal {
  /** Reads what is needed and gives the preview's source; null: there is nothing to show. Called at most once. */
  readonly previewOf: (() => PreviewSource | null) | null;
}

/** All that an extractor found in one file. */
export interface ExtractedFile {
  /** For people: `DigitalMicrograph 3`. */
  readonly format: string;
  /** At least one. */
  readonly signals: readonly ExtractedSignal[];
  /** Human sentences about what could not be read. */
  readonly warnings: readonly string[];
  /** The vendor's own tags, whole (large arrays left out), as JSON: goes into the sidecar. */
  readonly tags: Tags;
}

/** Plain JSON; bigint does not occur, NaN and infinities are written as text. */
export type JsonValue =
  null | boolean | number | string | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/** Tags as JSON, where a map is an object: large trees of a vendor's tags are not copied. */
export type Tags =
  | null
  | boolean
  | number
  | string
  | readonly Tags[]
  | ReadonlyMap<string, Tags>
  | { readonly [key: string]: Tags };

/** The first bytes of a file, with its name: what a format is recognised by. */
export interface FileHead {
  /** Up to the first 64 KiB. */
  readonly bytes: Buffer;
  readonly fileName: string;
  readonly extension: string;
  readonly sizeBytes: number;
}

/** One file format: what it recognises and what it reads. One module in formats/ each, one line in registry.ts. */
export interface Extractor {
  /** Short stable name: `dm`, `tiff`, `msa`. */
  readonly id: string;
  /** Rises when the same file would give another result: cached results of older versions are read again. */
  readonly version: number;
  /** Lower-case extensions with dot of the main files of this format: `exclusive` search finds only these. */
  readonly extensions: readonly string[];
  /**
   * What a file with one of these extensions ought to be, for people: `a DigitalMicrograph file`. A file so named that no
   * format recognises gets a warning with it. Absent: the extensions promise nothing.
   */
  readonly promisedFormat?: string;
  /** Whether this is a file of the format: by content first; the extension only where the content cannot tell. */
  sniff(head: FileHead): boolean;
  /**
   * Files in the same folder that this reader reads besides the main file (the `.hdr` of a `.mib`): they are no
   * datasets of their own. Plain data, since the search for files runs in another process.
   */
  readonly companions?: readonly CompanionRule[];
  /**
   * Reads the file. May throw anything: the caller keeps the file in the record with a warning.
   * @throws AppError FORMAT_INVALID naming what is wrong, and where in the file.
   */
  extract(file: FileSource, context: ExtractContext): ExtractedFile | Promise<ExtractedFile>;
}
