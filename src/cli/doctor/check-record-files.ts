import { filesOfRecord, mendRecordFiles } from '../../daemon/mend-record-files.js';
import { listCurrentRecords, type RecordVersion } from '../../db/record-store.js';
import { sessionKeyOf } from '../../domain/session.js';
import { isAppError } from '../../errors.js';
import { checkPublication } from '../../record/check-publication.js';
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
  const state = await checkPublication(paths.records, filesOfRecord(record), record.sha256);
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

async function repair(
  environment: DeepEnvironment,
  record: RecordVersion,
  before: CheckResult,
): Promise<CheckResult> {
  await mendRecordFiles(environment, record);
  const left = await wrongWith(environment, record);
  return left?.result ?? mended(CHECK, `${before.message}: mended`);
}
