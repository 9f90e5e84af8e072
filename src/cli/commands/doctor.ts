import { Option, type Command } from 'commander';
import { AppError } from '../../errors.js';
import { jsonOption, type CommandHost } from '../command-host.js';

/** The options of `doctor`. */
export interface DoctorOptions {
  readonly deep?: boolean;
  readonly repair?: boolean;
}

const AFTER_HELP = `
Exit code 0: nothing failed (warnings are no failure); 1: a check failed; 69: the database is away; 78: the
configuration has faults. Nothing is changed without --repair.

Examples:
  recordsmith doctor
  recordsmith doctor --deep --json
  recordsmith doctor --deep --repair`;

/** `recordsmith doctor`: is everything there that a run needs, and what to do about what is not. */
export function registerDoctor(program: Command, host: CommandHost): void {
  program
    .command('doctor')
    .description('check everything a run needs, with the remedy for what is wrong')
    .addOption(new Option('--deep', 'also check records, catalogue and files against each other'))
    .addOption(
      new Option(
        '--repair',
        'with --deep: publish again what differs, remove what crashes left a day ago',
      ),
    )
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const options = command.opts<DoctorOptions>();
        if (options.repair === true && options.deep !== true) {
          throw new AppError('USAGE', 'Option --repair works only together with --deep.', {
            remedy: 'recordsmith doctor --deep --repair',
          });
        }
        const { runDoctor } = await import('../doctor/run-doctor.js');
        return runDoctor(context, options);
      }),
    );
}
