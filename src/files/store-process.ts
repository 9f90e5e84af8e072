// The entry of a store process: everything that may hang with a store happens here.
import { AppError } from '../errors.js';
import { serveJobs } from '../processes/serve-jobs.js';
import { DirectoryIndex } from './directory-index.js';
import { findSessionFiles } from './find-session-files.js';
import type { LookRequest } from './look-request.js';
import { probeStore } from './probe-store.js';

const indexes = new Map<string, DirectoryIndex>();

function indexOf(key: string): DirectoryIndex {
  const index = indexes.get(key) ?? new DirectoryIndex();
  indexes.set(key, index);
  return index;
}

/** Whether a message is a look of the store pool: both ends are of one version, so this only guards against defects. */
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

function noJob(): AppError {
  return new AppError('INTERNAL', 'A store process got a job that is none.');
}

serveJobs({
  look: (payload, { signal }) => {
    if (!isLookRequest(payload)) throw noJob();
    return findSessionFiles(payload, { signal, indexOf, nowMs: Date.now() });
  },
  probe: (payload) => {
    if (typeof payload !== 'string') throw noJob();
    return probeStore(payload);
  },
});
