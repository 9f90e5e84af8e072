import { Command, type OutputConfiguration } from 'commander';
import { AppError } from '../errors.js';
import { CommandContext } from './command-context.js';
import type { CommandHost } from './command-host.js';
import { registerCommands } from './commands.js';
import { defaultCommandOptions } from './default-command-options.js';
import { describeError } from './describe-error.js';
import { endWithError } from './end-with-error.js';
import { EXIT, type ExitCode } from './exit-codes.js';
import { Output } from './output.js';
import { readPackageFacts } from './package-facts.js';
import { strayWord, suggestCommand } from './suggest-command.js';

const AFTER_HELP = `
Examples:
  recordsmith demo                      make a small lab of its own and show what comes of it
  recordsmith try FOLDER                make the record of a folder, and a page of it
  recordsmith init                      write a configuration file and create the database
  recordsmith                           run the daemon in the foreground
  recordsmith --run-once                one pass, then exit
  recordsmith --run-once --dry-run      show what it would build and change nothing
`;

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
  const program: Command = new Command('recordsmith')
    .description("Writes the experiment record of every session on a facility's instruments.")
    .version(version, '-V, --version', 'print the version')
    .exitOverride()
    .showHelpAfterError("(see 'recordsmith --help' for commands and options)")
    // Also for every group of commands: commander would show its help for a word that it does not know.
    .addHelpText('beforeAll', ({ error, command }) => {
      const word = error ? null : strayWord(command);
      if (word !== null) throw suggestCommand(command, word);
      return '';
    })
    .addHelpText('after', () => defaultCommandHelp(program) + AFTER_HELP);
  registerCommands(program, host);
  return program;
}

/** The options of the daemon, which runs where no command is named. */
function defaultCommandHelp(program: Command): string {
  const options = defaultCommandOptions(program).map(
    ({ flags, description }) => `  ${flags.padEnd(24)}  ${description}`,
  );
  return ["\nOptions without a command, which runs the daemon (as 'run'):", ...options, ''].join(
    '\n',
  );
}

/** Whether the answer is asked for as JSON; by the words alone, since it also holds for a command line with faults. */
function asksForJson(args: readonly string[]): boolean {
  const end = args.indexOf('--');
  return args.slice(0, end < 0 ? undefined : end).includes('--json');
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
          reportError: (error) => stderr.write(describeError(error, facts.reportTo)),
        });
        try {
          exitCode = await action(context, command);
        } finally {
          await context.close();
        }
      },
  };
  const surroundingsOfEnd = {
    output,
    stderr,
    json: asksForJson(args),
    reportTo: facts.reportTo,
  };
  try {
    const program = createProgram(host, facts.version);
    configureOutput(program, {
      writeOut: (text) => output.write(text),
      writeErr: (text) => stderr.write(text),
    });
    await program.parseAsync(args, { from: 'user' });
    await output.flush();
    return exitCode;
  } catch (error) {
    exitCode = endWithError(error, surroundingsOfEnd);
  }
  try {
    await output.flush();
  } catch (error) {
    // What went wrong before counts more.
    if (exitCode === EXIT.done) exitCode = endWithError(error, surroundingsOfEnd);
  }
  return exitCode;
}
