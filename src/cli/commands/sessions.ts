import { InvalidArgumentError, Option, type Command } from 'commander';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';
import type { ListSessionsOptions } from '../sessions/list-sessions.js';
import { statusOption } from '../sessions/status-option.js';
import { registerSessionSteering } from './sessions-steering.js';

/** Sessions listed at most on one page. */
const LARGEST_PAGE = 1000;

const AFTER_SESSIONS = `
ID is the identifier of a session or its key, as 'sessions list' shows it.`;

const AFTER_LIST = `
Latest START first; a session without START stands where its END is. TEXT is searched in identifier, key, user and instrument. Times are shown in the zone of the instrument,
with --json in UTC; --from and --to without an offset are in the zone of --instrument, else UTC.

Examples:
  recordsmith sessions list --status ERROR --status NO_FILES_FOUND --limit 20
  recordsmith sessions list --instrument titan --from 2026-03-01 --to 2026-03-08 --json
  recordsmith sessions list ada`;

const AFTER_SHOW = `
Times are in the zone of the instrument, with --json in UTC.

Examples:
  recordsmith sessions show mfzwizltoq2dcnrx
  recordsmith sessions show 'https://nemo.example.org/api/usage_events/?id=42' --json`;

const AFTER_EXPLAIN = `
Every file written from 30 minutes before START to 30 minutes after END, with its verdict and the rule that decided, as the
latest build saw it. --look looks at the file store now; it opens files to read when they were acquired, and writes nothing.

Examples:
  recordsmith sessions explain mfzwizltoq2dcnrx
  recordsmith sessions explain mfzwizltoq2dcnrx --look --json`;

const AFTER_PROBLEMS = `
Sessions that cannot be built before a person has done something, each with the command. A session without END is one
after build.problem_age_hours; one that an instrument PC reported, as soon as the next one was started there.

Example:
  recordsmith sessions problems`;

function pageSize(value: string): number {
  const size = Number(value);
  if (!Number.isInteger(size) || size < 1 || size > LARGEST_PAGE) {
    throw new InvalidArgumentError(`It must be a whole number from 1 to ${LARGEST_PAGE}.`);
  }
  return size;
}

/** `recordsmith sessions`: what became of sessions, and everything a person can do about it. */
export function registerSessions(program: Command, host: CommandHost): void {
  const sessions = program
    .command('sessions')
    .description('list, explain and correct sessions')
    .addHelpText('after', AFTER_SESSIONS);

  sessions
    .command('list')
    .description('list sessions, latest START first')
    .argument('[text]', 'only sessions with this text')
    .addOption(statusOption())
    .addOption(new Option('--instrument <pid>', 'only this instrument'))
    .addOption(new Option('--user <name>', 'only this user'))
    .addOption(new Option('--from <time>', 'only sessions that started at this time or later'))
    .addOption(new Option('--to <time>', 'only sessions that started before this time'))
    .addOption(
      new Option('--limit <count>', 'sessions on the page').argParser(pageSize).default(50),
    )
    .addOption(new Option('--after <id>', 'the page after this session'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_LIST)
    .action(
      host.action(async (context, command) => {
        const { printSessions } = await import('../sessions/list-sessions.js');
        await printSessions(context, command.opts<ListSessionsOptions>(), command.args[0]);
        return EXIT.done;
      }),
    );

  sessions
    .command('show')
    .description('show a session: what it waits for, its log, attempts, versions and annotations')
    .argument('<id>', 'identifier or key')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_SHOW)
    .action(
      host.action(async (context, command) => {
        const { showSession } = await import('../sessions/show-session.js');
        await showSession(context, command.args[0] ?? '');
        return EXIT.done;
      }),
    );

  sessions
    .command('explain')
    .description('say of every file near a session why it is in the record or not')
    .argument('<id>', 'identifier or key')
    .addOption(new Option('--look', 'look at the file store now; writes nothing'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_EXPLAIN)
    .action(
      host.action(async (context, command) => {
        const { explainSession } = await import('../sessions/explain-session.js');
        await explainSession(context, command.args[0] ?? '', command.opts<{ look?: boolean }>());
        return EXIT.done;
      }),
    );

  registerSessionSteering(sessions, host);

  sessions
    .command('problems')
    .description('list the sessions that need a person, with what mends them')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_PROBLEMS)
    .action(
      host.action(async (context) => {
        const { printProblems } = await import('../sessions/list-problems.js');
        await printProblems(context);
        return EXIT.done;
      }),
    );
}
