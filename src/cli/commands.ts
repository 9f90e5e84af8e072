import { Option, type Command } from 'commander';
import { LOG_LEVELS } from '../log-lines.js';
import type { CommandHost } from './command-host.js';
import { registerActivities } from './commands/activities.js';
import { registerCompletion } from './commands/completion.js';
import { registerConfig } from './commands/config.js';
import { registerDoctor } from './commands/doctor.js';
import { registerDump } from './commands/dump.js';
import { registerExtract } from './commands/extract.js';
import { registerDemo } from './commands/demo.js';
import { registerHelp } from './commands/help.js';
import { registerInit } from './commands/init.js';
import { registerInstruments } from './commands/instruments.js';
import { registerLog } from './commands/log.js';
import { registerMigrate } from './commands/migrate.js';
import { registerPause } from './commands/pause.js';
import { registerRun } from './commands/run.js';
import { registerSessions } from './commands/sessions.js';
import { registerTokens } from './commands/tokens.js';
import { registerTry } from './commands/try.js';
import { registerValidate } from './commands/validate.js';

/** Every command, in the order of the help: one file in commands/ and one line here. */
const REGISTRATIONS: readonly ((program: Command, host: CommandHost) => void)[] = [
  registerRun,
  registerInit,
  registerDemo,
  registerTry,
  registerMigrate,
  registerInstruments,
  registerLog,
  registerSessions,
  registerPause,
  registerTokens,
  registerConfig,
  registerActivities,
  registerExtract,
  registerValidate,
  registerDoctor,
  registerDump,
  registerCompletion,
  registerHelp,
];

function addGlobalOptions(command: Command): void {
  command
    .addOption(new Option('--config <file>', 'configuration file'))
    .addOption(new Option('--log-level <level>', 'what is logged').choices(LOG_LEVELS))
    .addOption(new Option('--quiet', 'log errors only, print results only'));
  command.commands.forEach(addGlobalOptions);
}

/** Adds every command to the program, and the options that all of them have. */
export function registerCommands(program: Command, host: CommandHost): void {
  for (const register of REGISTRATIONS) register(program, host);
  addGlobalOptions(program);
}
