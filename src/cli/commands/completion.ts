import { Argument, type Command } from 'commander';
import type { CommandHost } from '../command-host.js';
import { COMPLETION_SHELLS, completionScript } from '../completion-script.js';
import { EXIT } from '../exit-codes.js';
import { AppError } from '../../errors.js';

const AFTER_HELP = `
Examples:
  source <(recordsmith completion bash)
  recordsmith completion zsh > "\${fpath[1]}/_recordsmith"
  recordsmith completion fish > ~/.config/fish/completions/recordsmith.fish`;

/** `recordsmith completion bash|zsh|fish`: made from the commands as they are. */
export function registerCompletion(program: Command, host: CommandHost): void {
  program
    .command('completion')
    .description('print a completion script for a shell')
    .addArgument(new Argument('<shell>', 'which shell').choices(COMPLETION_SHELLS))
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action((context, command) => {
        const shell = COMPLETION_SHELLS.find((known) => known === command.args[0]);
        if (shell === undefined) throw new AppError('USAGE', 'The shell is not known.');
        context.print(completionScript(program, shell));
        return Promise.resolve(EXIT.done);
      }),
    );
}
