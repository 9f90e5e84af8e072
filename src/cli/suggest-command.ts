import type { Command } from 'commander';
import { nearestName } from '../config/nearest-name.js';
import { AppError } from '../errors.js';

/** The command as it is typed: `recordsmith sessions set`. */
function typed(command: Command): string {
  return command.parent === null ? command.name() : `${typed(command.parent)} ${command.name()}`;
}

/** The error for a word that is no command of the program or of a group of commands, with the nearest one as a hint. */
export function suggestCommand(group: Command, word: string): AppError {
  const names = group.commands.map((command) => command.name());
  const nearest = nearestName(word, names);
  if (group.parent === null && group.args[0] === 'run' && word !== 'run') {
    return new AppError('USAGE', `'recordsmith run' takes no operand, and '${word}' is one.`, {
      remedy: names.includes(word)
        ? `Did you mean 'recordsmith ${word}'?`
        : nearest === null
          ? `To build one session: recordsmith --run-once --session '${word}'`
          : `Did you mean 'recordsmith ${nearest}'?`,
    });
  }
  if (names.includes(word)) {
    return new AppError('USAGE', `Command '${word}' comes before its options.`, {
      remedy: `${typed(group)} ${word} [options]; see '${typed(group)} ${word} --help'`,
    });
  }
  const wanted = group.parent === null ? word : `${typed(group)} ${word}`;
  return new AppError('USAGE', `There is no command '${wanted}'.`, {
    remedy:
      nearest === null
        ? `'${typed(group)} --help' lists the commands`
        : `Did you mean '${nearest}'?`,
  });
}

/** The operand that was typed where a subcommand is wanted, unless it is one; null: nothing is wrong. */
export function strayWord(group: Command): string | null {
  const [word] = group.args;
  if (group.commands.length === 0 || word === undefined || word.startsWith('-')) return null;
  const known = group
    .createHelp()
    .visibleCommands(group)
    .some((command) => command.name() === word || command.aliases().includes(word));
  return known ? null : word;
}
