import type { Adjustment, AppliedAdjustment } from '../domain/adjustment.js';
import type { FileMetadata } from '../domain/file-metadata.js';
import type { StackPreview } from '../domain/stack-preview.js';
import type { Tags } from './extractor.js';
import type { SiblingFacts } from './file-source.js';
import { stableJson } from './stable-json.js';

/** Rises when sidecars are written otherwise; older ones are then made again. */
export const SIDECAR_SCHEMA = 1;

/** All that a result depends on besides the file: a sidecar made on another basis is not used again. */
export interface SidecarBasis {
  /** The readers that were asked, in order, with versions. */
  readonly readers: readonly string[];
  /** Whether the last of them knew the file (also if it then failed); else a new reader would have to be asked. */
  readonly isRecognised: boolean;
  /** IANA zone in which the file's local times were read. */
  readonly timezone: string;
  readonly previews: boolean;
  readonly stackPreviews: StackPreview;
  readonly dicomIdentity: boolean;
  /** The adjustments of the configuration that are about this file, whatever its format. */
  readonly adjustments: readonly Adjustment[];
  /** Bytes that might be read. */
  readonly limitBytes: number;
}

/** What a sidecar tells of a file. */
export interface SidecarContent {
  readonly metadata: FileMetadata;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  readonly basis: SidecarBasis;
  /** What the adjustments did, with what the reader gave. */
  readonly adjusted: readonly AppliedAdjustment[];
  readonly siblings: readonly SiblingFacts[];
  readonly tags: Tags;
}

/**
 * The text of a sidecar: one JSON object with the file's facts, its signals with their harmonised metadata, the
 * warnings and the vendor's own tags. Same content, same bytes. Nanoseconds are text, since JSON numbers lose digits.
 * @throws AppError LIMIT_EXCEEDED when the tags are too large to be kept.
 */
export function sidecarText(content: SidecarContent): string {
  const { metadata, siblings, basis, adjusted, tags, sizeBytes, mtimeNs } = content;
  return `${stableJson({
    schema: SIDECAR_SCHEMA,
    ...metadata,
    sizeBytes,
    mtimeNs,
    basis,
    adjusted,
    siblings,
    tags,
  })}\n`;
}
