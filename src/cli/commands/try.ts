import { InvalidArgumentError, Option, type Command } from 'commander';
import { AppError } from '../../errors.js';
import { zoneOption } from '../check-time-zone.js';
import { jsonOption, type CommandHost } from '../command-host.js';

/** The options of `try`, as tryFolder gets them. */
export interface TryOptions {
  /** As typed. */
  readonly from?: string;
  readonly to?: string;
  readonly out?: string;
  /** IANA zone. */
  readonly timezone?: string;
  readonly instrument?: string;
  readonly times: 'modified' | 'acquired';
  readonly all?: boolean;
  readonly force?: boolean;
}

const AFTER_HELP = `
Writes three files into the current folder (or --out): the record as XML and JSON, and a page that needs nothing else
and can be mailed: timeline, activities, previews, metadata, and why each file is in or out. They are named by the date
and the folder; files that are there are kept, the new ones get a number, unless --force is given. FOLDER is only read.
No configuration or database is used: everything is as by default. Exit code 65 when there is no file to show.

Examples:
  recordsmith try /data/Titan/2026-11-21
  recordsmith try /data/Titan --from 2026-11-21T09:00 --to 2026-11-21T12:30 --timezone Europe/Berlin
  recordsmith try /mnt/usb/copied --times acquired --instrument "FEI Titan" --out ~/records`;

function name(value: string): string {
  if (value.trim() !== '') return value.trim();
  throw new InvalidArgumentError('Give the name of the instrument.');
}

/** `recordsmith try`: what would become of a folder, with no database and no configuration. */
export function registerTry(program: Command, host: CommandHost): void {
  program
    .command('try')
    .description('make the record of a folder, with a page to look at, without any set-up')
    .argument('<folder>', 'folder with the files of a session')
    .addOption(new Option('--from <time>', 'only files written after this time'))
    .addOption(new Option('--to <time>', 'only files written up to this time'))
    .addOption(
      new Option('--out <dir>', 'folder for the record and the page').default(
        undefined,
        'the current one',
      ),
    )
    .addOption(
      new Option('--timezone <zone>', "zone of the instrument (default: the system's)").argParser(
        zoneOption,
      ),
    )
    .addOption(
      new Option(
        '--instrument <name>',
        'name of the instrument (default: what the files say)',
      ).argParser(name),
    )
    .addOption(
      new Option(
        '--times <times>',
        'what decides and groups: when files were modified, or acquired as they say themselves (for copied files)',
      )
        .choices(['modified', 'acquired'])
        .default('modified'),
    )
    .addOption(new Option('--all', 'also files of unknown formats (as build.strategy: inclusive)'))
    .addOption(new Option('--force', 'replace files of the same names'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const [folder] = command.args;
        if (folder === undefined || command.args.length > 1) {
          throw new AppError('USAGE', 'Give one folder.', { remedy: 'recordsmith try --help' });
        }
        if (context.options.config !== undefined) {
          throw new AppError(
            'USAGE',
            'try works without a configuration: --config means nothing here.',
            {
              remedy: 'Leave --config away.',
            },
          );
        }
        const { tryFolder } = await import('../try-folder.js');
        return tryFolder(context, folder, command.opts<TryOptions>());
      }),
    );
}
