import type { Command } from 'commander';
import type { CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';
import { suggestCommand } from '../suggest-command.js';

const AFTER_HELP = `
Examples:
  recordsmith help
  recordsmith help sessions set`;

/** `recordsmith help [COMMAND...]`: the help of a command at any depth. */
export function registerHelp(program: Command, host: CommandHost): void {
  program
    .helpCommand(false)
    .command('help')
    .description('show the help of a command')
    .argument('[command...]', 'its words')
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action((_context, command) => {
        let shown = program;
        for (const word of command.args) {
          const below = shown.commands.find((known) => known.name() === word);
          if (below === undefined) throw suggestCommand(shown, word);
          shown = below;
        }
        shown.outputHelp();
        return Promise.resolve(EXIT.done);
      }),
    );
}
