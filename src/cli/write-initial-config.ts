import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import { AppError, systemErrorCode, toError } from '../errors.js';

/** The commented example in the package: two folders above this file in source and build. */
const EXAMPLE = new URL('../../config/recordsmith.example.yaml', import.meta.url);

/** Keys of the example whose relative paths would lie in a folder named `config`. */
const PATH_LINE = /^( {2}(?:file|data|output|records|state): )([a-z][a-z.]*)$/gm;

/** A configuration file that is there now. */
export interface InitialConfig {
  /** Absolute. */
  readonly file: string;
  /** False: it was there before and is kept as it was. */
  readonly created: boolean;
}

/**
 * Writes the commented configuration file (readable by its owner and group) unless it is there. In a folder named
 * `config` the paths begin with `../`, so that data do not lie among settings.
 * @param named what --config says; default `config/recordsmith.yaml` of the working folder.
 * @throws AppError FILE_NOT_WRITABLE
 */
export async function writeInitialConfig(
  workingFolder: string,
  named: string | undefined,
): Promise<InitialConfig> {
  const file = resolve(workingFolder, named ?? 'config/recordsmith.yaml');
  const example = await readFile(EXAMPLE, 'utf8');
  const text =
    basename(dirname(file)) === 'config' ? example.replace(PATH_LINE, '$1../$2') : example;
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
