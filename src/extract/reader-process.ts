import { Buffer } from 'node:buffer';
import { AppError } from '../errors.js';
import { serveJobs } from '../processes/serve-jobs.js';
import { extractFile, type ExtractFileJob } from './extract-file.js';
import type { SingleFileJob } from './extract-single-file.js';

/** Whether a message is a job of the reader pool: both ends are of one version, so this only guards against defects. */
function isExtractFileJob(payload: unknown): payload is ExtractFileJob {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    'location' in payload &&
    typeof payload.location === 'string' &&
    'path' in payload &&
    payload.path instanceof Uint8Array &&
    'mtimeNs' in payload &&
    typeof payload.mtimeNs === 'bigint'
  );
}

function isSingleFileJob(payload: unknown): payload is SingleFileJob {
  return (
    typeof payload === 'object' &&
    payload !== null &&
    'path' in payload &&
    payload.path instanceof Uint8Array &&
    'reader' in payload &&
    'timezone' in payload &&
    typeof payload.timezone === 'string'
  );
}

function noJob(): AppError {
  return new AppError('INTERNAL', 'A reader process got a job that is none.');
}

// The entry of a reader process: reads files, one after another, until the parent goes.
serveJobs({
  extract: (payload) => {
    if (!isExtractFileJob(payload)) throw noJob();
    return extractFile({ ...payload, path: Buffer.from(payload.path) });
  },
  'extract-single': async (payload) => {
    if (!isSingleFileJob(payload)) throw noJob();
    // Loaded only here: sessions have no need of it.
    const { extractSingleFile } = await import('./extract-single-file.js');
    const { chooseExtractors } = await import('./choose-extractors.js');
    const { path, reader, ...options } = payload;
    const extractors = await chooseExtractors(reader);
    return extractSingleFile(Buffer.from(path), { ...options, extractors });
  },
});
