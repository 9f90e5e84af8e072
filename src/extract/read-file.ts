import {
  DATASET_ROLES,
  DATASET_TYPES,
  type Metadata,
  type Signal,
} from '../domain/file-metadata.js';
import { isAppError, toError } from '../errors.js';
import type {
  ExtractedFile,
  ExtractedSignal,
  Extractor,
  FileHead,
  JsonValue,
} from './extractor.js';
import type { OpenFile } from './file-source.js';
import { unknownFile } from './formats/unknown-file.js';
import { renderPreview } from './previews/render-preview.js';

/** What formats are recognised by, bytes. */
const HEAD_BYTES = 65_536;
/** Datasets of one file; a broken file may claim any number. */
const MOST_SIGNALS = 1000;
/**
 * The reader named for files that no format claims or that could not be read. Its version rises when something else is
 * said of such files: cached results of older versions are read again.
 */
export const UNKNOWN_READER = 'unknown@2';
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
  readonly tags: JsonValue;
}

/** How a file is read. */
export interface ReadFileOptions {
  /** IANA zone of the instrument. */
  readonly timezone: string;
  readonly previews: boolean;
  /** See ExtractContext. @default false */
  readonly dicomIdentity?: boolean;
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
 * @throws AppError FILE_UNREADABLE when the file system fails, which says nothing of the file.
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
      warnings.push(`The reader ${chosen.id} could not read the file: ${toError(error).message}`);
    }
  }
  const isRecognised = chosen !== undefined;
  return {
    reader,
    askedReaders,
    isRecognised,
    ...(await finish(extracted, options.previews, warnings)),
  };
}

async function finish(
  extracted: ExtractedFile,
  wantsPreviews: boolean,
  warnings: string[],
): Promise<Omit<ReadFile, 'reader' | 'askedReaders' | 'isRecognised'>> {
  warnings.push(...extracted.warnings);
  if (extracted.signals.length > MOST_SIGNALS) {
    warnings.push(
      `The file says it holds ${extracted.signals.length} signals; the first ${MOST_SIGNALS} are shown.`,
    );
  }
  const kept = extracted.signals.slice(0, MOST_SIGNALS);
  const signals = kept.map((signal) => checkedSignal(signal, warnings));
  const previews: (Buffer | null)[] = [];
  for (const [index, signal] of kept.entries()) {
    const place = kept.length === 1 ? '' : ` of signal ${index + 1}`;
    previews.push(wantsPreviews ? await previewOf(signal, place, warnings) : null);
  }
  return { format: extracted.format, signals, previews, warnings, tags: extracted.tags };
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
  warnings: string[],
): Promise<Buffer | null> {
  if (signal.previewOf === null) return null;
  try {
    const source = signal.previewOf();
    return source === null ? null : await renderPreview(source);
  } catch (error) {
    rethrowUnreadable(error);
    warnings.push(`The preview${place} could not be made: ${toError(error).message}`);
    return null;
  }
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
