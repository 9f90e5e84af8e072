import { Option, type Command } from 'commander';
import { systemClock } from '../../clock.js';
import type { Pause } from '../../db/pause-store.js';
import { AppError } from '../../errors.js';
import type { CommandContext } from '../command-context.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';
import { isoText } from '../report-json.js';

interface PauseOptions {
  readonly instrument?: string;
  readonly reason?: string;
  readonly until?: string;
  readonly list?: boolean;
}

const AFTER_PAUSE = `
What is being built is finished, nothing further is begun: neither by the daemons of all machines nor by --run-once. The
session log goes on being written. A second pause of the same changes its reason and end. --until without an offset is
local time of the instrument, else of this machine.

Examples:
  recordsmith pause --reason "file server is being moved" --until 2026-03-02T08:00
  recordsmith pause --instrument titan --reason "clock is wrong"
  recordsmith pause --list`;

const AFTER_RESUME = `
Examples:
  recordsmith resume
  recordsmith resume --instrument titan`;

function shownPause({ scope, target, reason, untilMs, author, createdAtMs }: Pause) {
  return {
    scope,
    target,
    reason,
    until: untilMs === null ? null : isoText(untilMs),
    author,
    since: isoText(createdAtMs),
  };
}

function subject(instrumentPid: string | undefined): string {
  return instrumentPid === undefined ? 'Building' : `Building of ${instrumentPid}`;
}

async function listPauses(context: CommandContext): Promise<void> {
  const { withDatabase } = await import('../with-database.js');
  const { activePauses } = await import('../../db/pause-store.js');
  const pauses = await withDatabase(
    context,
    ({ database }) => database.createScope(() => activePauses(systemClock.now().toMillis())),
    { readOnly: true },
  );
  const shown = pauses.map(shownPause);
  if (context.json) context.printJson({ pauses: shown });
  else if (shown.length === 0) context.note('Nothing is paused.');
  else context.table(shown);
}

async function pauseBuilding(context: CommandContext, options: PauseOptions): Promise<void> {
  const { instrument: pid, reason, until } = options;
  if (reason === undefined || reason.trim() === '') {
    throw new AppError('USAGE', 'A pause needs a reason.', {
      remedy: 'recordsmith pause --reason "why nothing is built"',
    });
  }
  const [{ withDatabase }, { pause }, { getInstrument }, times, { actingUser }] = await Promise.all(
    [
      import('../with-database.js'),
      import('../../db/pause-store.js'),
      import('../../db/instrument-store.js'),
      import('../local-time-text.js'),
      import('../acting-user.js'),
    ],
  );
  await withDatabase(context, async ({ database, log }) => {
    const nowMs = systemClock.now().toMillis();
    const { zone, given } = await database.createScope(async () => {
      const zone = pid === undefined ? times.machineZone() : (await getInstrument(pid)).timezone;
      const given = until === undefined ? null : times.readGivenTime(until, zone, nowMs);
      if (given !== null && given.epochMs <= nowMs) {
        throw new AppError(
          'TIME_INVALID',
          `The end of the pause, ${times.localTimeText(given.epochMs, zone)}, is over already.`,
          { remedy: 'Give a time to come, or leave --until away to pause until resumed.' },
        );
      }
      await pause({
        scope: pid === undefined ? 'all' : 'instrument',
        target: pid ?? null,
        reason: reason.trim(),
        untilMs: given?.epochMs ?? null,
        author: actingUser(),
      });
      return { zone, given };
    });
    if (given?.warning != null) log.warn(given.warning);
    if (context.json) {
      context.printJson({
        paused: true,
        instrument: pid ?? null,
        reason: reason.trim(),
        until: given === null ? null : isoText(given.epochMs),
      });
    } else {
      const end =
        given === null
          ? `until 'recordsmith resume${pid === undefined ? '' : ` --instrument ${pid}`}'`
          : `until ${times.localTimeText(given.epochMs, zone)}`;
      context.note(`${subject(pid)} is paused ${end}.`);
    }
  });
}

async function resumeBuilding(context: CommandContext, pid: string | undefined): Promise<void> {
  const [{ withDatabase }, { activePauses, resume }, { getInstrument }] = await Promise.all([
    import('../with-database.js'),
    import('../../db/pause-store.js'),
    import('../../db/instrument-store.js'),
  ]);
  const { resumed, left } = await withDatabase(context, ({ database }) =>
    database.createScope(async () => {
      const resumed = await resume(pid === undefined ? 'all' : 'instrument', pid ?? null);
      if (!resumed && pid !== undefined) await getInstrument(pid);
      return { resumed, left: await activePauses(systemClock.now().toMillis()) };
    }),
  );
  if (context.json) {
    context.printJson({ resumed, instrument: pid ?? null, pauses: left.map(shownPause) });
    return;
  }
  context.note(`${subject(pid)} ${resumed ? 'goes on.' : 'was not paused.'}`);
  if (left.length > 0) {
    context.note('Still paused:');
    context.table(left.map(shownPause));
  }
}

/** `recordsmith pause` and `recordsmith resume`: the brake. */
export function registerPause(program: Command, host: CommandHost): void {
  program
    .command('pause')
    .description('build nothing more, or nothing of one instrument, until resumed')
    .addOption(new Option('--instrument <pid>', 'only this instrument'))
    .addOption(new Option('--reason <text>', 'why; shown to everybody'))
    .addOption(new Option('--until <time>', 'when it ends by itself (ISO 8601)'))
    .addOption(
      new Option('--list', 'show what is paused; changes nothing').conflicts([
        'instrument',
        'reason',
        'until',
      ]),
    )
    .addOption(jsonOption())
    .addHelpText('after', AFTER_PAUSE)
    .action(
      host.action(async (context, command) => {
        const options = command.opts<PauseOptions>();
        if (options.list === true) await listPauses(context);
        else await pauseBuilding(context, options);
        return EXIT.done;
      }),
    );
  program
    .command('resume')
    .description('take a pause back')
    .addOption(new Option('--instrument <pid>', 'the pause of this instrument'))
    .addOption(jsonOption())
    .addHelpText('after', AFTER_RESUME)
    .action(
      host.action(async (context, command) => {
        await resumeBuilding(context, command.opts<PauseOptions>().instrument);
        return EXIT.done;
      }),
    );
}
