import type { Database } from '../db/database.js';
import type { CommandContext, OpenedCommand } from './command-context.js';

/** The configuration, the log and the open database of a command. */
export interface CommandDatabase extends OpenedCommand {
  readonly database: Database;
}

/**
 * Opens the configuration's database for the time of `work`. With `readOnly` nothing is written, not even the schema
 * brought up to date.
 * @throws AppError as CommandContext.open and openMigratedDatabase; what `work` throws.
 */
export async function withDatabase<T>(
  context: CommandContext,
  work: (opened: CommandDatabase) => Promise<T>,
  { readOnly = false }: { readonly readOnly?: boolean } = {},
): Promise<T> {
  const opened = await context.open();
  const { openMigratedDatabase } = await import('../configured-database.js');
  const database = await openMigratedDatabase(opened.config.database, opened.log, readOnly);
  try {
    return await work({ ...opened, database });
  } finally {
    await database.close();
  }
}
