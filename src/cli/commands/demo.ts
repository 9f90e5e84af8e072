import { Option, type Command } from 'commander';
import { jsonOption, type CommandHost } from '../command-host.js';

/** The options of `demo`, as runDemo gets them. */
export interface DemoOptions {
  readonly dir: string;
  /** A folder; true: the usual place; false with --no-samples. */
  readonly samples: string | boolean;
}

const AFTER_HELP = `
Examples:
  recordsmith demo
  recordsmith demo --dir /tmp/lab --json

The lab has a session for each way in which sessions come out, an ERROR too: the exit code is 0 all the same.
Run again on the same folder, it builds what has become due since. Nothing is written outside the folder, and
variables such as RECORDSMITH_DATABASE__URL do not count. Remove the folder when you have seen enough.`;

/** `recordsmith demo`: a small lab of its own, built and explained. */
export function registerDemo(program: Command, host: CommandHost): void {
  program
    .command('demo')
    .description('make a small lab with a session for each outcome, build it, say what to try next')
    .addOption(new Option('--dir <dir>', 'folder of the lab').default('recordsmith-demo'))
    .addOption(
      new Option(
        '--samples <dir>',
        'folder with real instrument files to use (test data of RosettaSciIO)',
      ).default(true, 'that of a clone, if it is there'),
    )
    .addOption(new Option('--no-samples', 'write every file ourselves'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const { runDemo } = await import('../run-demo.js');
        return runDemo(context, command.opts<DemoOptions>());
      }),
    );
}
