import { Command, CommanderError, type OutputConfiguration } from 'commander';
import { AppError, isAppError } from '../errors.js';
import { CommandContext } from './command-context.js';
import type { CommandHost } from './command-host.js';
import { registerCommands } from './commands.js';
import { describeError } from './describe-error.js';
import { EXIT, exitCodeOf, type ExitCode } from './exit-codes.js';
import { Output } from './output.js';
import { readPackageFacts } from './package-facts.js';

const AFTER_HELP = `
Examples:
  recordsmith demo                      make a small lab of its own and show what comes of it
  recordsmith init                      write a configuration file and create the database
  recordsmith                           run the daemon in the foreground
  recordsmith --run-once                one pass, then exit
  recordsmith --run-once --dry-run      show what it would build and change nothing

Without a command, recordsmith runs the daemon: its options are in 'recordsmith help run'.`;

/** What a command line runs in. */
export interface CliSurroundings {
  /** Operands and options, without node and script. */
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly workingFolder: string;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
}

/** The whole command line as a commander program; `host` wraps the actions. */
export function createProgram(host: CommandHost, version: string): Command {
  const program = new Command('recordsmith')
    .description("Writes the experiment record of every session on a facility's instruments.")
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError("(see 'recordsmith --help' for commands and options)")
    .addHelpText('after', AFTER_HELP);
  registerCommands(program, host);
  return program;
}

/** Commands copy the output of their parent when they are made, so each one is told. */
function configureOutput(command: Command, output: OutputConfiguration): void {
  command.configureOutput(output);
  for (const below of command.commands) configureOutput(below, output);
}

/** Runs one command line; never rejects. Answers the exit code. */
export async function runCli(surroundings: CliSurroundings): Promise<ExitCode> {
  const { args, environment, workingFolder, stdout, stderr } = surroundings;
  const facts = readPackageFacts();
  const output = new Output(stdout, environment);
  // A log or message nobody reads is no reason to stop working.
  stderr.on('error', () => undefined);
  let exitCode: ExitCode = EXIT.done;
  const host: CommandHost = {
    action:
      (action) =>
      async (...received) => {
        const command = received.at(-1);
        if (!(command instanceof Command)) {
          throw new AppError('INTERNAL', 'The action of a command was called without the command.');
        }
        const context = new CommandContext(command, {
          environment,
          workingFolder,
          version: facts.version,
          output,
        });
        try {
          exitCode = await action(context, command);
        } finally {
          await context.close();
        }
      },
  };
  try {
    const program = createProgram(host, facts.version);
    configureOutput(program, {
      writeOut: (text) => output.write(text),
      writeErr: (text) => stderr.write(text),
    });
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    // commander has already said what is wrong with the command line.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    if (isAppError(error) && error.code === 'USAGE') {
      stderr.write(
        `error: ${error.message}\n${error.remedy === undefined ? '' : `(${error.remedy})\n`}`,
      );
      return EXIT.usage;
    }
    stderr.write(describeError(error, facts.reportTo));
    return exitCodeOf(error);
  }
  return exitCode;
}
