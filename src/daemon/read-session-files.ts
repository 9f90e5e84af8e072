import type { FileMetadata } from '../domain/file-metadata.js';
import type { FoundFile } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import type { Dataset } from '../domain/record.js';
import type { ExtractFileJob } from '../extract/extract-file.js';
import { pathBelow, previewLocation } from '../extract/output-locations.js';
import { AppError } from '../errors.js';
import type { BuildEnvironment, BuildPolicy } from './build-environment.js';
import { stagingPath, type StagedAttempt } from './staging.js';

/** What reading the files of a session needs. */
export interface ReadSessionFilesOptions {
  readonly environment: BuildEnvironment;
  readonly policy: BuildPolicy;
  readonly attempt: StagedAttempt;
  /** IANA zone of the instrument. */
  readonly timezone: string;
  readonly files: readonly FoundFile[];
  /** Files whose metadata an earlier build could read: not being allowed to now is a fault of the store. */
  readonly readBefore: ReadonlySet<Location>;
  /** Take files that the store fails on as they are, with a warning: it was tried often enough. */
  readonly acceptFailures: boolean;
  readonly signal: AbortSignal;
}

/** The datasets of the files that were read, in the order of the files. */
export interface ReadFiles {
  readonly datasets: readonly Dataset[];
  /** Human sentences for the record: files without metadata. */
  readonly warnings: readonly string[];
}

function* jobsOf(options: ReadSessionFilesOptions): Generator<ExtractFileJob> {
  const { environment, policy, attempt, timezone, files } = options;
  for (const file of files) {
    yield {
      location: file.location,
      path: pathBelow(environment.paths.data, file.location),
      sizeBytes: file.sizeBytes,
      blocks: file.blocks,
      mtimeNs: file.mtimeNs,
      timezone,
      previews: policy.previews,
      limitBytes: policy.fileLimitBytes,
      outputPath: environment.paths.output,
      stagingPath: stagingPath(environment.paths.output, attempt),
    };
  }
}

const STORE_FAULTS: readonly string[] = ['EIO', 'ESTALE', 'ETIMEDOUT'];

/** Whether a file that could not be read may well be readable a little later. */
function mayComeBack(systemCode: string | null, wasReadBefore: boolean): boolean {
  // A file that vanished is simply not found by the next look.
  if (systemCode === 'ENOENT') return true;
  if (systemCode === 'EACCES') return wasReadBefore;
  return systemCode !== null && STORE_FAULTS.includes(systemCode);
}

/**
 * Reads every file of a session in the reader processes; sidecars and previews are staged. A file that cannot be read keeps its
 * place, with a warning.
 * @throws AppError ABORTED by the signal, FILE_NOT_WRITABLE, FILE_UNREADABLE when a file changed while it was read (it is
 * still being written) or the store failed on it: the session is tried again.
 */
export async function readSessionFiles(options: ReadSessionFilesOptions): Promise<ReadFiles> {
  const { environment, files, signal } = options;
  const datasets: Dataset[] = [];
  const warnings: string[] = [];
  let position = 0;
  for await (const result of environment.readers.extractFiles(jobsOf(options), { signal })) {
    const file = files[position];
    position += 1;
    if (file === undefined) throw new AppError('INTERNAL', 'A reader answered for no file.');
    if (result.kind === 'changed') {
      throw new AppError('FILE_UNREADABLE', `${file.name} changed while it was read.`, {
        remedy: 'Nothing has to be done: the session is tried again.',
        details: { location: file.location },
      });
    }
    if (
      result.kind === 'unreadable' &&
      !options.acceptFailures &&
      mayComeBack(result.systemCode, options.readBefore.has(file.location))
    ) {
      throw new AppError(
        'FILE_UNREADABLE',
        `${file.name} cannot be read (${String(result.systemCode)}).`,
        {
          remedy: 'Nothing has to be done: the session is tried again.',
          details: { location: file.location, systemCode: result.systemCode },
        },
      );
    }
    for (const warning of result.metadata.warnings) warnings.push(`${file.name}: ${warning}`);
    datasets.push(...datasetsOf(file, result.metadata));
  }
  return { datasets, warnings };
}

/** One dataset a signal. */
function datasetsOf(file: FoundFile, metadata: FileMetadata): Dataset[] {
  const count = metadata.signals.length;
  return metadata.signals.map((signal, index) => ({
    name: count === 1 ? file.name : `${file.name} (${index + 1} of ${count})`,
    location: file.location,
    format: metadata.format,
    type: signal.type,
    role: signal.role,
    description: signal.title === null || signal.title === file.name ? null : signal.title,
    preview: signal.previewName === null ? null : previewLocation(file.location, index, count),
    metadata: signal.metadata,
    sizeBytes: file.sizeBytes,
    mtimeNs: file.mtimeNs,
    timeNs: file.timeNs,
    acquiredMs: signal.acquiredMs,
    shape: signal.shape,
    calibration: signal.calibration,
    dtype: signal.dtype,
    reader: metadata.reader,
    signalNumber: index + 1,
    signalCount: count,
    warnings: metadata.warnings,
    missingSinceMs: null,
  }));
}
