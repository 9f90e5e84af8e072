import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { DateTime } from 'luxon';
import type { Clock } from '../clock.js';
import { AppError, systemErrorCode, toError } from '../errors.js';

/** The commented example in the package: two folders above this file in source and build. */
const EXAMPLE = new URL('../../config/recordsmith.example.yaml', import.meta.url);

/** Keys that everybody decides and that stay as they are when a default changes: where the data are. */
const DECIDED_LINE = /^( {2}(?:file|data|output|records|state): )([a-z][a-z.]*)$/;
/** A key with its value, or an entry of a list; a group of keys stays, so that its keys need no more than their `#` off. */
const VALUE_LINE = /^( *)([a-z_]+: *\S.*|ignore_patterns:|ignored_folders:|- .*)$/;
const EXAMPLE_SENTENCE = 'Every key is here with its default; delete what you do not change.';
const INITIAL_SENTENCE =
  'Every key is here; those behind a # have the default that is shown: take the # away to change one.';

/** The line of a source that says from when on its usage events are taken in. */
const SINCE_LINE = /^(#\s+since: )(\S+)( +)(# .*)$/m;

/** A configuration file that is there now. */
export interface InitialConfig {
  /** Absolute. */
  readonly file: string;
  /** False: it was there before and is kept as it was. */
  readonly created: boolean;
}

/** An instant as `since` takes it, to the second. */
function sinceText(now: DateTime<true>): string {
  return now.startOf('second').toISO({ suppressMilliseconds: true });
}

/**
 * The text of a new configuration file, from the example: all that has a default is commented out, so that the defaults
 * of later versions hold. A source that is made of its example takes in nothing from before `now`. In a folder named `config` the paths begin with `../`, so that data do not lie among settings.
 */
function initialText(example: string, folder: string, now: DateTime<true>): string {
  const up = basename(folder) === 'config' ? '../' : '';
  return example
    .replace(EXAMPLE_SENTENCE, INITIAL_SENTENCE)
    .replace(SINCE_LINE, `$1${sinceText(now)}$3$4 (here: when this file was written)`)
    .split('\n')
    .map((line) =>
      DECIDED_LINE.test(line)
        ? line.replace(DECIDED_LINE, `$1${up}$2`)
        : line.replace(VALUE_LINE, '$1#$2'),
    )
    .join('\n');
}

/**
 * Writes the commented configuration file (readable by its owner and group) unless it is there.
 * @param named what --config says; default `config/recordsmith.yaml` of the working folder.
 * @throws AppError FILE_NOT_WRITABLE
 */
export async function writeInitialConfig(
  workingFolder: string,
  named: string | undefined,
  clock: Clock,
): Promise<InitialConfig> {
  const file = resolve(workingFolder, named ?? 'config/recordsmith.yaml');
  const example = await readFile(EXAMPLE, 'utf8');
  const text = initialText(example, dirname(file), clock.now());
  try {
    await mkdir(dirname(file), { recursive: true });
    return { file, created: await writeNew(file, text) };
  } catch (error) {
    throw new AppError('FILE_NOT_WRITABLE', `The configuration file ${file} cannot be written.`, {
      cause: toError(error),
      remedy: 'Make its folder writable, or name another file with --config.',
      details: { file },
    });
  }
}

/** Writes a file that is not there yet; false: it is there, untouched. */
async function writeNew(file: string, text: string): Promise<boolean> {
  try {
    await writeFile(file, text, { flag: 'wx', mode: 0o640 });
    return true;
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
}
