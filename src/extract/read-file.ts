import type { Adjustment, AppliedAdjustment } from '../domain/adjustment.js';
import {
  DATASET_ROLES,
  DATASET_TYPES,
  type Metadata,
  type Signal,
} from '../domain/file-metadata.js';
import type { StackPreview } from '../domain/stack-preview.js';
import { isAppError, toError, type AppError } from '../errors.js';
import type { AdjustedSignals } from './adjust-signals.js';
import type { ExtractedFile, ExtractedSignal, Extractor, FileHead, Tags } from './extractor.js';
import type { OpenFile } from './file-source.js';
import { unknownFile } from './formats/unknown-file.js';
import { renderPreview } from './previews/render-preview.js';
import type { StackView } from './previews/stack-preview.js';

/** What formats are recognised by, bytes. */
const HEAD_BYTES = 65_536;
/** Share of the bytes that may be read of a file which frames of stacks beyond the first may take, all signals together. */
const STACKS_SHARE = 1 / 4;
/** Datasets of one file; a broken file may claim any number. */
const MOST_SIGNALS = 1000;
/**
 * The reader named for files that no format claims or that could not be read. Its version rises when something else is
 * said of such files: cached results of older versions are read again.
 */
export const UNKNOWN_READER = 'unknown@2';
/** Characters of an error that a warning repeats. */
const LONGEST_REASON = 500;
/** A file below this size that is not what its name says was probably cut off, bytes: a header alone is as long. */
const SMALLEST_WHOLE_BYTES = 1024;

/** One file, read. */
export interface ReadFile {
  readonly format: string;
  /** Which reader answered: `dm@1`. */
  readonly reader: string;
  /** All readers that were asked, in order. */
  readonly askedReaders: readonly string[];
  /** Whether the last of them knew the file (also if it then failed). */
  readonly isRecognised: boolean;
  readonly signals: readonly Signal[];
  /** One entry a signal: a PNG, or null. */
  readonly previews: readonly (Buffer | null)[];
  readonly warnings: readonly string[];
  readonly tags: Tags;
  /** What the adjustments of the configuration did. */
  readonly adjusted: readonly AppliedAdjustment[];
}

/** How a file is read. */
export interface ReadFileOptions {
  /** IANA zone of the instrument. */
  readonly timezone: string;
  readonly previews: boolean;
  /** What previews of stacks show. @default 'montage' */
  readonly stackPreviews?: StackPreview;
  /** See ExtractContext. @default false */
  readonly dicomIdentity?: boolean;
  /** Those that are about this file; of which format is seen here. @default none */
  readonly adjustments?: readonly Adjustment[];
  /** In the order in which they are asked. */
  readonly extractors: readonly Extractor[];
}

/** A reader with its version, as results name it. */
export function readerName(extractor: Extractor): string {
  return `${extractor.id}@${extractor.version}`;
}

/**
 * Reads one open file with the first extractor that recognises it. Whatever an extractor or a preview does wrong
 * becomes a warning: the file keeps its place, with file facts at least.
 * @throws AppError FILE_UNREADABLE when the file system fails, which says nothing of the file; READER_FAILED, LIMIT_EXCEEDED
 * or ABORTED when a program of the facility was lost over it (isLostReader).
 */
export async function readFile(file: OpenFile, options: ReadFileOptions): Promise<ReadFile> {
  const head: FileHead = {
    bytes: file.readUpTo(0, HEAD_BYTES),
    fileName: file.fileName,
    extension: file.extension,
    sizeBytes: file.sizeBytes,
  };
  const warnings: string[] = [];
  const askedReaders: string[] = [];
  const chosen = options.extractors.find((extractor) => {
    askedReaders.push(readerName(extractor));
    return recognises(extractor, head);
  });
  let extracted = unknownFile();
  let reader = UNKNOWN_READER;
  if (chosen === undefined) {
    const warning = unrecognisedWarning(head, options.extractors);
    if (warning !== null) warnings.push(warning);
  } else {
    try {
      const answer = await chosen.extract(file, options);
      if (answer.signals.length === 0) {
        warnings.push(`The reader ${chosen.id} found no data in the file.`);
      } else {
        extracted = answer;
        reader = readerName(chosen);
      }
    } catch (error) {
      rethrowUnreadable(error);
      if (isLostReader(error)) throw error;
      warnings.push(`The reader ${chosen.id} could not read the file: ${reasonOf(error)}`);
    }
  }
  const isRecognised = chosen !== undefined;
  return {
    reader,
    askedReaders,
    isRecognised,
    ...(await finish(extracted, options, file.limitBytes, warnings)),
  };
}

async function finish(
  extracted: ExtractedFile,
  { previews: wantsPreviews, stackPreviews = 'montage', adjustments = [] }: ReadFileOptions,
  limitBytes: number,
  warnings: string[],
): Promise<Omit<ReadFile, 'reader' | 'askedReaders' | 'isRecognised'>> {
  warnings.push(...extracted.warnings);
  if (extracted.signals.length > MOST_SIGNALS) {
    warnings.push(
      `The file says it holds ${extracted.signals.length} signals; the first ${MOST_SIGNALS} are shown.`,
    );
  }
  const kept = extracted.signals.slice(0, MOST_SIGNALS);
  const checked = kept.map((signal) => checkedSignal(signal, warnings));
  const { signals, applied } = await adjust(checked, extracted.format, adjustments);
  const previews: (Buffer | null)[] = [];
  for (const [index, signal] of kept.entries()) {
    const place = kept.length === 1 ? '' : ` of signal ${index + 1}`;
    const stacks: StackView = {
      show: stackPreviews,
      mostBytes: (limitBytes * STACKS_SHARE) / kept.length,
      warn: (sentence) => warnings.push(`The preview${place} does not show all: ${sentence}`),
    };
    previews.push(wantsPreviews ? await previewOf(signal, place, stacks, warnings) : null);
  }
  const { format, tags } = extracted;
  return { format, signals, previews, warnings, tags, adjusted: applied };
}

async function adjust(
  signals: readonly Signal[],
  format: string,
  adjustments: readonly Adjustment[],
): Promise<AdjustedSignals<Signal>> {
  if (adjustments.length === 0) return { signals, applied: [] };
  // Loaded only here: most instruments have no need of it.
  const { adjustSignals } = await import('./adjust-signals.js');
  return adjustSignals(signals, format, adjustments);
}

function recognises(extractor: Extractor, head: FileHead): boolean {
  try {
    return extractor.sniff(head);
  } catch {
    // Looking at bytes that are not of the format may fail; it means that they are not.
    return false;
  }
}

/** What is wrong with a file that no format recognises, by what its name promises; null: its name promises nothing. */
function unrecognisedWarning(
  { extension, sizeBytes }: FileHead,
  extractors: readonly Extractor[],
): string | null {
  if (sizeBytes === 0) return 'The file is empty.';
  const promised = extractors.find(({ extensions }) => extensions.includes(extension));
  if (promised?.promisedFormat === undefined) return null;
  const size = sizeBytes === 1 ? '1 byte' : `${sizeBytes} bytes`;
  const why =
    sizeBytes < SMALLEST_WHOLE_BYTES ? 'perhaps cut off' : 'perhaps damaged or of another format';
  return `The file is named like ${promised.promisedFormat}, but its content is not one (${size}): ${why}.`;
}

/** The preview is made apart from the metadata: what fails here costs the preview only. */
async function previewOf(
  signal: ExtractedSignal,
  place: string,
  stacks: StackView,
  warnings: string[],
): Promise<Buffer | null> {
  if (signal.previewOf === null) return null;
  try {
    const source = signal.previewOf();
    return source === null ? null : await renderPreview(source, stacks);
  } catch (error) {
    rethrowUnreadable(error);
    warnings.push(`The preview${place} could not be made: ${reasonOf(error)}`);
    return null;
  }
}

/** What an error says, as part of a warning: decoders of pictures write a line for each thing that is wrong. */
function reasonOf(error: unknown): string {
  const text = toError(error).message.replaceAll(/\s+/g, ' ').trim();
  return text.length > LONGEST_REASON ? `${text.slice(0, LONGEST_REASON)}…` : text;
}

/** A program that failed says more of itself than of the file: it may well read it the next time. */
export function isLostReader(error: unknown): error is AppError {
  if (!isAppError(error)) return false;
  if (error.code === 'READER_FAILED' || error.code === 'ABORTED') return true;
  // Of other limits only the file itself is to blame: a header or a picture that is too large.
  const { limit } = error.details;
  return error.code === 'LIMIT_EXCEEDED' && (limit === 'time' || limit === 'memory');
}

function rethrowUnreadable(error: unknown): void {
  if (isAppError(error) && error.code === 'FILE_UNREADABLE') throw error;
}

/** The signal without what a record cannot hold; each loss is a warning. */
function checkedSignal(signal: ExtractedSignal, warnings: string[]): Signal {
  const metadata: Record<string, Metadata[string]> = {};
  for (const [name, entry] of Object.entries(signal.metadata)) {
    const values: readonly unknown[] = Array.isArray(entry.value) ? entry.value : [entry.value];
    if (values.some((value) => typeof value === 'number' && !Number.isFinite(value))) {
      warnings.push(`"${name}" is not a finite number and was left out.`);
    } else {
      metadata[name] = entry;
    }
  }
  const hasShape = signal.shape.every((length) => Number.isSafeInteger(length) && length >= 0);
  if (!hasShape) warnings.push('The lengths of the axes make no sense and were left out.');
  const isCalibrated =
    signal.calibration.length === 0 ||
    (hasShape &&
      signal.calibration.length === signal.shape.length &&
      signal.calibration.every(
        ({ scale, origin }) => Number.isFinite(scale) && Number.isFinite(origin),
      ));
  if (!isCalibrated) warnings.push('The calibration of the axes makes no sense and was left out.');
  const isTimed = signal.acquiredMs === null || Number.isSafeInteger(Math.trunc(signal.acquiredMs));
  if (!isTimed) warnings.push('The acquisition time makes no sense and was left out.');
  return {
    title: signal.title,
    type: DATASET_TYPES.find((type) => type === signal.type) ?? 'Unknown',
    role: DATASET_ROLES.find((role) => role === signal.role) ?? 'Experimental',
    metadata,
    shape: hasShape ? signal.shape : [],
    calibration: isCalibrated ? signal.calibration : [],
    dtype: signal.dtype,
    acquiredMs: isTimed ? signal.acquiredMs : null,
  };
}
