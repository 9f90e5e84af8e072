import type { Command } from 'commander';
import { nearestName } from '../config/nearest-name.js';
import { AppError } from '../errors.js';

/** The error for a word that is no command, with the nearest one as a hint. */
export function suggestCommand(program: Command, word: string): AppError {
  const names = program.commands.map((command) => command.name());
  if (names.includes(word)) {
    return new AppError('USAGE', `Command '${word}' comes before its options.`, {
      remedy: `recordsmith ${word} [options]; see 'recordsmith help ${word}'`,
    });
  }
  const nearest = nearestName(word, names);
  return new AppError('USAGE', `There is no command '${word}'.`, {
    remedy:
      nearest === null ? "'recordsmith --help' lists the commands" : `Did you mean '${nearest}'?`,
  });
}
