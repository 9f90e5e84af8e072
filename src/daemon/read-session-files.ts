import { resolve } from 'node:path';
import type { FileMetadata } from '../domain/file-metadata.js';
import type { FoundFile } from '../domain/found-file.js';
import type { Location } from '../domain/location.js';
import type { Dataset, DatasetFile } from '../domain/dataset.js';
import { unreadFile, type ExtractFileJob } from '../extract/extract-file.js';
import { pathBelow, previewLocation } from '../extract/output-locations.js';
import { AppError } from '../errors.js';
import { unreadablePlaceOf } from '../files/missing-files.js';
import { isStoreFailureCode, PERMISSION_DENIED } from '../files/store-errors.js';
import type { BuildEnvironment, BuildPolicy } from './build-environment.js';
import type { Look } from './look-at-session.js';
import { stagingPath, type StagedAttempt } from './staging.js';

/** What reading the files of a session needs. */
export interface ReadSessionFilesOptions {
  readonly environment: Pick<BuildEnvironment, 'paths' | 'readers' | 'stores' | 'validator'>;
  readonly policy: Pick<
    BuildPolicy,
    'previews' | 'stackPreviews' | 'dicomIdentity' | 'adjustments' | 'fileLimitBytes'
  >;
  readonly attempt: StagedAttempt;
  /** IANA zone of the instrument. */
  readonly timezone: string;
  readonly files: readonly FoundFile[];
  /** The store that the files lie in, as its processes are named. */
  readonly store: string;
  /** Files whose metadata an earlier build could read: not being allowed to now is a fault of the store. */
  readonly readBefore: ReadonlySet<Location>;
  /** Take files that the store fails on as they are, with a warning: it was tried often enough. */
  readonly acceptFailures: boolean;
  /** Take also files that change while they are read, with a warning: they were waited for long enough. */
  readonly acceptChanges: boolean;
  /** Told after each file how many are done. */
  readonly onFileRead?: (done: number) => void;
  readonly signal: AbortSignal;
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
      stackPreviews: policy.stackPreviews,
      dicomIdentity: policy.dicomIdentity,
      adjustments: policy.adjustments,
      limitBytes: policy.fileLimitBytes,
      outputPath: environment.paths.output,
      stagingPath: stagingPath(environment.paths.output, attempt),
    };
  }
}

/** What the record says of a file that was taken although it is still being written. */
const CHANGED = 'The file changed while it was read; what is in it is not known.';

/** Whether a file that could not be read may well be readable a little later. */
function mayComeBack(systemCode: string | null, wasReadBefore: boolean): boolean {
  // A file that vanished is simply not found by the next look.
  if (systemCode === 'ENOENT') return true;
  if (systemCode === 'EACCES') return wasReadBefore;
  return systemCode !== null && isStoreFailureCode(systemCode);
}

/**
 * The datasets of a session's files, in their order: reads each file in the reader processes; sidecars and previews are
 * staged. A file that cannot be read keeps its place, with a warning.
 * @throws AppError ABORTED by the signal, FILE_NOT_WRITABLE, FILE_UNREADABLE when a file changed while it was read (it is
 * still being written) or the store failed on it, unless that is to be accepted: the session is tried again;
 * STORE_UNAVAILABLE when the store stopped answering.
 */
export async function readSessionFiles(
  options: ReadSessionFilesOptions,
): Promise<readonly Dataset[]> {
  const { environment, files, signal } = options;
  // Needed when the record is written: it loads while the readers work, and tells its fault then.
  environment.validator().catch(() => undefined);
  let isStoreKnownToAnswer = false;
  const datasets: Dataset[] = [];
  let position = 0;
  for await (const result of environment.readers.extractFiles(jobsOf(options), { signal })) {
    const file = files[position];
    position += 1;
    options.onFileRead?.(position);
    if (file === undefined) throw new AppError('INTERNAL', 'A reader answered for no file.');
    if (result.kind === 'changed') {
      if (options.acceptFailures || options.acceptChanges) {
        datasets.push(...datasetsOf(file, unreadFile(file.location, CHANGED)));
        continue;
      }
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
    if (result.kind === 'killed' && result.code === 'LIMIT_EXCEEDED' && !isStoreKnownToAnswer) {
      await requireStore(options, file);
      // Asked once: the next slow file is slow by itself.
      isStoreKnownToAnswer = true;
    }
    datasets.push(...datasetsOf(file, result.metadata));
  }
  return datasets;
}

/**
 * What the store fails on now is no reason to make a version without it, nor is a file of the current version that may not
 * be read now, itself or a folder around it: both often mend in a while.
 * @param recorded files of the current version
 * @throws AppError FILE_UNREADABLE naming the file: the session is tried again.
 */
export function requireReadable(
  { verdicts, storeFaults }: Pick<Look, 'verdicts' | 'storeFaults'>,
  recorded: readonly Pick<DatasetFile, 'location' | 'missingSinceMs'>[],
): void {
  const [fault] = storeFaults;
  if (fault !== undefined) {
    const others = storeFaults.length - 1;
    const rule = verdicts.find(({ location }) => location === fault)?.rule ?? 'cannot be read';
    throw new AppError(
      'FILE_UNREADABLE',
      `The store fails: ${fault} ${rule}${others === 0 ? '' : ` (and ${others} more)`}.`,
      {
        remedy: `Check the file system of ${fault}. The session is tried again by itself.`,
        details: { location: fault },
      },
    );
  }
  const refused = refusedPlaces(verdicts);
  if (refused.size === 0) return;
  for (const { location, missingSinceMs } of recorded) {
    if (missingSinceMs !== null) continue;
    const place = unreadablePlaceOf(location, refused);
    if (place === null) continue;
    throw new AppError(
      'FILE_UNREADABLE',
      `${location} is in the record, and ${place} cannot be read now: ${PERMISSION_DENIED}.`,
      {
        remedy: `Check the rights of ${place}.`,
        details: { location, systemCode: 'EACCES' },
      },
    );
  }
}

/** Files and folders that are there and may not be read. */
export function refusedPlaces(verdicts: Look['verdicts']): ReadonlySet<Location> {
  return new Set(
    verdicts.flatMap(({ location, verdict, rule }) =>
      verdict === 'unreadable' && rule.endsWith(PERMISSION_DENIED) ? [location] : [],
    ),
  );
}

/** A reader that took too long may have waited for a store that hangs: then no file is to blame. */
async function requireStore(options: ReadSessionFilesOptions, file: FoundFile): Promise<void> {
  const { environment, store, signal } = options;
  const probe = await environment.stores.probe(
    store,
    resolve(environment.paths.data, store),
    signal,
  );
  if (probe.kind === 'available') return;
  throw new AppError('STORE_UNAVAILABLE', `${file.name} cannot be read: ${probe.reason}`, {
    remedy: 'Check that the file store is mounted and answers: recordsmith doctor.',
    details: { location: file.location },
  });
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
