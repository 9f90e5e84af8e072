import type { PublishedRecord } from '../db/publication-store.js';
import {
  checkPublication,
  restoreVersion,
  type PublicationState,
} from '../record/check-publication.js';
import type { Publication } from '../record/publish-record.js';
import { publishRecordVersion, type PublishEnvironment } from './publish-record-version.js';

/** The files of a record: those of its version and the public ones, each as XML and JSON. */
export function filesOfRecord(
  record: Pick<PublishedRecord, 'path' | 'publicPath'>,
): Pick<Publication, 'version' | 'target'> {
  const both = (xml: string) => ({ xml, json: xml.replace(/\.xml$/, '.json') });
  return { version: both(record.path), target: both(record.publicPath) };
}

/**
 * Makes files of a current record anew that are missing or altered: those of the version from the public ones where these
 * still hold it, then the public ones from the version.
 * @returns how the files stood before; `version-damaged` that cannot be restored: nothing was done.
 * @throws AppError FILE_UNREADABLE, FILE_NOT_WRITABLE; when the database cannot be reached.
 */
export async function mendRecordFiles(
  environment: PublishEnvironment,
  record: Pick<PublishedRecord, 'recordId' | 'path' | 'publicPath' | 'sha256'>,
): Promise<PublicationState> {
  const folder = environment.paths.records;
  const files = filesOfRecord(record);
  const before = await checkPublication(folder, files, record.sha256);
  let state = before;
  // XML and JSON are looked at one after the other.
  for (let restored = 0; restored < 2; restored += 1) {
    if (state.kind !== 'version-damaged') break;
    if (!state.canBeRestored) return state;
    await restoreVersion(folder, files, state.path);
    state = await checkPublication(folder, files, record.sha256);
  }
  await publishRecordVersion(environment, record.recordId);
  return before;
}
