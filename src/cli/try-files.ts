import { constants } from 'node:fs';
import { access, lstat, mkdir, realpath, stat } from 'node:fs/promises';
import { dirname, join, resolve, sep } from 'node:path';
import { AppError, systemErrorCode } from '../errors.js';
import { prepareRecord } from '../record/save-record.js';
import type { RecordSource } from '../record/record-document.js';
import type { XmlValidator } from '../record/validate-xml.js';
import { writeUnfinished } from '../record/write-file-durably.js';

/** The three files that a trial makes: absolute paths. */
export interface TryPaths {
  readonly xml: string;
  readonly json: string;
  readonly page: string;
}

/** Numbers tried behind a name that is taken. */
const MOST_NUMBERS = 9999;

/**
 * The folder that is tried, without symbolic links.
 * @throws AppError INPUT_INVALID when it is none, FILE_UNREADABLE when it may not be looked at.
 */
export async function folderToTry(given: string): Promise<string> {
  try {
    const folder = await realpath(given);
    if ((await stat(folder)).isDirectory()) {
      await access(folder, constants.R_OK | constants.X_OK);
      return folder;
    }
  } catch (error) {
    const systemCode = systemErrorCode(error);
    if (systemCode === 'ENOENT' || systemCode === 'ENOTDIR') {
      throw new AppError('INPUT_INVALID', `There is no folder ${given}.`, {
        cause: error,
        remedy: 'Name a folder with files of an instrument.',
        details: { folder: given },
      });
    }
    throw new AppError('FILE_UNREADABLE', `The folder ${given} cannot be looked at.`, {
      cause: error,
      remedy: 'Check its permissions.',
      details: { folder: given, systemCode: systemCode ?? null },
    });
  }
  throw new AppError('INPUT_INVALID', `${given} is no folder.`, {
    remedy: 'Name the folder that it lies in; a single file is shown by recordsmith extract.',
    details: { folder: given },
  });
}

/** A folder as it will be, also while it is not there yet: without the symbolic links of what is. */
async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    const above = dirname(folder);
    if (systemErrorCode(error) !== 'ENOENT' || above === folder) return folder;
    return join(await realFolder(above), folder.slice(above.length));
  }
}

/** Whether files could be written here, before long work is done for them. Nothing is made yet. */
async function requireWritable(folder: string): Promise<void> {
  try {
    await access(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    const systemCode = systemErrorCode(error);
    if (systemCode === 'ENOENT' && dirname(folder) !== folder) {
      await requireWritable(dirname(folder));
      return;
    }
    throw new AppError('FILE_NOT_WRITABLE', `Nothing can be written into ${folder}.`, {
      cause: error,
      remedy: 'Name a folder that this user may write to with --out.',
      details: { folder, systemCode: systemCode ?? null },
    });
  }
}

/**
 * The folder for the results. The folder that is tried is only read, so it may not lie in there.
 * @throws AppError USAGE, FILE_NOT_WRITABLE
 */
export async function folderForResults(out: string, tried: string): Promise<string> {
  const folder = await realFolder(resolve(out));
  if (folder === tried || folder.startsWith(tried.endsWith(sep) ? tried : tried + sep)) {
    throw new AppError(
      'USAGE',
      `Nothing is written into the folder that is tried, and ${folder} lies in it.`,
      {
        remedy:
          'Name another folder for the results with --out DIR, or start the command elsewhere.',
      },
    );
  }
  await requireWritable(folder);
  return folder;
}

async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    return systemErrorCode(error) !== 'ENOENT';
  }
}

/**
 * Names for the three files, all with the same stem: `{stem}`, else `{stem}_2`, `{stem}_3`...
 * @param replaces take the plain name also when there are such files
 */
async function freePaths(folder: string, stem: string, replaces: boolean): Promise<TryPaths> {
  for (let number = 1; number <= MOST_NUMBERS; number += 1) {
    const name = join(folder, number === 1 ? stem : `${stem}_${number}`);
    const paths = { xml: `${name}.xml`, json: `${name}.json`, page: `${name}.html` };
    const taken = await Promise.all(Object.values(paths).map(isTaken));
    if (replaces || !taken.includes(true)) return paths;
  }
  throw new AppError('INPUT_INVALID', `There are too many files named ${stem} in ${folder}.`, {
    remedy: 'Remove some of them, replace them with --force, or name another folder with --out.',
    details: { folder },
  });
}

/** What the files are written from. */
export interface WriteTryFilesOptions {
  /** Made when it is missing. */
  readonly folder: string;
  readonly stem: string;
  readonly replaces: boolean;
  readonly document: RecordSource;
  readonly validator: XmlValidator;
  /** The page in pieces, when the names of the files are known. */
  readonly pageOf: (paths: TryPaths) => AsyncIterable<string>;
  readonly signal: AbortSignal;
}

/**
 * Writes record and page. They get their names only when all of them are complete: who interrupts leaves nothing behind.
 * @throws AppError RECORD_INVALID naming the first fault, FILE_NOT_WRITABLE, ABORTED by the signal.
 */
export async function writeTryFiles(options: WriteTryFilesOptions): Promise<TryPaths> {
  const { folder, stem, replaces, document, validator, signal } = options;
  await makeFolder(folder);
  const paths = await freePaths(folder, stem, replaces);
  const saved = await prepareRecord(document, paths, validator, 0o644, async ({ xml, json }) => {
    const page = await writeUnfinished(paths.page, abortable(options.pageOf(paths), signal));
    try {
      signal.throwIfAborted();
      await xml.finish();
      await json.finish();
      await page.finish();
    } finally {
      await page.discard();
    }
    return { kind: 'written' } as const;
  });
  if (saved.kind === 'written') return paths;
  const [fault] = saved.faults;
  throw new AppError(
    'RECORD_INVALID',
    `The record does not follow its schema: ${fault?.message ?? ''}`,
    {
      remedy: 'Please report it, with the folder if you can: this should not happen.',
      details: { faults: saved.faults },
    },
  );
}

async function* abortable(
  pieces: AsyncIterable<string>,
  signal: AbortSignal,
): AsyncGenerator<string, void, undefined> {
  for await (const piece of pieces) {
    signal.throwIfAborted();
    yield piece;
  }
}

async function makeFolder(folder: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw new AppError('FILE_NOT_WRITABLE', `The folder ${folder} cannot be made.`, {
      cause: error,
      remedy: 'Name a folder that this user may write to with --out.',
      details: { systemCode: systemErrorCode(error) ?? null },
    });
  }
}
