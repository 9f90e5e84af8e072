import { Option, type Command } from 'commander';
import type { CommandContext } from './command-context.js';
import type { ExitCode } from './exit-codes.js';

/**
 * What an action does: `context` has everything it needs, `command.args` its operands, `command.opts<...>()` its own
 * options. It answers the exit code; what it throws is shown and decides the exit code by exit-codes.ts.
 */
export type CommandAction = (context: CommandContext, command: Command) => Promise<ExitCode>;

/** Given to each file in commands/, which adds its command to the program. */
export interface CommandHost {
  /** Makes of an action what commander calls: `command.action(host.action(async (context, command) => ...))`. */
  action(action: CommandAction): (...received: unknown[]) => Promise<void>;
}

/** `--json` of a command that prints results. */
export function jsonOption(): Option {
  return new Option('--json', 'print the result as one JSON document');
}
