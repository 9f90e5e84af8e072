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

/**
 * Writes a version of a record as immutable XML and JSON files: unfinished file, sync, validation, rename, sync of the
 * folder. The same record saved again gives the same files. An invalid one gets no version and is kept under `invalid/`.
 * Nothing is public before publishRecord.
 * @throws AppError FILE_NOT_WRITABLE, leaving no partial file
 */
export async function saveRecord(options: SaveRecordOptions): Promise<SavedRecord> {
  const { recordsFolder, document, fingerprint, names } = options;
  const paths = versionPaths(names, fingerprint);
  const [xml, json] = await bothOrNone([
    writeUnfinished(join(recordsFolder, paths.xml), writeXml(document), VERSION_MODE),
    writeUnfinished(join(recordsFolder, paths.json), writeJson(document), VERSION_MODE),
  ]);
  try {
    const verdict = await options.validator.validateFile(xml.path);
    if (!verdict.valid) {
      const aside = join(recordsFolder, invalidPaths(names, fingerprint).xml);
      const kept = await writeUnfinished(aside, writeXml(document));
      return { kind: 'invalid', faults: verdict.faults, keptAside: await kept.finish() };
    }
    const [finishedJson, finishedXml] = await Promise.all([json.finish(), xml.finish()]);
    return { kind: 'saved', paths, json: finishedJson, xml: finishedXml };
  } finally {
    await Promise.all([json.discard(), xml.discard()]);
  }
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
