import { lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { companionNames } from '../../domain/companion-rule.js';
import { displayName } from '../../domain/location.js';
import { AppError, isAppError } from '../../errors.js';
import type { ExtractContext, ExtractedFile, Extractor, FileSource } from '../extractor.js';
import { readCommandAnswer } from './command-answer.js';
import type { CommandReader } from '../../domain/facility-readers.js';
import { claimsOfPatterns } from './reader-claim.js';
import { runCommand } from './run-command.js';

/** What a program may use for one file. */
export interface CommandLimits {
  /** Milliseconds that reading one file may take at all. */
  readonly timeLimitMs: number;
  /** Bytes of resident memory. */
  readonly memoryLimitBytes: number;
}

/** What running a program on one file needs. */
export interface CommandExtractorOptions {
  readonly command: CommandReader;
  /** The file, absolute, the bytes of the file system. */
  readonly path: Buffer;
  readonly limits: CommandLimits;
  readonly signal: AbortSignal;
}

/** What a program gets of our environment: nothing in it is a secret. */
const KEPT_VARIABLES =
  /^(PATH|HOME|USER|LOGNAME|LANG|LANGUAGE|LC_[A-Z]+|TZ|TMPDIR|LD_LIBRARY_PATH|PYTHONPATH|PYTHONHOME|VIRTUAL_ENV|CONDA_PREFIX)$/;
const LARGEST_PREVIEW_BYTES = 32 * 1024 * 1024;
/** The program is ended a little before the process that runs it would be. */
const MOST_SLACK_MS = 2000;

/** The environment of the facility's programs. */
export function commandEnvironment(): Record<string, string> {
  const kept = Object.entries(process.env).flatMap(([name, value]): [string, string][] =>
    value !== undefined && KEPT_VARIABLES.test(name) ? [[name, value]] : [],
  );
  return Object.fromEntries(kept);
}

/**
 * A reader that has a program of the facility read one file. It runs in an empty temporary folder, which is removed with
 * all that it left there.
 */
export function commandExtractor(options: CommandExtractorOptions): Extractor {
  const { command } = options;
  return {
    id: command.name,
    version: command.version,
    extensions: claimsOfPatterns(command.files).extensions,
    // Its name is all that is asked: what the program says of the content it says by failing.
    sniff: () => true,
    extract: (file, context) => extractByCommand(options, file, context),
  };
}

async function extractByCommand(
  { command, path, limits, signal }: CommandExtractorOptions,
  file: FileSource,
  { timezone, previews }: ExtractContext,
): Promise<ExtractedFile> {
  // Asked for, they are looked at again when an earlier result is to be used.
  for (const rule of command.companions) {
    for (const name of companionNames(rule, file.fileName)) file.sibling(name);
  }
  const folder = mkdtempSync(join(tmpdir(), 'recordsmith-reader-'));
  try {
    const preview = join(folder, 'preview.png');
    const places: Readonly<Record<string, string>> = {
      '{file}': argumentOf(path, folder),
      '{timezone}': timezone,
      '{preview}': preview,
    };
    const [program, ...args] = command.command.map((word) =>
      word.replaceAll(/\{(?:file|timezone|preview)\}/g, (place) => places[place] ?? place),
    );
    if (program === undefined) throw new AppError('READER_FAILED', 'It has no program.');
    const wholeMs = limits.timeLimitMs - Math.min(MOST_SLACK_MS, limits.timeLimitMs / 4);
    const output = await runCommand({
      words: [program, ...args],
      folder,
      environment: commandEnvironment(),
      timeLimitMs: Math.min(command.timeLimitMs ?? wholeMs, wholeMs),
      memoryLimitBytes: limits.memoryLimitBytes,
      signal,
    });
    return withPreview(readCommandAnswer(output, timezone), previews ? preview : null);
  } catch (error) {
    if (!isAppError(error) || error.code === 'ABORTED') throw error;
    throw new AppError(error.code, `The reader ${command.name} failed: ${error.message}`, {
      cause: error.cause,
      remedy: `Run it by hand: ${command.command.join(' ')}`,
      details: { ...error.details, reader: command.name },
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Arguments are text: a file whose path is no UTF-8 is given by a link, with the same extension. */
function argumentOf(path: Buffer, folder: string): string {
  const text = path.toString('utf8');
  if (Buffer.from(text, 'utf8').equals(path)) return text;
  const link = join(folder, basename(displayName(path)).slice(-200));
  symlinkSync(path, link);
  return link;
}

/** The picture that the program drew, read before its folder goes; shown with the first signal. */
function withPreview(answer: ExtractedFile, preview: string | null): ExtractedFile {
  const stats = preview === null ? undefined : lstatSync(preview, { throwIfNoEntry: false });
  if (preview === null || stats?.isFile() !== true) return answer;
  if (stats.size > LARGEST_PREVIEW_BYTES) {
    const warning = 'The preview that the reader drew is larger than 32 MiB and was left out.';
    return { ...answer, warnings: [...answer.warnings, warning] };
  }
  const bytes = readFileSync(preview);
  const [first, ...others] = answer.signals;
  if (first === undefined) return answer;
  return {
    ...answer,
    signals: [{ ...first, previewOf: () => ({ kind: 'encoded', bytes }) }, ...others],
  };
}
