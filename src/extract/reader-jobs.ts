import { Buffer } from 'node:buffer';
import { noJob, type JobHandler } from '../processes/serve-jobs.js';
import { extractFile, type ExtractFileJob } from './extract-file.js';
import type { SingleFileJob } from './extract-single-file.js';
import type { CommandReader } from '../domain/facility-readers.js';
import type { FacilityOfJob } from './facility/facility-extractors.js';
import { EXTRACTORS } from './registry.js';

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

function isCommand(payload: unknown): payload is CommandReader {
  return typeof payload === 'object' && payload !== null && 'command' in payload;
}

/** The readers of the facility, which the pool puts into a job where there are any. */
function facilityOf(payload: object): FacilityOfJob | null {
  if (!('facility' in payload)) return null;
  const { facility } = payload;
  return isFacility(facility) ? facility : null;
}

function isFacility(value: unknown): value is FacilityOfJob {
  return typeof value === 'object' && value !== null && 'modules' in value && 'commands' in value;
}

/** What a child process does for the reader pool. */
export const readerJobs = {
  extract: async (payload, { signal }) => {
    if (!isExtractFileJob(payload)) throw noJob();
    const path = Buffer.from(payload.path);
    const facility = facilityOf(payload);
    if (facility === null) return extractFile({ ...payload, path });
    // Loaded only here: most facilities have no readers of their own.
    const { claimingExtractors } = await import('./facility/facility-extractors.js');
    const claiming = await claimingExtractors(facility, path, signal);
    return extractFile({ ...payload, path }, [...claiming, ...EXTRACTORS]);
  },
  'extract-single': async (payload, { signal }) => {
    if (!isSingleFileJob(payload)) throw noJob();
    // Loaded only here: sessions have no need of it.
    const { extractSingleFile } = await import('./extract-single-file.js');
    const { extractorsForPerson } = await import('./choose-extractors.js');
    const path = Buffer.from(payload.path);
    const extractors = await extractorsForPerson(payload.reader, {
      facility: facilityOf(payload),
      path,
      signal,
    });
    return extractSingleFile(path, { ...payload, extractors });
  },
  'describe-modules': async (path) => {
    if (typeof path !== 'string') throw noJob();
    const { describeModules } = await import('./facility/describe-readers.js');
    return describeModules(path);
  },
  'describe-command': async (command) => {
    if (!isCommand(command)) throw noJob();
    const { describeCommand } = await import('./facility/describe-readers.js');
    return [describeCommand(command)];
  },
} satisfies Record<string, JobHandler>;
