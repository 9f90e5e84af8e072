import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { DateTime } from 'luxon';
import { z } from 'zod';
import { AppError, systemErrorCode } from '../../errors.js';
import { jsonOption, type CommandHost } from '../command-host.js';
import { EXIT } from '../exit-codes.js';

interface ActivitiesOptions {
  readonly mtimes?: string;
  readonly strict?: boolean;
  readonly sensitivity: number;
  readonly minGap: number;
}

/** What is clustered, with its time in seconds since the epoch. */
interface TimedItem {
  /** The path, or the time itself. */
  readonly label: string | number;
  readonly seconds: number;
}

const AFTER_HELP = `
Examples:
  recordsmith activities /data/Titan/2026-11-21
  recordsmith activities /data/Titan/2026-11-21/*.dm4
  recordsmith activities --mtimes times.json --strict --json
  echo '[1694694600.25, 1694694630, 1694698230]' | recordsmith activities --mtimes -`;

function nonNegative(value: string): number {
  const number = Number(value);
  if (value.trim() === '' || !Number.isFinite(number) || number < 0) {
    throw new InvalidArgumentError('It must be a number of at least 0.');
  }
  return number;
}

const timesSchema = z.array(z.number());

async function readTimes(source: string): Promise<TimedItem[]> {
  const named = source === '-' ? 'standard input' : source;
  let json: string;
  try {
    json = source === '-' ? await text(process.stdin) : await readFile(source, 'utf8');
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', `${named} cannot be read.`, {
      cause: error,
      remedy: 'Give a file with a JSON list of times in seconds, or - for standard input.',
      details: { path: source },
    });
  }
  const remedy = 'Give times in seconds since the epoch: [1694694600.25, 1694694630]';
  const details = { path: source };
  let document: unknown;
  try {
    document = JSON.parse(json);
  } catch (cause) {
    throw new AppError('INPUT_INVALID', `${named} is no JSON.`, { cause, remedy, details });
  }
  const times = timesSchema.safeParse(document);
  if (!times.success) {
    const wrong = times.error.issues[0]?.path[0];
    const message =
      typeof wrong === 'number'
        ? `Entry ${wrong + 1} of ${named} is no number.`
        : `${named} is no list.`;
    throw new AppError('INPUT_INVALID', message, { remedy, details });
  }
  return times.data.map((seconds) => ({ label: seconds, seconds }));
}

/** Paths of the files meant: a folder stands for all files below it. */
async function* filesOf(paths: readonly string[]): AsyncGenerator<string> {
  for (const path of paths) {
    if (!(await stat(path)).isDirectory()) {
      yield path;
      continue;
    }
    const entries = await readdir(path, { recursive: true, withFileTypes: true });
    for (const entry of entries) {
      if (entry.isFile()) yield join(entry.parentPath, entry.name);
    }
  }
}

async function readPaths(
  paths: readonly string[],
  secondsOf: (timeNs: bigint) => number,
): Promise<TimedItem[]> {
  const items: TimedItem[] = [];
  try {
    for await (const path of filesOf(paths)) {
      const { mtimeNs } = await stat(path, { bigint: true });
      items.push({ label: path, seconds: secondsOf(mtimeNs) });
    }
  } catch (error) {
    throw new AppError('FILE_UNREADABLE', 'A file or folder cannot be read.', {
      cause: error,
      remedy: 'Check that it exists and may be read.',
      details: { systemCode: systemErrorCode(error) ?? null },
    });
  }
  if (items.length === 0) {
    throw new AppError('INPUT_INVALID', `There is no file in ${paths.join(', ')}.`, {
      remedy: 'Name files, or folders with files in them.',
    });
  }
  return items;
}

function instantOf(item: TimedItem | undefined): string | null {
  return item === undefined ? null : DateTime.fromSeconds(item.seconds).toISO();
}

/** `recordsmith activities`: how files, or times, split into acquisition activities. */
export function registerActivities(program: Command, host: CommandHost): void {
  program
    .command('activities')
    .description('show how files, or a list of times, split into acquisition activities')
    .argument(
      '[path...]',
      'files, or folders with all files below them, by their modification times',
    )
    .addOption(
      new Option('--mtimes <file>', 'JSON list of times in seconds; - reads standard input'),
    )
    .addOption(new Option('--strict', 'exactly as NexusLIMS does'))
    .addOption(
      new Option('--sensitivity <number>', '0: one activity; above 1: more activities')
        .argParser(nonNegative)
        .default(1),
    )
    .addOption(
      new Option(
        '--min-gap <seconds>',
        'activities closer than this are merged (not with --strict)',
      )
        .argParser(nonNegative)
        .default(120),
    )
    .addOption(jsonOption())
    .addHelpText('after', AFTER_HELP)
    .action(
      host.action(async (context, command) => {
        const options = command.opts<ActivitiesOptions>();
        if ((options.mtimes === undefined) === (command.args.length === 0)) {
          throw new AppError('USAGE', 'Give either paths or --mtimes.', {
            remedy: 'recordsmith activities --help',
          });
        }
        const { clusterByTimeInSlices, secondsOf } =
          await import('../../activities/cluster-by-time.js');
        const items =
          options.mtimes === undefined
            ? await readPaths(command.args, secondsOf)
            : await readTimes(options.mtimes);
        const clusters = await clusterByTimeInSlices(
          items.map((item) => item.seconds),
          {
            strict: options.strict === true,
            sensitivity: options.sensitivity,
            minGapSeconds: options.minGap,
          },
        );
        const activities = clusters.activities.map((group) =>
          group.flatMap((index) => items[index] ?? []),
        );
        if (context.json) {
          context.printJson({
            boundaries: clusters.boundaries,
            bandwidth: clusters.bandwidthSeconds,
            activities: activities.map((group) => group.map((item) => item.label)),
          });
          return EXIT.done;
        }
        context.table(
          activities.map((group, activity) => ({
            activity,
            files: group.length,
            first: instantOf(group[0]),
            last: instantOf(group.at(-1)),
          })),
        );
        return EXIT.done;
      }),
    );
}
