import { publishRecordVersion } from '../../daemon/publish-record-version.js';
import { listCurrentRecords, type RecordVersion } from '../../db/record-store.js';
import { sessionKeyOf } from '../../domain/session.js';
import { isAppError } from '../../errors.js';
import { checkPublication, restoreVersion } from '../../record/check-publication.js';
import type { Publication } from '../../record/publish-record.js';
import { fail, failedBy, mended, ok, type CheckResult } from './check-result.js';
import type { DeepEnvironment } from './deep-checks.js';

/** Records asked for at a time. */
const PAGE = 200;

const CHECK = 'record files';

/** Is each current record there with the content that the database says, and do its public files show it. */
export async function* checkRecordFiles(
  environment: DeepEnvironment,
): AsyncGenerator<CheckResult, void, undefined> {
  let checked = 0;
  let right = 0;
  for (let last = 0; ;) {
    const after = last;
    const page = await environment.database.createScope(() => listCurrentRecords(after, PAGE));
    for (const record of page) {
      last = record.recordId;
      checked += 1;
      const result = await checkRecord(environment, record);
      if (result === null) right += 1;
      else yield result;
    }
    if (page.length < PAGE) break;
  }
  if (right === checked) yield ok(CHECK, `${checked} current records are whole and public`);
}

function filesOf(record: RecordVersion): Pick<Publication, 'version' | 'target'> {
  const both = (xml: string) => ({ xml, json: xml.replace(/\.xml$/, '.json') });
  return { version: both(record.path), target: both(record.publicPath) };
}

/** Null: it is as it should be. */
async function checkRecord(
  environment: DeepEnvironment,
  record: RecordVersion,
): Promise<CheckResult | null> {
  try {
    const wrong = await wrongWith(environment, record);
    if (wrong === null || !environment.repair || !wrong.canBeMended) return wrong?.result ?? null;
    return await repair(environment, record, wrong.result);
  } catch (error) {
    if (!isAppError(error)) throw error;
    return failedBy(CHECK, error);
  }
}

interface Wrong {
  readonly canBeMended: boolean;
  readonly result: CheckResult;
}

async function wrongWith({ paths }: DeepEnvironment, record: RecordVersion): Promise<Wrong | null> {
  const state = await checkPublication(paths.records, filesOf(record), record.sha256);
  switch (state.kind) {
    case 'right':
      return null;
    case 'public-differs':
      return {
        canBeMended: true,
        result: fail(
          CHECK,
          `${record.publicPath} is missing or is not what was published`,
          'recordsmith doctor --deep --repair',
        ),
      };
    case 'version-damaged':
      return {
        canBeMended: state.canBeRestored,
        result: fail(
          CHECK,
          `${state.path} is missing or damaged`,
          state.canBeRestored
            ? 'recordsmith doctor --deep --repair'
            : `Restore it from a backup, or build it again: recordsmith sessions retry ${sessionKeyOf(record.sessionIdentifier)}.`,
        ),
      };
  }
}

/** Restores what can be restored (XML and JSON are looked at one after the other), then publishes. */
async function repair(
  environment: DeepEnvironment,
  record: RecordVersion,
  before: CheckResult,
): Promise<CheckResult> {
  const { paths } = environment;
  const files = filesOf(record);
  for (const kind of ['xml', 'json'] as const) {
    const state = await checkPublication(paths.records, files, record.sha256);
    if (state.kind !== 'version-damaged' || !state.canBeRestored) break;
    if (state.path === files.version[kind]) await restoreVersion(paths.records, files, state.path);
  }
  await publishRecordVersion(environment, record.recordId);
  const left = await wrongWith(environment, record);
  return left?.result ?? mended(CHECK, `${before.message}: mended`);
}
