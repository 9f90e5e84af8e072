import { isAbsolute } from 'node:path';
import { pathToFileURL } from 'node:url';
import { AppError, isAppError, toError } from '../errors.js';
import { importModule } from '../import-module.js';
import type { Extractor, FileHead } from './extractor.js';
import { EXTRACTORS } from './registry.js';

/** Whether a value has the shape of an Extractor: what comes from a module of the facility is not trusted. */
function isExtractor(value: unknown): value is Extractor {
  return (
    typeof value === 'object' &&
    value !== null &&
    'id' in value &&
    typeof value.id === 'string' &&
    'version' in value &&
    typeof value.version === 'number' &&
    'extensions' in value &&
    Array.isArray(value.extensions) &&
    'sniff' in value &&
    typeof value.sniff === 'function' &&
    'extract' in value &&
    typeof value.extract === 'function'
  );
}

/**
 * The readers to ask: all of the registry, or the named one alone. Who names a reader wants its answer: it reads the file
 * whether it recognises it or not, and says so.
 * @param reader the id of a reader in the registry, or the absolute path of an ES module that exports one Extractor;
 * null: all. A module is loaded into this process: call this in a reader process.
 * @throws AppError USAGE naming what is wrong.
 */
export async function chooseExtractors(reader: string | null): Promise<readonly Extractor[]> {
  if (reader === null) return EXTRACTORS;
  const known = EXTRACTORS.find(({ id }) => id === reader);
  return [insistent(known ?? (await loadExtractor(reader)))];
}

async function loadExtractor(reader: string): Promise<Extractor> {
  if (!isAbsolute(reader)) {
    throw new AppError('USAGE', `There is no reader ${reader}.`, {
      remedy: `Give one of ${EXTRACTORS.map(({ id }) => id).join(', ')}, or the path of an ES module.`,
    });
  }
  try {
    const imported: unknown = await importModule(pathToFileURL(reader).href);
    const exported: unknown[] =
      typeof imported === 'object' && imported !== null ? Object.values(imported) : [];
    const found = [...new Set(exported)].filter(isExtractor);
    const [extractor] = found;
    if (extractor !== undefined && found.length === 1) return extractor;
    throw new AppError('USAGE', `The module ${reader} exports ${found.length} readers.`, {
      remedy:
        'It must export one object with id, version, extensions, sniff and extract (see extractor.ts).',
    });
  } catch (error) {
    if (isAppError(error)) throw error;
    throw new AppError(
      'USAGE',
      `The module ${reader} cannot be loaded: ${toError(error).message}`,
      { cause: error, remedy: 'Give an ES module (.mjs) that exports one reader.' },
    );
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
