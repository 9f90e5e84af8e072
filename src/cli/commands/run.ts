import { InvalidArgumentError, Option, type Command } from 'commander';
import { AppError } from '../../errors.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import type { RunOptions } from '../run-options.js';
import { suggestCommand } from '../suggest-command.js';

const ONLY_WITH_RUN_ONCE = ['session', 'instrument', 'json', 'harvest', 'from', 'to'] as const;

const AFTER_HELP = `
--session says of each named session what became of it or why it cannot be built now. Times are in the zone of the
instrument, with --json in UTC; --from and --to without an offset are in UTC.

Examples:
  recordsmith run --config /etc/recordsmith/recordsmith.yaml
  recordsmith --run-once --json
  recordsmith --run-once --from 2026-03-01 --to 2026-04-01
  recordsmith --run-once --dry-run --session mfzwizltoq2dcnrx`;

function collect(value: string, collected: readonly string[]): readonly string[] {
  if (value === '') throw new InvalidArgumentError('It must not be empty.');
  return [...collected, value];
}

function checkTogether(command: Command, options: RunOptions): void {
  if (options.harvest === false && (options.from ?? options.to) !== undefined) {
    throw new AppError('USAGE', '--from and --to bound a harvest, and --no-harvest has none.', {
      remedy: 'Leave --no-harvest out.',
    });
  }
  if (options.runOnce === true || options.dryRun === true) return;
  const stray = ONLY_WITH_RUN_ONCE.find((name) => command.getOptionValueSource(name) === 'cli');
  if (stray !== undefined) {
    throw new AppError('USAGE', `Option --${stray} works only together with --run-once.`, {
      remedy: `recordsmith --run-once --${stray} ...`,
    });
  }
}

/** `recordsmith run`, also what runs without a command. */
export function registerRun(program: Command, host: CommandHost): void {
  program
    .command('run', { isDefault: true })
    .description('run the daemon in the foreground, or one pass with --run-once')
    .argument('[none...]', 'nothing')
    .usage('[options]')
    .addOption(new Option('--run-once', 'build all that is due, then exit'))
    .addOption(new Option('-n, --dry-run', 'one pass that prints what it would do; writes nothing'))
    .addOption(
      new Option('--session <id>', 'only this session, by identifier or key (repeatable)')
        .argParser(collect)
        .default([], 'all that is due'),
    )
    .addOption(new Option('--instrument <pid>', 'only this instrument'))
    .addOption(new Option('--from <time>', 'harvest what began from then on, however old'))
    .addOption(new Option('--to <time>', 'harvest what began before then'))
    .addOption(new Option('--no-harvest', 'ask no event source'))
    .addOption(new Option('--no-export', 'send nothing anywhere (as it is: nothing is sent)'))
    .addOption(new Option('--alone', 'build in this process also what died before').hideHelp())
    .addOption(new Option('--when-due', 'named sessions too keep to their back-off').hideHelp())
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const [operand] = command.args;
        if (operand !== undefined) throw suggestCommand(program, operand);
        const options = command.opts<RunOptions>();
        checkTogether(command, options);
        if (options.dryRun === true) {
          const { dryRun } = await import('../dry-run.js');
          return dryRun(context, options);
        }
        if (options.runOnce === true) {
          const { runOnce } = await import('../run-once.js');
          return runOnce(context, options);
        }
        const { runDaemon } = await import('../run-daemon.js');
        return runDaemon(context);
      }),
    );
}
