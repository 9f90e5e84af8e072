import { join } from 'node:path';
import type { ExperimentRecord } from '../domain/record.js';
import { describeRecord } from './describe-record.js';
import {
  type RecordNameInput,
  type RecordPaths,
  invalidPaths,
  versionPaths,
} from './record-names.js';
import type { XmlFault, XmlValidator } from './validate-xml.js';
import { type WrittenFile, writeUnfinished } from './write-file-durably.js';
import { writeJson } from './write-json.js';
import { writeXml } from './write-xml.js';

export interface SaveRecordOptions {
  /** Absolute. */
  readonly recordsFolder: string;
  readonly record: ExperimentRecord;
  /** Of this record: see fingerprintOf. */
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

/** A version never changes: nobody may write to its files. */
const VERSION_MODE = 0o444;

/**
 * Writes a version of a record as immutable XML and JSON files: unfinished file, sync, validation, rename, sync of the
 * folder. The same record saved again gives the same files. An invalid one gets no version and is kept under `invalid/`.
 * Nothing is public before publishRecord.
 * @throws AppError FILE_NOT_WRITABLE, leaving no partial file
 */
export async function saveRecord(options: SaveRecordOptions): Promise<SavedRecord> {
  const { recordsFolder, record, fingerprint, names } = options;
  const document = describeRecord(record);
  const paths = versionPaths(names, fingerprint);
  const xml = await writeUnfinished(
    join(recordsFolder, paths.xml),
    writeXml(document),
    VERSION_MODE,
  );
  try {
    const verdict = await options.validator.validateFile(xml.path);
    if (!verdict.valid) {
      const aside = join(recordsFolder, invalidPaths(names, fingerprint).xml);
      const kept = await writeUnfinished(aside, writeXml(document));
      return { kind: 'invalid', faults: verdict.faults, keptAside: await kept.finish() };
    }
    const json = await writeUnfinished(
      join(recordsFolder, paths.json),
      writeJson(document),
      VERSION_MODE,
    );
    return { kind: 'saved', paths, json: await json.finish(), xml: await xml.finish() };
  } finally {
    await xml.discard();
  }
}
