import { Option, type Command } from 'commander';
import type { LoadedConfig } from '../../config/load-config.js';
import { isAppError } from '../../errors.js';
import { toLogValue } from '../../log-values.js';
import type { CommandContext } from '../command-context.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';

const AFTER_CHECK = `
Example:
  recordsmith config check --config /etc/recordsmith/recordsmith.yaml`;

const AFTER_SHOW = `
Examples:
  recordsmith config show --origin
  recordsmith config show --json`;

function valueText(value: unknown): string {
  return typeof value === 'string' && value !== '' ? value : JSON.stringify(value);
}

/** With --json the faults are the result of the command; they also are the error that ends it. */
async function loadOrListFaults(context: CommandContext): Promise<LoadedConfig> {
  try {
    return await context.loadConfig();
  } catch (error) {
    if (context.json && isAppError(error) && error.code === 'CONFIG_INVALID') {
      context.printJson({ valid: false, faults: toLogValue(error.details['faults']) });
    }
    throw error;
  }
}

/** `recordsmith config check|show`: is the configuration right, and what is in force. */
export function registerConfig(program: Command, host: CommandHost): void {
  const config = program.command('config').description('check and show the configuration');

  config
    .command('check')
    .description('check the configuration; all faults are listed at once')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_CHECK)
    .action(
      host.action(async (context) => {
        const { file, warnings } = await loadOrListFaults(context);
        if (context.json) {
          context.printJson({ file, valid: true, faults: [], warnings });
        } else {
          for (const warning of warnings) context.print(`warning: ${warning}`);
          context.note(`The configuration ${file ?? 'of the environment'} is valid.`);
        }
        return EXIT.done;
      }),
    );

  config
    .command('show')
    .description('print the effective configuration, secrets masked')
    .addOption(new Option('--origin', 'also say where each value comes from'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_SHOW)
    .action(
      host.action(async (context, command) => {
        const withOrigin = command.opts<{ origin?: boolean }>().origin === true;
        const loaded = await context.loadConfig();
        const { describeMode } = await import('../../config/describe-mode.js');
        const { shownConfig, shownKeys } = await import('../../config/show-config.js');
        const keys = shownKeys(loaded);
        if (context.json) {
          context.printJson({
            file: loaded.file,
            config: shownConfig(loaded),
            ...(withOrigin
              ? { origins: Object.fromEntries(keys.map(({ key, origin }) => [key, origin])) }
              : {}),
          });
        } else if (withOrigin) {
          context.table(
            keys.map(({ key, value, origin }) => ({ key, value: valueText(value), origin })),
          );
        } else {
          const { stringify } = await import('yaml');
          context.note(`# ${describeMode(loaded.config.mode)}`);
          context.print(stringify(shownConfig(loaded)));
        }
        return EXIT.done;
      }),
    );
}
