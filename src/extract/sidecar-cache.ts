import { lstatSync, readFileSync, type BigIntStats } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { FileMetadata } from '../domain/file-metadata.js';
import type { Location } from '../domain/location.js';
import { STACK_PREVIEWS } from '../domain/stack-preview.js';
import { AppError, systemErrorCode } from '../errors.js';
import { fileMetadataSchema } from './extract-result.js';
import type { Extractor } from './extractor.js';
import { previewLocation, pathBelow, sidecarLocation } from './output-locations.js';
import { readerName, UNKNOWN_READER } from './read-file.js';
import { siblingPaths } from './sibling-paths.js';
import { SIDECAR_SCHEMA, type SidecarBasis } from './sidecar.js';

const LARGEST_SIDECAR_BYTES = 128 * 1024 * 1024;

const sidecarSchema = fileMetadataSchema.extend({
  schema: z.literal(SIDECAR_SCHEMA),
  sizeBytes: z.number(),
  mtimeNs: z.string(),
  basis: z.object({
    readers: z.array(z.string()),
    isRecognised: z.boolean(),
    timezone: z.string(),
    previews: z.boolean(),
    stackPreviews: z.enum(STACK_PREVIEWS),
    dicomIdentity: z.boolean(),
    adjustments: z.array(z.unknown()),
    limitBytes: z.number(),
  }),
  siblings: z.array(
    z.object({
      name: z.string(),
      sizeBytes: z.number().nullable(),
      mtimeNs: z.string().nullable(),
    }),
  ),
});
type Sidecar = z.infer<typeof sidecarSchema>;

/** What must be as it was for an earlier result to hold. */
export interface CacheQuery {
  readonly location: Location;
  readonly path: Buffer;
  readonly sizeBytes: number;
  readonly mtimeNs: bigint;
  /** paths.output */
  readonly outputPath: string;
  readonly basis: Omit<SidecarBasis, 'readers' | 'isRecognised'>;
  readonly extractors: readonly Extractor[];
}

/**
 * The result of an earlier sidecar, with the outputs it names; null when there is none, or the file, a sibling, a
 * reader or a setting is another one, or a preview is gone.
 */
export function findCached(
  query: CacheQuery,
): { readonly metadata: FileMetadata; readonly reused: readonly Location[] } | null {
  const location = sidecarLocation(query.location);
  const sidecar = readSidecar(pathBelow(query.outputPath, location));
  if (sidecar === null || !holds(sidecar, query)) return null;
  const previews = sidecar.signals.flatMap(({ previewName }, index) =>
    previewName === null ? [] : [previewLocation(query.location, index, sidecar.signals.length)],
  );
  const allThere = previews.every(
    (preview) => regularFile(pathBelow(query.outputPath, preview)) !== null,
  );
  if (!allThere) return null;
  const { format, reader, signals, warnings } = sidecar;
  return {
    metadata: { location: query.location, format, reader, signals, warnings },
    reused: [...previews, location],
  };
}

function holds(sidecar: Sidecar, query: CacheQuery): boolean {
  const { basis } = sidecar;
  return (
    sidecar.location === query.location &&
    sidecar.sizeBytes === query.sizeBytes &&
    sidecar.mtimeNs === query.mtimeNs.toString() &&
    basis.timezone === query.basis.timezone &&
    basis.previews === query.basis.previews &&
    basis.stackPreviews === query.basis.stackPreviews &&
    basis.dicomIdentity === query.basis.dicomIdentity &&
    basis.limitBytes === query.basis.limitBytes &&
    isDeepStrictEqual(basis.adjustments, [...query.basis.adjustments]) &&
    asksSameReaders(sidecar, query.extractors) &&
    sidecar.siblings.every((sibling) => isSameSibling(sibling, query.path))
  );
}

/** Whether the same readers would be asked; where none knew the file, a new one has to be asked too. */
function asksSameReaders({ basis, reader }: Sidecar, extractors: readonly Extractor[]): boolean {
  const present = extractors.map(readerName);
  if (reader !== UNKNOWN_READER && !present.includes(reader)) return false;
  const asked = basis.isRecognised ? present.slice(0, basis.readers.length) : present;
  return (
    asked.length === basis.readers.length &&
    asked.every((name, index) => name === basis.readers[index])
  );
}

function isSameSibling(sibling: Sidecar['siblings'][number], path: Buffer): boolean {
  for (const candidate of siblingPaths(path, sibling.name)) {
    const stats = regularFile(candidate);
    if (stats !== null) {
      return (
        Number(stats.size) === sibling.sizeBytes && stats.mtimeNs.toString() === sibling.mtimeNs
      );
    }
  }
  return sibling.sizeBytes === null;
}

function regularFile(path: Buffer): BigIntStats | null {
  try {
    const stats = lstatSync(path, { bigint: true });
    return stats.isFile() ? stats : null;
  } catch (error) {
    const systemCode = systemErrorCode(error);
    if (systemCode === 'ENOENT' || systemCode === 'ENOTDIR' || systemCode === 'ENAMETOOLONG') {
      return null;
    }
    throw new AppError('FILE_UNREADABLE', 'A file beside a result cannot be looked at.', {
      cause: error,
      ...(systemCode === undefined ? {} : { details: { systemCode } }),
    });
  }
}

/** A sidecar that is damaged or of another version counts as none: it is made again. */
function readSidecar(path: Buffer): Sidecar | null {
  const stats = regularFile(path);
  if (stats === null || Number(stats.size) > LARGEST_SIDECAR_BYTES) return null;
  try {
    const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return sidecarSchema.safeParse(content).data ?? null;
  } catch {
    return null;
  }
}
