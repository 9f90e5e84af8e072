import { Buffer } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { MetadataValue } from '../domain/file-metadata.js';
import { zonedTime } from '../domain/zoned-time.js';
import { AppError, isAppError, systemErrorCode, toError } from '../errors.js';
import type { SingleFile } from '../extract/extract-single-file.js';
import { ReaderPool } from '../extract/reader-pool.js';
import { escapeControls } from '../log-values.js';
import type { CommandContext } from './command-context.js';
import type { ExtractOptions } from './commands/extract.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { extractSettings } from './extract-settings.js';

/** Reader processes at most. */
const MOST_READERS = 2;

/** One signal of one file, as `extract --json` prints it. */
export interface ExtractedEntry {
  /** As typed. */
  readonly path: string;
  readonly format: string;
  readonly type: string;
  readonly metadata: Readonly<
    Record<
      string,
      {
        readonly value: MetadataValue['value'];
        readonly unit: string | null;
        readonly warning: boolean;
      }
    >
  >;
  readonly warnings: readonly string[];
  readonly shape: readonly number[];
  readonly calibration: readonly {
    readonly scale: number;
    readonly origin: number;
    readonly unit: string;
  }[];
  readonly dtype: string | null;
  /** ISO 8601 in the zone asked for. */
  readonly acquired: string | null;
  /** Values that the configuration adjusted, with what the reader gave; absent: none. */
  readonly adjusted?: readonly {
    readonly adjustment: string;
    readonly value: string;
    readonly original: {
      readonly value: MetadataValue['value'];
      readonly unit: string | null;
    } | null;
  }[];
  /** With --all-tags, in the first entry of each file. */
  readonly tags?: unknown;
}

type FileOutcome =
  | { readonly kind: 'read'; readonly file: SingleFile }
  | { readonly kind: 'failed'; readonly error: Error };

/** The entries of one file, a signal each. */
function entriesOf(
  path: string,
  file: SingleFile,
  options: { readonly timezone: string; readonly allTags: boolean },
): ExtractedEntry[] {
  const { format, signals, warnings } = file.metadata;
  return signals.map((signal, index) => ({
    path,
    format,
    type: signal.type,
    metadata: Object.fromEntries(
      Object.entries(signal.metadata).map(([name, { value, unit, warning }]) => [
        name,
        { value, unit: unit ?? null, warning: warning ?? false },
      ]),
    ),
    warnings,
    shape: signal.shape,
    calibration: signal.calibration,
    dtype: signal.dtype,
    acquired:
      signal.acquiredMs === null ? null : zonedTime(signal.acquiredMs, options.timezone).toISO(),
    ...adjustedOf(file, index + 1),
    ...(options.allTags && index === 0 ? { tags: file.tags } : {}),
  }));
}

/** What was adjusted in a signal (from 1), as the entry shows it. */
function adjustedOf({ adjusted }: SingleFile, signal: number): Pick<ExtractedEntry, 'adjusted'> {
  const own = adjusted.filter((one) => one.signal === signal);
  if (own.length === 0) return {};
  return {
    adjusted: own.map(({ adjustment, value, original }) => ({
      adjustment,
      value,
      original: original === null ? null : { value: original.value, unit: original.unit ?? null },
    })),
  };
}

/**
 * `recordsmith extract`: reads the files in reader processes, some at a time, and prints them in their order. One that
 * cannot be read is told on standard error and does not stop the others.
 * @returns done, or the exit code of the first file that failed.
 * @throws AppError as extractSettings; CONFIG_INVALID when readers of the facility cannot be used; USAGE when --reader names no reader, INPUT_INVALID when the preview's folder is not there.
 */
export async function extractFiles(
  context: CommandContext,
  paths: readonly string[],
  options: ExtractOptions,
): Promise<ExitCode> {
  const settings = await extractSettings(context, options);
  const { timezone } = settings;
  const allTags = options.allTags === true;
  if (options.preview !== undefined) {
    await requireFolderOf(resolve(context.workingFolder, options.preview));
  }
  const readers = new ReaderPool({
    size: Math.min(MOST_READERS, paths.length),
    ...settings.limits,
  });
  const printer = new EntryPrinter(context);
  let exitCode: ExitCode = EXIT.done;
  const read = async (path: string): Promise<FileOutcome> => {
    try {
      const file = await readers.extractSingleFile({
        path: Buffer.from(resolve(context.workingFolder, path)),
        timezone,
        allTags,
        stackPreviews: settings.stackPreviews,
        dicomIdentity: settings.dicomIdentity,
        adjustments: settings.adjustments,
        location: settings.locationOf(resolve(context.workingFolder, path)),
        reader: readerOf(options.reader, context.workingFolder),
        ...(options.preview === undefined
          ? {}
          : { previewPath: resolve(context.workingFolder, options.preview) }),
      });
      return { kind: 'read', file };
    } catch (error) {
      return { kind: 'failed', error: toError(error) };
    }
  };
  try {
    if (settings.facility !== null) await readers.useFacilityReaders(settings.facility);
    const due: { readonly path: string; readonly outcome: Promise<FileOutcome> }[] = [];
    const waiting = [...paths];
    for (;;) {
      while (due.length <= MOST_READERS) {
        const path = waiting.shift();
        if (path === undefined) break;
        due.push({ path, outcome: read(path) });
      }
      const next = due.shift();
      if (next === undefined || context.outputClosed) break;
      const outcome = await next.outcome;
      if (outcome.kind === 'read') {
        printer.print(entriesOf(next.path, outcome.file, { timezone, allTags }));
        continue;
      }
      const { error } = outcome;
      if (!isAppError(error) || error.code === 'USAGE') throw error;
      context.reportError(
        new AppError(error.code, `The file ${next.path} cannot be shown.`, {
          cause: error,
          ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
        }),
      );
      if (exitCode === EXIT.done) exitCode = exitCodeOf(error);
    }
    printer.end();
    return exitCode;
  } finally {
    await readers.stop();
  }
}

/**
 * A mistyped folder must not come into being.
 * @throws AppError INPUT_INVALID
 */
async function requireFolderOf(preview: string): Promise<void> {
  const folder = dirname(preview);
  try {
    if ((await stat(folder)).isDirectory()) return;
  } catch (error) {
    const systemCode = systemErrorCode(error);
    // Other obstacles are told when the picture is written.
    if (systemCode !== 'ENOENT' && systemCode !== 'ENOTDIR') return;
  }
  throw new AppError('INPUT_INVALID', `There is no folder ${folder} for the preview.`, {
    remedy: 'Make it, or name another place with --preview.',
    details: { path: preview },
  });
}

/** What looks like a path is one, from the working folder; else it is the id of a reader. */
function readerOf(reader: string | undefined, workingFolder: string): string | null {
  if (reader === undefined) return null;
  return /[/\\]|\.[cm]?js$/.test(reader) ? resolve(workingFolder, reader) : reader;
}

function shownValue(value: MetadataValue['value'], unit: string | null): string {
  const text = typeof value === 'object' ? value.join(', ') : String(value);
  return unit === null ? text : `${text} ${unit}`;
}

/** Prints entries as they come: one JSON array, or a block of lines for each. */
class EntryPrinter {
  readonly #context: CommandContext;
  #count = 0;

  constructor(context: CommandContext) {
    this.#context = context;
  }

  print(entries: readonly ExtractedEntry[]): void {
    for (const entry of entries) {
      if (this.#context.json) {
        this.#context.print(this.#count === 0 ? '[' : ',');
        this.#context.printJson(entry);
      } else {
        if (this.#count > 0) this.#context.print('');
        this.#printText(entry);
      }
      this.#count += 1;
    }
  }

  end(): void {
    if (this.#context.json) this.#context.print(this.#count === 0 ? '[]' : ']');
  }

  #printText(entry: ExtractedEntry): void {
    const context = this.#context;
    // Names and values come from files: nothing in them may reach the terminal as a control.
    const line = (text: string): void => context.print(escapeControls(text));
    line(entry.path);
    const facts = [
      ['format', entry.format],
      ['type', entry.type],
      ['acquired', entry.acquired],
      ['shape', entry.shape.length === 0 ? null : entry.shape.join(' x ')],
      ['data type', entry.dtype],
      [
        'calibration',
        entry.calibration.length === 0
          ? null
          : entry.calibration
              .map(
                ({ scale, origin, unit }) =>
                  `${scale}${unit === '' ? '' : ` ${unit}`} from ${origin}`,
              )
              .join('; '),
      ],
    ] as const;
    for (const [name, value] of facts) {
      if (value !== null) line(`  ${name}: ${value}`);
    }
    for (const warning of entry.warnings) line(`  warning: ${warning}`);
    context.table(
      Object.entries(entry.metadata).map(([name, { value, unit, warning }]) => ({
        name,
        value: shownValue(value, null),
        unit,
        note: warning ? 'to be checked' : '',
      })),
    );
    for (const { adjustment, value, original } of entry.adjusted ?? []) {
      const before = original === null ? 'nothing' : shownValue(original.value, original.unit);
      line(`  adjusted: ${value} was ${before} (${adjustment})`);
    }
    if (entry.tags !== undefined) context.printJson(entry.tags);
  }
}
