import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isAppError } from '../../errors.js';
import { ReaderPool } from '../../extract/reader-pool.js';
import { fail, failedBy, ok, type CheckResult } from './check-result.js';

/** Milliseconds within which a reader has to read a file of one line. */
const TIME_LIMIT_MS = 30_000;

/** Do reader processes start and read, and are the fonts and picture libraries of previews there: tries it. */
export async function* checkReaders(): AsyncGenerator<CheckResult, void, undefined> {
  const readers = new ReaderPool({ size: 1, timeLimitMs: TIME_LIMIT_MS });
  const folder = await mkdtemp(join(tmpdir(), 'recordsmith-doctor-'));
  try {
    await readers.start();
    const text = join(folder, 'notes.txt');
    await writeFile(text, 'A line of text.\n');
    const { metadata } = await read(readers, text);
    yield metadata.format === 'unknown'
      ? fail('readers', `a text file was not recognised: ${metadata.warnings.join(' ')}`, REINSTALL)
      : ok('readers', 'start and read');
    yield await checkPreviews(readers, folder, text);
  } catch (error) {
    if (!isAppError(error)) throw error;
    yield failedBy('readers', error);
  } finally {
    await readers.stop();
    await rm(folder, { recursive: true, force: true });
  }
}

const REINSTALL = 'Install recordsmith again for this machine: npm ci.';

function read(readers: ReaderPool, path: string, previewPath?: string) {
  return readers.extractSingleFile({
    path: Buffer.from(path),
    timezone: 'UTC',
    allTags: false,
    reader: null,
    ...(previewPath === undefined ? {} : { previewPath }),
  });
}

/** A text drawn as a picture needs the fonts; that picture read again needs the decoders. */
async function checkPreviews(
  readers: ReaderPool,
  folder: string,
  text: string,
): Promise<CheckResult> {
  try {
    const picture = join(folder, 'notes.png');
    await read(readers, text, picture);
    await read(readers, picture, join(folder, 'picture.png'));
    return ok('previews', 'fonts and picture libraries work');
  } catch (error) {
    if (!isAppError(error)) throw error;
    const { warnings } = error.details;
    const why = Array.isArray(warnings) ? warnings.join(' ') : '';
    return fail('previews', `none can be made. ${error.message} ${why}`.trim(), REINSTALL);
  }
}
