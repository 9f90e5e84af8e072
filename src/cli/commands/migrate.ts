import { Option, type Command } from 'commander';
import type { Database } from '../../db/database.js';
import type { SchemaStatus } from '../../db/migrate.js';
import { AppError } from '../../errors.js';
import type { CommandContext } from '../command-context.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';

interface MigrateOptions {
  readonly status?: boolean;
  readonly rollback?: boolean;
  readonly force?: boolean;
}

const AFTER_HELP = `
Without an option the schema is brought up to date; with nothing to do, nothing happens. Several processes may do it
at once, and one that was killed can be repeated. Stop every daemon before --rollback: it takes back what the last
'migrate' did, and a starting recordsmith of this version would do it again on SQLite.

Examples:
  recordsmith migrate
  recordsmith migrate --status --json
  recordsmith migrate --rollback`;

function checkTogether(options: MigrateOptions): void {
  if (options.force === true && options.rollback !== true) {
    throw new AppError('USAGE', 'Option --force works only together with --rollback.', {
      remedy: 'recordsmith migrate --rollback --force',
    });
  }
}

function printStatus(context: CommandContext, place: string, status: SchemaStatus): void {
  if (context.json) {
    context.printJson({ database: place, up_to_date: status.pending.length === 0, ...status });
    return;
  }
  const rows = (state: string, names: readonly string[]) =>
    names.map((migration) => ({ migration, state }));
  const unknown = status.unknown.filter((name) => !status.breaking.includes(name));
  context.table([
    ...rows(
      'applied',
      status.applied.filter((name) => !status.unknown.includes(name)),
    ),
    ...rows('of a newer version', unknown),
    ...rows('of a newer version, breaking', status.breaking),
    ...rows('pending', status.pending),
  ]);
  context.note(
    status.pending.length === 0
      ? `\n${place} is up to date.`
      : `\n${place}: ${status.pending.length} pending; run 'recordsmith migrate'.`,
  );
}

function printDone(
  context: CommandContext,
  place: string,
  word: 'applied' | 'rolled_back',
  names: readonly string[],
): void {
  if (context.json) {
    context.printJson({ database: place, [word]: names });
    return;
  }
  const verb = word === 'applied' ? 'applied to' : 'taken back from';
  for (const name of names) context.note(`${name} ${verb} ${place}`);
  if (names.length > 0) return;
  context.note(
    word === 'applied' ? `${place} is up to date.` : `Nothing to take back in ${place}.`,
  );
}

/** Opens the database as it is, without bringing its schema up to date first. */
async function withPlainDatabase(
  context: CommandContext,
  readOnly: boolean,
  work: (database: Database, place: string) => Promise<void>,
): Promise<void> {
  const { config } = await context.open();
  const [{ openDatabase }, { databasePlace, databaseSettingsOf }] = await Promise.all([
    import('../../db/database.js'),
    import('../../configured-database.js'),
  ]);
  const database = await openDatabase(databaseSettingsOf(config.database), { readOnly });
  try {
    await work(database, databasePlace(config.database));
  } finally {
    await database.close();
  }
}

/** `recordsmith migrate`: the schema of the database. */
export function registerMigrate(program: Command, host: CommandHost): void {
  program
    .command('migrate')
    .description('bring the schema of the database up to date, show it or take the last step back')
    .addOption(new Option('--status', 'show what is applied and pending; changes nothing'))
    .addOption(new Option('--rollback', 'take back what the last migrate did').conflicts('status'))
    .addOption(new Option('--force', 'with --rollback: also when rows are lost by it'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const options = command.opts<MigrateOptions>();
        checkTogether(options);
        const { migrateLatest, migrateRollback, schemaStatus } =
          await import('../../db/migrate.js');
        await withPlainDatabase(context, options.status === true, async (database, place) => {
          if (options.status === true) {
            printStatus(context, place, await schemaStatus(database));
          } else if (options.rollback === true) {
            const names = await migrateRollback(database, { force: options.force === true });
            printDone(context, place, 'rolled_back', names);
          } else {
            printDone(context, place, 'applied', await migrateLatest(database));
          }
        });
        return EXIT.done;
      }),
    );
}
