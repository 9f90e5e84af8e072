import { z } from 'zod';
import {
  DATASET_ROLES,
  DATASET_TYPES,
  type FileMetadata,
  type MetadataValue,
  type SignalResult,
} from '../domain/file-metadata.js';
import type { Location } from '../domain/location.js';

/** What became of one file. */
export type ExtractFileResult =
  | {
      /** Read now. A reader that threw is in here too: its file has a warning and file facts. */
      readonly kind: 'read';
      readonly metadata: FileMetadata;
      /** What was written below the staging folder: the sidecar and the previews, to be moved below paths.output. */
      readonly staged: readonly Location[];
    }
  | {
      /** An earlier sidecar still holds; nothing was staged. */
      readonly kind: 'cached';
      readonly metadata: FileMetadata;
      /** The sidecar and the previews, below paths.output. */
      readonly reused: readonly Location[];
    }
  | {
      /** The file system failed; file facts and a warning, nothing staged. */
      readonly kind: 'unreadable';
      readonly metadata: FileMetadata;
      /** `EIO`, `EACCES`, `ENOENT`...; null: not a regular file. */
      readonly systemCode: string | null;
    }
  | {
      /** The reader process hung, grew or crashed over this file; file facts and a warning, nothing staged. */
      readonly kind: 'killed';
      readonly metadata: FileMetadata;
      readonly code: 'LIMIT_EXCEEDED' | 'READER_FAILED';
    }
  | {
      /** The file is not as the finder saw it, or changed while it was read. Nothing staged. */
      readonly kind: 'changed';
      readonly location: Location;
    };

/** Understands one harmonised value. */
export const metadataValueSchema = z.object({
  value: z.union([z.string(), z.number(), z.boolean(), z.array(z.number()), z.array(z.string())]),
  unit: z.string().exactOptional(),
  warning: z.boolean().exactOptional(),
}) satisfies z.ZodType<MetadataValue>;

const signalResult = z.object({
  title: z.string().nullable(),
  type: z.enum(DATASET_TYPES),
  role: z.enum(DATASET_ROLES),
  metadata: z.record(z.string(), metadataValueSchema),
  shape: z.array(z.number()),
  calibration: z.array(z.object({ scale: z.number(), origin: z.number(), unit: z.string() })),
  dtype: z.string().nullable(),
  acquiredMs: z.number().nullable(),
  previewName: z.string().nullable(),
}) satisfies z.ZodType<SignalResult>;

/** Understands FileMetadata from a sidecar or a reader process. */
export const fileMetadataSchema = z.object({
  location: z.string(),
  format: z.string(),
  reader: z.string(),
  signals: z.array(signalResult).min(1),
  warnings: z.array(z.string()),
}) satisfies z.ZodType<FileMetadata>;

const locations = z.array(z.string());

/** Understands the answer of a reader process. */
export const extractFileResultSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('read'), metadata: fileMetadataSchema, staged: locations }),
  z.object({ kind: z.literal('cached'), metadata: fileMetadataSchema, reused: locations }),
  z.object({
    kind: z.literal('unreadable'),
    metadata: fileMetadataSchema,
    systemCode: z.string().nullable(),
  }),
  z.object({
    kind: z.literal('killed'),
    metadata: fileMetadataSchema,
    code: z.enum(['LIMIT_EXCEEDED', 'READER_FAILED']),
  }),
  z.object({ kind: z.literal('changed'), location: z.string() }),
]) satisfies z.ZodType<ExtractFileResult>;
