import { InvalidArgumentError, Option, type Command } from 'commander';
import { jsonOption, type CommandHost } from '../command-host.js';
import type { DumpOptions } from '../dump-tables.js';
import { EXIT } from '../exit-codes.js';

const AFTER_HELP = `
One file a table, TABLE.csv, by RFC 4180 in UTF-8: all tables as of one moment, rows in order of the table's key, columns
in order of the table. NULL is an empty cell, an empty text is "", bytes are \\x and hexadecimal digits, instants are UTC.
Cells that a spreadsheet would take for a formula (they begin with = + - @) get an apostrophe in front unless --raw is
given. Files that are there are kept and nothing is written, unless --force is given. The dump names people: its files are
readable by their owner and group only.

Examples:
  recordsmith dump --out backup/2026-03-01
  recordsmith dump --out . --table session_log --table instruments --raw`;

function collect(value: string, collected: readonly string[]): readonly string[] {
  if (value === '') throw new InvalidArgumentError('It must not be empty.');
  return [...collected, value];
}

function folderName(value: string): string {
  if (value === '') throw new InvalidArgumentError('It must not be empty.');
  return value;
}

/** `recordsmith dump`: tables as CSV. */
export function registerDump(program: Command, host: CommandHost): void {
  program
    .command('dump')
    .description('write tables of the database as CSV files')
    .addOption(
      new Option('--out <folder>', 'where; made when it is not there')
        .argParser(folderName)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--table <name>', 'only this table (repeatable)')
        .argParser(collect)
        .default([], 'all'),
    )
    .addOption(new Option('--force', 'replace files that are there'))
    .addOption(new Option('--raw', 'do not guard against formulas'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const { dumpTables } = await import('../dump-tables.js');
        await dumpTables(context, command.opts<DumpOptions>());
        return EXIT.done;
      }),
    );
}
