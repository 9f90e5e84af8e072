import { readFile, stat } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { z } from 'zod';
import { nearestName } from '../config/nearest-name.js';
import { AppError, isAppError, toError } from '../errors.js';
import { INSTRUMENT_COLUMNS, type InstrumentColumn } from './instrument-columns.js';

/** A list of instruments is small; anything larger is another file given by mistake. */
const LARGEST_FILE_BYTES = 5_000_000;

const PID_NAMES = ['instrument_pid', 'pid'];
/** Columns of NexusLIMS and of our own dump that say nothing a person sets. */
const PASSED_OVER = ['calendar_name', 'computer_mount', 'created_at', 'updated_at'];

/** What a heading means: the key, a column, or nothing. */
type Heading = 'pid' | 'passed over' | InstrumentColumn;

/** A row of the list. */
export interface ImportRow {
  /** From 1, without the headings. */
  readonly row: number;
  /** Line of the file, from 1, at which the row ends. */
  readonly line: number;
  readonly pid: string;
  readonly cells: readonly { readonly column: InstrumentColumn; readonly text: string }[];
}

/** A list of instruments as it was read. */
export interface InstrumentList {
  readonly rows: readonly ImportRow[];
  readonly passedOver: readonly string[];
}

const parsedRecords = z.array(
  z.object({ record: z.array(z.string()), info: z.object({ lines: z.number() }) }),
);

function invalid(message: string, remedy: string, cause?: unknown): AppError {
  return new AppError('INPUT_INVALID', message, {
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}

/**
 * The text of the file.
 * @throws AppError FILE_UNREADABLE; INPUT_INVALID when it is too large or not UTF-8.
 */
export async function readListText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    const { size } = await stat(file);
    if (size > LARGEST_FILE_BYTES) {
      throw invalid(
        `${file} has ${size} bytes, too many for a list of instruments.`,
        `Give a CSV file of at most ${LARGEST_FILE_BYTES} bytes.`,
      );
    }
    bytes = await readFile(file);
  } catch (error) {
    if (isAppError(error)) throw error;
    throw new AppError('FILE_UNREADABLE', `${file} cannot be read.`, {
      cause: toError(error),
      remedy: 'Check its name and rights.',
      details: { file },
    });
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw invalid(`${file} is not UTF-8.`, 'Save it as "CSV UTF-8".', toError(error));
  }
}

/** Spreadsheets of some countries write semicolons; headings hold none of the separators. */
function separatorOf(text: string): string {
  const headings = text.slice(0, text.search(/\r|\n|$/));
  return [',', ';', '\t'].find((separator) => headings.includes(separator)) ?? ',';
}

function headingOf(text: string): Heading {
  const name = text.trim().toLowerCase();
  if (PID_NAMES.includes(name)) return 'pid';
  if (PASSED_OVER.includes(name)) return 'passed over';
  const column = INSTRUMENT_COLUMNS.find((one) => one.name === name || one.aliases.includes(name));
  if (column !== undefined) return column;
  const known = [...PID_NAMES, ...INSTRUMENT_COLUMNS.map((one) => one.name)];
  const nearest = nearestName(name, known);
  throw invalid(
    `'${text.slice(0, 100)}' is no column of an instrument${nearest === null ? '' : `; did you mean '${nearest}'?`}`,
    `Columns are instrument_pid, ${INSTRUMENT_COLUMNS.map((one) => one.name).join(', ')}.`,
  );
}

function headingsOf(file: string, names: readonly string[]): readonly Heading[] {
  const headings = names.map(headingOf);
  const named = headings.filter((heading) => heading !== 'passed over');
  if (!headings.includes('pid')) {
    throw invalid(`${file} has no column instrument_pid.`, 'Its first line names the columns.');
  }
  const twice = named.find((heading, index) => named.indexOf(heading) !== index);
  if (twice !== undefined) {
    const name = twice === 'pid' ? 'instrument_pid' : twice.name;
    throw invalid(`${file} has the column ${name} twice.`, 'Leave one of them out.');
  }
  return headings;
}

/** The apostrophe that `dump` and spreadsheets put before what looks like a formula is not part of the value. */
function withoutGuard(text: string): string {
  return /^'[=+\-@\t\r]/.test(text) ? text.slice(1) : text;
}

/** What is wrong with the rows of a list, gathered so that all of it is said at once. */
export class FaultList {
  readonly #faults: { readonly row: number; readonly line: number; readonly problem: string }[] =
    [];

  add({ row, line }: Pick<ImportRow, 'row' | 'line'>, problem: string): void {
    this.#faults.push({ row, line, problem });
  }

  /** Notes what `check` throws. */
  collect<T>(row: Pick<ImportRow, 'row' | 'line'>, check: () => T): T | null {
    try {
      return check();
    } catch (thrown) {
      const error = toError(thrown);
      const below = error.cause === undefined ? '' : ` ${toError(error.cause).message}`;
      this.add(row, `${error.message}${below}`);
      return null;
    }
  }

  /** @throws AppError INPUT_INVALID naming every fault, when there is any. */
  throwIfAny(file: string): void {
    const rows = new Set(this.#faults.map(({ row }) => row)).size;
    if (rows === 0) return;
    const lines = this.#faults
      .sort((a, b) => a.row - b.row)
      .map(({ row, line, problem }) => `row ${row} (line ${line}): ${problem}`);
    throw new AppError(
      'INPUT_INVALID',
      `${file} has ${rows === 1 ? 'a wrong row' : `${rows} wrong rows`}; nothing was written:\n${lines.join('\n')}`,
      {
        remedy: 'Correct these rows and import the file again.',
        details: { faults: this.#faults },
      },
    );
  }
}

/**
 * The rows of a list of instruments. Rows that cannot be read go into `faults`.
 * @throws AppError INPUT_INVALID when the text is no CSV or its headings are wrong.
 */
export function readInstrumentList(file: string, text: string, faults: FaultList): InstrumentList {
  let records: z.infer<typeof parsedRecords>;
  try {
    records = parsedRecords.parse(
      parse(text, {
        bom: true,
        delimiter: separatorOf(text),
        info: true,
        relax_column_count: true,
        skip_empty_lines: true,
        skip_records_with_empty_values: true,
      }),
    );
  } catch (error) {
    throw invalid(`${file} is no CSV file.`, 'Check its quotes.', toError(error));
  }
  const [first, ...others] = records;
  if (first === undefined) {
    throw invalid(`${file} is empty.`, 'Its first line names the columns.');
  }
  const headings = headingsOf(file, first.record);
  const rows: ImportRow[] = [];
  for (const [index, { record, info }] of others.entries()) {
    const place = { row: index + 1, line: info.lines };
    if (record.length !== headings.length) {
      faults.add(place, `it has ${record.length} cells, the headings are ${headings.length}`);
      continue;
    }
    const texts = record.map(withoutGuard);
    const pid = texts[headings.indexOf('pid')] ?? '';
    const cells = headings.flatMap((heading, column) =>
      typeof heading === 'string' ? [] : [{ column: heading, text: texts[column] ?? '' }],
    );
    if (pid.trim() === '') faults.add(place, 'instrument_pid is empty');
    else rows.push({ ...place, pid, cells });
  }
  return {
    rows,
    passedOver: first.record.filter((_name, index) => headings[index] === 'passed over'),
  };
}
