import { access } from 'node:fs/promises';
import type { ReadOnlyAccess } from '../configured-database.js';
import type { Database } from '../db/database.js';
import { AppError, systemErrorCode } from '../errors.js';
import type { CommandContext, OpenedCommand } from './command-context.js';

/** The configuration, the log and the open database of a command. */
export interface CommandDatabase extends OpenedCommand {
  readonly database: Database;
}

/**
 * Opens the configuration's database for the time of `work`. With `readOnly` nothing is written, not even the schema
 * brought up to date; `if-needed` is for what only shows, so that an account without rights to write sees it too. Makes
 * no database.
 * @throws AppError DATABASE_UNAVAILABLE when there is none; as CommandContext.open and openMigratedDatabase; what `work` throws.
 */
export async function withDatabase<T>(
  context: CommandContext,
  work: (opened: CommandDatabase) => Promise<T>,
  { readOnly = false }: { readonly readOnly?: ReadOnlyAccess } = {},
): Promise<T> {
  const opened = await context.open();
  const { client, file } = opened.config.database;
  // A mistyped path must not look like a facility without sessions.
  if (client === 'sqlite' && (await isMissing(file))) {
    throw new AppError('DATABASE_UNAVAILABLE', `There is no database ${file}.`, {
      remedy:
        'Create it with `recordsmith init` or `recordsmith migrate`, or correct database.file.',
      details: { file },
    });
  }
  const { openMigratedDatabase } = await import('../configured-database.js');
  const database = await openMigratedDatabase(opened.config.database, opened.log, readOnly);
  try {
    return await work({ ...opened, database });
  } finally {
    await database.close();
  }
}

/** A file that may not be looked at is not missing: opening it says what is wrong. */
async function isMissing(file: string): Promise<boolean> {
  try {
    await access(file);
    return false;
  } catch (error) {
    return ['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '');
  }
}
