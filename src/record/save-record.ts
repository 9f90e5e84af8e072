import { join } from 'node:path';
import { toError } from '../errors.js';
import type { RecordSource } from './record-document.js';
import {
  type RecordNameInput,
  type RecordPaths,
  invalidPaths,
  versionPaths,
} from './record-names.js';
import type { XmlFault, XmlValidator } from './validate-xml.js';
import { type UnfinishedFile, type WrittenFile, writeUnfinished } from './write-file-durably.js';
import { writeJson } from './write-json.js';
import { writeXml } from './write-xml.js';

export interface SaveRecordOptions {
  /** Absolute. */
  readonly recordsFolder: string;
  /** As describeRecord gives it. */
  readonly document: RecordSource;
  /** Of this document: see fingerprintOf. */
  readonly fingerprint: string;
  readonly names: RecordNameInput;
  readonly validator: Pick<XmlValidator, 'validateFile'>;
}

/** What became of a record. */
export type SavedRecord =
  | {
      readonly kind: 'saved';
      /** Relative to the records folder. */
      readonly paths: RecordPaths;
      readonly xml: WrittenFile;
      readonly json: WrittenFile;
    }
  | {
      readonly kind: 'invalid';
      readonly faults: readonly XmlFault[];
      /** The record that was refused, for a person to look at. */
      readonly keptAside: WrittenFile;
    };

/** Permissions of version files: a version never changes, nobody may write to its files. */
export const VERSION_MODE = 0o444;

/** The files of a record that follows its schema, written and synced, still without their names. */
export interface PreparedRecord {
  readonly xml: UnfinishedFile;
  readonly json: UnfinishedFile;
}

/**
 * Writes the files of a record under names of their own, syncs and validates them, and hands them to `use`, which gives
 * them their names; those that it does not are removed afterwards.
 * @param paths absolute
 * @param mode permissions of the files
 * @returns what `use` answers, or what is wrong with the record.
 * @throws AppError FILE_NOT_WRITABLE, leaving no partial file; what `use` throws
 */
export async function prepareRecord<Result>(
  document: RecordSource,
  paths: RecordPaths,
  validator: Pick<XmlValidator, 'validateFile'>,
  mode: number,
  use: (prepared: PreparedRecord) => Promise<Result>,
): Promise<Result | { readonly kind: 'invalid'; readonly faults: readonly XmlFault[] }> {
  const [xml, json] = await bothOrNone([
    writeUnfinished(paths.xml, writeXml(document), mode),
    writeUnfinished(paths.json, writeJson(document), mode),
  ]);
  try {
    const verdict = await validator.validateFile(xml.path);
    return verdict.valid ? await use({ xml, json }) : { kind: 'invalid', faults: verdict.faults };
  } finally {
    await Promise.all([json.discard(), xml.discard()]);
  }
}

/**
 * Writes a version of a record as immutable XML and JSON files: unfinished file, sync, validation, rename, sync of the
 * folder. The same record saved again gives the same files. An invalid one gets no version and is kept under `invalid/`.
 * Nothing is public before publishRecord.
 * @throws AppError FILE_NOT_WRITABLE, leaving no partial file
 */
export async function saveRecord(options: SaveRecordOptions): Promise<SavedRecord> {
  const { recordsFolder, document, fingerprint, names } = options;
  const paths = versionPaths(names, fingerprint);
  const absolute = { xml: join(recordsFolder, paths.xml), json: join(recordsFolder, paths.json) };
  const saved = await prepareRecord(
    document,
    absolute,
    options.validator,
    VERSION_MODE,
    async (prepared) => {
      const [json, xml] = await Promise.all([prepared.json.finish(), prepared.xml.finish()]);
      return { kind: 'saved', paths, json, xml } as const;
    },
  );
  if (saved.kind === 'saved') return saved;
  const aside = join(recordsFolder, invalidPaths(names, fingerprint).xml);
  const kept = await writeUnfinished(aside, writeXml(document));
  return { ...saved, keptAside: await kept.finish() };
}

/** Two files written and synced at the same time; when one fails, the other is removed. */
async function bothOrNone(
  files: readonly [Promise<UnfinishedFile>, Promise<UnfinishedFile>],
): Promise<readonly [UnfinishedFile, UnfinishedFile]> {
  const [first, second] = await Promise.allSettled(files);
  if (first.status === 'rejected') {
    if (second.status === 'fulfilled') await second.value.discard();
    throw toError(first.reason);
  }
  if (second.status === 'rejected') {
    await first.value.discard();
    throw toError(second.reason);
  }
  return [first.value, second.value];
}
