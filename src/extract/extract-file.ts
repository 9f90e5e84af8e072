import { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import type { Adjustment } from '../domain/adjustment.js';
import type { FileMetadata } from '../domain/file-metadata.js';
import { isTapeStub } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import type { StackPreview } from '../domain/stack-preview.js';
import { isAppError } from '../errors.js';
import type { ExtractFileResult } from './extract-result.js';
import type { Extractor } from './extractor.js';
import { OpenFile } from './file-source.js';
import { unknownFile } from './formats/unknown-file.js';
import { lastPart, pathBelow, previewLocation, sidecarLocation } from './output-locations.js';
import { isLostReader, readFile, UNKNOWN_READER, type ReadFile } from './read-file.js';
import { EXTRACTORS } from './registry.js';
import { sidecarText, type SidecarBasis, type SidecarContent } from './sidecar.js';
import { stageOutputs, type Output } from './stage-outputs.js';

/** One file to read, as the finder saw it. Passes between processes. */
export interface ExtractFileJob {
  readonly location: Location;
  /** Absolute, the bytes of the file system. */
  readonly path: Uint8Array;
  readonly sizeBytes: number;
  /** 512-byte blocks. */
  readonly blocks: number;
  /** Nanoseconds since the epoch. */
  readonly mtimeNs: bigint;
  /** IANA zone of the instrument. */
  readonly timezone: string;
  readonly previews: boolean;
  /** What previews of stacks show. @default 'montage' */
  readonly stackPreviews?: StackPreview;
  /** See ExtractContext. */
  readonly dicomIdentity: boolean;
  /** The adjustments of the file's instrument. @default none */
  readonly adjustments?: readonly Adjustment[];
  /** How many bytes of the file and its companions may be read. */
  readonly limitBytes: number;
  /** paths.output: earlier results are looked for here. */
  readonly outputPath: string;
  /** The folder of this attempt: results are written here, in the same tree. */
  readonly stagingPath: string;
}

/** What is known of a file that was not read: its place in the record, with the reason. */
export function unreadFile(location: Location, warning: string): FileMetadata {
  const { format, signals } = unknownFile();
  return {
    location,
    format,
    reader: UNKNOWN_READER,
    signals: signals.map((signal) => withPreview(signal, null)),
    warnings: [warning],
  };
}

/**
 * Reads one file in the reader process and stages its sidecar and previews, or finds them still valid from an earlier build.
 * What is wrong with the file never throws; a program of the facility that is lost over it costs it its metadata.
 * @throws AppError FILE_NOT_WRITABLE when the staging folder cannot be written (full, missing, read-only).
 */
export async function extractFile(
  job: ExtractFileJob,
  extractors: readonly Extractor[] = EXTRACTORS,
): Promise<ExtractFileResult> {
  if (job.sizeBytes === 0) {
    return { kind: 'read', metadata: unreadFile(job.location, 'The file is empty.'), staged: [] };
  }
  if (isTapeStub(job)) {
    const warning = 'The content is not on disk (archived to tape); the file was not opened.';
    // Staged nothing: when the content comes back, size and time stay the same.
    return { kind: 'read', metadata: unreadFile(job.location, warning), staged: [] };
  }
  const adjustments = await adjustmentsOf(job);
  if (existsSync(pathBelow(job.outputPath, sidecarLocation(job.location)))) {
    // Loaded only here: a first build has no need of it.
    const { findCached } = await import('./sidecar-cache.js');
    const basis = basisOf({ ...job, adjustments });
    const cached = findCached({ ...job, path: Buffer.from(job.path), basis, extractors });
    if (cached !== null) return { kind: 'cached', ...cached };
  }
  try {
    return await readAndStage({ ...job, adjustments }, extractors);
  } catch (error) {
    if (isLostReader(error) && error.code !== 'ABORTED') {
      return {
        kind: 'killed',
        metadata: unreadFile(job.location, error.message),
        code: error.code === 'LIMIT_EXCEEDED' ? 'LIMIT_EXCEEDED' : 'READER_FAILED',
      };
    }
    if (!isAppError(error) || error.code !== 'FILE_UNREADABLE') throw error;
    const { systemCode } = error.details;
    return {
      kind: 'unreadable',
      metadata: unreadFile(job.location, error.message),
      systemCode: typeof systemCode === 'string' ? systemCode : null,
    };
  }
}

/** A job with the adjustments of its file alone. */
type AdjustedJob = ExtractFileJob & Required<Pick<ExtractFileJob, 'adjustments'>>;

async function adjustmentsOf({
  adjustments = [],
  location,
}: ExtractFileJob): Promise<readonly Adjustment[]> {
  if (adjustments.length === 0) return adjustments;
  const { adjustmentsOfFile } = await import('./adjust-signals.js');
  return adjustmentsOfFile(adjustments, location);
}

/** The settings of a job that its result depends on. */
function basisOf(job: AdjustedJob): Omit<SidecarBasis, 'readers' | 'isRecognised'> {
  const { timezone, previews, stackPreviews = 'montage' } = job;
  const { dicomIdentity, adjustments, limitBytes } = job;
  return { timezone, previews, stackPreviews, dicomIdentity, adjustments, limitBytes };
}

async function readAndStage(
  job: AdjustedJob,
  extractors: readonly Extractor[],
): Promise<ExtractFileResult> {
  const file = OpenFile.open(Buffer.from(job.path), job.limitBytes);
  try {
    if (file.sizeBytes !== job.sizeBytes || file.mtimeNs !== job.mtimeNs) {
      return { kind: 'changed', location: job.location };
    }
    const read = await readFile(file, { ...basisOf(job), extractors });
    if (file.hasChanged()) return { kind: 'changed', location: job.location };
    return stage(job, file, read);
  } finally {
    file.close();
  }
}

function stage(job: AdjustedJob, file: OpenFile, read: ReadFile): ExtractFileResult {
  const count = read.signals.length;
  const previews = read.previews.flatMap((png, index): Output[] =>
    png === null ? [] : [{ location: previewLocation(job.location, index, count), content: png }],
  );
  const metadata: FileMetadata = {
    location: job.location,
    format: read.format,
    reader: read.reader,
    signals: read.signals.map((signal, index) =>
      withPreview(
        signal,
        read.previews[index] == null ? null : lastPart(previewLocation(job.location, index, count)),
      ),
    ),
    warnings: read.warnings,
  };
  const content: SidecarContent = {
    metadata,
    sizeBytes: job.sizeBytes,
    mtimeNs: job.mtimeNs,
    basis: {
      readers: read.askedReaders,
      isRecognised: read.isRecognised,
      ...basisOf(job),
    },
    adjusted: read.adjusted,
    siblings: file.siblings,
    tags: read.tags,
  };
  const sidecar = { location: sidecarLocation(job.location), content: boundedSidecar(content) };
  const outputs = [...previews, sidecar];
  const conflict = stageOutputs(job.stagingPath, outputs);
  if (conflict === null) {
    return { kind: 'read', metadata, staged: outputs.map(({ location }) => location) };
  }
  return {
    kind: 'read',
    metadata: {
      ...metadata,
      signals: metadata.signals.map((signal) => withPreview(signal, null)),
      warnings: [...metadata.warnings, conflict],
    },
    staged: [],
  };
}

/** Tags too large to be kept are left out, and the sidecar says so. */
function boundedSidecar(content: SidecarContent): string {
  try {
    return sidecarText(content);
  } catch (error) {
    if (!isAppError(error) || error.code !== 'LIMIT_EXCEEDED') throw error;
    return sidecarText({ ...content, tags: '(too large to be kept)' });
  }
}

/** A signal as results carry it: without what its preview is drawn from. */
export function withPreview(
  signal: ReadFile['signals'][number],
  previewName: string | null,
): FileMetadata['signals'][number] {
  const { title, type, role, metadata, shape, calibration, dtype, acquiredMs } = signal;
  return { title, type, role, metadata, shape, calibration, dtype, acquiredMs, previewName };
}
