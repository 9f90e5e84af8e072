import { isAppError } from '../errors.js';
import { noJob, type JobHandler } from '../processes/serve-jobs.js';
import { findSessionFiles } from './find-session-files.js';
import { FolderLister } from './folder-lister.js';
import { IndexShelf } from './index-shelf.js';
import type { LookRequest } from './look-request.js';
import { probeStore } from './probe-store.js';

const shelf = new IndexShelf();

/** What the store pool sends for a look. */
interface LookJob {
  readonly request: LookRequest;
  /** Where the indexes of folders are kept; null: nowhere. */
  readonly indexFolder: string | null;
}

/** Why an index could not be kept after the last look. */
let indexFault: string | null = null;

/** A look, with what kept the index of the look before from being kept. */
async function look({ request, indexFolder }: LookJob, signal: AbortSignal) {
  const indexed: { readonly key: string; readonly isWalk: boolean }[] = [];
  const result = await findSessionFiles(request, {
    signal,
    indexOf: ({ text, isLasting }) => shelf.take(isLasting ? indexFolder : null, text),
    onIndexed: ({ text, isLasting }, isWalk) => {
      if (isLasting) indexed.push({ key: text, isWalk });
    },
    lister: new FolderLister(),
    nowMs: Date.now(),
  });
  const fault = indexFault;
  // Once the answer is on its way: nobody has to wait for it.
  setImmediate(() => {
    for (const { key, isWalk } of indexed) keep(indexFolder, key, isWalk);
  });
  return { result, indexFault: fault };
}

function keep(indexFolder: string | null, key: string, isWalk: boolean): void {
  if (indexFolder === null) return;
  try {
    shelf.keep(indexFolder, key, isWalk, Date.now());
    indexFault = null;
  } catch (error) {
    if (!isAppError(error)) throw error;
    indexFault = error.message;
  }
}

/** Whether a message is a look of the store pool: both ends are of one version, so this only guards against defects. */
function isLookJob(payload: unknown): payload is LookJob {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    'indexFolder' in payload &&
    'request' in payload &&
    isLookRequest(payload.request)
  );
}

function isLookRequest(payload: unknown): payload is LookRequest {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    'dataPath' in payload &&
    typeof payload.dataPath === 'string' &&
    'folders' in payload &&
    Array.isArray(payload.folders) &&
    payload.folders.length > 0
  );
}

/** What a child process does for the store pool: everything that may hang with a store happens there. */
export const storeJobs = {
  look: (payload, { signal }) => {
    if (!isLookJob(payload)) throw noJob();
    return look(payload, signal);
  },
  probe: (payload) => {
    if (typeof payload !== 'string') throw noJob();
    return probeStore(payload);
  },
} satisfies Record<string, JobHandler>;
