import { isAbsolute } from 'node:path';
import { AppError, isAppError } from '../errors.js';
import type { Extractor, FileHead } from './extractor.js';
import {
  claimingExtractors,
  facilityExtractors,
  type FacilityOfJob,
} from './facility/facility-extractors.js';
import { loadReaderModule } from './facility/load-reader-modules.js';
import { ModuleReader } from './facility/module-reader.js';
import { EXTRACTORS } from './registry.js';

/**
 * The named reader alone. Who names a reader wants its answer: it reads the file whether it recognises it or not, and says
 * so.
 * @param reader the id of one of ours or of the facility's readers, or the absolute path of an ES module that exports one.
 * A module is loaded into this process: call this in a reader process.
 * @param facility the readers of the facility
 * @throws AppError USAGE naming what is wrong.
 */
async function chooseExtractors(
  reader: string,
  facility: readonly Extractor[],
): Promise<readonly Extractor[]> {
  const known = [...facility, ...EXTRACTORS].find(({ id }) => id === reader);
  return [insistent(known ?? (await loadExtractor(reader, facility)))];
}

/** The file that a person wants read, with the readers of the facility. */
export interface ReadersForPerson {
  /** Null: there are none. */
  readonly facility: FacilityOfJob | null;
  /** Absolute. */
  readonly path: Buffer;
  readonly signal: AbortSignal;
}

/**
 * The readers to ask for a file that a person wants read: as in a session, or the named one alone.
 * @param reader as chooseExtractors takes it; null: as in a session
 * @throws AppError USAGE, CONFIG_INVALID when a module of the facility cannot be loaded.
 */
export async function extractorsForPerson(
  reader: string | null,
  { facility, path, signal }: ReadersForPerson,
): Promise<readonly Extractor[]> {
  if (reader !== null) {
    const own = facility === null ? [] : await facilityExtractors(facility, path, signal);
    return chooseExtractors(reader, own);
  }
  const claiming = facility === null ? [] : await claimingExtractors(facility, path, signal);
  return [...claiming, ...EXTRACTORS];
}

async function loadExtractor(reader: string, facility: readonly Extractor[]): Promise<Extractor> {
  if (!isAbsolute(reader)) {
    const ids = [...facility, ...EXTRACTORS].map(({ id }) => id);
    throw new AppError('USAGE', `There is no reader ${reader}.`, {
      remedy: `Give one of ${ids.join(', ')}, or the path of an ES module.`,
    });
  }
  try {
    const found = await loadReaderModule(reader);
    const [extractor] = found;
    if (extractor !== undefined && found.length === 1) return new ModuleReader(extractor);
    throw new AppError('USAGE', `The module ${reader} exports ${found.length} readers.`, {
      remedy: `Name it in extract.readers, and choose one by its id: ${found.map(({ id }) => id).join(', ')}.`,
    });
  } catch (error) {
    if (!isAppError(error) || error.code !== 'CONFIG_INVALID') throw error;
    throw new AppError('USAGE', error.message, {
      cause: error.cause,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    });
  }
}

/** The reader, asked for any file. */
function insistent(extractor: Extractor): Extractor {
  const { id, version, extensions } = extractor;
  let recognised = true;
  return {
    id,
    version,
    extensions,
    sniff: (head: FileHead) => {
      recognised = extractor.sniff(head);
      return true;
    },
    extract: async (file, context) => {
      const extracted = await extractor.extract(file, context);
      if (recognised) return extracted;
      const warning = `The reader ${id} does not recognise this file; it was named for it.`;
      return { ...extracted, warnings: [...extracted.warnings, warning] };
    },
  };
}
