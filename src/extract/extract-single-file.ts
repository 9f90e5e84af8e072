import { Buffer } from 'node:buffer';
import { z } from 'zod';
import type { Adjustment, AppliedAdjustment } from '../domain/adjustment.js';
import type { FileMetadata } from '../domain/file-metadata.js';
import { displayName, encodeLocation, type Location } from '../domain/location.js';
import type { StackPreview } from '../domain/stack-preview.js';
import { AppError } from '../errors.js';
import { adjustmentsOfFile } from './adjust-signals.js';
import { withPreview } from './extract-file.js';
import { fileMetadataSchema, metadataValueSchema } from './extract-result.js';
import type { Extractor } from './extractor.js';
import { OpenFile } from './file-source.js';
import { readFile } from './read-file.js';
import { EXTRACTORS } from './registry.js';
import { writeOutput } from './stage-outputs.js';

/** A single file to read for a person, anywhere. Passes between processes. */
export interface SingleFileJob {
  /** Absolute, the bytes of the file system. */
  readonly path: Uint8Array;
  /** IANA zone in which the file's local times are read. */
  readonly timezone: string;
  /** Absolute path to write the preview of the first signal that has one to; absent: none is made. */
  readonly previewPath?: string;
  /** What the preview of a stack shows. @default 'montage' */
  readonly stackPreviews?: StackPreview;
  /** Whether the vendor's own tags are wanted. */
  readonly allTags: boolean;
  /** The reader to use: see chooseExtractors. Null: the first that recognises the file. */
  readonly reader: string | null;
  /** See ExtractContext. @default false */
  readonly dicomIdentity?: boolean;
  /** The adjustments that hold. @default none */
  readonly adjustments?: readonly Adjustment[];
  /** The file's place as the patterns of adjustments see it. @default its absolute path */
  readonly location?: Location;
}

/** How a single file is read. */
export interface ExtractSingleFileOptions extends Pick<
  SingleFileJob,
  'timezone' | 'previewPath' | 'stackPreviews' | 'dicomIdentity' | 'adjustments' | 'location'
> {
  /** @default false */
  readonly allTags?: boolean;
  /** @default all formats */
  readonly extractors?: readonly Extractor[];
}

/** A single file, read for a person. */
export interface SingleFile {
  readonly metadata: FileMetadata;
  /** The vendor's own tags as JSON; null: not wanted. */
  readonly tags: unknown;
  /** What the adjustments did. */
  readonly adjusted: readonly AppliedAdjustment[];
}

/** Understands the answer of a reader process. */
export const singleFileSchema = z.object({
  metadata: fileMetadataSchema,
  tags: z.unknown(),
  adjusted: z.array(
    z.object({
      adjustment: z.string(),
      signal: z.number(),
      value: z.string(),
      original: metadataValueSchema.nullable(),
    }),
  ),
}) satisfies z.ZodType<SingleFile>;

const LIMIT_BYTES = 4 * 1024 ** 3;

/**
 * Reads one file anywhere, outside any session; nothing is cached. Runs in the reader process.
 * @throws AppError FILE_UNREADABLE when it cannot be read, FILE_NOT_WRITABLE for the preview, INPUT_INVALID when there is
 * nothing to draw one of; READER_FAILED or LIMIT_EXCEEDED when a program of the facility was lost over it.
 */
export async function extractSingleFile(
  path: Buffer,
  options: ExtractSingleFileOptions,
): Promise<SingleFile> {
  const file = OpenFile.open(path, LIMIT_BYTES);
  try {
    const read = await readFile(file, {
      timezone: options.timezone,
      previews: options.previewPath !== undefined,
      stackPreviews: options.stackPreviews ?? 'montage',
      dicomIdentity: options.dicomIdentity ?? false,
      adjustments: adjustmentsOfFile(
        options.adjustments ?? [],
        options.location ?? encodeLocation(path),
      ),
      extractors: options.extractors ?? EXTRACTORS,
    });
    const preview = read.previews.find((png) => png !== null);
    if (options.previewPath !== undefined) {
      if (preview == null) {
        throw new AppError(
          'INPUT_INVALID',
          `There is nothing to draw a preview of in ${displayName(path)}.`,
          { remedy: 'Leave --preview out for this file.', details: { warnings: read.warnings } },
        );
      }
      writeOutput(Buffer.from(options.previewPath), preview);
    }
    return {
      metadata: {
        location: encodeLocation(path),
        format: read.format,
        reader: read.reader,
        signals: read.signals.map((signal) => withPreview(signal, null)),
        warnings: read.warnings,
      },
      tags: options.allTags === true ? read.tags : null,
      adjusted: read.adjusted,
    };
  } finally {
    file.close();
  }
}
