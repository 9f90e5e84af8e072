import type { Command, Option } from 'commander';

/** The options of `run`, which is what runs without a command, besides those that every command has. */
export function defaultCommandOptions(program: Command): readonly Option[] {
  const run = program.commands.find((command) => command.name() === 'run');
  if (run === undefined) return [];
  const known = new Set(
    program
      .createHelp()
      .visibleOptions(program)
      .map(({ long }) => long),
  );
  return run
    .createHelp()
    .visibleOptions(run)
    .filter(({ long }) => !known.has(long));
}
