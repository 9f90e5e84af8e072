// The entry of a store process: everything that may hang with a store happens here.
import { z } from 'zod';
import { serveJobs } from '../serve-jobs.js';
import { DirectoryIndex } from './directory-index.js';
import { findSessionFiles } from './find-session-files.js';
import { lookRequestSchema } from './look-request.js';
import { probeStore } from './probe-store.js';

const indexes = new Map<string, DirectoryIndex>();

function indexOf(key: string): DirectoryIndex {
  const index = indexes.get(key) ?? new DirectoryIndex();
  indexes.set(key, index);
  return index;
}

serveJobs({
  look: (payload, { signal }) =>
    findSessionFiles(lookRequestSchema.parse(payload), { signal, indexOf, nowMs: Date.now() }),
  probe: (payload) => probeStore(z.string().parse(payload)),
});
