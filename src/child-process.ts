// The entry of a child process: reads files and looks into stores for its parent, until that goes. One kind for both, as a
// process that has just looked at a store can go on with reading: its start takes longer than a look.
import { readerJobs } from './extract/reader-jobs.js';
import { serveJobs, type JobHandler } from './processes/serve-jobs.js';

/** Loaded with the first look: what only reads has no need of it. */
function storeJob(name: 'look' | 'probe'): JobHandler {
  return async (payload, context) => {
    const { storeJobs } = await import('./files/store-jobs.js');
    return storeJobs[name](payload, context);
  };
}

serveJobs({ ...readerJobs, look: storeJob('look'), probe: storeJob('probe') });
