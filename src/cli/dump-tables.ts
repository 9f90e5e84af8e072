import { access } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { stringify } from 'csv-stringify/sync';
import { nearestName } from '../config/nearest-name.js';
import {
  readTables,
  type TableShape,
  type TableSnapshot,
  type TableValue,
} from '../db/table-rows.js';
import { AppError, systemErrorCode } from '../errors.js';
import { writeUnfinished, type UnfinishedFile } from '../record/write-file-durably.js';
import type { CommandContext } from './command-context.js';
import { StopSignals } from './stop-signals.js';
import { withDatabase } from './with-database.js';

/** What `dump` was given. */
export interface DumpOptions {
  /** Folder of the files; made when it is not there. */
  readonly out: string;
  /** Names of tables; empty: all. */
  readonly table: readonly string[];
  /** Replace files that are there. */
  readonly force?: boolean;
  /** Leave cells that a spreadsheet would take for formulas as they are. */
  readonly raw?: boolean;
}

/** The dump names people: it is for its owner and group only. */
const FILE_MODE = 0o640;

interface DumpedTable {
  readonly table: string;
  readonly rows: number;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: string;
}

interface UnfinishedDump {
  readonly table: string;
  readonly rows: number;
  readonly unfinished: UnfinishedFile;
}

function wantedTables(snapshot: TableSnapshot, names: readonly string[]): readonly TableShape[] {
  if (names.length === 0) return snapshot.tables;
  const known = snapshot.tables.map(({ name }) => name);
  const unknown = [...new Set(names)].filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    const nearest = nearestName(unknown[0] ?? '', known);
    throw new AppError(
      'INPUT_INVALID',
      `The database has no table ${unknown.join(', ')}${nearest === null ? '' : `; did you mean '${nearest}'?`}`,
      { remedy: `Tables are ${known.join(', ')}.`, details: { unknown } },
    );
  }
  return snapshot.tables.filter(({ name }) => names.includes(name));
}

async function refuseToReplace(files: readonly string[]): Promise<void> {
  const present: string[] = [];
  for (const file of files) {
    try {
      await access(file);
      present.push(file);
    } catch (error) {
      // A folder or file that cannot be looked at fails with its reason when it is written.
      if (systemErrorCode(error) === undefined) throw error;
    }
  }
  if (present.length === 0) return;
  throw new AppError(
    'INPUT_INVALID',
    `There is a dump already: ${String(present[0])}${present.length === 1 ? '' : ` and ${present.length - 1} more`}.`,
    {
      remedy: 'Name another folder, or replace these files with --force.',
      details: { files: present },
    },
  );
}

/** Bytes are written as PostgreSQL reads and writes them: `\x` and hexadecimal digits. */
function cellOf(value: TableValue): Exclude<TableValue, Buffer> {
  return Buffer.isBuffer(value) ? `\\x${value.toString('hex')}` : value;
}

function csvText(rows: readonly (readonly TableValue[])[], raw: boolean): string {
  return stringify(
    rows.map((row) => row.map(cellOf)),
    {
      record_delimiter: '\r\n',
      // NULL is an empty cell, an empty text "".
      quoted_string: true,
      escape_formulas: !raw,
      cast: { boolean: (value) => (value ? 'true' : 'false') },
    },
  );
}

/** `recordsmith dump`: writes tables as CSV files, all as of one moment. All files appear together at the end. */
class TableDump {
  readonly #options: DumpOptions;
  readonly #folder: string;
  readonly #stop: AbortSignal;
  readonly #written: UnfinishedDump[] = [];

  constructor(options: DumpOptions, folder: string, stop: AbortSignal) {
    this.#options = options;
    this.#folder = folder;
    this.#stop = stop;
  }

  async write(snapshot: TableSnapshot): Promise<void> {
    const tables = wantedTables(snapshot, this.#options.table);
    if (this.#options.force !== true) {
      await refuseToReplace(tables.map(({ name }) => this.#fileOf(name)));
    }
    for (const table of tables) {
      const count = { rows: 0 };
      const unfinished = await writeUnfinished(
        this.#fileOf(table.name),
        this.#chunks(snapshot, table, count),
        FILE_MODE,
      );
      this.#written.push({ table: table.name, rows: count.rows, unfinished });
    }
  }

  async finish(): Promise<readonly DumpedTable[]> {
    const dumped: DumpedTable[] = [];
    for (const { table, rows, unfinished } of this.#written) {
      const { path, sizeBytes, sha256 } = await unfinished.finish();
      dumped.push({ table, rows, file: path, bytes: sizeBytes, sha256 });
    }
    return dumped;
  }

  async discard(): Promise<void> {
    for (const { unfinished } of this.#written) await unfinished.discard();
  }

  #fileOf(table: string): string {
    return join(this.#folder, `${table}.csv`);
  }

  async *#chunks(snapshot: TableSnapshot, table: TableShape, count: { rows: number }) {
    const raw = this.#options.raw === true;
    yield `${table.columns.map(({ name }) => name).join(',')}\r\n`;
    for await (const page of snapshot.rows(table)) {
      if (this.#stop.aborted) {
        throw new AppError('ABORTED', 'The dump was stopped; no file was written.', {
          remedy: 'Start it again.',
        });
      }
      count.rows += page.length;
      yield csvText(page, raw);
    }
  }
}

/**
 * Writes tables as CSV files and prints what was written. Nothing is left when it fails.
 * @throws AppError INPUT_INVALID for an unknown table or a file that is there already; FILE_NOT_WRITABLE; ABORTED.
 */
export async function dumpTables(context: CommandContext, options: DumpOptions): Promise<void> {
  const dumped = await withDatabase(
    context,
    async ({ database, log }) => {
      const signals = new StopSignals(log, 0);
      const folder = resolve(context.workingFolder, options.out);
      const dump = new TableDump(options, folder, signals.stopTaking);
      try {
        await readTables(database, (snapshot) => dump.write(snapshot));
        return await dump.finish();
      } catch (error) {
        await dump.discard();
        throw error;
      } finally {
        signals.dispose();
      }
    },
    { readOnly: true },
  );
  if (context.json) context.printJson({ tables: dumped });
  else context.table(dumped.map(({ table, rows, bytes, file }) => ({ table, rows, bytes, file })));
}
