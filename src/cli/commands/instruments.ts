import { Option, type Command } from 'commander';
import { AppError } from '../../errors.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';
import type { InstrumentChanges } from '../instrument-changes.js';
import type { ImportToolsOptions } from '../import-tools.js';
import { INSTRUMENT_COLUMNS } from '../instrument-columns.js';
import type { InstrumentInput } from '../manage-instruments.js';
import {
  argument,
  listOption,
  registerInstrumentFolders,
  registerInstrumentTools,
} from '../register-instrument-parts.js';

const AFTER_LIST = `
Example:
  recordsmith instruments list --json`;

const AFTER_SHOW = `
Shows the columns of the instrument, its folders and tools, and every build setting that holds for its sessions with
where it comes from: the instrument, the configuration file, the environment or the default. Times are in the zone of the
instrument, with --json in UTC.

Example:
  recordsmith instruments show titan`;

const AFTER_ADD = `
An empty text ('') leaves a column empty. Clocks, patterns and time basis of a folder: recordsmith instruments folder set.

Examples:
  recordsmith instruments add titan --filestore-path Titan --timezone Europe/Berlin --display-name "FEI Titan TEM"
  recordsmith instruments add quanta --filestore-path Quanta --timezone Europe/Berlin --folder Quanta_EDS \\
    --set build.strategy=inclusive --set build.clustering.min_gap_s=300`;

const AFTER_SET = `
What is not named stays. An empty text ('') empties a column. --set and --unset change single settings, --settings
replaces all of them.

Examples:
  recordsmith instruments set titan --location "Building 7, room 12" --active no
  recordsmith instruments set titan --set build.file_delay_days=5 --unset build.strategy`;

const AFTER_REMOVE = `
An instrument that the session log names is kept: '--active no' ends its harvest instead.

Example:
  recordsmith instruments remove titan`;

const AFTER_IMPORT = `
The first line names the columns: instrument_pid and any of
  ${INSTRUMENT_COLUMNS.map(({ name }) => name).join(', ')}.
The columns of NexusLIMS are understood (schema_name is display_name), and so is what 'recordsmith dump' writes. Commas,
semicolons and tabs separate; the file is UTF-8. Instruments that are there are changed: columns that the file does not
have stay, an empty cell empties its column. All rows or none: every wrong row is named.

With --from-nemo the tools of a NEMO of the configuration are listed, with the instrument that each means or could mean and
why. That alone writes nothing. --apply sets what is certain (the instrument's api_url is the tool's address, or it has the
tool's name) and not set yet; --csv writes the instruments that are missing to a new file, to be completed by a person
(filestore_path, timezone) and imported. --dry-run shows what these two would do.

Examples:
  recordsmith instruments import instruments.csv
  recordsmith instruments import --from-nemo nemo
  recordsmith instruments import --from-nemo nemo --apply --csv missing.csv`;

/** One option a column: `display_name` is `--display-name`. */
const COLUMN_OPTIONS = INSTRUMENT_COLUMNS.map((column) => ({
  column,
  option: new Option(
    `--${column.name.replaceAll('_', '-')} <${column.placeholder}>`,
    column.description,
  ),
}));

function addColumnOptions(command: Command): Command {
  for (const { option } of COLUMN_OPTIONS) command.addOption(option);
  return command.addOption(listOption('--set <key=value>', 'a setting of its own'));
}

/** The columns and settings that were given. @throws AppError INPUT_INVALID */
async function inputOf(command: Command): Promise<InstrumentInput> {
  const { readInstrumentColumn } = await import('../instrument-changes.js');
  let changes: InstrumentChanges = {};
  for (const { column, option } of COLUMN_OPTIONS) {
    const value: unknown = command.getOptionValue(option.attributeName());
    if (typeof value === 'string')
      changes = { ...changes, ...readInstrumentColumn(column.name, value) };
  }
  const { set, unset = [] } = command.opts<{
    readonly set: readonly string[];
    readonly unset?: readonly string[];
  }>();
  return { changes, settings: { set, unset } };
}

function registerColumns(instruments: Command, host: CommandHost): void {
  addColumnOptions(
    instruments
      .command('add')
      .description('add an instrument; it needs --filestore-path and --timezone')
      .argument('<pid>', 'its key, such as FEI-Titan-TEM'),
  )
    .addOption(listOption('--folder <folder>', 'a further folder of its files'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_ADD)
    .action(
      host.action(async (context, command) => {
        const { addInstrument } = await import('../manage-instruments.js');
        const { folder } = command.opts<{ readonly folder: readonly string[] }>();
        await addInstrument(context, argument(command, 0), await inputOf(command), folder);
        return EXIT.done;
      }),
    );
  addColumnOptions(
    instruments
      .command('set')
      .description('change columns and settings of an instrument')
      .argument('<pid>', 'the instrument'),
  )
    .addOption(listOption('--unset <key>', 'take back a setting of its own'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_SET)
    .action(
      host.action(async (context, command) => {
        const input = await inputOf(command);
        const { set, unset } = input.settings;
        if (Object.keys(input.changes).length + set.length + unset.length === 0) {
          throw new AppError('USAGE', 'Nothing to change is named.', {
            remedy: "see 'recordsmith instruments set --help'",
          });
        }
        const { setInstrument } = await import('../manage-instruments.js');
        await setInstrument(context, argument(command, 0), input);
        return EXIT.done;
      }),
    );
}

/** @throws AppError USAGE unless a file or a NEMO is named, and what belongs to it. */
function checkImport(
  file: string | undefined,
  fromNemo: string | undefined,
  { csv, apply, dryRun }: ImportToolsOptions,
): void {
  const usage = (message: string, remedy: string) => new AppError('USAGE', message, { remedy });
  if ((file === undefined) === (fromNemo === undefined)) {
    throw usage(
      `Name ${file === undefined ? 'a CSV file or a NEMO' : 'either a CSV file or a NEMO'} to import from.`,
      'recordsmith instruments import FILE.csv, or --from-nemo SOURCE',
    );
  }
  if (fromNemo !== undefined) return;
  const given = [
    ...(csv === undefined ? [] : ['--csv']),
    ...(apply === true ? ['--apply'] : []),
    ...(dryRun === true ? ['--dry-run'] : []),
  ];
  if (given.length > 0) {
    throw usage(
      `Option ${given.join(', ')} works only together with --from-nemo.`,
      'recordsmith instruments import --from-nemo SOURCE',
    );
  }
}

/** `recordsmith instruments`: instruments, their folders and tools. */
export function registerInstruments(program: Command, host: CommandHost): void {
  const instruments = program
    .command('instruments')
    .description('list, show, add, change, remove and import instruments');
  instruments
    .command('list')
    .description('list the instruments')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_LIST)
    .action(
      host.action(async (context) => {
        const { printInstruments } = await import('../manage-instruments.js');
        await printInstruments(context);
        return EXIT.done;
      }),
    );
  instruments
    .command('show')
    .description('show an instrument with its effective settings')
    .argument('<pid>', 'the instrument')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_SHOW)
    .action(
      host.action(async (context, command) => {
        const { printInstrument } = await import('../manage-instruments.js');
        await printInstrument(context, argument(command, 0));
        return EXIT.done;
      }),
    );
  registerColumns(instruments, host);
  instruments
    .command('remove')
    .description('remove an instrument that has no sessions')
    .argument('<pid>', 'the instrument')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_REMOVE)
    .action(
      host.action(async (context, command) => {
        const { removeInstrument } = await import('../manage-instruments.js');
        await removeInstrument(context, argument(command, 0));
        return EXIT.done;
      }),
    );
  instruments
    .command('import')
    .description(
      'add and change instruments by a CSV file, or see which ones the tools of NEMO mean',
    )
    .argument('[file]', 'CSV file')
    .addOption(new Option('--from-nemo <source>', 'list the tools of this source'))
    .addOption(new Option('--apply', 'with --from-nemo: set the tools that are certain'))
    .addOption(new Option('--csv <file>', 'with --from-nemo: write missing instruments to it'))
    .addOption(new Option('-n, --dry-run', 'with --from-nemo: write nothing, say what would be'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_IMPORT)
    .action(
      host.action(async (context, command) => {
        const { fromNemo, ...options } = command.opts<
          ImportToolsOptions & { readonly fromNemo?: string }
        >();
        const [file] = command.args;
        checkImport(file, fromNemo, options);
        if (fromNemo !== undefined) {
          const { importTools } = await import('../import-tools.js');
          await importTools(context, fromNemo, options);
        } else if (file !== undefined) {
          const { importInstruments } = await import('../import-instruments.js');
          await importInstruments(context, file);
        }
        return EXIT.done;
      }),
    );
  registerInstrumentFolders(instruments, host);
  registerInstrumentTools(instruments, host);
}
