import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { z } from 'zod';
import { AppError, isAppError, toError } from '../../errors.js';
import { importModule } from '../../import-module.js';
import type { Extractor } from '../extractor.js';
import { companionRuleSchema } from './reader-claim.js';

const functionValue = z.custom<(...args: never[]) => unknown>(
  (value) => typeof value === 'function',
  'a function',
);

/** What a reader must be; what comes from a module of the facility is not trusted. */
const extractorSchema = z.object({
  id: z
    .string()
    .regex(/^[a-z][a-z0-9-]{0,39}$/, 'a name of lower-case letters, digits and - (at most 40)'),
  version: z.int().min(1),
  extensions: z.array(z.string().regex(/^\.[^A-Z/\0]+$/, 'lower-case with its dot, as .kes')),
  promisedFormat: z.string().min(1).exactOptional(),
  sniff: functionValue,
  companions: z.array(companionRuleSchema).exactOptional(),
  extract: functionValue,
});

function isExtractor(value: unknown): value is Extractor {
  return extractorSchema.safeParse(value).success;
}

/** Whether a value was meant to be a reader. */
function isReaderLike(value: unknown): boolean {
  return typeof value === 'object' && value !== null && ('extract' in value || 'sniff' in value);
}

function invalid(message: string, remedy: string, cause?: unknown): AppError {
  return new AppError('CONFIG_INVALID', message, {
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}

const SHAPE =
  'A reader is an object with id, version, extensions, sniff and extract: see docs/adding-a-format.md.';

/**
 * Loads the readers that an ES module exports, by name or as default. Loaded into this process: call it in a reader process.
 * @param path absolute
 * @throws AppError CONFIG_INVALID when it cannot be loaded, exports no reader, or one that is not whole.
 */
export async function loadReaderModule(path: string): Promise<readonly Extractor[]> {
  let imported: unknown;
  try {
    imported = await importModule(pathToFileURL(path).href);
  } catch (error) {
    throw invalid(
      `The module ${path} cannot be loaded: ${toError(error).message}`,
      'Give an ES module (.js or .mjs) that exports a reader.',
      error,
    );
  }
  const exported: unknown[] =
    typeof imported === 'object' && imported !== null ? Object.values(imported) : [];
  const meant = [...new Set(exported)].filter(isReaderLike);
  if (meant.length === 0) throw invalid(`The module ${path} exports no reader.`, SHAPE);
  return meant.map((value) => {
    if (isExtractor(value)) return value;
    const faults = extractorSchema.safeParse(value).error?.issues ?? [];
    const named = faults.map(({ path: key, message }) => `${key.join('.')}: ${message}`).join('; ');
    throw invalid(`The module ${path} exports a reader that is not whole (${named}).`, SHAPE);
  });
}

/**
 * The module itself, or every .js and .mjs file of a folder, sorted by name.
 * @throws AppError CONFIG_INVALID when it is not there or the folder has no module.
 */
export function moduleFilesOf(path: string): readonly string[] {
  try {
    if (!statSync(path).isDirectory()) return [path];
    const names = readdirSync(path).filter((name) => /\.m?js$/.test(name));
    if (names.length > 0) return names.sort().map((name) => join(path, name));
  } catch (error) {
    if (isAppError(error)) throw error;
    throw invalid(
      `The module ${path} cannot be loaded: ${toError(error).message}`,
      'Correct the path, or let this user read it.',
      error,
    );
  }
  throw invalid(
    `The folder ${path} has no module (.js or .mjs).`,
    'Put the readers there, or take the folder out of extract.readers.',
  );
}
