import { Option, type Command } from 'commander';
import { AppError } from '../../errors.js';
import { zoneOption } from '../check-time-zone.js';
import { jsonOption, type CommandHost } from '../command-host.js';

/** The options of `extract`, as extractFiles gets them. */
export interface ExtractOptions {
  /** Where the preview goes, as typed. */
  readonly preview?: string;
  readonly allTags?: boolean;
  /** IANA zone. */
  readonly timezone?: string;
  /** instrument_pid whose zone and adjustments hold. */
  readonly instrument?: string;
  /** Id of a reader, or the path of a module, as typed. */
  readonly reader?: string;
}

const AFTER_HELP = `
Readers and adjustments of the configuration (extract.*) are heeded where there is one; adjustments of a single instrument with
--instrument, which also takes its time zone.

Exit code 65 or 77 when a file cannot be read; the others are shown all the same.

Examples:
  recordsmith extract scan.dm4 --preview scan.png
  recordsmith extract --json --all-tags --timezone Europe/Berlin *.tif
  recordsmith extract --instrument FEI-Quanta-SEM image.tif
  recordsmith extract --reader ./our-format.mjs scan.xyz`;

/** `recordsmith extract`: what the readers find in single files; needs no configuration, and heeds one that is there. */
export function registerExtract(program: Command, host: CommandHost): void {
  program
    .command('extract')
    .description('print the metadata of files, as a record would hold them')
    .argument('<file...>', 'files of any format')
    .addOption(new Option('--preview <png>', 'write a picture of the first signal (one file only)'))
    .addOption(new Option('--all-tags', "also print the vendor's own tags"))
    .addOption(new Option('--instrument <pid>', 'as a record of this instrument would hold them'))
    .addOption(
      new Option(
        '--timezone <zone>',
        "zone of times in files that name none (default: the instrument's, or the system's)",
      ).argParser(zoneOption),
    )
    .addOption(new Option('--reader <module>', 'read with this reader: an id, or an ES module'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const options = command.opts<ExtractOptions>();
        if (options.preview !== undefined && command.args.length > 1) {
          throw new AppError('USAGE', '--preview takes one file at a time.', {
            remedy: 'Give one file, or leave --preview out.',
          });
        }
        const { extractFiles } = await import('../extract-files.js');
        return extractFiles(context, command.args, options);
      }),
    );
}
