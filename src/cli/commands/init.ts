import type { Command } from 'commander';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';

const AFTER_HELP = `
Examples:
  recordsmith init
  recordsmith init --config /etc/recordsmith/recordsmith.yaml

Writes ./config/recordsmith.yaml unless --config names another file. What is already there is kept.`;

/** `recordsmith init`: a commented configuration file and the database. */
export function registerInit(program: Command, host: CommandHost): void {
  program
    .command('init')
    .description('write a commented configuration file and create the database; never overwrites')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context) => {
        const { writeInitialConfig } = await import('../write-initial-config.js');
        const { systemClock } = await import('../../clock.js');
        const { workingFolder, options } = context;
        const written = await writeInitialConfig(workingFolder, options.config, systemClock);
        const { config } = await context.loadConfig(written.file);
        const { createDatabase } = await import('../../configured-database.js');
        const database = await createDatabase(config.database);
        if (context.json) {
          context.printJson({
            config: { file: written.file, created: written.created },
            database: { place: database.place, applied: database.applied },
          });
          return EXIT.done;
        }
        context.note(`${written.created ? 'wrote' : 'kept '} ${written.file}`);
        context.note(
          database.applied.length === 0
            ? `kept  ${database.place}`
            : `${database.applied.length} migrations applied to ${database.place}`,
        );
        if (written.created) {
          context.note(
            'A NEMO made of the example under `sources` takes in what begins from now on: its `since` is the present time.',
          );
        }
        context.note(
          `\nNext: set paths.data in ${written.file}, then type\n  recordsmith config check\n  recordsmith --run-once --dry-run`,
        );
        return EXIT.done;
      }),
    );
}
