import { InvalidArgumentError, Option, type Command } from 'commander';
import { ERROR_CODES } from '../../errors.js';
import { OVERRIDE_FIELDS } from '../../sessions/assemble-sessions.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';
import type { CancelSessionOptions } from '../sessions/cancel-session.js';
import type { FileRulesOptions, FileRuleVerb } from '../sessions/file-rules.js';
import type { RetrySessionsOptions } from '../sessions/retry-sessions.js';
import type { SessionNotesOptions } from '../sessions/session-notes.js';
import type { SetSessionOptions } from '../sessions/set-session.js';
import { statusOption } from '../sessions/status-option.js';

const AFTER_SET = `
A correction wins over what the source says, now and later, until it is taken back. TIME is ISO 8601, such as
2026-03-01T14:30 (local time of the instrument) or 2026-03-01T14:30:00+01:00. A finished session is built again. Files of its record that
are outside afterwards stay in it as missing, until 'sessions retry ID --fresh' drops them.

Examples:
  recordsmith sessions set mfzwizltoq2dcnrx --end 2026-03-01T17:30 --why "END was forgotten"
  recordsmith sessions set mfzwizltoq2dcnrx --user ada --instrument titan
  recordsmith sessions set mfzwizltoq2dcnrx --clear end
  recordsmith sessions set mfzwizltoq2dcnrx --clear`;

const AFTER_RETRY = `
Without ID a selection is needed; it means finished sessions, cancelled ones only with --status CANCELLED. --since without an
offset is in the zone of --instrument, else UTC. Sessions without END are refused and make the exit code 65.

Examples:
  recordsmith sessions retry mfzwizltoq2dcnrx
  recordsmith sessions retry mfzwizltoq2dcnrx --fresh
  recordsmith sessions retry --status ERROR --code RECORD_INVALID --since 2026-03-01 --dry-run`;

const AFTER_CANCEL = `
No record is made of a cancelled session, whatever its source says; one that is there is withdrawn.

Example:
  recordsmith sessions cancel mfzwizltoq2dcnrx --reason "calibration only"`;

const AFTER_RELEASE = `
The session is again what its START and END say, and is built.

Example:
  recordsmith sessions release mfzwizltoq2dcnrx`;

const AFTER_NOTE = `
Without TEXT the notes are listed. Notes appear in the record, which is built again 10 minutes after the last one.

Examples:
  recordsmith sessions note mfzwizltoq2dcnrx "sample drifted in the second series"
  recordsmith sessions note mfzwizltoq2dcnrx
  recordsmith sessions note mfzwizltoq2dcnrx --remove 3`;

function afterFileRule(verb: FileRuleVerb): string {
  return `
PATH is absolute, relative to the working folder or to paths.data, or a location as 'sessions explain' prints it. The
decision survives every rebuild until it is taken back with --clear.

Examples:
  recordsmith sessions ${verb} mfzwizltoq2dcnrx titan/2026/scan_07.dm3 --reason "${verb === 'include' ? 'saved late' : 'test shot'}"
  recordsmith sessions ${verb} mfzwizltoq2dcnrx /titan/2026/scan%2007.dm3 --clear`;
}

function filled(value: string): string {
  if (value.trim() === '') throw new InvalidArgumentError('It must not be empty.');
  return value;
}

function noteNumber(value: string): number {
  if (!/^[1-9]\d{0,14}$/.test(value)) {
    throw new InvalidArgumentError('It must be the number of a note.');
  }
  return Number(value);
}

function asOption(): Option {
  return new Option('--as <name>', 'who decides (default: the user at the keyboard)').argParser(
    filled,
  );
}

function registerFileRule(sessions: Command, host: CommandHost, verb: FileRuleVerb): void {
  sessions
    .command(verb)
    .description(
      verb === 'include'
        ? 'put files into a session, whatever the rules say'
        : 'take files out of a session, whatever the rules say',
    )
    .argument('<id>', 'identifier or key')
    .argument('<path...>', 'files of the store')
    .addOption(new Option('--reason <text>', 'why').argParser(filled))
    .addOption(asOption())
    .addOption(
      new Option('--clear', 'leave the files to the rules again').conflicts(['reason', 'as']),
    )
    .addOption(jsonOption())
    .addHelpText('after', afterFileRule(verb))
    .action(
      host.action(async (context, command) => {
        const { changeFileRules } = await import('../sessions/file-rules.js');
        const [id = '', ...paths] = command.args;
        await changeFileRules(context, verb, id, paths, command.opts<FileRulesOptions>());
        return EXIT.done;
      }),
    );
}

/** The verbs of `recordsmith sessions` that change something. */
export function registerSessionSteering(sessions: Command, host: CommandHost): void {
  sessions
    .command('set')
    .description('correct a session, or take corrections back')
    .argument('<id>', 'identifier or key')
    .addOption(new Option('--start <time>', 'when it started').argParser(filled))
    .addOption(new Option('--end <time>', 'when it ended').argParser(filled))
    .addOption(new Option('--user <name>', 'whose it was').argParser(filled))
    .addOption(new Option('--no-user', 'it was nobody in particular'))
    .addOption(new Option('--instrument <pid>', 'on which instrument').argParser(filled))
    .addOption(new Option('--why <text>', 'why it is corrected').argParser(filled))
    .addOption(asOption())
    .addOption(
      new Option('--clear [field...]', 'take corrections back; all, when no field is named')
        .choices(OVERRIDE_FIELDS)
        .conflicts(['why', 'as']),
    )
    .addOption(jsonOption())
    .addHelpText('after', AFTER_SET)
    .action(
      host.action(async (context, command) => {
        const { setSession } = await import('../sessions/set-session.js');
        await setSession(context, command.args[0] ?? '', command.opts<SetSessionOptions>());
        return EXIT.done;
      }),
    );

  registerFileRule(sessions, host, 'include');
  registerFileRule(sessions, host, 'exclude');

  sessions
    .command('retry')
    .description('have sessions built again')
    .argument('[id...]', 'identifiers or keys')
    .addOption(statusOption())
    .addOption(
      new Option('--code <code>', 'only sessions whose last build ended in this error').choices(
        Object.keys(ERROR_CODES),
      ),
    )
    .addOption(new Option('--instrument <pid>', 'only this instrument'))
    .addOption(new Option('--since <time>', 'only sessions that started at this time or later'))
    .addOption(new Option('--fresh', 'drop files of the record that are gone'))
    .addOption(new Option('--dry-run', 'only say which; writes nothing'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_RETRY)
    .action(
      host.action(async (context, command) => {
        const { retryAndPrint } = await import('../sessions/retry-sessions.js');
        return retryAndPrint(context, command.args, command.opts<RetrySessionsOptions>());
      }),
    );

  sessions
    .command('cancel')
    .description('cancel a session for good and withdraw its record')
    .argument('<id>', 'identifier or key')
    .addOption(new Option('--reason <text>', 'why').argParser(filled))
    .addOption(asOption())
    .addOption(jsonOption())
    .addHelpText('after', AFTER_CANCEL)
    .action(
      host.action(async (context, command) => {
        const { cancelAndPrint } = await import('../sessions/cancel-session.js');
        await cancelAndPrint(context, command.args[0] ?? '', command.opts<CancelSessionOptions>());
        return EXIT.done;
      }),
    );

  sessions
    .command('release')
    .description('take a cancelling back')
    .argument('<id>', 'identifier or key')
    .addOption(jsonOption())
    .addHelpText('after', AFTER_RELEASE)
    .action(
      host.action(async (context, command) => {
        const { releaseAndPrint } = await import('../sessions/cancel-session.js');
        await releaseAndPrint(context, command.args[0] ?? '');
        return EXIT.done;
      }),
    );

  sessions
    .command('note')
    .description('add a note to a session, remove one, or list them')
    .argument('<id>', 'identifier or key')
    .argument('[text]', 'the note, at most 1024 characters')
    .addOption(asOption())
    .addOption(new Option('--remove <number>', 'remove this note').argParser(noteNumber))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_NOTE)
    .action(
      host.action(async (context, command) => {
        const { noteAndPrint } = await import('../sessions/session-notes.js');
        const [id = '', text] = command.args;
        await noteAndPrint(context, id, text, command.opts<SessionNotesOptions>());
        return EXIT.done;
      }),
    );
}
