import { InvalidArgumentError, Option, type Command } from 'commander';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';
import type { LogEventOptions } from '../log-session-event.js';

const ABOUT_TIME = `
TIME is ISO 8601, such as 2026-03-01T14:30 (local time of the instrument) or 2026-03-01T14:30:00+01:00; default now. Of a
local time that exists twice (end of daylight saving) the earlier one is meant, unless it would put the END before the
START; one that does not exist moves forward. Both are warned of. The same event again with another time, user or
instrument corrects the first.`;

const AFTER_START = `${ABOUT_TIME}

Without --session an identifier is made. The session's key is printed: it is accepted wherever an identifier is.

Examples:
  recordsmith log start --instrument titan --user ada
  recordsmith log start --instrument titan --user ada --session 2026-03-01-a --at 2026-03-01T14:30`;

const AFTER_END = `${ABOUT_TIME}

Without --session the only open session of the instrument ends; when none or several are open, nothing is written. With
--session the instrument is known from the START.

Examples:
  recordsmith log end --instrument titan
  recordsmith log end --session mfzwizltoq2dcnrx --at 2026-03-01T17:05`;

function filled(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return value;
}

function registerEvent(
  log: Command,
  host: CommandHost,
  event: {
    readonly name: string;
    readonly eventType: LogEventOptions['eventType'];
    readonly session: string;
    readonly help: string;
  },
): void {
  log
    .command(event.name)
    .description(`write the ${event.eventType} of a session into the session log`)
    .addOption(new Option('--instrument <pid>', 'the instrument').argParser(filled))
    .addOption(new Option('--session <id>', event.session).argParser(filled))
    .addOption(new Option('--user <name>', 'user name of who used it').argParser(filled))
    .addOption(new Option('--at <time>', `when (default: now)`).argParser(filled))
    .addOption(jsonOption())
    .addHelpText('after', event.help)
    .action(
      host.action(async (context, command) => {
        const { logSessionEvent } = await import('../log-session-event.js');
        const given = command.opts<Omit<LogEventOptions, 'eventType'>>();
        await logSessionEvent(context, { ...given, eventType: event.eventType });
        return EXIT.done;
      }),
    );
}

/** `recordsmith log start|end`: session log events by hand. */
export function registerLog(program: Command, host: CommandHost): void {
  const log = program.command('log').description('write a START or END into the session log');
  registerEvent(log, host, {
    name: 'start',
    eventType: 'START',
    session: 'session identifier (default: a new one)',
    help: AFTER_START,
  });
  registerEvent(log, host, {
    name: 'end',
    eventType: 'END',
    session: 'session identifier or key (default: the only open one)',
    help: AFTER_END,
  });
}
