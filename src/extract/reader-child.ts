import type { StartChildOptions } from '../processes/start-child.js';

/** What a reader process may take unless the configuration says otherwise, bytes. */
export const READER_MEMORY_BYTES = 1024 ** 3;

/** How a reader process is started. */
export function readerChild(memoryLimitBytes: number = READER_MEMORY_BYTES): StartChildOptions {
  return {
    entry: new URL('./reader-process.js', import.meta.url),
    execArgv: [],
    memoryLimitBytes,
  };
}
