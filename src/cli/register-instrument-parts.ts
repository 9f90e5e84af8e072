import { InvalidArgumentError, Option, type Command } from 'commander';
import { TIME_BASES } from '../domain/instrument.js';
import { AppError } from '../errors.js';
import { jsonOption, type CommandHost } from './command-host.js';
import { EXIT } from './exit-codes.js';
import type { FolderChanges } from './instrument-folders.js';

const AFTER_FOLDER = `
Paths are relative to paths.data. The time basis says which time of a file decides: mtime (of the file system) or acquired
(the one that the file itself says). The clock offset is the instrument's clock minus the server's, in seconds: 90 for a
PC that is a minute and a half ahead; it holds from --valid-from (default now) until the next one.

Examples:
  recordsmith instruments folder add titan Titan_Gatan --pattern '*.dm4' --pattern '*.dm3'
  recordsmith instruments folder set titan Titan --time-basis acquired --clock-offset -3.5 --valid-from 2026-03-01`;

const AFTER_FOLDER_REMOVE = `
The first folder (filestore_path) is named anew by 'recordsmith instruments set PID --filestore-path FOLDER'.

Example:
  recordsmith instruments folder remove titan Titan_Gatan`;

const AFTER_TOOL = `
SOURCE is the name of an event source, TOOL_ID the number of a tool there: a child or alternate tool whose sessions are
sessions of this instrument. A tool means one instrument; adding it again moves it.

Example:
  recordsmith instruments tool add titan nemo 42`;

const AFTER_TOOL_REMOVE = `
Example:
  recordsmith instruments tool remove nemo 42`;

function collect(value: string, collected: readonly string[]): readonly string[] {
  if (value === '') throw new InvalidArgumentError('It must not be empty.');
  return [...collected, value];
}

/** An option that can be given several times. */
export function listOption(flags: string, description: string): Option {
  return new Option(flags, `${description} (repeatable)`).argParser(collect).default([], 'none');
}

/** An operand of a command that commander has checked to be there. */
export function argument(command: Command, index: number): string {
  return command.args[index] ?? '';
}

function seconds(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number)) {
    throw new InvalidArgumentError('It must be a number of seconds.');
  }
  return number;
}

function folderChanges(command: Command): FolderChanges {
  const options = command.opts<FolderChanges>();
  if (options.validFrom !== undefined && options.clockOffset === undefined) {
    throw new AppError('USAGE', 'Option --valid-from works only together with --clock-offset.', {
      remedy: '--clock-offset SECONDS --valid-from TIME',
    });
  }
  return options;
}

/** `recordsmith instruments folder add|set|remove`. */
export function registerInstrumentFolders(instruments: Command, host: CommandHost): void {
  const folder = instruments.command('folder').description('add, change and remove its folders');
  for (const name of ['add', 'set'] as const) {
    folder
      .command(name)
      .description(name === 'add' ? 'add a folder of its files' : 'change a folder of its files')
      .argument('<pid>', 'the instrument')
      .argument('<folder>', 'relative to paths.data')
      .addOption(new Option('--time-basis <time>', 'which time decides').choices(TIME_BASES))
      .addOption(listOption('--pattern <glob>', 'only such files count'))
      .addOption(new Option('--all-files', 'no pattern any more').conflicts('pattern'))
      .addOption(
        new Option('--clock-offset <seconds>', 'how far its clock is ahead').argParser(seconds),
      )
      .addOption(new Option('--valid-from <time>', 'from when the offset holds (default: now)'))
      .addOption(new Option('--clear-clock-offsets', 'forget the offsets that are known'))
      .addOption(jsonOption())
      .addHelpText('after', AFTER_FOLDER)
      .action(
        host.action(async (context, command) => {
          const changes = folderChanges(command);
          const { addFolder, setFolder } = await import('./instrument-folders.js');
          const change = name === 'add' ? addFolder : setFolder;
          await change(context, argument(command, 0), argument(command, 1), changes);
          return EXIT.done;
        }),
      );
  }
  folder
    .command('remove')
    .description('forget a folder; nothing in it is touched')
    .argument('<pid>', 'the instrument')
    .argument('<folder>', 'as it is listed')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_FOLDER_REMOVE)
    .action(
      host.action(async (context, command) => {
        const { removeFolder } = await import('./instrument-folders.js');
        await removeFolder(context, argument(command, 0), argument(command, 1));
        return EXIT.done;
      }),
    );
}

/** `recordsmith instruments tool add|remove`. */
export function registerInstrumentTools(instruments: Command, host: CommandHost): void {
  const tool = instruments
    .command('tool')
    .description('say which tools of a booking system mean it');
  tool
    .command('add')
    .description('sessions of this tool are sessions of the instrument')
    .argument('<pid>', 'the instrument')
    .argument('<source>', 'name of the event source')
    .argument('<tool>', 'identifier of the tool there')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_TOOL)
    .action(
      host.action(async (context, command) => {
        const { addInstrumentTool } = await import('./manage-instruments.js');
        const [pid, source, toolId] = [0, 1, 2].map((index) => argument(command, index));
        await addInstrumentTool(context, pid ?? '', source ?? '', toolId ?? '');
        return EXIT.done;
      }),
    );
  tool
    .command('remove')
    .description('forget a tool')
    .argument('<source>', 'name of the event source')
    .argument('<tool>', 'identifier of the tool there')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_TOOL_REMOVE)
    .action(
      host.action(async (context, command) => {
        const { removeInstrumentTool } = await import('./manage-instruments.js');
        await removeInstrumentTool(context, argument(command, 0), argument(command, 1));
        return EXIT.done;
      }),
    );
}
