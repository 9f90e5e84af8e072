import { Argument, InvalidArgumentError, Option, type Command } from 'commander';
import { API_SCOPES } from '../../domain/api-scopes.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';
import type { CreateTokenOptions } from '../manage-tokens.js';

const AFTER_CREATE = `
The token is printed this once: only its hash is kept. Scopes: ingest (report START and END), read, write, admin (all of them).
--expires takes a number of days or a time (ISO 8601; without an offset local time of the instrument, else of this machine).

Examples:
  recordsmith tokens create --name titan-pc --scope ingest --instrument titan
  recordsmith tokens create --name scripts --scope read --scope write --expires 90
  (umask 077; recordsmith tokens create --name titan-pc --scope ingest --instrument titan --quiet > token.txt)`;

const AFTER_LIST = `
Examples:
  recordsmith tokens list
  recordsmith tokens list --all --json`;

const AFTER_REVOKE = `
A revoked token holds no more from the next request on. Its name stays taken.

Examples:
  recordsmith tokens revoke titan-pc
  recordsmith tokens revoke 3`;

function filled(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return value.trim();
}

function registerCreate(tokens: Command, host: CommandHost): void {
  tokens
    .command('create')
    .description('make a token and print it once')
    .addOption(
      new Option('--name <name>', 'what it is called in lists and logs')
        .argParser(filled)
        .makeOptionMandatory(),
    )
    .addOption(
      new Option('--scope <scopes...>', 'what it allows (repeatable)')
        .choices(API_SCOPES)
        .makeOptionMandatory(),
    )
    .addOption(new Option('--instrument <pid>', 'it is for this instrument only').argParser(filled))
    .addOption(
      new Option('--expires <time|days>', 'when it ends (default: never)').argParser(filled),
    )
    .addOption(jsonOption())
    .addHelpText('after', AFTER_CREATE)
    .action(
      host.action(async (context, command) => {
        const { createToken } = await import('../manage-tokens.js');
        await createToken(context, command.opts<CreateTokenOptions>());
        return EXIT.done;
      }),
    );
}

/** `recordsmith tokens create|list|revoke`: who may use the HTTP interface. */
export function registerTokens(program: Command, host: CommandHost): void {
  const tokens = program.command('tokens').description('tokens of the HTTP interface');
  registerCreate(tokens, host);
  tokens
    .command('list')
    .description('list tokens that hold')
    .addOption(new Option('--all', 'revoked and expired ones too'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_LIST)
    .action(
      host.action(async (context, command) => {
        const { printTokens } = await import('../manage-tokens.js');
        await printTokens(context, command.opts<{ readonly all?: boolean }>().all === true);
        return EXIT.done;
      }),
    );
  tokens
    .command('revoke')
    .description('let a token hold no more')
    .addArgument(new Argument('<name|id>', 'as `tokens list` shows it').argParser(filled))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_REVOKE)
    .action(
      host.action(async (context, command) => {
        const { revokeToken } = await import('../manage-tokens.js');
        await revokeToken(context, command.args[0] ?? '');
        return EXIT.done;
      }),
    );
}
